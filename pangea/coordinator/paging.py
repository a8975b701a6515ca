"""Paging: from what happens to messages, wired: rules, alerts and the outbox."""

import asyncio
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from pangea.core.alert_due import Alert
from pangea.core.alert_rule import About
from pangea.core.channel import Channel
from pangea.core.errors import StorageError
from pangea.core.notice import Notice
from pangea.storage import outbox as stored

from .alert_book import AlertBook
from .alert_incidents import AlertedIncidents
from .alert_occurrences import Occurrences
from .alert_rules import AlertRules
from .alert_sources import Sources
from .attempts import Channels
from .decided import Decided
from .judging import FAULTS
from .outbox import Outbox

if TYPE_CHECKING:
    from .coordinator import Coordinator

log = logging.getLogger(__name__)

#: Things are looked at so often; of very many in so many steps.
LOOK_S, MOST_STEPS = 1.0, 1000
#: What is found in so many steps is written at once: each commit waits for the disk.
TOGETHER = 10
#: What was settled is kept for so long, and looked through so often.
KEPT_S, TIDY_S = 90 * 86400.0, 3600.0


class Paging:
    """Tells people what is wrong; made after all that it follows.

    ``load`` when the incidents are known, then ``run`` until cancelled.
    """

    def __init__(
        self, coordinator: "Coordinator", channels: Channels, who: bytes
    ) -> None:
        c = self._c = coordinator
        self._channels = channels
        self.rules = AlertRules(c.store)
        self.outbox = Outbox(c.store, c.clock, c.intake.note, channels, who.hex()[:16])
        self.book = AlertBook(c.store, c.clock, self.rules, self.outbox)
        self.incidents = AlertedIncidents(c, self.book, self.outbox)
        self.sources = Sources(c, self.book)
        self.occurrences = Occurrences(c, self.book)
        self._tidied = 0.0
        self._more = asyncio.Event()
        self._join()

    def _join(self) -> None:
        """Let the parts know each other, and all that happens reach them."""
        c, book, outbox = self._c, self.book, self.outbox
        book.everybody = self.everybody
        book.abouts = self._abouts
        book.details = self._details
        outbox.wording.late = self.incidents.late
        outbox.sent.append(self.incidents.told)
        outbox.refusing = lambda: bool(c.intake.trouble)
        outbox.gathering = c.reasons.gathering.is_busy_with
        c.reasons.gathering.found.append(self.incidents.found)
        c.judging.hearers.append(self.occurrences.hear)
        c.intake.before_commit.append(self.before)
        self.rules.changed.append(self.look_again)

    async def load(self) -> None:
        """Take up what was going on when the coordinator stopped."""
        await self.rules.load({w.org for w in self._c.board.workers.values()})
        await self.book.load()
        self.incidents.load()
        merged = (key for alert in self.book.alerts.values() for key in alert.merged)
        await self.outbox.load([*self.book.alerts, *merged])
        for alert in list(self.book.alerts.values()):
            for key in alert.merged:
                self.outbox.merge(key, alert.key)
            if alert.acked_us >= alert.timer_us:
                self.outbox.acknowledged(alert.key)

    def everybody(self, org: int) -> tuple[int, ...]:
        """Return the channels of an organisation that may be told."""
        return tuple(c.id for c in self._channels.all(org) if c.enabled)

    def channels_changed(self) -> None:
        """Look at everything again: there are other channels now."""
        self.outbox.channels_changed()
        self.look_again()

    def look_again(self) -> None:
        """Look at everything again: who is told of what has changed."""
        self.book.look_again()
        self.occurrences.look_again()

    def users(self, channel: Channel) -> list[str]:
        """Return the names of the rules that name a channel."""
        return self.rules.users(channel.id, channel.org)

    def before(self, decided: Decided) -> None:
        """Add what follows for people to what is about to be written."""
        try:
            self.incidents.hear(decided)
            self.occurrences.keep(decided)
            if self.book.has_more:
                self.book.flush(decided)
            if self.book.has_more:
                self._more.set()
        except FAULTS:
            log.exception("what people are to be told of failed")

    async def run(self) -> None:
        """Look for what is due, and send it, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.outbox.run(), name="outbox")
            tasks.create_task(self._hurry(), name="paging-more")
            while True:
                await asyncio.sleep(LOOK_S)
                await self._look()

    async def _hurry(self) -> None:
        """Have written at once what a commit took no time to look at."""
        while True:
            await self._more.wait()
            self._more.clear()
            await self._flush()

    async def _look(self) -> None:
        try:
            await self.sources.look()
            await self._heard()
            await self._tidy()
        except FAULTS:
            log.exception("looking for what people are to be told of failed")
        except StorageError as error:
            log.debug("looked at later: %s", error)
        await self._flush()

    async def _heard(self) -> None:
        """Tell what results said; also if no commit came after them."""
        decided = Decided()
        self.occurrences.keep(decided)
        if decided:
            await self._c.intake.note(decided)
        await self.occurrences.look()

    async def _flush(self) -> None:
        """Have all that is due written: found in steps, written in larger ones."""
        for _ in range(MOST_STEPS):
            if not self.book.has_more:
                break
            await self._find()
            await self._c.intake.note(Decided())

    async def _find(self) -> None:
        """Find some of what is due; a commit that comes between finds it in order."""
        for _ in range(TOGETHER):
            decided = Decided()
            self.before(decided)
            self._c.intake.add(decided)
            await asyncio.sleep(0)
            if not self.book.has_more:
                break

    async def _tidy(self) -> None:
        """Forget what is old; count what was given up."""
        now = self._c.clock.monotonic()
        if self._tidied and now - self._tidied < TIDY_S:
            return
        self._tidied = now
        before_us = self.book.now_us() - round(KEPT_S * 1e6)
        if await self._c.store.write(lambda: stored.forget(before_us)):
            self._tidied -= TIDY_S  # There is more; it goes in steps.

    def _abouts(self, alert: Alert) -> Iterable[About]:
        if alert.notice.job or alert.notice.incident:
            return self.incidents.abouts(alert)
        return self.sources.abouts(alert.notice)

    def _details(self, alert: Alert) -> Notice:
        if alert.notice.incident:
            return self.incidents.details(alert)
        return alert.notice
