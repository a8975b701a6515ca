"""One HTTP exchange on a connection of its own, every phase measured."""

import asyncio
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from pangea.core.failure import ProbeError, ProbeFailed

from .base import Trace
from .body_decoder import BodyDecoder
from .certificates import Facts
from .http_reader import HttpReader
from .http_request import Request
from .http_way import Way, judge_proxy, open_way
from .tls_failure import NoTls
from .wire import Stream, Wire

if TYPE_CHECKING:
    from .http_h2 import Http2Reader
    from .tools import Tools

#: ``wait`` is for our own turn to begin with TLS
PHASES = ("resolve", "connect", "wait", "tls", "first_byte", "transfer")
Http2 = Literal["off", "auto", "require"]


class Head(Protocol):
    """What is known of an answer, whichever version it came in."""

    status: int
    version: str
    headers: dict[str, str]
    body: BodyDecoder


class Answer(NamedTuple):
    """A complete response and, over TLS, the certificates that came with it."""

    head: Head
    chain: tuple[Facts, ...]


class Habits(NamedTuple):
    """What is the same at each hop of a run; *limit* and *keep* are HttpReader's."""

    way: Way
    verify: bool
    ca_file: str
    http2: Http2
    limit: int
    keep: bool


async def fetch(
    request: Request, habits: Habits, tools: "Tools", trace: Trace
) -> Answer:
    """Return the answer to *request*, asked on one address and a new connection.

    The phases are PHASES. Raises ProbeFailed or ProbeError; the connection is
    closed however it ends.
    """
    secure = request.url.scheme == "https"
    protocols = _protocols(habits.http2) if secure else ()
    identity = request.identity.load() if secure and request.identity else None
    wire = await open_way(habits.way, request.url, tools, trace)
    try:
        if not secure:
            return Answer(await _talk_plain(wire, request, habits, trace), ())
        name = request.server_name or request.url.host
        judged = habits.ca_file if habits.verify else None
        try:
            tls = await tools.tls.open(
                wire, name, trace, protocols, identity, ca_file=judged
            )
        except NoTls as failed:
            more = "without TLS the target begins with http://"
            raise NoTls(failed.reason, f"{failed.detail}; {more}") from failed
        chain = tools.tls.accept(
            tls, name, trace, verify=habits.verify, ca_file=habits.ca_file
        )
        if tls.alpn == "h2":
            return Answer(await _talk_http2(tls, request, habits, trace), chain)
        _check_version(habits.http2)
        return Answer(await _talk(tls, request.wire(), request, habits, trace), chain)
    finally:
        wire.close()


def in_order(phases: dict[str, float]) -> dict[str, float]:
    """Return *phases* in the order of one request, also after a redirect to TLS."""
    known = {name: phases[name] for name in PHASES if name in phases}
    return known | phases


def _protocols(http2: Http2) -> tuple[str, ...]:
    """Return what to offer in ALPN. Raises ProbeError ``unsupported``."""
    if http2 == "off":
        return ("http/1.1",)
    try:
        from . import http_h2  # noqa: F401
    except ImportError as error:
        if http2 == "auto":
            return ("http/1.1",)
        detail = "HTTP/2 needs an extra on this worker: pip install 'pangea[h2]'"
        raise ProbeError("unsupported", detail) from error
    return ("h2", "http/1.1")


def _check_version(http2: Http2) -> None:
    if http2 == "require":
        raise ProbeFailed("http_version", "got HTTP/1.1, wanted HTTP/2")


async def _talk_plain(
    wire: Wire, request: Request, habits: Habits, trace: Trace
) -> Head:
    _check_version(habits.http2)
    proxy = habits.way.proxy_for(request.url)
    head = await _talk(wire, request.wire(proxy), request, habits, trace)
    if proxy:
        judge_proxy(head.status, proxy)
    return head


async def _talk(
    stream: Stream, sent: bytes, request: Request, habits: Habits, trace: Trace
) -> Head:
    reader = HttpReader(
        has_body=request.method != "HEAD", limit=habits.limit, keep=habits.keep
    )
    try:
        with trace.phase("first_byte") as phase:
            stream.write(sent)
            data = await stream.read()
            phase.until = stream.arrived
        with trace.phase("transfer", since=stream.arrived) as phase:
            while data:
                phase.until = stream.arrived
                reader.feed(data)
                if reader.done:
                    return reader
                data = await stream.read()
            phase.until = 0.0
            reader.feed_eof()
    finally:
        reader.close()
    return reader


async def _talk_http2(
    stream: Stream, request: Request, habits: Habits, trace: Trace
) -> Head:
    from .http_h2 import Http2Reader

    reader = Http2Reader(request, limit=habits.limit, keep=habits.keep)
    try:
        stream.write(reader.to_send())
        # The first bytes are settings, sent before the request is even read.
        with trace.phase("first_byte"):
            while not reader.status:
                await _listen(stream, reader)
        with trace.phase("transfer"):
            while not reader.done:
                await _listen(stream, reader)
    finally:
        reader.close()
    return reader


async def _listen(stream: Stream, reader: "Http2Reader") -> None:
    data = await stream.read()
    if not data:
        reader.feed_eof()
    reader.feed(data)
    if answer := reader.to_send():
        stream.write(answer)
    # What waits unread can be a flood of tiny frames: others have their turn first.
    await asyncio.sleep(0)
