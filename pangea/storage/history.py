"""The history of a job as a page draws it: points of equal width."""

from collections.abc import Iterable
from math import ceil

from msgspec import Struct, field

from pangea.core.model import Flag, Job
from pangea.core.rollup import DAY, HOUR, MINUTE, QUICK_S, TEN_MINUTES, Bucket, Tally

from . import results
from .folded import folded, shard_of
from .open_part import Open, Part
from .rollup_rows import of_job, oldest

#: Points finer than a rollup are made of raw results, if so few must be read; if they
#: are hardly finer, if hardly any must be.
RAW_SCAN, HARDLY_ANY = 200_000, 25_000
HARDLY_FINER_S = 120
RAW_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300)
MOST_POINTS = 2_000
_DRILL = int(Flag.DRILL)


class Point(Struct, frozen=True, kw_only=True):
    """A stretch that begins at ``at_us``; durations are None if none is known.

    ``loss_pct`` is None where no packets were sent, ``phases_ms`` has the means.
    """

    at_us: int
    ok: int
    failed: int
    error: int
    missing: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    min_ms: float | None
    max_ms: float | None
    mean_ms: float | None = None
    loss_pct: float | None = None
    phases_ms: dict[str, float] = field(default_factory=dict)


class History(Struct, frozen=True, kw_only=True):
    """Points ``step_s`` wide.

    ``good`` is the share of good ones among good and failed results, None if
    there are none; ``coverage`` the share of what should have been measured.
    Both count from ``added_us``, if the job was added after the beginning.
    """

    step_s: int
    points: list[Point]
    good: float | None
    coverage: float
    added_us: int | None = None


def history(
    job: Job,
    since_us: int,
    until_us: int,
    points: int,
    *,
    worker: int | None = None,
    workers: int = 1,
    buckets: Open | None = None,
) -> History:
    """Return about *points* points from *since_us* until *until_us*.

    *workers* is how many probe the job, to tell what is missing. Raw results are
    used where the points are finer than a rollup and reading them is cheap;
    otherwise there are fewer points.
    """
    since, until = since_us // 1_000_000, -(-until_us // 1_000_000)
    # To the millisecond: a stretch of so many hours that ends within a second is no
    # reason for steps of two.
    width = (until_us - since_us) / 1e6 / min(max(points, 1), MOST_POINTS)
    wanted = max(1, ceil(width - 1e-3), ceil(job.interval_s))
    # What memory holds is looked at first: see ``_open``.
    parts = list(buckets.parts) if buckets else []
    done = folded()[shard_of(job.id)]
    step = _raw_step(job, since, until, wanted)
    if step:
        found = _raw(job.id, worker, since, until, step)
    else:
        base = _base(job, since, wanted)
        step = base * -(-wanted // base)
        found = _stored(job.id, worker, since, until, base, step)
        _open(found, parts, done, job.id, worker, base, step)
    return _history(found, job, since, until, step, 1 if worker else workers)


def _raw_step(job: Job, since: int, until: int, wanted: int) -> int:
    """Return the width of points made of raw results, or 0 if rollups must do."""
    if wanted >= (MINUTE if job.interval_s < QUICK_S else TEN_MINUTES):
        return 0
    reach = (since * 1_000_000, until * 1_000_000)
    most = RAW_SCAN if wanted < HARDLY_FINER_S else HARDLY_ANY
    if results.effort(job.id, *reach) > most:
        return 0
    if not results.reaches(reach[0]):
        return 0
    return next((step for step in RAW_STEPS if step >= wanted), TEN_MINUTES)


def _base(job: Job, since: int, wanted: int) -> int:
    """Return the widest rollup that is fine enough and reaches back far enough."""
    steps = [DAY, HOUR, TEN_MINUTES]
    if job.interval_s < QUICK_S:
        steps.append(MINUTE)
    base = next((step for step in steps if step <= wanted), steps[-1])
    for wider in reversed(steps):
        if wider < base:
            continue
        first = oldest(wider)
        if first is not None and first <= since:
            return wider
    return base


def _raw(
    job: int, worker: int | None, since: int, until: int, step: int
) -> dict[int, Bucket]:
    tallies: dict[int, Tally] = {}
    rows = results.measured(job, worker, since * 1_000_000, until * 1_000_000)
    for (started_us, duration_us, code, flags, _), phases, readings in rows:
        if flags & _DRILL:
            continue
        outcome = results.OUTCOMES[code]
        start = started_us // 1_000_000
        start -= start % step
        tally = tallies.get(start)
        if tally is None:
            tally = tallies[start] = Tally()
        tally.add(outcome, flags, duration_us)
        if phases or readings:
            tally.tell(outcome, flags, phases, readings)
    return {start: tally.close() for start, tally in tallies.items()}


def _stored(
    job: int, worker: int | None, since: int, until: int, base: int, step: int
) -> dict[int, Bucket]:
    found: dict[int, Bucket] = {}
    starts = range(since - since % base, until, base)
    for at, bucket in of_job(job, worker, starts, base):
        _add(found, at - at % step, bucket)
    return found


def _open(
    found: dict[int, Bucket],
    parts: Iterable[Part],
    done: int,
    job: int,
    worker: int | None,
    base: int,
    step: int,
) -> None:
    """Add what memory holds beyond the snapshot.

    The parts were listed before the snapshot was taken. One that was folded since
    has an ``upto`` that the snapshot's ``folded_to`` covers, and is left out.
    """
    for part in parts:
        if part.upto is not None and part.upto <= done:
            continue
        workers = list(part.workers) if worker is None else [worker]
        for width, start in list(part.stretches):
            at = start - start % base
            for by in workers:
                tally = part.find((width, start, job, by))
                if tally is not None:
                    _add(found, at - at % step, tally.close())


def _add(found: dict[int, Bucket], at: int, bucket: Bucket) -> None:
    if at in found:
        found[at].merge(bucket)
    else:
        found[at] = bucket


def _history(
    found: dict[int, Bucket], job: Job, since: int, until: int, step: int, workers: int
) -> History:
    # A run that began less than a timeout ago may still be on its way.
    due = min(until, until - job.timeout_s)
    created = job.created_at_us / 1e6
    points, ok, judged, count = list[Point](), 0, 0, 0
    for at in range(since - since % step, until, step):
        bucket = found.get(at, Bucket())
        begin = max(at, created, since)
        expected = _runs(begin, min(at + step, due), job, workers)
        points.append(_point(at, bucket, max(0, expected - bucket.count)))
        ok += bucket.ok
        judged += bucket.ok + bucket.failed
        count += bucket.count
    expected = _runs(max(since, created), due, job, workers)
    return History(
        step_s=step,
        points=points,
        good=ok / judged if judged else None,
        coverage=min(1.0, count / expected) if expected else 1.0,
        added_us=job.created_at_us if created > since else None,
    )


def _runs(begin: float, end: float, job: Job, workers: int) -> int:
    return int(max(0.0, end - begin) / job.interval_s) * workers


def _point(at: int, bucket: Bucket, missing: int) -> Point:
    timed, beside = bucket.is_timed, bucket.beside
    p50, p95, p99 = map(_ms, bucket.quantiles((0.50, 0.95, 0.99)))
    return Point(
        at_us=at * 1_000_000,
        ok=bucket.ok,
        failed=bucket.failed,
        error=bucket.error,
        missing=missing,
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99,
        min_ms=bucket.min_us / 1000 if timed else None,
        max_ms=bucket.max_us / 1000 if timed else None,
        mean_ms=_ms(bucket.mean_us),
        loss_pct=beside.loss_pct if beside else None,
        phases_ms=beside.phases_ms if beside else {},
    )


def _ms(value_us: float | None) -> float | None:
    return None if value_us is None else round(value_us / 1000, 3)
