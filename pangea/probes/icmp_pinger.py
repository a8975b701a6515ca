"""One ping socket: sends by the thousand and finds whom each answer belongs to.

What happens is done in passes: all packets that are due go out together, and
while answers come quickly the socket is looked at every two milliseconds only.
The kernel has stamped them, so nothing is lost by reading them late, and a wake
of the event loop costs more than a ping.
"""

import asyncio
import heapq
import os
import socket
import struct
import sys
import time
from collections import deque

from pangea.core.failure import ProbeError

from .datagram import (
    ANCILLARY,
    DRAIN,
    DRAINS,
    SENDS_UNREAD,
    SO_TIMESTAMPNS,
    STAMP,
    STEP_NS,
    Address,
    Ancillary,
    QueuedError,
    WatchedSocket,
    send_failure,
)
from .icmp_burst import Burst
from .icmp_flight import INDEX, INDEX_BITS, Flight, Flights, bare, elapsed_ms
from .icmp_packet import TOKEN, EchoRequest, explain, find_reply, read_quoted
from .icmp_socket import open_socket

SocketKey = tuple[socket.AddressFamily, str, bool]

#: passes are this far apart while there is much to do
_PASS_S = 0.002
_SHORT_PASS_S, _SHORT_GAP_S = 0.001, 0.02
#: so many answers, each soon after the one before, are much to do
_MANY = 12
_NEVER, _PASSING = float("inf"), float("-inf")
_ROOM = 1 << 16
#: identifier, sequence and token of a reply, from the fifth byte on
_REPLY = struct.Struct("!HHQ")
#: the byte of a native int that holds a time to live
_LOW = 0 if sys.byteorder == "little" else 3
_TTL_KINDS = (socket.IP_TTL, socket.IPV6_HOPLIMIT)


class Pinger:
    """A socket of one family, source and don't-fragment bit.

    Opening it raises PermissionError where neither kind of socket is allowed, and
    other OSErrors for what does not exist here.
    """

    def __init__(self, key: SocketKey) -> None:
        family, source, dont_fragment = key
        self._v6 = family == socket.AF_INET6
        sock, self._raw = open_socket(family, source, dont_fragment)
        self._identifier = (
            int.from_bytes(os.urandom(2), "big") if self._raw else sock.getsockname()[1]
        )
        self._loop = asyncio.get_running_loop()
        self._socket = WatchedSocket(sock, self._on_readable, self._on_error)
        self._send_packet, self._receive = self._socket.send, sock.recvmsg_into
        self._buffer = bytearray(_ROOM)
        self._buffers = [self._buffer]
        self._flights = Flights()
        self._packets: dict[int, EchoRequest] = {}
        self._unread = 0
        # Packets to be sent. One queue per gap keeps each in the order of time.
        self._due: dict[float, deque[tuple[float, Flight]]] = {}
        self._ends: list[tuple[float, int]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._wake_at, self._read_at, self._quick = _NEVER, 0.0, 0
        self._listening = True
        self._apart_ns = time.time_ns() - time.monotonic_ns()

    @property
    def idle(self) -> bool:
        """Whether nobody waits for an answer."""
        return not self._flights.by_key

    def begin(self, burst: Burst, where: Address, ancillary: Ancillary) -> None:
        """Send the first packet of *burst* to *where*; the others follow in time."""
        request = burst.request
        packet = self._packets.get(request.size)
        if packet is None:
            packet = EchoRequest(self._v6, self._identifier, request.size)
            self._packets[request.size] = packet
        flight = Flight(burst, where, ancillary, packet)
        self._flights.add(flight)
        self._notice_step()
        now = time.monotonic()
        sending = (request.count - 1) * request.gap_s
        heapq.heappush(self._ends, (now + max(sending, request.wait_s), flight.key))
        self._send(flight, now)
        self._arm(self._ends[0][0])

    def close(self) -> None:
        """Close the socket; whoever still waits gets ``cancelled``."""
        if self._timer is not None:
            self._timer.cancel()
        self._socket.close()
        for flight in self._flights.by_key.values():
            flight.burst.finish(ProbeError("cancelled"))

    def _send(self, flight: Flight, now: float) -> None:
        """Send the next packet of *flight*, and queue the one after it."""
        burst, index = flight.burst, len(flight.sent_ns)
        packet = flight.packet.fill(flight.sequence + index, flight.token + index)
        try:
            sent_ns = self._send_packet(packet, flight.ancillary, flight.where)
        except OSError as error:
            burst.finish(send_failure(error, f"sending to {burst.request.address}"))
            self._flights.retire(flight)
            return
        flight.sent_ns.append(sent_ns)
        flight.sent_s = now
        burst.rtts_ms.append(None)
        if index + 1 < flight.count:
            gap_s = burst.request.gap_s
            due = now + gap_s
            queue = self._due.get(gap_s)
            if queue is None:
                queue = self._due[gap_s] = deque()
            queue.append((due, flight))
            if due < self._wake_at:
                self._arm(due)
        self._unread += 1
        if self._unread > SENDS_UNREAD:
            # A worker that catches up must not drown the answers in its own burst.
            self._read()

    def _arm(self, at: float) -> None:
        """See to it that the next pass is at *at* or sooner."""
        if at >= self._wake_at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._wake_at = at
        # Not the loop's time, which on uvloop stands still during a callback.
        wait = max(0.0, at - time.monotonic())
        self._timer = self._loop.call_later(wait, self._pass)

    def _pass(self) -> None:
        """Read what has come, send what is due, end what has waited long enough."""
        self._timer, self._wake_at = None, _PASSING
        now = time.monotonic()
        try:
            # After a stall the answers may lie unread behind the timer that is due.
            came = self._read_all()
            if not self._listening and not came:
                self._listening = self._socket.listen(True)
            self._send_due(now)
            self._end_due(now)
        finally:
            self._wake_at = _NEVER
            self._arm(self._next_pass(now))

    def _next_pass(self, now: float) -> float:
        # Who has been answered must not wake us when the time for it has gone by.
        while self._ends and self._ends[0][1] not in self._flights.by_key:
            heapq.heappop(self._ends)
        soonest = self._ends[0][0] if self._ends else _NEVER
        apart = _PASS_S
        for gap_s, queue in self._due.items():
            soonest = min(soonest, queue[0][0])
            if gap_s < _SHORT_GAP_S:
                apart = _SHORT_PASS_S
        if not self._listening:
            soonest = min(soonest, now + _PASS_S)
        return max(soonest, now + apart)

    def _send_due(self, now: float) -> None:
        for gap_s, queue in list(self._due.items()):
            while queue and queue[0][0] <= now:
                flight = queue.popleft()[1]
                if not flight.burst.done.done():
                    self._send(flight, now)
            if not queue:
                del self._due[gap_s]

    def _end_due(self, now: float) -> None:
        """Look at each burst that may be over; give up on what is overdue."""
        ends = self._ends
        while ends and ends[0][0] <= now:
            flight = self._flights.by_key.get(heapq.heappop(ends)[1])
            if flight is None:
                continue
            again = None if flight.burst.done.done() else flight.ends_at(now)
            if again is None:
                flight.burst.finish()
                self._flights.retire(flight)
            else:
                heapq.heappush(ends, (again, flight.key))

    def _on_readable(self) -> None:
        now = time.monotonic()
        self._read()
        self._quick = self._quick + 1 if now - self._read_at < _PASS_S else 0
        if self._quick >= _MANY and self._listening:
            self._quick = 0
            self._listening = self._socket.listen(False)
            if not self._listening:
                self._arm(now + _PASS_S)
        self._read_at = now

    def _read_all(self) -> int:
        """Read all that has come; return how many packets that were."""
        total = 0
        for _ in range(DRAINS):
            count = self._read()
            total += count
            if count < DRAIN:
                break
        return total

    def _read(self) -> int:
        """Read some packets; as many as DRAIN if there may be more."""
        self._unread = 0
        stepped = self._notice_step()
        receive, buffer, buffers = self._receive, self._buffer, self._buffers
        awaited = self._flights.by_key
        for count in range(DRAIN):
            if count and not awaited:
                return count  # what else may lie there is nobody's
            try:
                size, ancillary, _flags, address = receive(buffers, ANCILLARY)
            except (BlockingIOError, InterruptedError):
                return count
            except OSError:
                # The kernel says here that the error queue holds something.
                self._socket.drain_errors()
                continue
            start = find_reply(self._v6, buffer, size)
            if start >= 0:
                # What was stamped before a step cannot be compared with anything.
                self._take(start, size, [] if stepped else ancillary, address[0])
        return DRAIN

    def _take(self, start: int, size: int, ancillary: Ancillary, source: str) -> None:
        """Give the echo reply in the buffer to the burst that asked for it."""
        buffer, body = self._buffer, start + 8
        identifier, sequence, token = _REPLY.unpack_from(buffer, start + 4)
        if size >= body + TOKEN:
            flight = self._flights.by_key.get(token >> INDEX_BITS)
            index = token & INDEX
            body += TOKEN
        else:
            found = self._flights.short(sequence, bytes(buffer[body:size]))
            if found is None or (self._raw and identifier != self._identifier):
                return
            flight, index = found
            body = size
        if flight is None or index >= len(flight.sent_ns):
            return
        burst = flight.burst
        if source != burst.address and bare(source) != burst.address:
            return
        stamp_ns, ttl = 0, buffer[8] if start else None
        for level, kind, value in ancillary:
            if kind == SO_TIMESTAMPNS and level == socket.SOL_SOCKET:
                seconds, nanoseconds = STAMP.unpack(value)
                stamp_ns = seconds * 1_000_000_000 + nanoseconds
            elif kind in _TTL_KINDS:
                ttl = value[_LOW]
        payload = flight.packet.payload
        if size - body != len(payload) or not buffer.startswith(payload, body):
            burst.corrupted += 1
        if burst.answered(index, elapsed_ms(flight.sent_ns[index], stamp_ns), ttl):
            self._flights.retire(flight)
        elif index + 1 == flight.count:
            # The last one is here; an earlier one may be overdue already.
            heapq.heappush(self._ends, (0.0, flight.key))
            self._arm(time.monotonic() + _PASS_S)

    def _notice_step(self) -> bool:
        """Move what was sent along if the wall clock has been set; tell whether."""
        before = time.monotonic_ns()
        wall = time.time_ns()
        after = time.monotonic_ns()
        if after - before > STEP_NS // 10:
            return False  # interrupted in between: too coarse to tell
        step = wall - after - self._apart_ns
        self._apart_ns += step
        if abs(step) <= STEP_NS:
            return False
        self._flights.move(step)
        return True

    def _on_error(self, error: QueuedError) -> None:
        quoted = read_quoted(self._v6, error.payload)
        if quoted is None or (self._raw and quoted[0] != self._identifier):
            return
        found = self._flights.at(quoted[1])
        if found is None or not error.destination:
            return
        flight, index = found
        burst = flight.burst
        if bare(error.destination[0]) != burst.address:
            return
        reason, words = explain(self._v6, error.type, error.code, error.info)
        took_ms = elapsed_ms(flight.sent_ns[index], error.received_ns or 0)
        burst.refused(index, reason, words, error.offender, took_ms)
        if burst.done.done():
            self._flights.retire(flight)
