"""GET /live: what open pages are told, at most two frames a second.

A frame is built once for all pages of an organisation; it holds the events of
``/api/v1/events``. Who comes back within a minute is told what it missed. To a browser
that keeps up it is written as it is built, and compressed once for all of them: waking
a task for each of a thousand, or sending ten times as much, would cost more than all
the rest.
"""

import asyncio
import re
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from aiohttp import HttpVersion11, web

from .auth import by_session
from .events import Event, Hub
from .keys import SITE, Who, who_is
from .listening import BEAT, GZIP_HEAD, HELLO, RESYNC, Listener, Told, chunk_of
from .sse import STALL_S, STREAMS, last_id

#: The least time between two frames, and how long the first of a burst waits.
GAP_S = 0.5
GATHER_S = 0.05
#: Handing a frame to very many pages takes no more than this share of the time: then
#: frames come more seldom, but so often that a change is on a page within a second.
SHARE, LONGEST_GAP_S = 0.01, 0.6
#: Frames kept for who comes back, in bytes, and how long if nobody is there.
KEPT_BYTES = 2 * 1024 * 1024
LINGER_S = 60.0
#: A browser that hears nothing for three of these takes the connection for lost.
BEAT_S = 5.0
#: Browsers that one account may have open.
BROWSERS_EACH = 200
_WEIGHT = re.compile(r"q=(1(\.0{0,3})?|0\.(?!0*$)\d{1,3})")


class Feed:
    """What happens in one organisation, as frames for all its pages."""

    def __init__(self, org: int, hub: Hub) -> None:
        self.org = org
        self._hub = hub
        self._attached = False
        self._floor = 0
        self._pending: list[Event] = []
        self._past: deque[tuple[int, Told]] = deque()
        self._kept = 0
        self._listeners: set[Listener] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._leave: asyncio.TimerHandle | None = None
        #: When events were told last, and when anything was.
        self._flushed = self._spoke = 0.0
        self._gap_s = GAP_S
        self._beating: asyncio.TimerHandle | None = None

    @property
    def told(self) -> int:
        """The last event that pages were told of."""
        return self._past[-1][0] if self._past else self._floor

    @contextmanager
    def listen(self, after: int | None, *, packed: bool = False) -> Iterator[Listener]:
        """Open a place that begins after the event *after*, as far as it is kept."""
        self._attach()
        listener = Listener(packed=packed)
        if after is not None:
            if not self._floor <= after <= self._hub.last_id:
                listener.push(RESYNC)
            else:
                for number, frame in self._past:
                    if number > after:
                        listener.push(frame)
        loop = asyncio.get_running_loop()
        self._listeners.add(listener)
        if self._beating is None:
            self._beating = loop.call_later(BEAT_S, self._beat)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)
            if not self._listeners:
                self._leave = loop.call_later(LINGER_S, self._detach)

    def push(self, event: Event) -> None:
        """Take an event of the hub; it goes out with the next frame."""
        if event.org != self.org:
            return
        self._pending.append(event)
        if self._timer is None:
            loop = asyncio.get_running_loop()
            rest = self._flushed + max(GAP_S, self._gap_s) - loop.time()
            self._timer = loop.call_later(max(GATHER_S, rest), self._flush)

    def close(self) -> None:
        """Stop all that is under way."""
        self._detach()
        for timer in (self._timer, self._beating):
            if timer is not None:
                timer.cancel()

    def _flush(self) -> None:
        self._timer = None
        batch, self._pending = self._pending, []
        told = Told.of(frame_of(batch))
        self._keep(batch[-1].id, told)
        self._flushed = asyncio.get_running_loop().time()
        self._tell(told)

    def _beat(self) -> None:
        """Let nobody take a quiet connection for a lost one."""
        self._beating, loop = None, asyncio.get_running_loop()
        if loop.time() >= self._spoke + BEAT_S:
            self._tell(BEAT)
        if self._listeners:
            self._beating = loop.call_at(self._spoke + BEAT_S, self._beat)

    def _tell(self, told: Told) -> None:
        began = time.perf_counter()
        chunks = {False: chunk_of(told.plain), True: chunk_of(told.packed)}
        for listener in self._listeners:
            listener.push(told, chunks)
        self._spoke = asyncio.get_running_loop().time()
        self._gap_s = min((time.perf_counter() - began) / SHARE, LONGEST_GAP_S)

    def _keep(self, number: int, told: Told) -> None:
        self._past.append((number, told))
        self._kept += len(told)
        while self._kept > KEPT_BYTES:
            self._floor, dropped = self._past.popleft()
            self._kept -= len(dropped)

    def _attach(self) -> None:
        if self._leave is not None:
            self._leave.cancel()
            self._leave = None
        if not self._attached:
            self._attached = True
            self._floor = self._hub.last_id
            self._hub.attach(self)

    def _detach(self) -> None:
        """Listen no more: what happens then is not kept."""
        self._leave = None
        if self._attached:
            self._attached = False
            self._hub.detach(self)
            self._past.clear()
            self._kept = 0


class Feeds:
    """The feed of each organisation."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._feeds: dict[int, Feed] = {}

    def of(self, org: int) -> Feed:
        """Return the feed of *org*."""
        if org not in self._feeds:
            self._feeds[org] = Feed(org, self._hub)
        return self._feeds[org]

    async def close(self, app: web.Application) -> None:
        """Stop all feeds, because the site stops."""
        for feed in self._feeds.values():
            feed.close()


FEEDS: web.AppKey[Feeds] = web.AppKey("feeds", Feeds)


def frame_of(batch: list[Event]) -> bytes:
    """Return the events as one frame; their data is JSON already."""
    told = b",".join(b'["%s",%s]' % (e.kind.encode(), e.data) for e in batch)
    return b"id: %d\nevent: frame\ndata: [%s]\n\n" % (batch[-1].id, told)


def takes_gzip(request: web.Request) -> bool:
    """Tell whether who asks reads gzip (RFC 9110, 12.5.3); ``*`` is not taken for it.

    One whose weight is 0 or cannot be read is a no.
    """
    for one in request.headers.get("Accept-Encoding", "").lower().split(","):
        coding, _, weight = (part.strip() for part in one.partition(";"))
        if coding in ("gzip", "x-gzip"):
            return not weight or _WEIGHT.fullmatch(weight) is not None
    return False


async def live(request: web.Request) -> web.StreamResponse:
    """GET /live"""
    who, app = who_is(request), request.app
    given = request.headers.get("Last-Event-ID") or request.query.get("after")
    response = web.StreamResponse(
        headers={
            "Content-Type": "text/event-stream; charset=utf-8",
            "Cache-Control": "no-store",
            "X-Accel-Buffering": "no",
        }
    )
    packed = takes_gzip(request)
    if packed:
        response.headers["Content-Encoding"] = "gzip"
    with (
        app[FEEDS].of(who.org).listen(last_id(given, None), packed=packed) as listener,
        app[STREAMS].place(who, listener, BROWSERS_EACH),
    ):
        with suppress(ConnectionError, TimeoutError):
            if request.version == HttpVersion11:
                response.enable_chunked_encoding()
            await response.prepare(request)
            await _write(response, GZIP_HEAD * packed + listener.read(HELLO))
            if response.chunked:
                listener.straight = request.transport
            await _pour(request, response, listener, who)
        return response


async def _pour(
    request: web.Request,
    response: web.StreamResponse,
    listener: Listener,
    who: Who,
) -> None:
    """Write frames until the browser goes, the session ends or the site stops."""
    site, loop = request.app[SITE], asyncio.get_running_loop()
    checked = loop.time()
    while not listener.closed:
        rest = checked + site.recheck_s - loop.time()
        frames = await listener.take(max(rest, 0.0))
        if loop.time() - checked >= site.recheck_s:
            checked = loop.time()
            if who.session and await by_session(request.app, who.session) is None:
                return
        if frames:
            await _write(response, frames)
        listener.wrote()


async def _write(response: web.StreamResponse, data: bytes) -> None:
    async with asyncio.timeout(STALL_S):
        await response.write(data)
