"""A lane: what one channel is to be told, in order, so fast, and again if need be.

Each channel has its own, so that a slow one holds up nobody else. What comes within a
moment goes together, and more than a few at once become one message with a list.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Protocol

from msgspec.structs import replace

from pangea.core.asking import Bucket
from pangea.core.clock import Clock
from pangea.core.notification import (
    LEAST,
    Notification,
    again_after_s,
    choose,
    next_us,
)

from .judging import FAULTS
from .threads import Threads

log = logging.getLogger(__name__)

#: The first thing after a while waits for what comes with it; and so long for the
#: evidence that is being gathered of it, or while more and more comes; after a list
#: that may take as long as the first pause.
GATHER_S, EVIDENCE_S, FLOOD_S = 0.3, 0.7, 0.8
#: After a list the next message waits; after each list that follows, twice as long.
PAUSE_S, LONGEST_PAUSE_S = 2.0, 60.0
#: What is not written by then goes out from memory.
UNWRITTEN_S = 5.0
#: Whether what is not written may go is looked at so often.
LOOK_S = 0.1
#: What comes at once is looked at once.
STIR_S = 0.02
#: So many messages at once are no reason to slow down.
AT_ONCE = 5.0


class Failed(Exception):
    """Not delivered; the channel is asked again after ``after_s``, if it is known."""

    def __init__(self, after_s: float | None) -> None:
        super().__init__("not delivered")
        self.after_s = after_s


class Depot(Protocol):
    """What a lane asks of the outbox that it belongs to."""

    closing: bool

    def may_go_unwritten(self) -> bool:
        """Tell whether the database refuses, so that memory has to do."""
        ...

    def is_gathering(self, incident: str) -> bool:
        """Tell whether evidence of an incident is on its way."""
        ...

    async def deliver(self, lane: "Lane", them: list[Notification]) -> None:
        """Send *them* as one message and note how it went. Raises Failed."""
        ...


class Lane:
    """Sends what waits for a channel; ``run`` until cancelled."""

    def __init__(self, channel: int, depot: Depot, clock: Clock) -> None:
        self.channel = channel
        self.threads = Threads()
        self.pending: dict[str, Notification] = {}
        self._depot, self._clock = depot, clock
        self._news = asyncio.Event()
        self._unwritten: set[str] = set()
        self._came: dict[str, float] = {}
        self._bucket: Bucket | None = None
        self._per_minute = 0
        #: Why the last message was not taken, "" if it was.
        self.trouble = ""
        self._free_at = 0.0
        self._failures = 0
        self._pause_s = 0.0
        self._sent_at = 0.0

    def limit(self, per_minute: int) -> None:
        """Send so many messages a minute at most (0: as many as there are)."""
        if per_minute != self._per_minute:
            self._per_minute = per_minute
            most = min(AT_ONCE, per_minute)
            self._bucket = Bucket(per_minute / 60, most) if per_minute else None
            if self._bucket:  # This message is the first that counts.
                self._bucket.take(1.0, self._clock.monotonic())

    def put(self, them: Iterable[Notification], *, written: bool) -> None:
        """Take what is to be sent; what is not *written* yet waits for that."""
        now = self._clock.monotonic()
        for it in them:
            self.pending[it.id] = it
            self._came[it.id] = now
            if not written:
                self._unwritten.add(it.id)
        self._news.set()

    def written(self, ids: Iterable[str]) -> None:
        """Let what is written go."""
        self._unwritten.difference_update(ids)
        self._news.set()

    def is_written(self, ids: Iterable[str]) -> bool:
        """Tell whether all of these are in the database."""
        return self._unwritten.isdisjoint(ids)

    def drop(self, wanted: Callable[[Notification], bool]) -> list[Notification]:
        """Forget and return what is *wanted* no more and was never tried."""
        gone = [it for it in self.pending.values() if not it.message and wanted(it)]
        self.forget(gone)
        return gone

    def surplus(self, most: int) -> list[Notification]:
        """Forget and return the oldest of what is too much, and was never tried."""
        if len(self.pending) <= most:
            return []
        fresh = [it for it in self.pending.values() if not it.message]
        fresh.sort(key=lambda it: it.made_us)
        gone = fresh[: len(self.pending) - most]
        self.forget(gone)
        return gone

    def forget(self, them: Iterable[Notification]) -> None:
        """Have nothing more to do with *them*."""
        for it in them:
            self.pending.pop(it.id, None)
            self._came.pop(it.id, None)
            self._unwritten.discard(it.id)

    def shift(self, by_us: int) -> None:
        """Move what waits for a time along with the clock."""
        self.pending = {
            id_: replace(it, next_us=it.next_us + by_us)
            for id_, it in self.pending.items()
        }

    def hurry(self) -> None:
        """Try at once: the channel was changed, or a person asks for it."""
        self._free_at, self._failures, self._pause_s = 0.0, 0, 0.0
        now_us = round(self._clock.wall() * 1e6)
        self.pending = {
            id_: replace(it, next_us=min(it.next_us, now_us))
            for id_, it in self.pending.items()
        }
        self._news.set()

    async def run(self) -> None:
        """Send what waits, for ever."""
        while True:
            self._news.clear()
            wait_s = self._wait_s()
            if wait_s == 0.0:
                await self._send()
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._news.wait()
                    await asyncio.sleep(STIR_S)

    def _ready(self) -> list[Notification]:
        """Return what may be sent as far as the database is concerned."""
        if not self._unwritten or self._depot.may_go_unwritten():
            return list(self.pending.values())
        now = self._clock.monotonic()
        return [
            it
            for id_, it in self.pending.items()
            if id_ not in self._unwritten or now - self._came[id_] > UNWRITTEN_S
        ]

    def _wait_s(self) -> float | None:
        """Return after how many seconds there is something to send; None: unknown."""
        now, ready = self._clock.monotonic(), self._ready()
        if self._depot.closing:
            return None
        if not ready:
            return LOOK_S if self.pending else None
        if now < self._free_at:
            return self._free_at - now
        now_us = round(self._clock.wall() * 1e6)
        batch = choose(ready, now_us)
        if not batch:
            due_us = next_us(ready)
            return max(((due_us or now_us) - now_us) / 1e6, 0.001)
        if batch[0].message:
            return 0.0
        came = [self._came[it.id] for it in ready if not it.message]
        if len(batch) >= LEAST:
            flood_s = PAUSE_S if self._pause_s else FLOOD_S
            latest = max(min(came), self._free_at) + flood_s
            return max(min(max(came) + GATHER_S, latest) - now, 0.0)
        gather_s = EVIDENCE_S if self._is_gathering(batch) else GATHER_S
        return max(min(came) + gather_s - now, 0.0)

    def _is_gathering(self, batch: list[Notification]) -> bool:
        incident = batch[0].notice.incident
        return len(batch) == 1 and self._depot.is_gathering(incident)

    async def _send(self) -> None:
        now = self._clock.monotonic()
        wait_s = self._bucket.take(1.0, now) if self._bucket else 0.0
        if wait_s:
            self._free_at = now + wait_s
            return
        batch = choose(self._ready(), round(self._clock.wall() * 1e6))
        try:
            await self._depot.deliver(self, batch)
        except Failed as failed:
            self._rest(failed.after_s or 0.0)
            return
        except FAULTS as error:
            log.exception("a message could not be made or noted")
            self.trouble = f"a fault of Pangea: {type(error).__name__}"
            self._rest(0.0)
            return
        self._failures = 0
        self._slow_down(len(batch))

    def _rest(self, known_s: float) -> None:
        """Leave the channel alone for a while, longer each time."""
        self._failures += 1
        wait_s = max(again_after_s(self._failures), min(known_s, 86400.0))
        self._free_at = self._clock.monotonic() + wait_s

    def _slow_down(self, sent: int) -> None:
        """After a list wait a while, so that a storm becomes few messages."""
        now = self._clock.monotonic()
        if sent >= LEAST:
            longer = self._pause_s * 2 or PAUSE_S
            self._pause_s = min(longer, LONGEST_PAUSE_S)
            self._free_at = now + self._pause_s
        elif now - self._sent_at > LONGEST_PAUSE_S:
            self._pause_s = 0.0
        self._sent_at = now
