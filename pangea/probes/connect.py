"""Opens one TCP connection to one address, and reads it at the reader's pace."""

import asyncio
import os
import socket
from collections.abc import Sequence
from typing import Any, Literal, Protocol, cast

from pangea.core.failure import ProbeError, ProbeFailed, from_os_error
from pangea.core.text import safe_text

from .base import Trace
from .system_names import SystemNames
from .target import bracketed, is_address

Family = Literal["any", "ipv4", "ipv6"]

FAMILIES = {
    "any": socket.AF_UNSPEC,
    "ipv4": socket.AF_INET,
    "ipv6": socket.AF_INET6,
}
#: bytes that may wait unread before the peer is slowed down
HIGH_WATER = 256 * 1024
#: the resolver is the machine's, so all probes of the process share the threads
NAMES = SystemNames()

_NO_ADDRESS = {
    getattr(socket, name)
    for name in ("EAI_NODATA", "EAI_ADDRFAMILY")
    if hasattr(socket, name)
}


class Stream(Protocol):
    """What both a plain and a TLS connection can do."""

    async def read(self) -> bytes:
        """Return the next bytes, b"" at the end; ProbeFailed if it breaks."""
        ...

    def write(self, data: bytes) -> None:
        """Send *data*; a failure shows at the next read."""
        ...

    def close(self) -> None:
        """Let go of the socket at once; safe to repeat."""
        ...


class Wire(asyncio.Protocol):
    """A TCP connection that is read by pulling, with a bounded buffer."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._chunks: list[bytes] = []
        self._waiting = 0
        self._waiter: asyncio.Future[None] | None = None
        self._error: Exception | None = None
        self._ended = self._paused = False

    async def read(self) -> bytes:
        """Return what has come, or wait for more; b"" after the peer's end."""
        if not self._chunks and not self._ended:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        if self._chunks:
            return self._take()
        if isinstance(self._error, OSError):
            raise from_os_error(_plain(self._error), "while waiting for data")
        return b""

    def write(self, data: bytes) -> None:
        """Send *data* as soon as the socket takes it."""
        if self._transport and not self._transport.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        """Let go of the socket; what is unsent is dropped."""
        if self._transport:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport (asyncio calls this)."""
        # uvloop's transports are asyncio's by behaviour only.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Keep *data* for the reader (asyncio calls this)."""
        self._chunks.append(data)
        self._waiting += len(data)
        if self._waiting > HIGH_WATER and self._transport and not self._paused:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> bool:
        """Note the peer's end; stay open, for there may be more to send."""
        self._ended = True
        self._wake()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that it is over, and why (asyncio calls this)."""
        self._ended, self._error = True, exc
        self._wake()

    def _take(self) -> bytes:
        data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        self._waiting = 0
        if self._paused and self._transport and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()
        return data

    def _wake(self) -> None:
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)


async def resolve(host: str, family: Family, trace: Trace) -> str:
    """Return the first address that the system's resolver gives for *host*.

    A literal address costs nothing and leaves no phase. Raises ProbeFailed
    ``name_not_found``, ``no_address`` or ``resolver_failed``, ProbeError
    ``overload``.
    """
    if is_address(host):
        return literal(host, family)
    with trace.phase("resolve"):
        try:
            found = await NAMES.look_up(host, FAMILIES[family])
        except socket.gaierror as error:
            raise _resolver_said(error, host, family) from error
    return _first_address(found, host, family)


async def connect(address: str, port: int, trace: Trace) -> Wire:
    """Open a connection to *address*, one try; the phase is ``connect``.

    Raises ProbeFailed or ProbeError as the system's error number means.
    """
    trace.readings["address"] = address
    doing = f"connect to {bracketed(address)}:{port}"
    with trace.phase("connect"):
        try:
            if "%" in address or address.startswith("fe80:"):
                return await _connect_zoned(address, port, doing)
            loop = asyncio.get_running_loop()
            return (await loop.create_connection(Wire, address, port))[1]
        except OSError as error:
            raise from_os_error(_plain(error), doing) from error


async def _connect_zoned(address: str, port: int, doing: str) -> Wire:
    """Connect to an address that means something on one interface only.

    The event loops differ in what they make of a zone, so it is looked up here.
    """
    bare, _, zone = address.partition("%")
    try:
        index = int(zone) if zone.isdigit() else socket.if_nametoindex(zone)
    except OSError as error:
        missing = f"no interface {zone!r}" if zone else "the address needs its zone"
        raise ProbeError("no_route", f"{doing}: {missing}") from error
    loop = asyncio.get_running_loop()
    sock = socket.socket(socket.AF_INET6, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        await loop.sock_connect(sock, (bare, port, 0, index))
        return (await loop.create_connection(Wire, sock=sock))[1]
    except BaseException:
        sock.close()
        raise


def _plain(error: OSError) -> OSError:
    """Return *error* in the system's words; asyncio puts its own in."""
    if error.errno is None or error.errno <= 0:
        return error
    return OSError(error.errno, os.strerror(error.errno))


def literal(host: str, family: Family) -> str:
    """Return the address *host*; ProbeFailed ``no_address`` for another family."""
    if family != "any" and (":" in host) != (family == "ipv6"):
        raise ProbeFailed("no_address", f"{host} is not an {family} address")
    return host


def _first_address(found: Sequence[tuple[Any, ...]], host: str, family: Family) -> str:
    for entry in found:
        match entry[-1]:
            case (str(address), _, _, int(zone)) if zone:
                return f"{address.partition('%')[0]}%{zone}"
            case (str(address), *_):
                return address
    raise no_address(host, family)


def _resolver_said(error: socket.gaierror, host: str, family: Family) -> ProbeFailed:
    said = safe_text(error.strerror or error)
    if error.errno in _NO_ADDRESS:
        return no_address(host, family)
    if error.errno == socket.EAI_NONAME:
        return ProbeFailed("name_not_found", f"the name {host} does not exist")
    if error.errno == socket.EAI_MEMORY:
        return ProbeError("no_resources", f"resolving {host}: {said}")
    return ProbeFailed("resolver_failed", f"resolving {host}: {said}")


def no_address(host: str, family: Family) -> ProbeFailed:
    """Return the failure of a name without addresses of *family*."""
    wanted = "" if family == "any" else f"{family} "
    return ProbeFailed("no_address", f"the name {host} has no {wanted}address")
