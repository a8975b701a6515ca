"""How an HTTP probe's connection goes out: resolver, address family and proxy."""

import base64
from typing import TYPE_CHECKING, NamedTuple

from pangea.core.errors import UsageError
from pangea.core.failure import ProbeError, ProbeFailed
from pangea.core.text import safe_text

from .base import Trace
from .connect import Family, connect, resolve
from .http_reader import MAX_HEADERS, HttpReader
from .own_resolver import resolve_at
from .target import Url, bracketed, parse_url
from .wire import Wire

if TYPE_CHECKING:
    from .dns_engine import Server
    from .tools import Tools

#: what a proxy answers that tried and could not reach the target
_TRIED = {502, 503, 504}
_END = b"\r\n\r\n"


class Proxy(NamedTuple):
    """An HTTP proxy. *tunnel*: CONNECT for plain HTTP too (RFC 9110, 9.3.6)."""

    host: str
    port: int
    authorization: str
    tunnel: bool

    def __str__(self) -> str:
        return f"{bracketed(self.host)}:{self.port}"


class Way(NamedTuple):
    """What is the same for each hop: none of it depends on the URL."""

    family: Family = "any"
    resolver: "Server | None" = None
    proxy: Proxy | None = None

    def proxy_for(self, url: Url) -> Proxy | None:
        """Return the proxy that gets the whole *url*, as none does in a tunnel."""
        proxy = self.proxy
        return proxy if proxy and url.scheme == "http" and not proxy.tunnel else None


def parse_proxy(text: str, authorization: str, tunnel: bool, where: str) -> Proxy:
    """Return the proxy ``http://host:port``; else port 8080. Raises UsageError."""
    if text.lower().startswith("https://"):
        raise UsageError(f"{where}: proxies are asked in the clear", hint="use http://")
    url = parse_url(text, "http")
    if url.path != "/":
        raise UsageError(f"{where}: a proxy has no path", hint="give host:port")
    given = url.port != 80 or text.rstrip("/").endswith(":80")
    return Proxy(url.host, url.port if given else 8080, authorization, tunnel)


def basic(user: str, password: str, where: str) -> str:
    """Return the value of ``Authorization`` for *user* (RFC 7617)."""
    if ":" in user:
        raise UsageError(f"{where}: a user name has no colon")
    both = base64.b64encode(f"{user}:{password}".encode())
    return f"Basic {both.decode('ascii')}"


async def open_way(way: Way, url: Url, tools: "Tools", trace: Trace) -> Wire:
    """Return a connection that leads to *url*; phases ``resolve`` and ``connect``.

    Raises ProbeFailed, and ProbeError ``proxy`` if the proxy is not to be had.
    """
    proxy = way.proxy
    if not proxy:
        return await _dial(way, url.host, url.port, tools, trace)
    trace.readings["proxy"] = str(proxy)
    try:
        wire = await _dial(way, proxy.host, proxy.port, tools, trace)
    except ProbeFailed as failure:
        raise ProbeError("proxy", f"the proxy {proxy}: {failure.detail}") from failure
    if way.proxy_for(url):
        return wire
    try:
        with trace.phase("connect"):
            await _ask_through(wire, proxy, url)
    except BaseException:
        wire.close()
        raise
    return wire


def judge_proxy(status: int, proxy: Proxy) -> None:
    """Raise ProbeError if *proxy* wants to know who asks (RFC 9110, 15.5.8)."""
    if status == 407:
        detail = f"the proxy {proxy} answered 407: it wants a user and a password"
        raise ProbeError("proxy", detail)


async def _dial(way: Way, host: str, port: int, tools: "Tools", trace: Trace) -> Wire:
    if way.resolver:
        address = await resolve_at(way.resolver, host, way.family, tools.dns, trace)
    else:
        address = await resolve(host, way.family, trace)
    return await connect(address, port, trace)


async def _ask_through(wire: Wire, proxy: Proxy, url: Url) -> None:
    there = f"{bracketed(url.host.partition('%')[0])}:{url.port}"
    lines = [f"CONNECT {there} HTTP/1.1", f"Host: {there}", "User-Agent: Pangea"]
    if proxy.authorization:
        lines.append(f"Proxy-Authorization: {proxy.authorization}")
    wire.write("\r\n".join(lines).encode() + _END)
    try:
        status = await _status(wire)
    except ProbeFailed as failure:
        raise ProbeError("proxy", f"the proxy {proxy}: {failure.detail}") from failure
    judge_proxy(status, proxy)
    said = f"the proxy {proxy} answered {status} to CONNECT {there}"
    if status in _TRIED:
        raise ProbeFailed("unreachable", said)
    if not 200 <= status < 300:
        raise ProbeError("proxy", said)


async def _status(wire: Wire) -> int:
    """Return what the proxy answered; nothing may follow before we speak."""
    head = b""
    while _END not in head and len(head) <= MAX_HEADERS:
        data = await wire.read()
        if not data:
            break
        head += data
    reader = HttpReader(has_body=False, limit=1, keep=False)
    try:
        reader.feed(head)
        reader.feed_eof()
    finally:
        reader.close()
    if reader.status < 300 and not head.endswith(_END):
        begin = safe_text(head[head.find(_END) + 4 :][:40], 60)
        raise ProbeFailed("protocol", f"it speaks before it is asked: {begin!r}")
    return reader.status
