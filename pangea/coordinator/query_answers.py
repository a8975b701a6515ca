"""What the answers to questions about history look like: pure translation."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from msgspec.structs import asdict

from pangea.core.calendar import Day
from pangea.core.compare import Difference
from pangea.core.figures import figures
from pangea.core.model import Job
from pangea.core.rollup import Bucket
from pangea.core.uptime import KINDS, Span, Uptime
from pangea.storage.percentiles import Sums
from pangea.storage.turns import Turns
from pangea.web.schema import moment
from pangea.web.schema_queries import (
    CalendarAnswer,
    CompareAnswer,
    DayAnswer,
    DifferenceAnswer,
    FiguresAnswer,
    PartAnswer,
    PartPoint,
    PercentilesAnswer,
    SideAnswer,
    TopAnswer,
    TopItem,
)
from pangea.web.sides import Side

from .board import Board

#: Tells what a worker is to be called.
Called = Callable[[int], str]


def percentiles_answer(
    found: Sums, by: str, called: Called, region: Called
) -> PercentilesAnswer:
    """Return sums by what their workers are *called*."""
    parts = grouped(found.whole, called)
    regions = {called(number): region(number) for number in found.whole}
    points = {at: grouped(held, called) for at, held in found.points.items()}
    return PercentilesAnswer(
        since=moment(found.span.begin_us),
        until=moment(found.span.end_us),
        by=by,
        step_s=found.step,
        point_s=found.point_s,
        all=FiguresAnswer(**told(merged(found.whole.values()))),
        items=[
            PartAnswer(
                name=name,
                region=regions[name],
                points=[_point(at, points, name) for at in found.starts],
                **told(parts[name]),
            )
            for name in sorted(parts)
        ],
    )


def grouped(by_worker: Mapping[int, Bucket], called: Called) -> dict[str, Bucket]:
    """Return sums by what their workers are *called*, those of one name as one."""
    found: dict[str, Bucket] = {}
    for number, bucket in by_worker.items():
        found.setdefault(called(number), Bucket()).merge(bucket)
    return found


def merged(buckets: Iterable[Bucket]) -> Bucket:
    """Return all as one."""
    whole = Bucket()
    for bucket in buckets:
        whole.merge(bucket)
    return whole


def told(bucket: Bucket) -> dict[str, Any]:
    """Return the figures of *bucket* by name."""
    return asdict(figures(bucket))


def _point(at: int, points: Mapping[int, Mapping[str, Bucket]], name: str) -> PartPoint:
    bucket = points.get(at, {}).get(name)
    if bucket is None:
        return PartPoint(at=moment(at * 1_000_000), ok=0, failed=0, error=0)
    p50, p95, p99 = bucket.quantiles((0.50, 0.95, 0.99))
    return PartPoint(
        at=moment(at * 1_000_000),
        ok=bucket.ok,
        failed=bucket.failed,
        error=bucket.error,
        p50_ms=_ms(p50),
        p95_ms=_ms(p95),
        p99_ms=_ms(p99),
    )


def _ms(value_us: float | None) -> float | None:
    return None if value_us is None else round(value_us / 1000, 3)


def compare_answer(
    sides: Sequence[tuple[Side, Span, Bucket]],
    differs: Sequence[Difference],
    words: str,
) -> CompareAnswer:
    """Return two sides with what differs."""
    before, after = (_side(*side) for side in sides)
    return CompareAnswer(
        before=before,
        after=after,
        alike=not differs,
        words=words,
        differs=[
            DifferenceAnswer(
                what=one.what,
                unit=one.unit,
                before=one.before,
                after=one.after,
                change_pct=one.change_pct,
                worse=one.is_worse,
                words=one.words,
            )
            for one in differs
        ],
    )


def _side(side: Side, span: Span, bucket: Bucket) -> SideAnswer:
    name = side.worker or side.region or ""
    label = f"all but {name}" if side.but else name or "all"
    return SideAnswer(
        label=label,
        since=moment(span.begin_us),
        until=moment(span.end_us),
        worker=side.worker,
        region=side.region,
        figures=FiguresAnswer(**told(bucket)),
    )


def top_answer(
    by: str, span: Span, items: list[TopItem], *, exact: bool = True
) -> TopAnswer:
    """Return the worst jobs."""
    since, until = moment(span.begin_us), moment(span.end_us)
    return TopAnswer(by=by, since=since, until=until, items=items, exact=exact)


def top_item(board: Board, job: Job, bucket: Bucket) -> TopItem:
    """Return a job with its figures."""
    return TopItem(**_named(board, job), **told(bucket))


def turned_item(board: Board, job: Job, turns: Turns) -> TopItem:
    """Return a job with how often its verdict changed."""
    return TopItem(
        **_named(board, job),
        changes=turns.changes,
        outages=turns.outages,
        last_change_at=moment(turns.last_us),
    )


def _named(board: Board, job: Job) -> dict[str, Any]:
    verdict = str(board.verdict(job))
    return {
        "name": job.name,
        "type": job.type,
        "target": job.target,
        "verdict": verdict,
    }


def calendar_answer(job: Job, zone: str, days: Sequence[Day]) -> CalendarAnswer:
    """Return days and what they add up to."""
    begin, end = days[0].span.begin_us, days[-1].span.end_us
    whole = Uptime(
        **{kind: sum(getattr(day.time, kind) for day in days) for kind in KINDS}
    )
    return CalendarAnswer(
        since=moment(begin),
        until=moment(end),
        zone=zone,
        uptime=whole.share,
        coverage=whole.coverage,
        minutes={kind: round(getattr(whole, kind) / 60, 2) for kind in KINDS},
        days=[_day(day) for day in days],
        added_at=moment(job.created_at_us) if job.created_at_us > begin else None,
    )


def _day(day: Day) -> DayAnswer:
    minutes = {kind: round(getattr(day.time, kind) / 60, 2) for kind in KINDS}
    return DayAnswer(
        date=day.date,
        uptime=day.time.share,
        coverage=round(day.time.coverage, 6) if any(minutes.values()) else 0.0,
        minutes={kind: spent for kind, spent in minutes.items() if spent},
    )
