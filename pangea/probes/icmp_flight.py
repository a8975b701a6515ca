"""The bursts of one ping socket that are under way, found by token or sequence."""

import os
import struct
import time

from .datagram import Address, Ancillary
from .icmp_burst import Burst
from .icmp_packet import TOKEN, EchoRequest

#: the low bits of a token say which packet of its burst it is
INDEX_BITS = 7
INDEX = (1 << INDEX_BITS) - 1
_SEQUENCES = 1 << 16
_NOISE = struct.Struct("@512Q")


class Flight:
    """A burst under way: how its packets are made, and when each was sent.

    ``key`` begins the token of each, ``token`` and ``sequence`` are those of the
    first; ``sent_ns`` are moments of the wall clock, ``sent_s`` is the steady time
    of the last.
    """

    __slots__ = (
        "ancillary",
        "burst",
        "count",
        "key",
        "packet",
        "sent_ns",
        "sent_s",
        "sequence",
        "token",
        "where",
    )

    def __init__(
        self, burst: Burst, where: Address, ancillary: Ancillary, packet: EchoRequest
    ) -> None:
        self.burst, self.where, self.ancillary = burst, where, ancillary
        self.packet, self.count = packet, burst.request.count
        self.key = self.token = self.sequence = 0
        self.sent_ns: list[int] = []
        self.sent_s = 0.0

    def ends_at(self, now: float) -> float | None:
        """Return when the last packet that is missing is lost; None: all are."""
        request = self.burst.request
        if len(self.sent_ns) < request.count:
            return now + request.gap_s
        missing = self.burst.unanswered()
        before = (request.count - 1 - missing) * request.gap_s
        at = self.sent_s - before + request.wait_s
        return at if missing >= 0 and at > now else None


class Flights:
    """All bursts under way; ``by_key`` finds one by the upper bits of a token."""

    def __init__(self) -> None:
        self.by_key: dict[int, Flight] = {}
        self._by_first: dict[int, Flight] = {}
        self._keys: list[int] = []
        self._sequence = 0

    def add(self, flight: Flight) -> None:
        """Give *flight* a secret key and sequence numbers of its own."""
        if not self._keys:
            noise = _NOISE.unpack(os.urandom(_NOISE.size))
            self._keys = [number >> INDEX_BITS for number in noise]
        flight.key = self._keys.pop()
        flight.token = flight.key << INDEX_BITS
        self.by_key[flight.key] = flight
        if self._sequence + flight.count > _SEQUENCES:
            self._sequence = 0
        flight.sequence = self._sequence
        self._sequence += flight.count
        self._by_first[flight.sequence] = flight

    def retire(self, flight: Flight) -> None:
        """Forget *flight*: what still comes for it is nobody's."""
        self.by_key.pop(flight.key, None)
        if self._by_first.get(flight.sequence) is flight:
            del self._by_first[flight.sequence]

    def at(self, sequence: int) -> tuple[Flight, int] | None:
        """Return the burst and the index in it of the packet with this *sequence*.

        Looks back for the first of its burst: only errors and tiny packets need
        to be found so.
        """
        for index in range(min(sequence, INDEX) + 1):
            flight = self._by_first.get(sequence - index)
            if flight is not None:
                return (flight, index) if index < len(flight.sent_ns) else None
        return None

    def short(self, sequence: int, payload: bytes) -> tuple[Flight, int] | None:
        """Return the same of an answer that has no room for a whole token."""
        found = self.at(sequence)
        if found is None:
            return None
        flight, index = found
        token = (flight.token + index).to_bytes(TOKEN, "big")
        size = flight.burst.request.size
        return found if size < TOKEN and token[:size] == payload else None

    def move(self, step_ns: int) -> None:
        """Move every moment of sending along with a clock that has been set."""
        for flight in self.by_key.values():
            flight.sent_ns = [sent + step_ns for sent in flight.sent_ns]


def elapsed_ms(sent_ns: int, stamp_ns: int) -> float:
    """Return the milliseconds from the sending to the kernel's receive stamp.

    Without a stamp (0), or with one from before a step of the clock, the time until
    now counts: later than the truth, but never nonsense.
    """
    kernel = stamp_ns - sent_ns
    if not 0 <= kernel <= 1_000_000_000:
        now = time.time_ns() - sent_ns
        if not 0 <= kernel <= now:
            kernel = max(now, 0)
    return kernel / 1e6


def bare(address: str) -> str:
    """Return *address* without the zone, which not every call reports."""
    return address.partition("%")[0] if "%" in address else address
