"""Who may knock, before anything is said: pure rules, time is an argument."""

from collections import Counter, OrderedDict
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from math import floor
from zlib import crc32


class Knock(StrEnum):
    """The answer to somebody who wants to begin a handshake."""

    COME_IN = "come in"
    TOO_MANY = "too many handshakes at once"
    TOO_MANY_FROM_THERE = "too many handshakes at once from this address"
    TOO_MANY_FAILURES = "too many failed handshakes from this address"


_COME_IN = Knock.COME_IN


@dataclass(frozen=True, slots=True, kw_only=True)
class KnockLimits:
    """``burst`` failures at once and ``rate`` a second, then the door stays shut.

    ``refusals`` at once and ``refusals_rate`` a second are said aloud; who goes on
    knocking after those floods the door.
    No more than ``half_open`` handshakes go on at once; of an address that has
    failed lately no more than ``half_open_each``, and ``reserve`` places are kept
    for the others.
    """

    half_open: int = 128
    half_open_each: int = 8
    reserve: int = 32
    burst: float = 20.0
    rate: float = 5.0
    refusals: float = 40.0
    refusals_rate: float = 5.0
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
        most = self._limits.remembered
        self._failures = Buckets(self._limits.burst, self._limits.rate, most)
        self._refusals = Buckets(
            self._limits.refusals, self._limits.refusals_rate, most
        )

    @property
    def half_open(self) -> int:
        """How many handshakes are going on."""
        return self._total

    def is_shut(self, address: str, now: float) -> bool:
        """Tell whether *address* has failed lately and is not heard now."""
        source = source_of(address)
        return source in self._failures and self._judge(source, now) is not _COME_IN

    def is_suspect(self, address: str) -> bool:
        """Tell whether *address* has failed lately."""
        return bool(self._failures) and source_of(address) in self._failures

    def refused(self, address: str, now: float) -> None:
        """Note that *address* was told that it is shut out."""
        self._refusals.take(source_of(address), now)

    def is_flooding(self, address: str, now: float) -> bool:
        """Tell whether *address* has been told so often enough."""
        return bool(self._refusals) and self._refusals.is_empty(source_of(address), now)

    def knock(self, address: str, now: float) -> Knock:
        """Judge a new connection from *address* at *now* (monotonic seconds)."""
        source = source_of(address)
        knock = self._judge(source, now)
        if knock is _COME_IN:
            self._half_open[source] += 1
            self._total += 1
        return knock

    def _judge(self, source: str, now: float) -> Knock:
        if self._failures.is_empty(source, now):
            return Knock.TOO_MANY_FAILURES
        suspect = source in self._failures
        if suspect and self._half_open[source] >= self._limits.half_open_each:
            return Knock.TOO_MANY_FROM_THERE
        limits = self._limits
        most = limits.half_open - limits.reserve if suspect else limits.half_open
        return Knock.TOO_MANY if self._total >= most else _COME_IN

    def leave(self, address: str, now: float, *, failed: bool) -> None:
        """The handshake from *address* is over, one way or the other."""
        source = source_of(address)
        self._total -= 1
        self._half_open[source] -= 1
        if not self._half_open[source]:
            del self._half_open[source]
        if failed:
            self._failures.take(source, now)


class Buckets:
    """A bucket of *burst* tokens for each source, filled by *rate* a second.

    Each is filled at moments of its own: else a crowd that was shut out together would
    come back together, many times a second. Only those that are not full are kept, the
    latest *most* of them.
    """

    def __init__(self, burst: float, rate: float, most: int) -> None:
        self._burst, self._rate, self._most = burst, rate, most
        self._kept: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        """How many are not full."""
        return len(self._kept)

    def __contains__(self, source: str) -> bool:
        """Whether that of *source* was not full when it was last looked at."""
        return source in self._kept

    def take(self, source: str, now: float) -> None:
        """Take a token out, if there is one."""
        self._kept[source] = (max(0.0, self._tokens(source, now) - 1.0), now)
        self._kept.move_to_end(source)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def is_empty(self, source: str, now: float) -> bool:
        """Tell whether there is none to take."""
        return source in self._kept and self._tokens(source, now) < 1.0

    def _tokens(self, source: str, now: float) -> float:
        left, at = self._kept.get(source, (self._burst, now))
        turn = _turn_of(source)
        drops = floor(now * self._rate + turn) - floor(at * self._rate + turn)
        tokens = min(self._burst, left + drops)
        if tokens >= self._burst:
            self._kept.pop(source, None)
        return tokens


@lru_cache(4096)
def _turn_of(source: str) -> float:
    """Return when, between two drops, the bucket of *source* gets its own: 0 to 1."""
    return crc32(source.encode()) / 2**32


@lru_cache(4096)
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
