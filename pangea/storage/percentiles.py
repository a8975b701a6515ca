"""Sums of one job over any stretch, by worker: what percentiles are made of.

Histograms can be merged, so a stretch is put together of few wide sums and some narrow
ones at its ends (``core.cover``), and of what memory still holds. A short stretch is
made of its results, so that it begins and ends where it was asked to.
"""

from collections.abc import Iterable, Iterator, Sequence
from math import ceil

from msgspec import Struct

from pangea.core.cover import Piece, cover, lists, uniform
from pangea.core.model import Flag, Job, Result
from pangea.core.rollup import DAY, HOUR, MINUTE, QUICK_S, TEN_MINUTES, Bucket, Tally
from pangea.core.uptime import Span

from . import results
from .connection import connection
from .folded import folded, shard_of
from .history import RAW_STEPS
from .open_part import Open
from .rollup_rows import COLUMNS, bucket_of, oldest

#: Of a stretch so short, in seconds, results are read, if so few must be looked at.
SHORT_S, RAW_SCAN = 3600, 200_000
#: Rollups that are sought at once.
AT_ONCE = 200
#: Points at most; more than one rollup for each is read where they fit badly.
MOST_POINTS = 500
_DRILL = int(Flag.DRILL)


class Sums(Struct):
    """What was summed up, by worker: over all of ``span``, and by point.

    ``step`` is the narrowest rollup that was used, 0 of results. ``points`` has the
    stretches in which there was anything, by their beginnings (UTC seconds).
    """

    span: Span
    step: int
    whole: dict[int, Bucket]
    point_s: int = 0
    points: dict[int, dict[int, Bucket]] = {}

    @property
    def starts(self) -> range:
        """When each of its points begins."""
        if not self.point_s:
            return range(0)
        first, end = _seconds(self.span)
        return range(first - first % self.point_s, end, self.point_s)

    def add(self, at: int, worker: int, bucket: Bucket) -> None:
        """Count what *worker* found in the sums that begin then."""
        self.whole.setdefault(worker, Bucket()).merge(bucket)
        if self.point_s:
            point = self.points.setdefault(at - at % self.point_s, {})
            point.setdefault(worker, Bucket()).merge(bucket)


def sums(
    job: Job, span: Span, *, points: int = 0, now_us: int, buckets: Open | None = None
) -> Sums:
    """Return the sums of *job* over *span*, if wanted in about so many *points*."""
    since, until = _seconds(span)
    width = max(1, -(-(until - since) // min(points, MOST_POINTS))) if points else 0
    if _is_short(job, span):
        return _of_results(job, span, _raw_width(job, width))
    # What memory holds is looked at first: a fold may move it to the rollups.
    held = _Held(job.id, buckets)
    kept = _kept(held)
    if points:
        piece, point_s = uniform(since, until, width, kept)
        found = _read(job.id, span, [piece], point_s, held)
    else:
        pieces = cover(since, until, kept, is_open=span.end_us >= now_us)
        found = _read(job.id, span, pieces, 0, held)
    # There is nothing before all that is kept, nor beyond now.
    begin = min(found.span.begin_us, span.begin_us)
    end = min(found.span.end_us, max(now_us, span.end_us))
    found.span = Span(begin, max(end, begin))
    return found


def sums_by(job: Job, span: Span, step: int, buckets: Open | None = None) -> Sums:
    """Return the sums of *job* over *span*, a point for each stretch of *step*."""
    held = _Held(job.id, buckets)
    since, until = _seconds(span)
    piece = Piece(step, since - since % step, until)
    return _read(job.id, span, [piece], step, held)


def narrowest(job: Job, since: int, buckets: Open | None = None) -> tuple[int, int]:
    """Return the narrowest step that is kept since then, and since when.

    Both are UTC seconds. If none reaches so far back it is the one that reaches
    furthest.
    """
    kept = _kept(_Held(job.id, buckets))
    there = {step: first for step, first in kept.items() if first is not None}
    if not there:
        return DAY, since
    reaching = [step for step, first in there.items() if first <= since]
    if reaching:
        return min(reaching), since
    furthest = min(there, key=lambda step: (there[step], step))
    return furthest, there[furthest]


def _kept(held: "_Held") -> dict[int, int | None]:
    """Return since when the sums of each step are kept; days are kept longest.

    What memory alone holds will be in all of them. Minutes are left out: a job has
    none of the time before it was known to be quick.
    """
    kept = {step: oldest(step) for step in (TEN_MINUTES, HOUR, DAY)}
    first = held.first()
    if first is not None:
        alone = {step for step, stored in kept.items() if stored is None}
        for step in alone | {DAY}:
            stored = kept[step]
            begin = first - first % step
            kept[step] = begin if stored is None else min(stored, begin)
    return kept


def _seconds(span: Span) -> tuple[int, int]:
    return span.begin_us // 1_000_000, -(-span.end_us // 1_000_000)


def steps_of(job: Job) -> list[int]:
    """Return the widths of the rollups that are kept of *job*, the narrowest first."""
    quick = [MINUTE] if job.interval_s < QUICK_S else []
    return [*quick, TEN_MINUTES, HOUR, DAY]


def _is_short(job: Job, span: Span) -> bool:
    if span.end_us - span.begin_us > SHORT_S * 1_000_000:
        return False
    if not results.reaches(span.begin_us):
        return False
    return results.effort(job.id, span.begin_us, span.end_us) <= RAW_SCAN


def _raw_width(job: Job, wanted: int) -> int:
    """Return how wide points of results are that are to be about so wide; 0: none."""
    if not wanted:
        return 0
    width = max(wanted, ceil(job.interval_s))
    return next((step for step in RAW_STEPS if step >= width), TEN_MINUTES)


def _of_results(job: Job, span: Span, point_s: int) -> Sums:
    """Return the sums of the results themselves."""
    tallies: dict[tuple[int, int], Tally] = {}
    for row in _results(job.id, span):
        if not row.flags & _DRILL:
            at = row.started_at_us // 1_000_000 if point_s else 0
            place = (at - at % point_s if point_s else 0, row.worker)
            tally = tallies.setdefault(place, Tally())
            tally.add(row.outcome, row.flags, results.micros(row.duration_ms))
            tally.tell(row.outcome, row.flags, row.phases, row.readings)
    found = Sums(span, 0, {}, point_s, {})
    for (at, worker), tally in tallies.items():
        found.add(at, worker, tally.close())
    return found


def _results(job: int, span: Span) -> Iterator[Result]:
    cursor: str | None = None
    while True:
        page = results.query(
            job,
            since_us=span.begin_us,
            until_us=span.end_us,
            limit=results.MOST,
            before=cursor,
        )
        yield from page.items
        cursor = page.next
        if cursor is None:
            return


def _read(
    job: int, span: Span, pieces: Sequence[Piece], point_s: int, held: "_Held"
) -> Sums:
    """Return what *pieces* add up to; of none all that was asked for is nothing."""
    whole = span
    if pieces:
        whole = Span(pieces[0].first * 1_000_000, pieces[-1].end * 1_000_000)
    found = Sums(whole, min((p.step for p in pieces), default=0), {}, point_s, {})
    for at, worker, bucket in (
        *_stored(job, pieces),
        *held.within(whole, found.step or DAY),
    ):
        found.add(at, worker, bucket)
    return found


def _stored(job: int, pieces: Iterable[Piece]) -> Iterator[tuple[int, int, Bucket]]:
    """Yield (start, worker, sums); each start is sought, as a job lies scattered."""
    for piece in pieces:
        for starts in lists(piece, AT_ONCE):
            marks = ", ".join("?" * len(starts))
            rows = connection().execute(
                f"SELECT start, worker, {COLUMNS} FROM rollup"
                f" WHERE step = ? AND start IN ({marks}) AND job = ?",
                (piece.step, *starts, job),
            )
            for start, worker, *row in rows:
                yield start, worker, bucket_of(tuple(row))


class _Held:
    """What memory holds of a job beyond the snapshot; see ``history``."""

    def __init__(self, job: int, buckets: Open | None) -> None:
        parts = list(buckets.parts) if buckets else []
        done = folded()[shard_of(job)]
        self._job = job
        self._parts = [p for p in parts if p.upto is None or p.upto > done]

    def first(self) -> int | None:
        """Return when the oldest of it begins (UTC seconds), None if there is none."""
        starts = (start for part in self._parts for _, start in list(part.stretches))
        return min(starts, default=None)

    def within(self, span: Span, widest: int) -> Iterator[tuple[int, int, Bucket]]:
        """Yield (start, worker, sums) of what begins within *span*.

        What is wider than *widest* is of a time when the job was not quick.
        """
        begin, end = _seconds(span)
        for part in self._parts:
            for width, start in list(part.stretches):
                if width > widest or not begin <= start < end:
                    continue
                for worker in list(part.workers):
                    tally = part.find((width, start, self._job, worker))
                    if tally is not None:
                        yield start, worker, tally.close()
