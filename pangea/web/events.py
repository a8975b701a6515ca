"""The stream of what happens: one hub, bounded queues, replay after a break.

Kinds are ``verdict result worker job trouble``. Only committed data is published,
but for what says ``provisional``: the database refuses it for now.
"""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import msgspec
from msgspec import Struct

#: Events kept for a stream that reconnects, and that one stream may lag behind.
REPLAY = 1000
BACKLOG = 500


class Event(Struct, frozen=True):
    """One thing that happened; ``data`` is JSON, encoded once for all streams."""

    id: int
    kind: str
    org: int
    data: bytes


class Sink(Protocol):
    """Who takes every event at once, such as the feed of the pages."""

    def push(self, event: Event) -> None:
        """Take *event*; never blocks."""
        ...


class Subscription:
    """A bounded queue of events; ``overflowed`` means: load the page again."""

    def __init__(self, org: int) -> None:
        self.org = org
        self.overflowed = False
        self.closed = False
        self._events: deque[Event] = deque()
        self._ready = asyncio.Event()

    def push(self, event: Event) -> None:
        """Queue *event*, or note that the reader is too slow."""
        if event.org != self.org:
            return
        if len(self._events) >= BACKLOG:
            self._events.clear()
            self.overflowed = True
        self._events.append(event)
        self._ready.set()

    def close(self) -> None:
        """Wake the reader for the last time."""
        self.closed = True
        self._ready.set()

    async def take(self, timeout_s: float) -> list[Event]:
        """Return what came, waiting up to *timeout_s*; empty if nothing did."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._ready.wait()
        except TimeoutError:
            return []
        self._ready.clear()
        events = list(self._events)
        self._events.clear()
        return events


class Hub:
    """Hands every event to every open stream of its organisation."""

    def __init__(self, first_id: int = 0) -> None:
        self._next = first_id + 1
        self._past: deque[Event] = deque(maxlen=REPLAY)
        self._open: set[Sink] = set()

    @property
    def last_id(self) -> int:
        """The id of what happened last; a page that was drawn then knows that."""
        return self._next - 1

    def publish(self, kind: str, org: int, data: Any) -> None:
        """Tell all streams of *org*; never blocks."""
        event = Event(self._next, kind, org, msgspec.json.encode(data))
        self._next += 1
        self._past.append(event)
        for sink in self._open:
            sink.push(event)

    def skip(self) -> None:
        """Note that something was not told, since nobody listens.

        A stream that comes back loads the page again instead of missing it.
        """
        self._next += 1
        self._past.clear()

    @property
    def streams(self) -> int:
        """How many streams are open."""
        return len(self._open)

    def attach(self, sink: Sink) -> None:
        """Hand every event to *sink* from now on."""
        self._open.add(sink)

    def detach(self, sink: Sink) -> None:
        """Hand it no more."""
        self._open.discard(sink)

    @contextmanager
    def subscribe(self, org: int, after: int | None = None) -> Iterator[Subscription]:
        """Open a stream; with *after* it begins with what came since that id.

        An id that is no longer kept (or of an earlier run) sets ``overflowed``.
        """
        subscription = Subscription(org)
        if after is not None:
            oldest = self._past[0].id if self._past else self._next
            if after + 1 < oldest or after >= self._next:
                subscription.overflowed = True
            else:
                for event in self._past:
                    if event.id > after:
                        subscription.push(event)
        self.attach(subscription)
        try:
            yield subscription
        finally:
            self.detach(subscription)
