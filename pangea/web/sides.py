"""The two sides of a comparison, as they are asked for."""

from typing import Annotated

from msgspec import Meta, Struct, field

from pangea.core.durations import Seconds
from pangea.core.errors import UsageError
from pangea.core.uptime import Span

from .asked import moment_us
from .ranges import FIRST_US, LAST_US, a_day, span_of

Name = Annotated[str, Meta(max_length=63)]
Region = Annotated[str, Meta(max_length=200)]


class CompareQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A stretch with another one, or a worker or region with another one.

    The other stretch is so much ``earlier`` (as long as the stretch, if nothing is
    said), or goes from ``other_since`` to ``other_until``.
    """

    range: Seconds = field(default_factory=a_day)
    since: str | None = None
    until: str | None = None
    worker: Name | None = None
    region: Region | None = None
    earlier: Seconds | None = None
    other_since: str | None = None
    other_until: str | None = None
    other_worker: Name | None = None
    other_region: Region | None = None


class Side(Struct, frozen=True):
    """One side of a comparison; without worker and region all workers are meant.

    ``but`` is a worker or region that is left out of all.
    """

    span: Span
    worker: str | None = None
    region: str | None = None
    but: bool = False


def sides_of(asked: CompareQuery, now: float) -> tuple[Side, Side]:
    """Return which two sides are asked for, as seen from *now* (UTC seconds).

    Of two stretches the earlier one is the first. Raises UsageError for more than
    one difference, or a stretch without an extent.
    """
    span = span_of(asked, now)
    _check(asked)
    mine = Side(span, asked.worker, asked.region)
    if asked.other_worker is not None or asked.other_region is not None:
        other = Side(span, asked.other_worker, asked.other_region)
        if mine.worker is None and mine.region is None:
            mine = Side(span, other.worker, other.region, but=True)
        return mine, other
    other = Side(_other(asked, span, now), asked.worker, asked.region)
    return (other, mine) if other.span < mine.span else (mine, other)


def _check(asked: CompareQuery) -> None:
    """Raise UsageError unless at most one thing is to differ."""
    others = (asked.other_worker, asked.other_region, asked.earlier, asked.other_since)
    if sum(one is not None for one in others) > 1:
        raise UsageError(
            "one thing at a time: earlier, other_since, other_worker or other_region"
        )
    if asked.worker is not None and asked.region is not None:
        raise UsageError("a worker or a region, not both")
    if asked.other_until is not None and asked.other_since is None:
        raise UsageError("other_until: wants other_since as well")


def _other(asked: CompareQuery, span: Span, now: float) -> Span:
    """Return the stretch that *span* is compared with."""
    length = span.end_us - span.begin_us
    if asked.other_since is not None:
        since = moment_us(asked.other_since, now, "other_since") or 0
        until = moment_us(asked.other_until, now, "other_until") or since + length
        since, until = max(since, FIRST_US), min(until, LAST_US)
        if since >= until:
            raise UsageError("other_since: must be before other_until")
        return Span(since, until)
    back = length if asked.earlier is None else round(asked.earlier * 1e6)
    if back <= 0:
        raise UsageError("earlier: wanted more than nothing")
    if span.begin_us - back < FIRST_US:
        raise UsageError("earlier: that was before 1970", hint="such as 7d")
    return Span(span.begin_us - back, span.end_us - back)
