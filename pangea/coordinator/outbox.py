"""The outbox: sends what is due, records each attempt, and forgets nothing.

A notification is written with the change that it tells of, claimed before it is sent
and settled after it. What was claimed when the coordinator died may have arrived or
not: it is sent again under the same id, and says so. While the database refuses, all
of that is kept in memory.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from functools import partial

from msgspec.structs import replace

from pangea.core.channel import Channel
from pangea.core.clock import Clock
from pangea.core.errors import StorageError
from pangea.core.notification import (
    DEAD,
    DROPPED,
    LONGEST_S,
    SENDING,
    WAITING,
    Notification,
    message_id,
)
from pangea.storage import outbox as stored
from pangea.storage.database import Store
from pangea.storage.outbox import Attempt

from .attempts import (
    Channels,
    PutNew,
    after_attempt,
    try_once,
)
from .decided import Decided
from .lane import Failed, Lane
from .turns import Turns
from .wording import Wording

log = logging.getLogger(__name__)

#: A claim holds for longer than any attempt.
CLAIM_S = 60.0
#: What waits for a channel in memory; of more the oldest is given up.
MOST_WAITING = 10_000


class Outbox:
    """Holds a lane for each channel; ``run`` until cancelled.

    ``note`` writes what was decided; ``wording`` makes the messages. ``sent`` are
    called with what was delivered and the name of the channel.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        note: Callable[[Decided], Awaitable[None]],
        channels: Channels,
        who: str,
    ) -> None:
        self._store, self._clock, self._note = store, clock, note
        self._channels, self._who = channels, who
        self._lanes: dict[int, Lane] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._turns = Turns()
        self.closing = False
        self.wording = Wording()
        self.sent: list[Callable[[list[Notification], str], Awaitable[None]]] = []
        self.refusing: Callable[[], bool] = lambda: False
        self.gathering: Callable[[str], bool] = lambda incident: False
        self.counts: defaultdict[str, int] = defaultdict(int)

    async def load(self, alerts: Iterable[str]) -> None:
        """Take up what waits, and what the *alerts* that go on were told in."""
        found = await self._store.read(stored.pending)
        known = list({*alerts, *(it.alert for it in found)})
        threads = await self._store.read(lambda: stored.threads(known))
        for alert, channel, thread in threads:
            self.lane(channel).threads.add(alert, thread)
        latest_us = self._now_us() + round(LONGEST_S * 1e6)
        for it in found:
            due_us = 0 if it.state == SENDING else min(it.next_us, latest_us)
            self.lane(it.channel).put([replace(it, next_us=due_us)], written=True)

    async def run(self) -> None:
        """Send what waits, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            for lane in self._lanes.values():
                tasks.create_task(lane.run(), name="lane")
            await asyncio.Event().wait()

    def lane(self, channel: int) -> Lane:
        """Return the lane of a channel."""
        if channel not in self._lanes:
            lane = self._lanes[channel] = Lane(channel, self, self._clock)
            if self._tasks is not None:
                self._tasks.create_task(lane.run(), name="lane")
        return self._lanes[channel]

    def put(self, them: list[Notification], decided: Decided) -> None:
        """Keep *them*, and have them written with *decided*, and sent after that."""
        by_channel: defaultdict[int, list[Notification]] = defaultdict(list)
        for it in them:
            by_channel[it.channel].append(it)
        for channel, mine in by_channel.items():
            self.lane(channel).put(mine, written=False)
        decided.writes.append(PutNew(them, asyncio.get_running_loop(), self._written))
        for channel in by_channel:
            gone = self.lane(channel).surplus(MOST_WAITING)
            if gone:
                log.error("%d messages are given up: too many wait", len(gone))
                dead = [replace(it, state=DEAD, answer="too many wait") for it in gone]
                decided.writes.append(partial(stored.settle, dead))

    def drop(self, alert: str, why: str, decided: Decided) -> None:
        """Forget what is not sent yet of an alert."""
        gone: list[Notification] = []
        for lane in self._lanes.values():
            gone += lane.drop(lambda it: it.alert == alert)
        if gone:
            over = [replace(it, state=DROPPED, answer=why) for it in gone]
            decided.writes.append(partial(stored.settle, over))

    def merge(self, alert: str, into: str) -> None:
        """Let what told of *alert* tell of the one that it became part of."""
        for lane in self._lanes.values():
            lane.threads.move(alert, into)

    def acknowledged(self, alert: str) -> None:
        """Note, after a restart, that somebody takes care of an alert."""
        for lane in self._lanes.values():
            lane.threads.acknowledged(alert)

    def shift(self, by_us: int) -> None:
        """Move what waits for a time along with a clock that was set."""
        for lane in self._lanes.values():
            lane.shift(by_us)

    def channels_changed(self) -> None:
        """Try again where something may be mended now."""
        for lane in self._lanes.values():
            lane.hurry()

    def troubles(self) -> list[str]:
        """Return which channels take no message, for a person."""
        said = []
        for number, lane in self._lanes.items():
            channel = self._channels.by_id(number)
            if channel is not None and lane.trouble:
                waits = f"; {len(lane.pending)} wait" if lane.pending else ""
                said.append(
                    f"channel {channel.name} takes no message: {lane.trouble}{waits}: "
                    f"pangea delivery list --channel {channel.name}"
                )
        return said

    @property
    def is_mute(self) -> bool:
        """Whether no channel took what it was last given."""
        used = [lane for n, lane in self._lanes.items() if self._is_on(n)]
        return bool(used) and all(lane.trouble for lane in used)

    def _is_on(self, number: int) -> bool:
        channel = self._channels.by_id(number)
        return channel is not None and channel.enabled

    @property
    def waiting(self) -> int:
        """How many notifications are not sent yet."""
        return sum(len(lane.pending) for lane in self._lanes.values())

    def may_go_unwritten(self) -> bool:
        """Tell whether the database refuses, so that memory has to do."""
        return self.refusing()

    def is_gathering(self, incident: str) -> bool:
        """Tell whether evidence of an incident is on its way."""
        return bool(incident) and self.gathering(incident)

    async def revive(self, it: Notification) -> Notification:
        """Try once more what was given up: a person asks for it."""
        now_us = self._now_us()
        fresh = replace(it, state=WAITING, tries=0, message="", next_us=now_us)
        fresh = replace(fresh, made_us=now_us)
        await self._store.write(lambda: stored.settle([fresh]))
        lane = self.lane(it.channel)
        lane.put([fresh], written=True)
        lane.hurry()
        return fresh

    async def finish(self) -> None:
        """Begin nothing more, and wait for what is being sent."""
        self.closing = True
        await self._turns.all_done()

    def _written(self, them: list[Notification]) -> None:
        for channel in {it.channel for it in them}:
            mine = [it.id for it in them if it.channel == channel]
            self.lane(channel).written(mine)

    async def deliver(self, lane: Lane, them: list[Notification]) -> None:
        """Send *them* as one message and note how it went. Raises Failed."""
        channel = self._channels.by_id(lane.channel)
        if channel is None or not channel.enabled:
            gone = "there is no such channel" if channel is None else "it is disabled"
            lane.forget(them)
            over = [replace(it, state=DROPPED, answer=gone) for it in them]
            await self._settle(over, None, Decided())
            return
        lane.limit(channel.per_minute)
        async with self._turns.take():
            them = await self._claim(lane, them)
            if them:
                await self._attempt(lane, channel, them)

    async def _claim(self, lane: Lane, them: list[Notification]) -> list[Notification]:
        """Return what is ours to send; the rest is forgotten: others send it."""
        message = them[0].message or message_id([it.id for it in them])
        thread = them[0].thread or lane.threads.thread_for(them, message)
        now_us, ids = self._now_us(), [it.id for it in them]
        until_us = now_us + round(CLAIM_S * 1e6)
        mine = set(ids)
        if not self.refusing() and lane.is_written(ids):
            try:
                mine = await self._store.write(
                    lambda: stored.claim(
                        ids, message, thread, self._who, until_us, now_us
                    )
                )
            except StorageError as error:
                log.warning("sending from memory: %s", error)
        lane.forget(it for it in them if it.id not in mine)
        taken = [
            replace(it, message=message, thread=thread, tries=it.tries + 1)
            for it in them
            if it.id in mine
        ]
        for it in taken:
            lane.pending[it.id] = it
        return taken

    async def _attempt(
        self, lane: Lane, channel: Channel, them: list[Notification]
    ) -> None:
        message = self.wording.message(them, lane.threads, self._now_us())
        message = await self.wording.dress(message, channel)
        tried = await try_once(self._channels, channel, message, self._now_us())
        self.counts[tried.outcome] += 1
        attempt = Attempt(
            org=them[0].org,
            message=message.id,
            channel=lane.channel,
            at_us=tried.at_us,
            took_ms=tried.took_ms,
            outcome=tried.outcome,
            answer=tried.answer,
        )
        await self._took(lane, channel, them, attempt, tried.after_s)

    async def _took(
        self,
        lane: Lane,
        channel: Channel,
        them: list[Notification],
        attempt: Attempt,
        after_s: float | None,
    ) -> None:
        """Note how an attempt went. Raises Failed if it is to be made again."""
        now_us = self._now_us()
        after = [after_attempt(it, attempt, now_us, after_s) for it in them]
        again = [it for it in after if it.state == WAITING]
        lane.forget(it for it in after if it.state != WAITING)
        lane.trouble = "" if attempt.outcome == "sent" else attempt.answer
        for it in again:
            lane.pending[it.id] = it
        if attempt.outcome == "sent":
            lane.threads.told(after, after[0].thread)
        else:
            log.warning(
                "%s took no message (%s): %s",
                channel.name,
                attempt.outcome,
                attempt.answer,
            )
        await self._settle(after, attempt, Decided())
        for tell in self.sent if attempt.outcome == "sent" else ():
            await tell(after, channel.name)
        if again:
            raise Failed(after_s)

    async def _settle(
        self, them: list[Notification], attempt: Attempt | None, decided: Decided
    ) -> None:
        decided.writes.append(partial(stored.settle, them, attempt))
        await self._note(decided)

    def _now_us(self) -> int:
        return round(self._clock.wall() * 1e6)
