"""Results of one job and worker in a stretch of time, summed up."""

from array import array
from collections.abc import Mapping, Sequence
from typing import Any

from .beside import Beside
from .histogram import Histogram, index_of, rank_of
from .model import Flag, Outcome

MINUTE, TEN_MINUTES, HOUR, DAY = 60, 600, 3600, 86400
#: The stretches that are kept, in seconds; minutes only for quick jobs.
STEPS = (MINUTE, TEN_MINUTES, HOUR, DAY)
#: A job that runs more often than this, in seconds, is also kept by the minute.
QUICK_S = 20.0
_WARN, _SICK, _OK = int(Flag.WARN), int(Flag.SICK), Outcome.OK


class Tally:
    """A stretch that still grows: small in memory and quick to add to."""

    __slots__ = (
        "beside",
        "error",
        "failed",
        "indexes",
        "max_us",
        "min_us",
        "sum_us",
        "untimed",
        "warn",
    )

    def __init__(self) -> None:
        self.failed = self.error = self.warn = self.untimed = 0
        self.sum_us = self.max_us = 0
        self.min_us = -1
        self.indexes = array("H")
        self.beside: Beside | None = None

    def add(self, outcome: Outcome, flags: int, duration_us: int) -> None:
        """Count one result; only the durations of good ones say something.

        What a worker that is unwell reaches answers all the same, but not as fast as
        it is: that is counted, and not timed.
        """
        if outcome is _OK and flags & _SICK:
            self.untimed += 1
            if flags & _WARN:
                self.warn += 1
        elif outcome is _OK:
            self.indexes.append(index_of(duration_us))
            self.sum_us += duration_us
            if duration_us > self.max_us:
                self.max_us = duration_us
            if duration_us < self.min_us or self.min_us < 0:
                self.min_us = duration_us
            if flags & _WARN:
                self.warn += 1
        elif outcome is Outcome.FAILED:
            self.failed += 1
        else:
            self.error += 1

    def tell(
        self,
        outcome: Outcome,
        flags: int,
        phases: Mapping[str, float],
        readings: Mapping[str, Any],
    ) -> None:
        """Sum up what a result that was added tells beside its duration."""
        if self.beside is None:
            self.beside = Beside()
        self.beside.add(outcome, flags, phases, readings)

    def close(self) -> "Bucket":
        """Return what was counted until now."""
        indexes = self.indexes[:]
        bucket = Bucket()
        bucket.ok = len(indexes) + self.untimed
        bucket.failed, bucket.error = self.failed, self.error
        bucket.warn, bucket.sum_us = self.warn, self.sum_us
        bucket.min_us, bucket.max_us = max(self.min_us, 0), self.max_us
        bucket.histogram = Histogram(indexes)
        if self.beside is not None:
            bucket.beside = self.beside.copy()
        return bucket


class Bucket:
    """A stretch that can be merged with others.

    ``ok`` may be more than the histogram holds, by those whose time says nothing;
    ``min_us`` and ``max_us`` are 0 if it holds none. ``beside`` is None if no result
    told anything beside its duration.
    """

    __slots__ = (
        "beside",
        "error",
        "failed",
        "histogram",
        "max_us",
        "min_us",
        "ok",
        "sum_us",
        "warn",
    )

    def __init__(self) -> None:
        self.ok = self.failed = self.error = self.warn = 0
        self.sum_us = self.min_us = self.max_us = 0
        self.histogram = Histogram()
        self.beside: Beside | None = None

    def merge(self, other: "Bucket") -> None:
        """Count all that *other* counted as well."""
        if other.is_timed:
            low = min(self.min_us, other.min_us) if self.is_timed else other.min_us
            self.min_us, self.max_us = low, max(self.max_us, other.max_us)
        self.ok += other.ok
        self.failed += other.failed
        self.error += other.error
        self.warn += other.warn
        self.sum_us += other.sum_us
        self.histogram.merge(other.histogram)
        if other.beside is not None:
            if self.beside is None:
                self.beside = Beside()
            self.beside.merge(other.beside)

    def quantiles(self, shares: Sequence[float]) -> list[float | None]:
        """Return quantiles of the durations, each at its nearest rank.

        The least and the greatest are exact, and none lies beyond them.
        """
        low, high, total = self.min_us, self.max_us, self.histogram.total
        exact = {1: low, total: high}
        found = zip(shares, self.histogram.quantiles(shares), strict=True)
        return [
            us if us is None else exact.get(rank_of(q, total), min(max(us, low), high))
            for q, us in found
        ]

    @property
    def mean_us(self) -> float | None:
        """How long the good ones took in the mean, None if that is not known."""
        return self.sum_us / self.histogram.total if self.is_timed else None

    @property
    def is_timed(self) -> bool:
        """Whether any duration is known."""
        return bool(self.histogram.counts)

    @property
    def count(self) -> int:
        """How many results there were."""
        return self.ok + self.failed + self.error
