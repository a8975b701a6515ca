"""When anything was measured at all: from the rollups, without their contents."""

from collections.abc import Iterator

from pangea.core.model import Job
from pangea.core.rollup import DAY, HOUR, MINUTE, QUICK_S, TEN_MINUTES
from pangea.core.uptime import Span, merged, without
from pangea.core.verdict import FOR_EVER_S, vote_lasts_s

from .connection import connection
from .open_part import Open, Part
from .rollup_rows import oldest

#: Ranges up to so long are looked at in steps of ten minutes, of an hour.
FINE_S, COARSE_S = 8 * DAY, 200 * DAY


def no_data(job: Job, whole: Span, buckets: Open | None = None) -> list[Span]:
    """Return when nothing at all was measured of *job* within *whole*.

    A result speaks for as long as its vote counts; the rollups tell to ten minutes
    when there was one, of a range over eight days to the hour. What reports by
    itself is silent between its reports, and measured all the same.
    """
    lasts = vote_lasts_s(job)
    if lasts >= FOR_EVER_S:
        return []
    # What memory holds is looked at first: a fold may move it to the rollups.
    starts = [found for part in _parts(buckets) for found in _open(part, job.id)]
    step = _step(job, whole)
    begin = whole.begin_us // 1_000_000 - round(lasts)
    starts += [(start, step) for start in _starts(job.id, step, begin, whole)]
    seen = merged(
        Span(start * 1_000_000, round((start + width + lasts) * 1e6))
        for start, width in starts
    )
    return without([whole], seen)


def _parts(buckets: Open | None) -> list[Part]:
    return list(buckets.parts) if buckets else []


def _open(part: Part, job: int) -> Iterator[tuple[int, int]]:
    """Yield (start, width) of the stretches with results that are not yet stored."""
    workers = list(part.workers)
    for width, start in list(part.stretches):
        if any(part.find((width, start, job, by)) is not None for by in workers):
            yield start, width


def _step(job: Job, whole: Span) -> int:
    """Return the finest rollup that is quick to read and reaches back far enough."""
    long = (whole.end_us - whole.begin_us) / 1e6
    steps = [TEN_MINUTES, HOUR, DAY]
    if job.interval_s < QUICK_S and long <= DAY:
        steps.insert(0, MINUTE)
    wanted = [s for s in steps if not (s <= TEN_MINUTES and long > FINE_S)]
    wanted = [s for s in wanted if not (s <= HOUR and long > COARSE_S)]
    for step in wanted:
        first = oldest(step)
        if first is not None and first * 1_000_000 <= whole.begin_us:
            return step
    return wanted[0]


def _starts(job: int, step: int, begin: int, whole: Span) -> list[int]:
    """Seek each stretch: the table is ordered by time, so a job lies scattered."""
    end = -(-whole.end_us // 1_000_000)
    rows = connection().execute(
        "WITH RECURSIVE stretch (at) AS (SELECT CAST(? AS BIGINT) UNION ALL"
        " SELECT at + ? FROM stretch WHERE at + ? < ?)"
        " SELECT at FROM stretch WHERE EXISTS (SELECT 1 FROM rollup"
        "  WHERE step = ? AND start = at AND job = ?)",
        (begin - begin % step, step, step, end, step, job),
    )
    return [at for (at,) in rows]
