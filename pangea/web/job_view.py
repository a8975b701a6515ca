"""The job page as finished view data."""

import math
from collections.abc import Mapping, Sequence

from msgspec import Struct

from pangea.core.chart import ascii_chart
from pangea.core.durations import format_duration
from pangea.core.sheet import gist
from pangea.core.text import safe_text

from .forms import EditForm, FormError
from .schema import (
    HistoryAnswer,
    JobAnswer,
    PointAnswer,
    ResultAnswer,
    StatusAnswer,
    VoteAnswer,
)
from .schema_incidents import NoteAnswer
from .sheet_view import SheetView, badge_of, sheet_views
from .view import (
    Cell,
    SparkPart,
    add_command,
    cell,
    job_href,
    page_title,
    parts_of,
    runs,
    spark_label,
)
from .words import (
    Badge,
    When,
    clock,
    meaning,
    ms,
    share,
    verdict_badge,
    when,
    why,
)

#: The plots for a wide page, a narrower one and a telephone, in characters.
PLOTS = (("wide", 144), ("middle", 72), ("slim", 28))
ROWS, LEAST = 8, 24
#: With fewer buckets than this a day says little: the last results are drawn.
ENOUGH = 12


class VoteRow(Struct, frozen=True):
    """A worker of the job, with what it says and whether it can be stopped."""

    worker: str
    cell: Cell
    latency: str
    reason: str
    meaning: str
    at: When | None
    can_stop: bool
    can_start: bool
    anchor: str


class ResultRow(Struct, frozen=True):
    """A result in the list."""

    at: When | None
    worker: str
    badge: Badge
    latency: str
    phases: str
    reason: str
    meaning: str
    flags: str


class Plot(Struct, frozen=True):
    """The chart as drawn for one width of page."""

    css: str
    parts: list[SparkPart]


class Chart(Struct, frozen=True):
    """The chart for each width, and what it says in words."""

    title: str
    plots: list[Plot]
    label: str


class JobView(Struct, frozen=True):
    """All of /jobs/{name}."""

    now: str
    now_clock: str
    title: str
    worst: str
    name: str
    href: str
    type: str
    target: str
    badge: Badge
    reason: str
    since: When | None
    enabled: bool
    facts: list[tuple[str, str]]
    command: str
    votes: list[VoteRow]
    chart: Chart
    notes: list[str]
    sheets: list[SheetView]
    results: list[ResultRow]
    form: EditForm


def job_view(
    status: StatusAnswer,
    job: JobAnswer,
    results: Sequence[ResultAnswer],
    history: HistoryAnswer,
    recent: Sequence[float | None],
    form: FormError | None,
    notes: Sequence[NoteAnswer] = (),
) -> JobView:
    """Return everything that the page of *job* prints."""
    badge = verdict_badge(job.verdict)
    return JobView(
        now=status.now,
        now_clock=clock(status.now),
        title=f"{badge.glyph} {safe_text(job.name, 63)} · {page_title(status)}",
        worst=job.verdict,
        name=safe_text(job.name, 63),
        href=job_href(job.name),
        type=safe_text(job.type, 20),
        target=safe_text(job.target, 300),
        badge=badge,
        reason=safe_text(job.verdict_reason, 300),
        since=when(job.verdict_since, status.now),
        enabled=runs(job),
        facts=_facts(job, history, status),
        command=add_command(job),
        votes=[_vote(job, vote, status.now) for vote in job.votes],
        chart=_chart(history, recent),
        notes=[_noted(note) for note in notes],
        sheets=sheet_views(job, results, status.now),
        results=[_result(job, result, status.now) for result in results],
        form=EditForm.of(form, job),
    )


def _noted(note: NoteAnswer) -> str:
    """Return a note as a line below the chart."""
    at = note.at[:19].replace("T", " ")
    return f"{at} {safe_text(note.text, 200)} ({safe_text(note.who, 63)})"


def _trouble(job: JobAnswer, status: StatusAnswer) -> list[tuple[str, str]]:
    """Return the open incident of the job, and whether it flaps."""
    facts: list[tuple[str, str]] = []
    if job.incident:
        told = [i for i in status.incidents if i.id == job.incident]
        by = told[0].acknowledged_by if told else ""
        care = f", {safe_text(by, 63)} takes care of it" if by else ""
        title = f": {safe_text(told[0].title, 100)}" if told else ""
        facts.append(("incident", f"{job.incident}{title}{care}"))
    if job.flapping:
        words = f"{job.flap_pct:.0f} % of its last states were changes"
        facts.append(("flapping", words))
    return facts


def _facts(
    job: JobAnswer, history: HistoryAnswer, status: StatusAnswer
) -> list[tuple[str, str]]:
    added = when(history.added_at, status.now)
    since = f" since added, {added.ago} ago" if added else ""
    facts = [
        *_trouble(job, status),
        ("every", format_duration(job.interval_s)),
        ("timeout", format_duration(job.timeout_s)),
        ("workers", safe_text(job.on, 100)),
        ("rule", safe_text(job.rule, 40)),
        ("uptime 24 h", share(history.uptime)),
        ("measured", share(history.coverage) + since),
    ]
    parents = safe_text(", ".join(job.depends_on), 300)
    facts += [
        f for f in (("trust", safe_text(job.trust, 300)), ("needs", parents)) if f[1]
    ]
    facts += [(f"option {k}", safe_text(v, 100)) for k, v in job.options.items()]
    facts += [(f"label {k}", safe_text(v, 100)) for k, v in job.labels.items()]
    return [(safe_text(key, 60), value) for key, value in facts]


def _vote(job: JobAnswer, vote: VoteAnswer, now: str) -> VoteRow:
    stopped = vote.state == "stopped"
    return VoteRow(
        worker=vote.worker,
        cell=cell(job, vote.worker, vote, now),
        latency=ms(vote.duration_ms),
        reason=why(vote.reason, vote.detail),
        meaning=meaning(vote.reason),
        at=when(vote.at, now),
        can_stop=job.enabled and not stopped and vote.state != "absent",
        can_start=job.enabled and stopped,
        anchor=f"w-{vote.worker}",
    )


def _result(job: JobAnswer, result: ResultAnswer, now: str) -> ResultRow:
    return ResultRow(
        at=when(result.started_at, now),
        worker=safe_text(result.worker, 60),
        badge=badge_of(result),
        latency=ms(result.duration_ms),
        phases=_phases(result.phases),
        reason=why(result.reason, result.detail) or gist(job.type, result.readings),
        meaning=meaning(result.reason),
        flags=", ".join(safe_text(flag, 20) for flag in result.flags),
    )


def _phases(phases: Mapping[str, float]) -> str:
    return "  ".join(f"{safe_text(k, 20)} {ms(v)}" for k, v in phases.items())


def _chart(history: HistoryAnswer, recent: Sequence[float | None]) -> Chart:
    """Return a day of history; on the first day the last results instead."""
    values = [_value(point) for point in history.points]
    if sum(1 for v in values if v is None or math.isfinite(v)) >= ENOUGH:
        hours = f"{history.step_s * len(values) / 3600:g} h"
        title, start = f"MEDIAN LATENCY, LAST {hours.upper()}", f"-{hours}"
        end, label = "now", f"{title.lower()}: {spark_label(values).partition(': ')[2]}"
    else:
        values = list(recent)
        title, start = f"LAST {len(values)} RESULTS", "oldest"
        end, label = "newest", spark_label(values)
    if not values:
        return Chart("LATENCY", [], "no results yet")
    plots = [Plot(css, _plot(values, width, start, end)) for css, width in PLOTS]
    return Chart(title, plots, label)


def _plot(
    values: Sequence[float | None], width: int, start: str, end: str
) -> list[SparkPart]:
    """Return the drawing, on the first day no wider than there are results."""
    lines = ascii_chart(
        values,
        width=min(width, max(len(values), LEAST)),
        height=ROWS,
        start_label=start,
        end_label=end,
    )
    return parts_of("\n".join(lines))


def _value(point: PointAnswer) -> float | None:
    """Return a bucket's median; None if it failed, NaN if nothing was measured."""
    if point.failed and point.failed >= point.ok:
        return None
    return math.nan if point.p50_ms is None else point.p50_ms
