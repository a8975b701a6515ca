"""GET /api/v1/events: what happens, as it happens (WHATWG HTML 9.2)."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

from aiohttp import web
from msgspec import Struct

from .asked import query_of
from .auth import by_session
from .events import Event, Subscription
from .keys import HUB, SITE, Who, who_is
from .refusals import TooMany

#: Streams that one account may have open.
STREAMS_EACH = 10
#: The least time between two writes; what comes meanwhile goes out together.
GAP_S = 0.5
#: A browser that takes nothing for so long is let go.
STALL_S = 30.0
RETRY_MS = 2000
UNKNOWN_ID = -1


class EventsQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """``kinds`` chooses among the kinds of events; ``after`` is an id."""

    kinds: list[str] | None = None
    after: int | None = None


class Ends(Protocol):
    """What can be told that it is over."""

    def close(self) -> None:
        """End it."""
        ...


class Streams:
    """The open streams, so that they can be counted and ended."""

    def __init__(self) -> None:
        self._by_account: Counter[tuple[int, type]] = Counter()
        self._open: set[Ends] = set()

    @contextmanager
    def place(self, who: Who, stream: Ends, most: int) -> Iterator[None]:
        """Take a place for a stream of *who*, of *most* of its kind. Raises TooMany."""
        key = who.account, type(stream)
        if self._by_account[key] >= most:
            raise TooMany(
                f"{most} streams of {who.name} are open already",
                retry_s=5.0,
                hint="close some tabs",
            )
        self._by_account[key] += 1
        self._open.add(stream)
        try:
            yield
        finally:
            self._by_account[key] -= 1
            self._open.discard(stream)

    async def end_all(self, app: web.Application) -> None:
        """End every stream, because the site stops."""
        for stream in list(self._open):
            stream.close()


STREAMS: web.AppKey[Streams] = web.AppKey("streams", Streams)


async def events(request: web.Request) -> web.StreamResponse:
    """GET /api/v1/events"""
    who, app, asked = who_is(request), request.app, query_of(request, EventsQuery)
    after = last_id(request.headers.get("Last-Event-ID"), asked.after)
    with (
        app[HUB].subscribe(who.org, after) as subscription,
        app[STREAMS].place(who, subscription, STREAMS_EACH),
    ):
        response = web.StreamResponse(
            headers={
                "Content-Type": "text/event-stream; charset=utf-8",
                "Cache-Control": "no-store",
                "X-Accel-Buffering": "no",
            }
        )
        with suppress(ConnectionError, TimeoutError):
            await response.prepare(request)
            await _write(response, b"retry: %d\n\n" % RETRY_MS)
            await _pour(request, response, subscription, who)
        return response


def last_id(header: str | None, after: int | None) -> int | None:
    """Return the id after which to begin; one that nobody gave out if it is garbage."""
    if header is None:
        return after
    return (
        int(header)
        if header.isascii() and header.isdigit() and len(header) < 19
        else UNKNOWN_ID
    )


async def _pour(
    request: web.Request,
    response: web.StreamResponse,
    subscription: Subscription,
    who: Who,
) -> None:
    """Write events until the browser goes, the session ends or the site stops."""
    kinds = query_of(request, EventsQuery).kinds
    site, loop = request.app[SITE], asyncio.get_running_loop()
    checked = loop.time()
    while not subscription.closed:
        wait = 0.0 if subscription.overflowed else min(site.heartbeat_s, site.recheck_s)
        batch = await subscription.take(wait)
        if loop.time() - checked >= site.recheck_s:
            checked = loop.time()
            if who.session and await by_session(request.app, who.session) is None:
                return
        lost, subscription.overflowed = subscription.overflowed, False
        await _write(response, frames(batch, kinds, lost=lost) or b": alive\n\n")
        if batch and not subscription.closed:
            await asyncio.sleep(GAP_S)


def frames(batch: Iterable[Event], kinds: list[str] | None, *, lost: bool) -> bytes:
    """Return the events as bytes; *lost* begins with ``resync``: load again."""
    parts = [b"event: resync\ndata: {}\n\n"] if lost else []
    parts += [
        b"id: %d\nevent: %s\ndata: %s\n\n" % (e.id, e.kind.encode(), e.data)
        for e in batch
        if kinds is None or e.kind in kinds
    ]
    return b"".join(parts)


async def _write(response: web.StreamResponse, data: bytes) -> None:
    async with asyncio.timeout(STALL_S):
        await response.write(data)
