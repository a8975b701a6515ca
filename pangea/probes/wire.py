"""One TCP connection: its own socket, and the kernel's word on when bytes came.

It is a bare non-blocking socket and not a transport of the event loop: a connection
that lives for one question is cheaper so, and `recvmsg` tells when the kernel got
the bytes, which is the target's time, however late we come to read them.
"""

import asyncio
import atexit
import errno
import os
import socket
import sys
import time
from collections.abc import Callable
from functools import cache
from typing import Any, Protocol

from pangea.core.failure import from_os_error

from .datagram import SO_TIMESTAMPNS, stamp

#: bytes of one read
CHUNK = 64 * 1024
_ROOM = socket.CMSG_SPACE(16)
_LINUX = sys.platform == "linux"
#: offsets in Linux's struct tcp_info, and two states of a connection
_RTT, _TOTAL_RETRANSMITS, _INFO = 68, 100, 104
_ESTABLISHED, _CLOSED = 1, 7

SockAddr = tuple[str, int] | tuple[str, int, int, int]


class Stream(Protocol):
    """What both a plain and a TLS connection can do.

    ``arrived`` is when the bytes that were read last came, as perf_counter seconds.
    """

    @property
    def arrived(self) -> float:
        """When the bytes that were read last came, as perf_counter seconds."""
        ...

    async def read(self) -> bytes:
        """Return the next bytes, b"" at the end; ProbeFailed if it breaks."""
        ...

    def write(self, data: bytes) -> None:
        """Send *data*; a failure shows at the next read."""
        ...

    def close(self) -> None:
        """Let go of the socket at once; safe to repeat."""
        ...


class Wire:
    """A TCP connection that is read by pulling, one reader at a time.

    Who does not read slows the peer down: what waits unread is in the kernel.
    """

    def __init__(self, family: socket.AddressFamily) -> None:
        self._socket = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self._descriptor = self._socket.fileno()
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if _LINUX and _keep_stamping():
            self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[None] | None = None
        self._unsent = bytearray()
        self._error: OSError | None = None
        self._asked = self._closed = False
        self.arrived = 0.0

    async def connect(self, where: SockAddr) -> float:
        """Connect, and return the seconds that it took; raises OSError.

        The kernel's own measure of the exchange is taken where it has one (RFC 6298
        section 2, from SYN to SYN-ACK), which our event loop cannot delay.
        """
        begun = time.perf_counter()
        error = self._socket.connect_ex(where)
        if error not in (0, errno.EINPROGRESS):
            raise OSError(error, os.strerror(error))
        info = self._told()
        if info[0] not in (_ESTABLISHED, _CLOSED):
            await self._wait(self._loop.add_writer, self._loop.remove_writer)
            info = self._told()
        took = time.perf_counter() - begun
        if info[0] != _ESTABLISHED:
            error = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if error:
                raise OSError(error, os.strerror(error))
        return min(took, _handshake_s(info) or took)

    async def read(self) -> bytes:
        """Return what has come, or wait for more; b"" after the peer's end."""
        if self._asked:
            # The answer is hardly there already; a vain look costs an exception.
            self._asked = False
            await self._wait(self._loop.add_reader, self._loop.remove_reader)
        while not self._closed:
            try:
                data, ancillary, _, _ = self._socket.recvmsg(CHUNK, _ROOM)
            except (BlockingIOError, InterruptedError):
                if self._error:
                    raise from_os_error(self._error, "while sending") from None
                await self._wait(self._loop.add_reader, self._loop.remove_reader)
                continue
            except OSError as error:
                raise from_os_error(error, "while waiting for data") from error
            if not data and self._error:
                raise from_os_error(self._error, "while waiting for data")
            self.arrived = _moment(stamp(ancillary))
            return data
        return b""

    def write(self, data: bytes) -> None:
        """Send *data*, now or as soon as the socket takes it."""
        if self._closed or self._error:
            return
        self._asked = True
        if self._unsent:
            self._unsent += data
            return
        sent = self._send(data)
        if sent < len(data) and not self._error:
            self._unsent += memoryview(data)[sent:]
            self._loop.add_writer(self._descriptor, self._send_more)

    def close(self) -> None:
        """Let go of the socket; what is unsent is dropped."""
        if self._closed:
            return
        self._closed = True
        if self._unsent or self._waiter:
            self._loop.remove_writer(self._descriptor)
            self._loop.remove_reader(self._descriptor)
        self._wake()
        self._socket.close()

    def _send(self, data: bytes | bytearray) -> int:
        try:
            return self._socket.send(data)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError as error:
            self._error, self._asked = error, False
            return 0

    def _send_more(self) -> None:
        del self._unsent[: self._send(self._unsent)]
        if self._error:
            self._unsent.clear()
            self._wake()
        if not self._unsent:
            self._loop.remove_writer(self._descriptor)

    async def _wait(
        self, add: Callable[..., Any], remove: Callable[[int], Any]
    ) -> None:
        self._waiter = self._loop.create_future()
        add(self._descriptor, self._wake)
        try:
            await self._waiter
        finally:
            self._waiter = None
            if not self._closed:
                remove(self._descriptor)

    def _wake(self) -> None:
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)

    def _told(self) -> bytes:
        """Return what the kernel tells of the connection; zeros where it does not."""
        if not _LINUX:
            return bytes(_INFO)
        return self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO)


def _handshake_s(info: bytes) -> float:
    """Return how long the kernel saw the handshake take; 0 if it cannot tell."""
    if len(info) < _INFO or _number(info, _TOTAL_RETRANSMITS):
        return 0.0
    return _number(info, _RTT) / 1e6


def _number(info: bytes, at: int) -> int:
    return int.from_bytes(info[at : at + 4], sys.byteorder)


def _moment(stamped_ns: int | None) -> float:
    """Return a moment of the wall clock as perf_counter seconds, at most now."""
    now = time.perf_counter()
    if stamped_ns is None:
        return now
    return now - max(0.0, (time.time_ns() - stamped_ns) / 1e9)


@cache
def _keep_stamping() -> socket.socket | None:
    """Keep a socket that wants stamps: switching them on anew is dear, and late."""
    kept = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        kept.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    except OSError:
        kept.close()
        return None
    atexit.register(kept.close)
    return kept
