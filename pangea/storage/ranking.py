"""The sums of all jobs over a stretch, for the list of the worst."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pangea.core.columns import Cursor
from pangea.core.histogram import Histogram, rank_of
from pangea.core.model import Job
from pangea.core.ranking import Slowest, Standing, lossiest, slowest
from pangea.core.rollup import DAY, HOUR, TEN_MINUTES, Bucket, Tally
from pangea.core.uptime import Span

from .connection import connection
from .folded import folded
from .open_part import Open, Part
from .rollup_rows import COLUMNS, bucket_of

#: Up to so long, in seconds, ten minutes are summed up, and hours.
SHORT_S, LONG_S = 3 * HOUR, 2 * DAY
#: Jobs that are looked for at once.
AT_ONCE = 200
#: Two numbers of packets take no more bytes of what is beside the durations.
_PACKETS = 20
_QUANTILE = 0.95


class Standings:
    """All *jobs* over one stretch, in sums of one width; used on one snapshot."""

    def __init__(
        self, span: Span, jobs: Mapping[int, Job], buckets: Open | None = None
    ) -> None:
        # What memory holds is looked at first: a fold may move it to the rollups.
        self._parts: list[Part] = list(buckets.parts) if buckets else []
        self._done = folded()
        self._jobs = jobs
        self.step = step = _step(span)
        begin = span.begin_us // 1_000_000
        self.begin, self.end = begin - begin % step, -(-span.end_us // 1_000_000)
        # Days are also kept over all workers.
        self._from = "day_total WHERE" if step == DAY else "rollup WHERE step = ? AND"
        self._step = () if step == DAY else (step,)
        self.standings = self._sum()

    @property
    def span(self) -> Span:
        """What is summed up; it begins with a sum."""
        return Span(self.begin * 1_000_000, self.end * 1_000_000)

    def slowest(self, limit: int) -> Slowest:
        """Return the jobs that are slowest, with their percentiles."""
        return slowest(self.standings, limit, self._percentiles, self._tails)

    def lossiest(self, limit: int) -> list[int]:
        """Return the jobs that lose or fail most."""
        for job, sent, lost in self._packets():
            standing = self.standings.get(job)
            if standing is not None:
                standing.sent += sent
                standing.lost += lost
        return lossiest(self.standings, limit)

    def buckets(self, jobs: Sequence[int]) -> dict[int, Bucket]:
        """Return all sums of *jobs*, with their histograms."""
        found: dict[int, Bucket] = {job: Bucket() for job in jobs}
        for job, *row in self._rows(jobs, COLUMNS):
            found[job].merge(bucket_of(tuple(row)))
        for job, tally in self._open():
            if job in found:
                found[job].merge(tally.close())
        return found

    def _rows(self, jobs: Sequence[int], columns: str) -> Iterator[tuple[Any, ...]]:
        """Yield (job, *columns) of all sums of *jobs*.

        Stretch by stretch, so that each job in it is a seek.
        """
        for at in range(0, len(jobs), AT_ONCE):
            some = jobs[at : at + AT_ONCE]
            marks = ", ".join("?" * len(some))
            for start in range(self.begin, self.end, self.step):
                yield from connection().execute(
                    f"SELECT job, {columns} FROM {self._from} start = ?"
                    f" AND job IN ({marks})",
                    (*self._step, start, *some),
                )

    def _sum(self) -> dict[int, Standing]:
        rows = connection().execute(
            "SELECT job, sum(ok), sum(failed), sum(error), sum(warn), sum(sum_us),"
            f" max(max_us) FROM {self._from} start >= ? AND start < ? GROUP BY job",
            (*self._step, self.begin, self.end),
        )
        found = {}
        for job, *row in rows:
            if job in self._jobs:
                # Sums of PostgreSQL are decimals.
                ok, failed, error, warn, sum_us, max_us = map(int, row)
                found[job] = Standing(
                    ok=ok,
                    failed=failed,
                    error=error,
                    warn=warn,
                    sum_us=sum_us,
                    max_us=max_us,
                )
        for job, tally in self._open():
            _count(found.setdefault(job, Standing()), tally)
        return found

    def _percentiles(self, jobs: Sequence[int]) -> dict[int, float]:
        found = {job: Histogram() for job in jobs}
        for job, packed in self._rows(jobs, "histogram"):
            found[job].merge(Histogram.unpack(packed))
        for job, tally in self._open():
            if job in found:
                found[job].merge(Histogram(tally.indexes))
        known = {job: self._percentile(job, h) for job, h in found.items()}
        return {job: us for job, us in known.items() if us is not None}

    def _percentile(self, job: int, durations: Histogram) -> float | None:
        """Return what the figures of *job* will say."""
        us, total = durations.quantile(_QUANTILE), durations.total
        most = self.standings[job].max_us
        if us is None or rank_of(_QUANTILE, total) < total:
            return us if us is None else min(us, most)
        return most

    def _tails(self, beyond_us: float) -> dict[int, int]:
        """Return how many results can have taken longer at most.

        In one sum: its slowest, and of the others no more than their time allows.
        """
        least = max(1, int(beyond_us))
        rows = connection().execute(
            f"SELECT job, sum(1 + (sum_us - max_us) / ?) FROM {self._from} start >= ?"
            " AND start < ? AND max_us > ? GROUP BY job",
            (least, *self._step, self.begin, self.end, least),
        )
        found = {job: int(most) for job, most in rows}
        for job, tally in self._open():
            if tally.max_us > least:
                found[job] = found.get(job, 0) + len(tally.indexes)
        return found

    def _packets(self) -> Iterator[tuple[int, int, int]]:
        """Yield (job, sent, lost) of all sums in which packets were counted."""
        rows = connection().execute(
            f"SELECT job, substr(beside, 1, {_PACKETS}) FROM {self._from} start >= ?"
            " AND start < ? AND substr(beside, 1, 1) <> ?",
            (*self._step, self.begin, self.end, b"\0"),
        )
        for job, packed in rows:
            cursor = Cursor(packed)
            yield job, cursor.varint(), cursor.varint()
        for job, tally in self._open():
            if tally.beside is not None:
                yield job, tally.beside.sent, tally.beside.lost

    def _open(self) -> Iterator[tuple[int, Tally]]:
        """Yield (job, sums) of what memory holds beyond the snapshot."""
        for part in self._parts:
            for shard, done in zip(part.shards, self._done, strict=True):
                if part.upto is not None and part.upto <= done:
                    continue
                for (_, start, job, _), tally in list(shard.items()):
                    if self.begin <= start < self.end and job in self._jobs:
                        yield job, tally


def _count(standing: Standing, tally: Tally) -> None:
    standing.ok += len(tally.indexes) + tally.untimed
    standing.failed += tally.failed
    standing.error += tally.error
    standing.warn += tally.warn
    standing.sum_us += tally.sum_us
    standing.max_us = max(standing.max_us, tally.max_us)


def _step(span: Span) -> int:
    """Return the width of the sums to use."""
    long = (span.end_us - span.begin_us) / 1e6
    if long > LONG_S:
        return DAY
    return HOUR if long > SHORT_S else TEN_MINUTES
