"""Who may knock, before anything is said: pure rules, time is an argument."""

from collections import Counter, OrderedDict
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address


class Knock(StrEnum):
    """The answer to somebody who wants to begin a handshake."""

    COME_IN = "come in"
    TOO_MANY = "too many handshakes at once"
    TOO_MANY_FROM_THERE = "too many handshakes at once from this address"
    TOO_MANY_FAILURES = "too many failed handshakes from this address"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnockLimits:
    """``burst`` failures at once and ``rate`` a second, then the door stays shut."""

    half_open: int = 128
    half_open_each: int = 8
    burst: float = 20.0
    rate: float = 5.0
    remembered: int = 4096


class Doorkeeper:
    """Counts half-open handshakes and failures by address.

    An address is an IPv4 address or an IPv6 /64. Only failures are punished: a
    site behind one address may come back all at once. Every `knock` that gets
    `Knock.COME_IN` must be followed by one `leave`.
    """

    def __init__(self, limits: KnockLimits | None = None) -> None:
        self._limits = limits or KnockLimits()
        self._half_open: Counter[str] = Counter()
        self._total = 0
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    @property
    def half_open(self) -> int:
        """How many handshakes are going on."""
        return self._total

    def knock(self, address: str, now: float) -> Knock:
        """Judge a new connection from *address* at *now* (monotonic seconds)."""
        source = source_of(address)
        if self._total >= self._limits.half_open:
            return Knock.TOO_MANY
        if self._half_open[source] >= self._limits.half_open_each:
            return Knock.TOO_MANY_FROM_THERE
        if self._tokens(source, now) < 1.0:
            return Knock.TOO_MANY_FAILURES
        self._half_open[source] += 1
        self._total += 1
        return Knock.COME_IN

    def leave(self, address: str, now: float, *, failed: bool) -> None:
        """The handshake from *address* is over, one way or the other."""
        source = source_of(address)
        self._total -= 1
        self._half_open[source] -= 1
        if not self._half_open[source]:
            del self._half_open[source]
        if failed:
            left = max(0.0, self._tokens(source, now) - 1.0)
            self._buckets[source] = (left, now)
            self._buckets.move_to_end(source)
            if len(self._buckets) > self._limits.remembered:
                self._buckets.popitem(last=False)

    def _tokens(self, source: str, now: float) -> float:
        left, at = self._buckets.get(source, (self._limits.burst, now))
        tokens = min(self._limits.burst, left + (now - at) * self._limits.rate)
        if tokens >= self._limits.burst:
            self._buckets.pop(source, None)
        return tokens


def source_of(address: str) -> str:
    """Return what is counted as one: the IPv4 address, or the IPv6 /64.

    An IPv4 address mapped into IPv6 is counted as the IPv4 address; text that is
    no address (a Unix socket, a bad proxy header) is all counted as one.
    """
    try:
        parsed: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    except ValueError:
        return "?"
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(IPv6Address(int(parsed) >> 64 << 64)) + "/64"
