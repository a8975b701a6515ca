"""The past of the seeded world: history, strip, calendar and figures that fit together.

Everything is made of the job's number and the time, so the same question always has
the same answer, over an hour as over two years.
"""

import math
import random
from datetime import UTC, datetime, timedelta

from pangea.core.uptime import KINDS, Span
from pangea.web.api_timeline import PieceAnswer, TimelineAnswer
from pangea.web.schema import HistoryAnswer, JobAnswer, PointAnswer, moment
from pangea.web.schema_queries import (
    CalendarAnswer,
    DayAnswer,
    FiguresAnswer,
    PartAnswer,
    PartPoint,
    PercentilesAnswer,
)
from tests.seeded_world import BASE_MS, NOW_US

NOW_S = NOW_US / 1e6
DAY = 86400
#: What a job was before now: seconds ago, for how long, and what.
PLANNED = ((3.2 * DAY, 5400, "maintenance"), (40 * DAY, 7200, "maintenance"))
REGIONS = {"local": "", "london": "eu-west", "nyc": "us-east", "tokyo": "ap-east"}
PHASES = {
    "http": {"resolve": 0.05, "connect": 0.2, "tls": 0.3, "first_byte": 0.35,
             "transfer": 0.1},
    "tls": {"resolve": 0.08, "connect": 0.32, "tls": 0.6},
}  # fmt: skip


def troubles(job: JobAnswer) -> list[tuple[float, float, str]]:
    """Return (begin, end, kind) of all that was not up, UTC seconds, oldest first."""
    rng = random.Random(job.id * 7919)
    found = []
    if job.verdict in ("down", "degraded") and job.verdict_since:
        since = datetime.fromisoformat(job.verdict_since).timestamp()
        found.append((since, NOW_S, job.verdict))
    found += [
        (NOW_S - ago, NOW_S - ago + length, kind) for ago, length, kind in PLANNED
    ]
    found.append((NOW_S - 9.6 * 3600, NOW_S - 9.0 * 3600, "no_data"))
    for day in range(1, 730):
        chance = rng.random()
        at = NOW_S - day * DAY + rng.random() * 40_000
        if chance < 0.035:
            found.append((at, at + 240 + rng.random() * 5400, "down"))
        elif chance < 0.08:
            found.append((at, at + 300 + rng.random() * 4000, "degraded"))
        elif chance < 0.09:
            found.append((at, at + 900, "unknown"))
    if job.verdict == "down":
        found.append((NOW_S - 15.2 * 3600, NOW_S - 14.6 * 3600, "down"))
    return _apart(sorted(found))


def _apart(spans: list[tuple[float, float, str]]) -> list[tuple[float, float, str]]:
    found: list[tuple[float, float, str]] = []
    for begin, end, kind in spans:
        begin = max(begin, found[-1][1]) if found else begin
        if end > begin:
            found.append((begin, end, kind))
    return found


def _share(spans, begin: float, end: float, *kinds: str) -> float:
    """Return the share of a stretch that was one of *kinds*."""
    spent = sum(
        max(min(e, end) - max(b, begin), 0.0) for b, e, kind in spans if kind in kinds
    )
    return spent / max(end - begin, 1e-9)


def _value(job: JobAnswer, at: float, base: float) -> float:
    """Return a median: it breathes with the day, and is not the same every week."""
    day = 0.18 * math.sin(at / DAY * math.tau - 1.7)
    week = 0.06 * math.sin(at / (7 * DAY) * math.tau)
    noise = random.Random(hash((job.id, int(at)))).random()
    spike = 1.5 if noise > 0.985 else 0.0
    return base * (1.12 + day + week + 0.1 * noise + spike)


def base_of(job: JobAnswer, worker: str | None = None) -> float:
    """Return about how long a job takes, from a worker or from all."""
    extra = {"icmp": 0.3, "tcp": 0.6, "dns": 2.1, "http": 28, "tls": 12}
    known = BASE_MS.get(worker or "", 48.0)
    return known + extra.get(job.type, 5.0)


def make_point(
    job: JobAnswer,
    begin: float,
    step: float,
    spans: list[tuple[float, float, str]],
    worker: str | None = None,
) -> PointAnswer:
    """Return one step of history."""
    workers = 1 if worker else max(len(job.votes), 1)
    runs = max(int(step / job.interval_s), 1) * workers
    end = min(begin + step, NOW_S)
    gone = round(runs * _share(spans, begin, end, "no_data", "paused"))
    judged = runs - gone
    down = _share(spans, begin, end, "down") + _share(spans, begin, end, "degraded") / 4
    failed = min(round(judged * down + 0.25 * (down > 0)), judged)
    ok = judged - failed
    loss = _loss(job, begin) if job.type == "icmp" and judged else None
    if not ok or job.verdict == "paused" or job.last_duration_ms is None:
        ok = 0
        if job.verdict == "paused" or job.last_duration_ms is None:
            failed, gone = 0, runs
        lost = 100.0 if failed and job.type == "icmp" else None
        return PointAnswer(
            at=moment(round(begin * 1e6)), ok=0, failed=failed, error=0, missing=gone,
            loss_pct=lost,
        )  # fmt: skip
    p50 = _value(job, begin, base_of(job, worker))
    wide = 1.25 + 0.3 * random.Random(hash((job.id, int(begin), 2))).random()
    parts = PHASES.get(job.type, {})
    return PointAnswer(
        at=moment(round(begin * 1e6)),
        ok=ok,
        failed=failed,
        error=0,
        missing=gone,
        p50_ms=round(p50, 3),
        p95_ms=round(p50 * wide, 3),
        p99_ms=round(p50 * wide * 1.22, 3),
        min_ms=round(p50 * 0.82, 3),
        max_ms=round(p50 * wide * 1.7, 3),
        mean_ms=round(p50 * 1.05, 3),
        loss_pct=loss,
        phases_ms={name: round(p50 * part, 3) for name, part in parts.items()},
    )


def _loss(job: JobAnswer, at: float) -> float:
    """Return the loss of packets in percent: more of it where the job is degraded."""
    chance = random.Random(hash((job.id, int(at), 3))).random()
    if job.verdict == "degraded" and at > NOW_S - 5 * 3600:
        return round(2 + 38 * chance, 2)
    return round(14 * (chance - 0.9) / 0.1, 2) if chance > 0.9 else 0.0


def make_history(
    job: JobAnswer,
    range_s: float,
    points: int,
    until_us: int | None = None,
    worker: str | None = None,
) -> HistoryAnswer:
    """Return about *points* points up to a moment, or to now."""
    until = (until_us or NOW_US) / 1e6
    step = max(round(range_s / points), math.ceil(job.interval_s), 1)
    begin = until - range_s - (until - range_s) % step
    spans = troubles(job)
    made = []
    while begin < until:
        made.append(make_point(job, begin, step, spans, worker))
        begin += step
    up = 1 - _share(spans, until - range_s, until, "down")
    known = job.last_duration_ms is not None
    return HistoryAnswer(
        step_s=step, points=made, uptime=up if known else None, coverage=0.998
    )


def make_timeline(job: JobAnswer, whole: Span) -> TimelineAnswer:
    """Return what *whole* consisted of."""
    begin, end = whole.begin_us / 1e6, min(whole.end_us / 1e6, NOW_S)
    rest = "paused" if job.verdict == "paused" else "up"
    pieces, at = [], begin
    for b, e, kind in troubles(job):
        b, e = max(b, begin), min(e, end)
        if e <= at or rest == "paused":
            continue
        if b > at:
            pieces.append(_piece(rest, at, b))
        pieces.append(_piece(kind, max(at, b), e))
        at = e
    if at < end:
        pieces.append(_piece(rest, at, end))
    since, until = moment(whole.begin_us), moment(whole.end_us)
    return TimelineAnswer(since=since, until=until, pieces=pieces)


def _piece(kind: str, begin: float, end: float) -> PieceAnswer:
    since, until = moment(round(begin * 1e6)), moment(round(end * 1e6))
    return PieceAnswer(kind=kind, since=since, until=until)


def make_calendar(job: JobAnswer, days: int) -> CalendarAnswer:
    """Return the last *days* days."""
    today = datetime.fromtimestamp(NOW_S, UTC).date()
    spans, found = troubles(job), []
    for ago in range(days - 1, -1, -1):
        day = today - timedelta(days=ago)
        begin = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
        found.append(_day(day.isoformat(), begin, min(begin + DAY, NOW_S), spans))
    known = [d.uptime for d in found if d.uptime is not None]
    return CalendarAnswer(
        since=moment(round((NOW_S - days * DAY) * 1e6)),
        until=moment(NOW_US),
        zone="UTC",
        uptime=sum(known) / len(known),
        coverage=0.998,
        minutes={},
        days=found,
    )


def _day(day: str, begin: float, end: float, spans) -> DayAnswer:
    minutes = {
        kind: round(_share(spans, begin, end, kind) * (end - begin) / 60, 3)
        for kind in KINDS
    }
    minutes["up"] = (end - begin) / 60 - sum(minutes.values())
    judged = minutes["up"] + minutes["degraded"] + minutes["down"]
    return DayAnswer(
        date=day,
        uptime=1 - minutes["down"] / judged if judged else None,
        coverage=1 - minutes["no_data"] * 60 / DAY,
        minutes={kind: value for kind, value in minutes.items() if value > 0},
    )


def make_percentiles(
    job: JobAnswer, whole: Span, by: str, points: int
) -> PercentilesAnswer:
    """Return the figures of each worker or region."""
    length, items = (whole.end_us - whole.begin_us) / 1e6, []
    for vote in job.votes:
        made = make_history(job, length, points or 24, whole.end_us, vote.worker)
        region = REGIONS.get(vote.worker, "")
        items.append(_part(vote.worker if by == "worker" else region, region, made))
    step = round(length / max(points, 1))
    return PercentilesAnswer(
        since=moment(whole.begin_us),
        until=moment(whole.end_us),
        by=by,
        step_s=600,
        point_s=step,
        all=FiguresAnswer(runs=sum(item.runs for item in items)),
        items=items,
    )


def _part(name: str, region: str, made: HistoryAnswer) -> PartAnswer:
    known = [p for p in made.points if p.p50_ms is not None]
    ok, failed = sum(p.ok for p in made.points), sum(p.failed for p in made.points)
    middle = known[len(known) // 2] if known else None
    return PartAnswer(
        name=name,
        region=region,
        runs=ok + failed,
        ok=ok,
        failed=failed,
        failed_pct=failed / (ok + failed) * 100 if ok + failed else None,
        p50_ms=middle and middle.p50_ms,
        p95_ms=middle and middle.p95_ms,
        p99_ms=middle and middle.p99_ms,
        max_ms=max((p.max_ms for p in known), default=None),
        points=[
            PartPoint(
                at=p.at,
                ok=p.ok,
                failed=p.failed,
                error=p.error,
                p50_ms=p.p50_ms,
                p95_ms=p.p95_ms,
                p99_ms=p.p99_ms,
            )
            for p in made.points
        ],
    )
