"""Pings by the thousand over one shared socket per family and source."""

import asyncio
import os
import socket
import struct
from collections import deque

from pangea.core.failure import ProbeError, from_os_error

from .datagram import (
    Address,
    Ancillary,
    DatagramSocket,
    Moment,
    QueuedError,
    elapsed_ms,
    literal,
    send_failure,
)
from .icmp_burst import Burst, Request
from .icmp_command import ping_command, run_ping
from .icmp_packet import (
    FILLING,
    TOKEN,
    Reply,
    echo_request,
    explain,
    read_quoted,
    read_reply,
)
from .icmp_socket import icmp_right, no_right, open_socket

__all__ = ["Burst", "IcmpEngine", "Request", "icmp_right"]

#: a socket reads this much of a reply: headers with options, and the token
_ROOM = 256
#: timeouts are looked for at most this often
_SWEEP_S = 0.02
_TTL_KINDS = {
    (socket.IPPROTO_IP, socket.IP_TTL),
    (socket.IPPROTO_IPV6, socket.IPV6_HOPLIMIT),
}
_SocketKey = tuple[socket.AddressFamily, str, bool]


class _Sent:
    """A packet under way, or answered and kept to recognise its duplicates."""

    __slots__ = ("answered", "burst", "deadline", "index", "moment", "seq", "token")

    def __init__(self, burst: Burst, token: bytes, seq: int, deadline: float) -> None:
        self.burst, self.token, self.seq = burst, token, seq
        self.deadline, self.index = deadline, len(burst.rtts_ms)
        self.answered = False
        self.moment = Moment(0, 0)


class _Pinger:
    """One socket: sends echo requests and finds whom each reply belongs to."""

    def __init__(self, key: _SocketKey) -> None:
        family, source, dont_fragment = key
        self._v6 = family == socket.AF_INET6
        sock, self._raw = open_socket(family, source, dont_fragment)
        self._identifier = (
            int.from_bytes(os.urandom(2), "big") if self._raw else sock.getsockname()[1]
        )
        self._loop = asyncio.get_running_loop()
        self._socket = DatagramSocket(sock, self._on_packet, self._on_error, _ROOM)
        self._by_token: dict[bytes, _Sent] = {}
        self._by_seq: dict[int, _Sent] = {}
        # One queue per length of wait keeps each in the order of its deadlines.
        self._waiting: dict[float, deque[_Sent]] = {}
        self._sweeping: asyncio.TimerHandle | None = None
        self._tokens: list[bytes] = []
        self._seq = 0

    def close(self) -> None:
        """Close the socket; whoever still waits gets ``cancelled``."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        self._socket.close()
        for sent in [*self._by_token.values(), *self._by_seq.values()]:
            sent.burst.finish(ProbeError("cancelled"))

    def send(self, burst: Burst, where: Address, ancillary: Ancillary) -> None:
        """Send the next packet of *burst* to *where* and time the one after it."""
        if burst.done.done():
            return
        request = burst.request
        self._seq = (self._seq + 1) & 0xFFFF
        token = self._token()
        payload = token[: request.size] + FILLING[: max(0, request.size - TOKEN)]
        packet = echo_request(self._v6, self._identifier, self._seq, payload)
        at = self._loop.time()
        sent = _Sent(burst, payload[:TOKEN], self._seq, at + request.wait_s)
        burst.rtts_ms.append(None)
        self._remember(sent, request.wait_s, at)
        try:
            sent.moment = self._socket.send(packet, ancillary, where)
        except OSError as error:
            burst.rtts_ms.pop()
            burst.finish(send_failure(error, f"sending to {request.address}"))
            return
        if len(burst.rtts_ms) < request.count and not burst.done.done():
            due = at + request.gap_s
            burst.next_at(self._loop.call_at(due, self.send, burst, where, ancillary))

    def _token(self) -> bytes:
        if not self._tokens:
            noise = os.urandom(512 * TOKEN)
            self._tokens = [noise[i : i + TOKEN] for i in range(0, len(noise), TOKEN)]
        return self._tokens.pop()

    def _remember(self, sent: _Sent, wait_s: float, at: float) -> None:
        if len(sent.token) == TOKEN:
            self._by_token[sent.token] = sent
        self._by_seq[sent.seq] = sent
        if wait_s not in self._waiting:
            self._waiting[wait_s] = deque()
        self._waiting[wait_s].append(sent)
        if self._sweeping is None:
            self._sweeping = self._loop.call_at(at + wait_s, self._sweep)

    def _sweep(self) -> None:
        """Give up on what is overdue, and wake again for the next that will be."""
        # After a stall the answers may lie unread behind the timer that is due.
        at = self._loop.time()
        self._socket.drain_all()
        soonest = float("inf")
        for wait_s, queue in list(self._waiting.items()):
            while queue and queue[0].deadline <= at:
                self._forget(queue.popleft())
            if queue:
                soonest = min(soonest, queue[0].deadline)
            else:
                del self._waiting[wait_s]
        self._sweeping = None
        if self._waiting:
            wake = max(soonest, at + _SWEEP_S)
            self._sweeping = self._loop.call_at(wake, self._sweep)

    def _forget(self, sent: _Sent) -> None:
        self._by_token.pop(sent.token, None)
        if self._by_seq.get(sent.seq) is sent:
            del self._by_seq[sent.seq]
        if not sent.answered:
            sent.answered = True
            sent.burst.lost()

    def _on_packet(
        self,
        data: bytes,
        ancillary: Ancillary,
        address: Address,
        received_ns: int | None,
    ) -> None:
        reply = read_reply(self._v6, data)
        sent = self._owner(reply) if reply else None
        if sent is None or reply is None:
            return
        burst = sent.burst
        if _bare(address[0]) != burst.address:
            return
        if sent.answered:
            burst.duplicates += 1
            return
        sent.answered = True
        ttl = reply.ttl if reply.ttl is not None else _ttl(ancillary)
        burst.answered(sent.index, elapsed_ms(sent.moment, received_ns), ttl)

    def _owner(self, reply: Reply) -> _Sent | None:
        if len(reply.payload) >= TOKEN:
            return self._by_token.get(reply.payload[:TOKEN])
        sent = self._by_seq.get(reply.sequence)
        ours = not self._raw or reply.identifier == self._identifier
        return sent if sent and ours and sent.token == reply.payload else None

    def _on_error(self, error: QueuedError) -> None:
        quoted = read_quoted(self._v6, error.payload)
        if quoted is None or (self._raw and quoted[0] != self._identifier):
            return
        sent = self._by_seq.get(quoted[1])
        if sent is None or sent.answered or not error.destination:
            return
        if _bare(error.destination[0]) != sent.burst.address:
            return
        reason, words = explain(self._v6, error.type, error.code, error.info)
        sent.answered = True
        by = f"{error.offender}: " if error.offender else ""
        sent.burst.refused(reason, by + words)


class IcmpEngine:
    """The ping sockets of this process, opened as they are needed."""

    def __init__(self) -> None:
        self._pingers: dict[_SocketKey, _Pinger] = {}
        self._commands: set[asyncio.Task[None]] = set()

    def begin(self, request: Request) -> Burst:
        """Send the first packet of *request* and return the burst under way.

        ``await burst.done`` for its end, and call ``burst.finish()`` if you stop
        waiting before. Raises ProbeError for a malformed address, a missing
        right (``no_right``) or a missing address family.
        """
        family, where = literal(request.address)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        burst = Burst(request, _bare(where[0]), done)
        key = (family, request.source, request.dont_fragment)
        try:
            pinger = self._pingers.get(key) or self._open(key)
        except PermissionError as error:
            command = ping_command()
            if command is None:
                raise no_right() from error
            self._run_command(burst, command)
            return burst
        pinger.send(burst, where, _per_packet(family, request))
        return burst

    async def close(self) -> None:
        """Close every socket; pings under way end with ``cancelled``."""
        for pinger in self._pingers.values():
            pinger.close()
        self._pingers.clear()
        for task in self._commands:
            task.cancel()
        await asyncio.gather(*self._commands, return_exceptions=True)

    def _run_command(self, burst: Burst, command: str) -> None:
        task = asyncio.create_task(run_ping(burst, command))
        self._commands.add(task)
        task.add_done_callback(self._commands.discard)
        task.add_done_callback(lambda ended: _settle(burst, ended))
        burst.done.add_done_callback(lambda _: task.cancel())

    def _open(self, key: _SocketKey) -> _Pinger:
        try:
            pinger = self._pingers[key] = _Pinger(key)
        except PermissionError:
            raise
        except OSError as error:
            raise from_os_error(error, "opening the ping socket") from error
        return pinger


def _settle(burst: Burst, ended: "asyncio.Task[None]") -> None:
    """End *burst* with its command, however that ended."""
    if ended.cancelled():
        burst.finish(ProbeError("cancelled"))
    elif isinstance(error := ended.exception(), OSError):
        burst.finish(from_os_error(error, "starting ping"))
    elif isinstance(error, Exception):
        burst.finish(error)


def _per_packet(family: socket.AddressFamily, request: Request) -> Ancillary:
    if request.ttl is None and request.tos is None:
        return []
    v6 = family == socket.AF_INET6
    level = socket.IPPROTO_IPV6 if v6 else socket.IPPROTO_IP
    ttl = socket.IPV6_HOPLIMIT if v6 else socket.IP_TTL
    tos = socket.IPV6_TCLASS if v6 else socket.IP_TOS
    asked = ((ttl, request.ttl), (tos, request.tos))
    return [(level, kind, struct.pack("@i", v)) for kind, v in asked if v is not None]


def _ttl(ancillary: Ancillary) -> int | None:
    for level, kind, value in ancillary:
        if (level, kind) in _TTL_KINDS and len(value) >= 4:
            return int(struct.unpack_from("@i", value)[0])
    return None


def _bare(address: str) -> str:
    """Return *address* without the zone, which not every call reports."""
    return address.partition("%")[0] if "%" in address else address
