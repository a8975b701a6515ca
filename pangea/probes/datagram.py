"""One socket for many probes: drained in bulk, stamped and told of by the kernel."""

import asyncio
import contextlib
import errno
import functools
import select
import socket
import struct
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from pangea.core.failure import ProbeError, ProbeFailed, from_os_error

#: Linux numbers that Python 3.11 has no names for
SO_TIMESTAMPNS = 35
IP_RECVERR = 11
IPV6_RECVERR = 25
SO_RCVBUFFORCE = 33
MSG_ERRQUEUE = 0x2000

LINUX = sys.platform.startswith("linux")
#: packets read in one wake, so that a flood cannot keep the loop for itself
DRAIN = 256
#: so many times DRAIN at most where all must be read, and a flood be survived
DRAINS = 16
#: a packet is tried so often while errors of others come in between
SENDS = 8
#: packets sent without a look at what came back
SENDS_UNREAD = 128
#: the wall clock moved if it disagrees with the steady one by more than this
STEP_NS = 1_000_000
_RECEIVE_BUFFER = 4 << 20
ANCILLARY = 256
#: read of what an ICMP error quotes of our packet
_QUOTED = 256
STAMP = struct.Struct("@ll")
_EXTENDED_ERROR = struct.Struct("=IBBBxII")
_BY_ICMP = (2, 3)  # SO_EE_ORIGIN_ICMP, SO_EE_ORIGIN_ICMP6

Ancillary = list[tuple[int, int, bytes]]
Address = tuple[Any, ...]
Bytes = bytes | bytearray


class Moment(NamedTuple):
    """An instant on the wall clock, which steps, and on the steady clock."""

    wall_ns: int
    steady_ns: int


class QueuedError(NamedTuple):
    """An ICMP error that the kernel matched to this socket.

    ``destination`` is where our packet went, ``offender`` who refused it ("" if
    unknown), ``payload`` what the error quotes of our packet, perhaps nothing;
    ``received_ns`` is when it came by the wall clock.
    """

    errno: int
    type: int
    code: int
    info: int
    offender: str
    destination: Address
    payload: bytes
    received_ns: int | None = None


class WatchedSocket:
    """A non-blocking socket on the running loop, told of ICMP errors by the kernel.

    *on_readable* is called when there is something to read; *on_error* gets each
    QueuedError.
    """

    def __init__(
        self,
        sock: socket.socket,
        on_readable: Callable[[], object],
        on_error: Callable[[QueuedError], None],
    ) -> None:
        self.sock = sock
        self._on_error = on_error
        self._loop = asyncio.get_running_loop()
        _prepare(sock)
        # libuv stops watching a socket that reports POLLERR, as every ICMP error
        # makes it do; an epoll of its own in between only ever becomes readable.
        self._epoll = select.epoll() if LINUX else None
        if self._epoll is not None:
            self._epoll.register(sock.fileno(), select.EPOLLIN)
        self._watched = (self._epoll or sock).fileno()
        self._loop.add_reader(self._watched, on_readable)

    def listen(self, on: bool) -> bool:
        """Wake for packets or, where the system can, for errors only; tell whether."""
        if self._epoll is None:
            return True
        self._epoll.modify(self.sock.fileno(), select.EPOLLIN if on else 0)
        return on

    def send(self, data: Bytes, ancillary: Ancillary, address: Address) -> int:
        """Send one packet and return the wall clock's ns at which it went.

        Raises the OSError in its own way. A pending ICMP error of an earlier
        packet is reported by the next call on the socket, whoever makes it: it is
        taken off first, then sent again. More may come meanwhile.
        """
        for left in reversed(range(SENDS)):
            try:
                wall_ns = time.time_ns()  # nothing may stand between this and the call
                if ancillary:
                    self.sock.sendmsg([data], ancillary, 0, address)
                else:
                    self.sock.sendto(data, address)
            except OSError:
                # The first may be of an error that is read already.
                drained = self.drain_errors()
                if not left or (not drained and left < SENDS - 1):
                    raise
            else:
                break
        return wall_ns

    def close(self) -> None:
        """Stop reading and close the socket."""
        self._on_error = _ignore  # whoever was told holds us: not for ever
        self._loop.remove_reader(self._watched)
        if self._epoll is not None:
            self._epoll.close()
        self.sock.close()

    def drain_errors(self) -> int:
        """Hand over the ICMP errors that wait; return how many they were."""
        count = 0
        for _ in range(DRAIN if LINUX else 0):
            try:
                data, ancillary, _flags, address = self.sock.recvmsg(
                    _QUOTED, 512, MSG_ERRQUEUE
                )
            except OSError:
                break
            error = read_queued_error(data, ancillary, address)
            if error is not None:
                count += 1
                self._on_error(error)
        return count


class DatagramSocket:
    """A WatchedSocket that hands over what it reads.

    *on_packet* gets (data, ancillary, address, received wall ns or None);
    *on_error* gets each QueuedError. Packets longer than *room* bytes are cut.
    """

    def __init__(
        self,
        sock: socket.socket,
        on_packet: Callable[[bytes, Ancillary, Address, int | None], None],
        on_error: Callable[[QueuedError], None],
        room: int,
    ) -> None:
        self.sock = sock
        self._on_packet, self._room = on_packet, room
        self._unread = 0
        self._watched = WatchedSocket(sock, self.drain, on_error)

    def close(self) -> None:
        """Stop reading and close the socket; nobody is told anything more."""
        self._on_packet = _ignore
        self._watched.close()

    def send(self, data: bytes, ancillary: Ancillary, address: Address) -> Moment:
        """Send one packet and return when, as ``WatchedSocket.send`` does."""
        self._unread += 1
        if self._unread > SENDS_UNREAD:
            # A worker that catches up must not drown the answers in its own burst.
            self.drain()
        steady_ns = time.monotonic_ns()
        return Moment(self._watched.send(data, ancillary, address), steady_ns)

    def drain_all(self) -> None:
        """Hand over what has arrived, before anybody is told that nothing has."""
        for _ in range(DRAINS):
            if not self.drain():
                return

    def drain(self) -> bool:
        """Hand over some of what has arrived; tell whether there may be more."""
        self._unread = 0
        receive, on_packet, room = self.sock.recvmsg, self._on_packet, self._room
        for _ in range(DRAIN):
            try:
                data, ancillary, _flags, address = receive(room, ANCILLARY)
            except (BlockingIOError, InterruptedError):
                return False
            except OSError:
                # The kernel says here that the error queue holds something.
                self._watched.drain_errors()
                continue
            on_packet(data, ancillary, address, stamp(ancillary))
        return True


def _ignore(*_: object) -> None:
    """Hear what nobody listens to any more."""


def _prepare(sock: socket.socket) -> None:
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
    if LINUX:
        with contextlib.suppress(PermissionError):
            # Past net.core.rmem_max, which usually holds some 500 packets only.
            sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, _RECEIVE_BUFFER)
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
        else:
            sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)


def stamp(ancillary: Ancillary) -> int | None:
    """Return the kernel's receive stamp in ns of the wall clock, if it is there."""
    for level, kind, value in ancillary:
        wanted = kind == SO_TIMESTAMPNS and level == socket.SOL_SOCKET
        if wanted and len(value) >= STAMP.size:
            seconds, nanoseconds = STAMP.unpack_from(value)
            return int(seconds * 1_000_000_000 + nanoseconds)
    return None


def read_queued_error(
    data: bytes, ancillary: Ancillary, address: Address
) -> QueuedError | None:
    """Return the ICMP error in a message of the error queue, None if it is another."""
    for level, kind, value in ancillary:
        if (level, kind) not in (
            (socket.IPPROTO_IP, IP_RECVERR),
            (socket.IPPROTO_IPV6, IPV6_RECVERR),
        ) or len(value) < _EXTENDED_ERROR.size:
            continue
        number, origin, type_, code, info, _ = _EXTENDED_ERROR.unpack_from(value)
        if origin in _BY_ICMP:
            offender = _offender(value[_EXTENDED_ERROR.size :])
            return QueuedError(
                *(number, type_, code, info, offender, address, data),
                received_ns=stamp(ancillary),
            )
    return None


def _offender(sockaddr: bytes) -> str:
    if len(sockaddr) < 8:
        return ""
    family = int.from_bytes(sockaddr[:2], sys.byteorder)
    if family == socket.AF_INET:
        return socket.inet_ntop(socket.AF_INET, sockaddr[4:8])
    if family == socket.AF_INET6 and len(sockaddr) >= 24:
        return socket.inet_ntop(socket.AF_INET6, sockaddr[8:24])
    return ""


def elapsed_ms(sent: Moment, received_wall_ns: int | None) -> float:
    """Return the milliseconds from *sent* to the kernel's receive stamp.

    Call it as soon as the packet is read. Without a stamp, or if the wall clock
    stepped in between, the time until now counts: later than the truth, but
    never nonsense.
    """
    wall = time.time_ns() - sent.wall_ns
    steady = time.monotonic_ns() - sent.steady_ns
    if received_wall_ns is None:
        return steady / 1e6
    kernel = received_wall_ns - sent.wall_ns
    if abs(wall - steady) > STEP_NS or not 0 <= kernel <= wall:
        return steady / 1e6
    return kernel / 1e6


def send_failure(error: OSError, doing: str) -> ProbeFailed:
    """Return what an error of the send call itself means.

    Unlike one that comes back from the network it is always about this machine:
    its routes, its firewall, its buffers, or the size its own link carries.
    """
    said = f"{doing}: {(error.strerror or str(error)).lower()}"
    if error.errno in (errno.EHOSTUNREACH, errno.EINVAL):
        return ProbeError("no_route", said)  # an unreachable or blackhole route
    if error.errno == errno.EAGAIN:
        return ProbeError("no_resources", f"{doing}: the send buffer is full")
    if error.errno == errno.EMSGSIZE:
        return ProbeFailed("mtu", said)
    return from_os_error(error, doing)


@functools.lru_cache(maxsize=16_384)
def literal(address: str, port: int = 0) -> tuple[socket.AddressFamily, Address]:
    """Return family and socket address of a literal IPv4 or IPv6 *address*.

    Raises ProbeError("no_address") if it is a name or malformed. Remembered:
    the call to the system costs as much as a ping.
    """
    try:
        found = socket.getaddrinfo(
            address, port, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST
        )
    except OSError as error:
        raise ProbeError("no_address", f"{address} is not an address") from error
    family, _, _, _, where = found[0]
    return family, where
