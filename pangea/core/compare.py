"""Two sums side by side: what differs by more than chance, in words.

A quantile differs if what it may be on one side (three standard deviations of its
rank either way) and on the other do not touch, a share if both cannot well be of
one population; and by so much that it is not the histogram's own error.
"""

from collections.abc import Iterator
from math import ceil, floor, inf, sqrt

from msgspec import Struct

from .beside import Beside
from .figures import Figures, figures
from .histogram import Histogram
from .rollup import Bucket

#: Standard deviations beyond which it is no chance.
SIGMA = 3.0
#: A smaller change of a time, as a share, is not told.
LEAST_CHANGE = 0.05
QUANTILES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}
#: Of fewer results nothing can be told apart.
FEW = 5
_MS, _PCT = "ms", "%"
#: Begins what is told of a phase: that which had most of the change.
PHASE = "phase "


class Difference(Struct, frozen=True, kw_only=True):
    """What differs, from and to how much, in ``ms`` or ``%``; None: there is none."""

    what: str
    unit: str
    before: float | None
    after: float | None
    change_pct: float | None = None

    @property
    def is_worse(self) -> bool:
        """Whether it is more than before: slower, or lost more often."""
        return (self.after or 0.0) > (self.before or 0.0)

    @property
    def words(self) -> str:
        """Return it as ``p95 42 → 61 ms (+45 %)``."""
        change = "" if self.change_pct is None else f" ({self.change_pct:+.0f} %)"
        what = self.what.replace(PHASE, "mostly ", 1)
        return f"{what} {_moved(self.before, self.after, self.unit)}{change}"


def compare(before: Bucket, after: Bucket) -> list[Difference]:
    """Return what differs between two sums, what people ask for first."""
    if min(before.count, after.count) < FEW:
        return []
    a, b = figures(before), figures(after)
    return [
        *_times(before, after),
        *_phases(a, b),
        *_shares(before, after, a, b),
    ]


def in_words(before: Bucket, after: Bucket, found: list[Difference]) -> str:
    """Return what was found in a sentence, or why nothing could be."""
    counts = before.count, after.count
    if 0 in counts:
        nothing = "neither side" if counts == (0, 0) else "one side"
        return f"nothing was measured on {nothing}"
    if min(counts) < FEW:
        return f"too few results to tell: {counts[0]} and {counts[1]}"
    told = _told(found)
    if not told:
        return "no difference beyond chance"
    return ", ".join(one.words for one in told)


def _told(found: list[Difference]) -> list[Difference]:
    """Leave p99 away where p50 or p95 says it already, a phase where no time does."""
    told = {one.what for one in found}
    if told & {"p50", "p95"}:
        return [one for one in found if one.what != "p99"]
    if "p99" in told:
        return found
    return [one for one in found if not one.what.startswith(PHASE)]


def _times(before: Bucket, after: Bucket) -> Iterator[Difference]:
    shares = list(QUANTILES.values())
    known = zip(before.quantiles(shares), after.quantiles(shares), strict=True)
    one, other = before.histogram, after.histogram
    for (what, q), (a, b) in zip(QUANTILES.items(), known, strict=True):
        if a is None or b is None:
            continue
        change = (b - a) / a if a else 1.0 if b else 0.0
        (low_a, high_a), (low_b, high_b) = bounds(one, q), bounds(other, q)
        apart = high_a < low_b or high_b < low_a
        if apart and abs(change) >= LEAST_CHANGE:
            yield Difference(
                what=what,
                unit=_MS,
                before=round(a / 1000, 3),
                after=round(b / 1000, 3),
                change_pct=round(change * 100, 1) if a else None,
            )


def bounds(histogram: Histogram, q: float) -> tuple[float, float]:
    """Return between what the quantile *q* may lie, in microseconds.

    Below the least and beyond the greatest that was seen anything is possible.
    """
    total = histogram.total
    rank, spread = q * total, SIGMA * sqrt(total * q * (1 - q))
    least, most = floor(rank - spread), ceil(rank + spread)
    low = histogram.quantile(least / total) if least >= 1 else 0.0
    high = histogram.quantile(most / total) if 1 <= most <= total else None
    return low or 0.0, inf if high is None else high


def _shares(
    before: Bucket, after: Bucket, a: Figures, b: Figures
) -> Iterator[Difference]:
    judged = before.ok + before.failed, after.ok + after.failed
    if apart(before.failed, judged[0], after.failed, judged[1]):
        yield _share("failures", a.failed_pct, b.failed_pct)
    one, other = before.beside or Beside(), after.beside or Beside()
    if apart(one.lost, one.sent, other.lost, other.sent):
        yield _share("loss", a.loss_pct, b.loss_pct)
    if apart(before.error, before.count, after.error, after.count):
        could_not = 100 * before.error / before.count, 100 * after.error / after.count
        yield _share("could not tell", *could_not)
    if apart(before.warn, before.ok, after.warn, after.ok):
        warned = 100 * before.warn / before.ok, 100 * after.warn / after.ok
        yield _share("warnings", *warned)


def _phases(a: Figures, b: Figures) -> Iterator[Difference]:
    """Yield the phase that grew or shrank most, if the mean is another one."""
    means = {
        name: (a.phases_ms[name], b.phases_ms[name])
        for name in a.phases_ms
        if name in b.phases_ms
    }
    if not means or not a.mean_ms or not b.mean_ms:
        return
    moved = b.mean_ms - a.mean_ms
    name, (was, is_) = max(means.items(), key=lambda m: (m[1][1] - m[1][0]) * moved)
    if abs(moved) >= LEAST_CHANGE * a.mean_ms and (is_ - was) * moved > 0:
        change = round((is_ - was) / was * 100, 1) if was else None
        yield Difference(
            what=f"{PHASE}{name}", unit=_MS, before=was, after=is_, change_pct=change
        )


def _share(what: str, a: float | None, b: float | None) -> Difference:
    return Difference(what=what, unit=_PCT, before=a, after=b)


def apart(part_a: int, whole_a: int, part_b: int, whole_b: int) -> bool:
    """Tell whether two shares are not of one population."""
    if not whole_a or not whole_b:
        return False
    p = (part_a + part_b) / (whole_a + whole_b)
    spread = sqrt(p * (1 - p) * (1 / whole_a + 1 / whole_b))
    return abs(part_a / whole_a - part_b / whole_b) > SIGMA * spread


def _moved(before: float | None, after: float | None, unit: str) -> str:
    if unit == _MS and max(before or 0.0, after or 0.0) >= 999.5:
        return f"{_number(before, 0.001)} → {_number(after, 0.001)} s"
    return f"{_number(before, 1)} → {_number(after, 1)} {unit}"


def _number(value: float | None, scale: float) -> str:
    if value is None:
        return "none"
    value *= scale
    return f"{value:.0f}" if value >= 99.5 else f"{value:.2g}"
