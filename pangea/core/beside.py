"""What results tell beside how long they took, summed up: packets and phases.

Whole packets and whole microseconds, so sums are exact whatever is merged in
whatever order. Of a result with one phase nothing is kept: that is its duration.
"""

from collections.abc import Mapping
from typing import Any

from .columns import Cursor, varint
from .model import Flag, Outcome, Result

#: Never to be changed but at the end: phases by the number under which they are
#: stored, from 1 on, in the order of one run.
KNOWN = (
    "wait",
    "resolve",
    "connect",
    "accept",
    "banner",
    "starttls",
    "tls",
    "rtt",
    "query",
    "answer",
    "first_byte",
    "transfer",
)
#: The readings that count packets.
PACKETS = ("sent", "received")
#: Of more phases than these only the first to come are kept.
MOST_PHASES = 24
_MOST_NAME = 64
_MOST_PACKETS = 1 << 20
_MOST_US = 10**15
_NUMBERS = {name: n for n, name in enumerate(KNOWN, 1)}
_SICK, _OK, _ERROR = int(Flag.SICK), Outcome.OK, Outcome.ERROR


class Beside:
    """Packets sent and lost, and for each phase how often it was and how long.

    ``phases`` has (count, sum in microseconds) by name.
    """

    __slots__ = ("lost", "phases", "sent")

    def __init__(self) -> None:
        self.sent = self.lost = 0
        self.phases: dict[str, tuple[int, int]] = {}

    def __eq__(self, other: object) -> bool:
        mine = (self.sent, self.lost, self.phases)
        return isinstance(other, Beside) and mine == (
            other.sent,
            other.lost,
            other.phases,
        )

    __hash__ = None  # type: ignore[assignment]  # it changes, so it is no key

    def add(
        self,
        outcome: Outcome,
        flags: int,
        phases: Mapping[str, float],
        readings: Mapping[str, Any],
    ) -> None:
        """Count one result; what a worker that is unwell sees says nothing here.

        Packets count of what was answered or not, phases of what was good.
        """
        if outcome is _ERROR or flags & _SICK:
            return
        sent, received = _packets(readings)
        self.sent += sent
        self.lost += sent - received
        if outcome is _OK and len(phases) > 1:
            for name, ms in phases.items():
                self._put(name, 1, _micros(ms))

    def merge(self, other: "Beside") -> None:
        """Count all that *other* counted as well."""
        self.sent += other.sent
        self.lost += other.lost
        for name, (count, sum_us) in other.phases.items():
            self._put(name, count, sum_us)

    def copy(self) -> "Beside":
        """Return one that holds the same now."""
        made = Beside()
        made.merge(self)
        return made

    @property
    def loss_pct(self) -> float | None:
        """The packets lost of a hundred; None if none was sent."""
        return round(100 * self.lost / self.sent, 3) if self.sent else None

    @property
    def phases_ms(self) -> dict[str, float]:
        """The mean of each phase, in the order of one run."""
        ordered = sorted(self.phases, key=lambda n: (_NUMBERS.get(n, 1 << 16), n))
        means = ((name, *self.phases[name]) for name in ordered)
        return {name: round(us / count / 1000, 3) for name, count, us in means}

    def pack(self) -> bytes | None:
        """Return it as bytes; None if it holds nothing."""
        if not self.sent and not self.phases:
            return None
        packed = varint(self.sent) + varint(self.lost)
        for name, (count, sum_us) in self.phases.items():
            number = _NUMBERS.get(name, 0)
            text = b"" if number else name.encode()
            packed += varint(number) + (b"" if number else varint(len(text)) + text)
            packed += varint(count) + varint(sum_us)
        return packed

    @classmethod
    def unpack(cls, packed: bytes) -> "Beside":
        """Return what ``pack`` made; StorageError for what it cannot have made."""
        cursor, made = Cursor(packed), cls()
        made.sent, made.lost = cursor.varint(), cursor.varint()
        while cursor.left:
            number = cursor.count(len(KNOWN))
            if number:
                name = KNOWN[number - 1]
            else:
                text = cursor.take(cursor.count(4 * _MOST_NAME))
                name = text.decode(errors="replace")
            made._put(name, max(1, cursor.varint()), cursor.varint())
        return made

    def _put(self, name: str, count: int, sum_us: int) -> None:
        known = self.phases.get(name)
        if known is not None:
            self.phases[name] = (known[0] + count, known[1] + sum_us)
        elif len(self.phases) < MOST_PHASES and len(name) <= _MOST_NAME:
            self.phases[name] = (count, sum_us)


def tells(result: Result) -> bool:
    """Return whether there is anything in *result* to be summed up here."""
    return len(result.phases) > 1 or "sent" in result.readings


def _packets(readings: Mapping[str, Any]) -> tuple[int, int]:
    """Return how many were sent and received; none of either if that cannot be."""
    sent, received = readings.get("sent"), readings.get("received")
    if type(sent) is not int or type(received) is not int:
        return 0, 0
    return (sent, received) if 0 <= received <= sent <= _MOST_PACKETS else (0, 0)


def _micros(ms: float) -> int:
    us = ms * 1000
    return round(us) if 0.0 <= us <= _MOST_US else 0
