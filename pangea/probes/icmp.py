"""Ping probe: does the host answer echo requests, how fast and how evenly?"""

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import Annotated, Any, ClassVar, Self

from msgspec import Meta, Struct

from pangea.core.durations import milliseconds
from pangea.core.failure import ProbeFailed

from .base import Trace, register
from .connect import Family, literal, resolve
from .icmp_burst import Burst, Request
from .icmp_source import Source
from .target import is_address, parse_host
from .tools import Tools

_Percent = Annotated[float, Meta(gt=0, le=100)]
_Milliseconds = Annotated[float, Meta(gt=0, le=60_000)]


class IcmpOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to ping, and what is good enough.

    A run takes up to (count - 1) * gap_ms + wait_ms. It fails when the loss
    reaches ``fail_loss_pct``: by default only when nothing is answered. Latency
    is the mean of the answers, jitter the mean step from one to the next.
    ``source`` is one of this machine's addresses, or an interface that has one.
    """

    count: Annotated[int, Meta(ge=1, le=100)] = 5
    gap_ms: Annotated[float, Meta(ge=1, le=10_000)] = 200
    wait_ms: Annotated[float, Meta(ge=10, le=60_000)] = 1000
    size: Annotated[int, Meta(ge=0, le=65_500)] = 56
    ttl: Annotated[int, Meta(ge=1, le=255)] | None = None
    tos: Annotated[int, Meta(ge=0, le=255)] | None = None
    family: Family = "any"
    source: Annotated[str, Meta(max_length=64)] = ""
    dont_fragment: bool = False
    fail_loss_pct: _Percent = 100
    warn_loss_pct: _Percent | None = None
    fail_latency_ms: _Milliseconds | None = None
    warn_latency_ms: _Milliseconds | None = None
    fail_jitter_ms: _Milliseconds | None = None
    warn_jitter_ms: _Milliseconds | None = None


@register
class IcmpProbe:
    """Sends a few echo requests and looks at the answers together."""

    Options: ClassVar[type[Struct]] = IcmpOptions
    type: ClassVar[str] = "icmp"
    default_interval_s: ClassVar[float] = 30.0

    def __init__(self, host: str, options: IcmpOptions) -> None:
        self.host, self.options = host, options
        self._source = Source(options.source, options.family)
        self._literal = is_address(host)

    @classmethod
    def parse(cls, target: str, options: Any) -> Self:
        """Return the probe of the host name or address *target*."""
        return cls(parse_host(target), options)

    @property
    def needs_s(self) -> float:
        """How long sending takes: a shorter timeout fails healthy targets."""
        return (self.options.count - 1) * self.options.gap_ms / 1000

    @property
    def longest_s(self) -> float:
        """How long a run takes that nobody answers, in seconds."""
        o = self.options
        return ((o.count - 1) * o.gap_ms + o.wait_ms) / 1000

    async def run(self, trace: Trace, tools: Tools) -> None:
        """Ping once; too much loss or latency is a failure."""
        if self._literal:
            address = literal(self.host, self._source.family)
        else:
            address = await resolve(self.host, self._source.family, trace)
        with trace.phase("rtt"):
            burst = tools.icmp.begin(self._request(address))
            try:
                await burst.done
            finally:
                burst.finish()
                trace.readings.update(read(burst))
        mean = trace.readings["rtt_avg_ms"]
        if mean is not None:
            trace.phases["rtt"] = trace.duration_ms = mean
        judge(self.options, burst, trace)

    def _request(self, address: str) -> Request:
        o = self.options
        return Request(
            address,
            count=o.count,
            gap_s=o.gap_ms / 1000,
            wait_s=o.wait_ms / 1000,
            size=o.size,
            ttl=o.ttl,
            tos=o.tos,
            dont_fragment=o.dont_fragment,
            source=self._source.for_target(address),
        )


def read(burst: Burst) -> dict[str, Any]:
    """Return the readings of *burst*; times are None if nothing was answered."""
    rtts = [rtt for rtt in burst.rtts_ms if rtt is not None]
    sent, ordered = len(burst.rtts_ms), sorted(rtts)
    return {
        "address": burst.address,
        "sent": sent,
        "received": len(rtts),
        "loss_pct": round(100 * (sent - len(rtts)) / sent, 2) if sent else None,
        "rtt_min_ms": ordered[0] if rtts else None,
        "rtt_avg_ms": sum(rtts) / len(rtts) if rtts else None,
        "rtt_max_ms": ordered[-1] if rtts else None,
        "rtt_p50_ms": median(ordered) if rtts else None,
        "rtt_p95_ms": quantile(ordered, 0.95),
        "jitter_ms": jitter(rtts),
        "rtts_ms": list(burst.rtts_ms),
        "duplicates": burst.duplicates,
        "reordered": burst.reordered,
        "corrupted": burst.corrupted,
        "reply_ttl": burst.reply_ttl,
    }


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """Return the smallest of *ordered* that *share* of them do not exceed."""
    if not ordered:
        return None
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def jitter(rtts: list[float]) -> float | None:
    """Return the mean difference between one answer and the next, in ms."""
    steps = [abs(later - earlier) for earlier, later in pairwise(rtts)]
    return sum(steps) / len(steps) if steps else None


def judge(options: IcmpOptions, burst: Burst, trace: Trace) -> None:
    """Raise ProbeFailed or warn if *burst* is worse than *options* allow."""
    sent, received = len(burst.rtts_ms), burst.received
    if not received:
        raise _silence(burst)
    loss = trace.readings["loss_pct"]
    lost = f"{loss:g} % of {sent} packets lost, wanted less than"
    if loss >= options.fail_loss_pct:
        raise ProbeFailed("loss", f"{lost} {options.fail_loss_pct:g}")
    if options.warn_loss_pct is not None and loss >= options.warn_loss_pct:
        trace.warn("loss", f"{lost} {options.warn_loss_pct:g}")
    mean, uneven = trace.readings["rtt_avg_ms"], trace.readings["jitter_ms"] or 0.0
    for reason, what, got, fail, warn in (
        ("latency", "mean", mean, options.fail_latency_ms, options.warn_latency_ms),
        ("jitter", "jitter", uneven, options.fail_jitter_ms, options.warn_jitter_ms),
    ):
        if fail is not None and got > fail:
            raise ProbeFailed(reason, _more(what, got, fail))
        if warn is not None and got > warn:
            trace.warn(reason, _more(what, got, warn))
    if burst.corrupted:
        altered = f"{burst.corrupted} of {received} answers came back altered or cut"
        trace.warn("protocol", f"{altered}, wanted what was sent")


def _silence(burst: Burst) -> ProbeFailed:
    if burst.refusal is not None:
        return ProbeFailed(*burst.refusal)
    sent, wait_s = len(burst.rtts_ms), burst.request.wait_s
    packets = "packet" if sent == 1 else "packets"
    each = f"no answer to {sent} {packets} within {wait_s:g} s each"
    return ProbeFailed("timeout", each)


def _more(what: str, got: float, wanted: float) -> str:
    return f"{what} {milliseconds(got)}, wanted at most {wanted:g} ms"
