"""The dashboard as finished view data: templates print it and compute nothing."""

import math
import shlex
from collections.abc import Mapping, Sequence
from itertools import groupby
from urllib.parse import quote

from msgspec import Struct

from pangea.core.chart import FAILURE, sparkline
from pangea.core.cost import cost_of, in_words
from pangea.core.durations import format_duration
from pangea.core.rule import parse_rule
from pangea.core.text import safe_text
from pangea.core.trust_line import promised_s

from .concerns_view import ON_FRONT, ConcernsView, concerns_view
from .forms import FormError, JobForm
from .schema import JobAnswer, Starter, StatusAnswer, VoteAnswer, WorkerAnswer
from .words import (
    WORST_FIRST,
    Badge,
    When,
    cell_badge,
    clock,
    ms,
    verdict_badge,
    when,
    why,
)

Recent = Mapping[int, Sequence[float | None]]


class Count(Struct, frozen=True):
    """How many jobs have a verdict."""

    badge: Badge
    number: int


class Cell(Struct, frozen=True):
    """What one worker says of one job."""

    worker: str
    badge: Badge
    title: str
    href: str


class SparkPart(Struct, frozen=True):
    """A stretch of a drawing: durations, or failures."""

    text: str
    failed: bool


class Row(Struct, frozen=True):
    """A job in the table."""

    name: str
    href: str
    type: str
    target: str
    badge: Badge
    reason: str
    cells: list[Cell]
    latency: str
    spark: list[SparkPart]
    spark_values: str
    spark_label: str
    since: When | None
    enabled: bool


class Offer(Struct, frozen=True):
    """A job that the empty dashboard offers."""

    type: str
    target: str
    why: str


class DashView(Struct, frozen=True):
    """All of /dash."""

    name: str
    now: str
    now_clock: str
    title: str
    worst: str
    counts: list[Count]
    trouble: list[str]
    concerns: ConcernsView
    attention: list[Row]
    workers: list[str]
    workers_line: str
    rows: list[Row]
    offers: list[Offer]
    form: JobForm


class Notice(Struct, frozen=True):
    """What a person is told once, with a command to copy."""

    text: str
    command: str


def dash_view(
    status: StatusAnswer,
    jobs: Sequence[JobAnswer],
    workers: Sequence[WorkerAnswer],
    recent: Recent,
    starters: Sequence[Starter],
    form: FormError | None,
    *,
    asked: bool = False,
) -> DashView:
    """Return everything that /dash prints; *asked*: with the form open."""
    columns = _columns(jobs, workers)
    rows = [_row(job, columns, recent.get(job.id, []), status.now) for job in jobs]
    worst = next((v for v in WORST_FIRST if status.verdicts.get(v)), "up")
    return DashView(
        name=safe_text(status.name, 60),
        now=status.now,
        now_clock=clock(status.now),
        title=page_title(status),
        worst=worst,
        counts=[
            Count(verdict_badge(verdict), status.verdicts.get(verdict, 0))
            for verdict in WORST_FIRST
        ],
        trouble=[safe_text(line, 300) for line in status.trouble],
        concerns=concerns_view(status, ON_FRONT),
        attention=[
            row for row in rows if row.badge.css in ("down", "degraded", "unknown")
        ],
        workers=columns,
        workers_line=_workers_line(status),
        rows=rows,
        offers=[
            Offer(s.spec.type, safe_text(s.spec.target, 120), safe_text(s.why, 120))
            for s in starters
        ],
        form=JobForm.of(form, [worker.name for worker in workers], asked=asked),
    )


def _workers_line(status: StatusAnswer) -> str:
    plural = "" if status.workers == 1 else "s"
    return f"{status.workers_connected} of {status.workers} worker{plural} connected"


def page_title(status: StatusAnswer) -> str:
    """Return the title of the tab: what is wrong first."""
    down = status.verdicts.get("down", 0)
    return f"({down}✖) Pangea" if down else "Pangea"


def job_href(name: str) -> str:
    """Return the address of a job's page."""
    return f"/jobs/{quote(name, safe='')}"


def added_notice(job: JobAnswer) -> Notice:
    """Return what is said after adding *job*: its price and its command."""
    if job.push_path:
        said = f"{job.name} reports by itself, with a POST to {job.push_path}"
        return Notice(f"{said}.", add_command(job))
    rounds, workers = parse_rule(job.rule_in_force).down_rounds, len(job.votes)
    found = promised_s(job.interval_s, job.timeout_s, workers, rounds)
    cost = cost_of(job.interval_s, workers, found)
    return Notice(f"{job.name} is watched: {in_words(cost)}.", add_command(job))


def add_command(job: JobAnswer) -> str:
    """Return the command that would add *job* as it is."""
    words = ["pangea", "job", "add", job.type, job.target, "--name", job.name]
    words += ["--every", format_duration(job.interval_s)]
    words += ["--timeout", format_duration(job.timeout_s)]
    if job.on != "all":
        words += ["--on", job.on]
    if job.rule != "majority":
        words += ["--rule", job.rule]
    if job.expect != "ok":
        words += ["--expect", job.expect]
    words += [word for key in job.depends_on for word in ("--depends-on", key)]
    if job.slo:
        words += ["--slo", f"{job.slo:g}"]
    for name, value in job.labels.items():
        words += ["--label", f"{name}={value}"]
    for name, value in job.options.items():
        shown = ",".join(map(str, value)) if isinstance(value, list) else value
        words += ["--set", f"{name}={shown}"]
    return safe_text(shlex.join(words), 500)


def cell(job: JobAnswer, worker: str, vote: VoteAnswer | None, now: str) -> Cell:
    """Return what *worker* says of *job*, in words for who does not see colours."""
    badge = cell_badge(vote)
    said = [f"{safe_text(worker, 60)}: {badge.word}"]
    if vote is not None and vote.duration_ms is not None:
        said.append(ms(vote.duration_ms))
    if vote is not None and (reason := why(vote.reason, vote.detail)):
        said.append(reason)
    if vote is not None and (at := when(vote.at, now)):
        said.append(f"{at.ago} ago")
    href = f"{job_href(job.name)}#w-{quote(worker, safe='')}"
    return Cell(safe_text(worker, 60), badge, " · ".join(said), href)


def _columns(jobs: Sequence[JobAnswer], workers: Sequence[WorkerAnswer]) -> list[str]:
    """Return the workers' names: the known ones, then those only votes name."""
    names = dict.fromkeys(worker.name for worker in workers)
    names.update(dict.fromkeys(vote.worker for job in jobs for vote in job.votes))
    return list(names)


def _row(
    job: JobAnswer, columns: list[str], values: Sequence[float | None], now: str
) -> Row:
    votes = {vote.worker: vote for vote in job.votes}
    return Row(
        name=safe_text(job.name, 63),
        href=job_href(job.name),
        type=safe_text(job.type, 20),
        target=safe_text(job.target, 200),
        badge=verdict_badge(job.verdict),
        reason=safe_text(job.verdict_reason, 300),
        cells=[cell(job, name, votes.get(name), now) for name in columns],
        latency=ms(job.last_duration_ms),
        spark=parts_of(sparkline(values)),
        spark_values=",".join(_plain(value) for value in values),
        spark_label=spark_label(values),
        since=when(job.verdict_since, now),
        enabled=runs(job),
    )


def runs(job: JobAnswer) -> bool:
    """Return whether *job* runs anywhere; where it does not it can be started.

    One that was stopped on each of its workers is paused without being disabled.
    """
    return job.enabled and job.verdict != "paused"


def parts_of(drawn: str) -> list[SparkPart]:
    """Return a drawing with its failures apart, so that they get their colour."""
    return [
        SparkPart("".join(part), failed)
        for failed, part in groupby(drawn, key=lambda char: char == FAILURE)
    ]


def _plain(value: float | None) -> str:
    """Return a value for the script that goes on drawing: ``x`` is a failure."""
    if value is None:
        return "x"
    return f"{value:.6g}" if math.isfinite(value) else ""


def spark_label(values: Sequence[float | None]) -> str:
    """Return a series in words, for who hears the page."""
    known = [v for v in values if v is not None and math.isfinite(v)]
    failed = sum(1 for value in values if value is None)
    if not values:
        return "no results yet"
    if not known:
        return f"last {len(values)} results: {failed} failed"
    return (
        f"last {len(values)} results: {ms(min(known))} to {ms(max(known))}, "
        f"{failed} failed"
    )
