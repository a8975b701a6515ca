"""The matrix of jobs and workers as finished view data: templates only print it."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from pangea.core.model import PUSHED
from pangea.core.text import safe_text

from .concerns_view import ConcernsView, concerns_view
from .dash_tools import Tools, tools_of
from .matrix import (
    PER_PAGE,
    Ask,
    chosen,
    grouped,
    paged,
    regions,
    worst_of,
)
from .schema import JobAnswer, Starter, StatusAnswer, VoteAnswer, WorkerAnswer
from .text import t
from .view import (
    Beats,
    Cell,
    SparkPart,
    beat_parts,
    cell,
    job_href,
    page_title,
    reason_of,
    runs,
)
from .words import WORST_FIRST, Badge, When, clock, ms, verdict_badge, when

#: Of each cell as many rounds are drawn.
BEATS = 12


class Count(Struct, frozen=True):
    """How many jobs have a verdict; ``href`` shows those alone, or all again."""

    badge: Badge
    number: int
    href: str
    on: bool


class Place(Struct, frozen=True):
    """A column: a worker, or a region with its workers; ``css`` dims what is gone."""

    name: str
    title: str
    css: str


class Row(Struct, frozen=True):
    """A job in the matrix; a ``told`` one reports by itself, in one wide cell."""

    name: str
    href: str
    type: str
    target: str
    badge: Badge
    reason: str
    cells: list[Cell]
    told: bool
    latency: str
    since: When | None
    enabled: bool
    expects_fail: bool
    labels: list[str]


class Section(Struct, frozen=True):
    """Rows under a heading, with how they are in all."""

    title: str
    counts: list[tuple[Badge, int]]
    rows: list[Row]


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
    event: int
    title: str
    worst: str
    counts: list[Count]
    first: Row | None
    first_more: int
    trouble: list[str]
    concerns: ConcernsView
    places: list[Place]
    crowd: str
    workers_line: str
    connected: int
    jobs: int
    sections: list[Section]
    tools: Tools
    offers: list[Offer]


def dash_view(
    status: StatusAnswer,
    jobs: Sequence[JobAnswer],
    workers: Sequence[WorkerAnswer],
    beats: Callable[[int], Beats],
    starters: Sequence[Starter],
    ask: Ask,
    *,
    event: int = 0,
) -> DashView:
    """Return everything that /dash prints; *event* is the last one it knows of.

    *beats* is asked only for the jobs that stand on the page.
    """
    columns = columns_of(jobs, workers, ask.group)
    found = chosen(jobs, ask)
    pages = max(-(-len(found) // PER_PAGE), 1)
    page = min(max(ask.page, 1), pages)
    bad = [job for job in jobs if job.verdict in WORST_FIRST[:3]]
    return DashView(
        name=safe_text(status.name, 60),
        now=status.now,
        now_clock=clock(status.now),
        event=event,
        title=page_title(status),
        worst=worst_verdict(status),
        counts=_counts(status, ask),
        first=_row(bad[0], {}, {}, status.now) if bad else None,
        first_more=len(bad) - 1,
        trouble=[safe_text(line, 300) for line in status.trouble],
        concerns=concerns_view(status),
        places=_places(columns, workers),
        crowd=_crowd(len(columns)),
        workers_line=workers_line(status),
        connected=status.workers_connected,
        jobs=len(jobs),
        sections=[
            Section(
                safe_text(group.title, 100),
                _summary(group.jobs),
                [_row(j, columns, beats(j.id), status.now) for j in part],
            )
            for group, part in paged(grouped(found, ask.group), page)
        ],
        tools=tools_of(jobs, ask, len(found), page, pages),
        offers=[
            Offer(s.spec.type, safe_text(s.spec.target, 120), safe_text(s.why, 120))
            for s in starters
        ],
    )


def worst_verdict(status: StatusAnswer) -> str:
    """Return the worst verdict that any job has."""
    return next((v for v in WORST_FIRST if status.verdicts.get(v)), "up")


def columns_of(
    jobs: Sequence[JobAnswer], workers: Sequence[WorkerAnswer], group: str = ""
) -> dict[str, list[str]]:
    """Return the columns, each with its workers: known ones, then those of votes."""
    known = {worker.name for worker in workers}
    columns = (
        regions(workers) if group == "region" else {w.name: [w.name] for w in workers}
    )
    for job in jobs:
        if job.type not in PUSHED:
            for vote in job.votes:
                if vote.worker not in known:
                    columns.setdefault(vote.worker, [vote.worker])
    return columns


def _counts(status: StatusAnswer, ask: Ask) -> list[Count]:
    return [
        Count(
            verdict_badge(verdict),
            status.verdicts.get(verdict, 0),
            ask.href(verdict="" if ask.verdicts == {verdict} else verdict),
            verdict in ask.verdicts,
        )
        for verdict in WORST_FIRST
    ]


def _places(
    columns: Mapping[str, list[str]], workers: Sequence[WorkerAnswer]
) -> list[Place]:
    by_name = {worker.name: worker for worker in workers}
    found = []
    for name, members in columns.items():
        known = [by_name[one] for one in members if one in by_name]
        here = any(worker.connected for worker in known)
        said = [f"{w.name}: {w.region or '–'}, {w.health}" for w in known]
        css = "" if here or not known else "gone"
        title = safe_text("; ".join(said) or name, 300)
        found.append(Place(safe_text(name, 60), title, css))
    return found


def _crowd(columns: int) -> str:
    """Return how many columns share the width, for the style."""
    return "few" if columns <= 2 else "some" if columns <= 6 else "many"


def workers_line(status: StatusAnswer) -> str:
    """Return how many workers are connected, in words."""
    return t("dash.workers_here", here=status.workers_connected, n=status.workers)


def _summary(jobs: Sequence[JobAnswer]) -> list[tuple[Badge, int]]:
    counts = Counter(job.verdict for job in jobs)
    return [(verdict_badge(v), counts[v]) for v in WORST_FIRST if counts[v]]


def _row(
    job: JobAnswer, columns: Mapping[str, list[str]], beats: Beats, now: str
) -> Row:
    told = job.type in PUSHED
    votes = {vote.worker: vote for vote in job.votes}
    cells = [
        _cell(job, name, [votes[w] for w in members if w in votes], beats, now)
        for name, members in columns.items()
    ]
    if told:
        cells = [_told_cell(job, beats, now)]
    return Row(
        name=safe_text(job.name, 63),
        href=job_href(job.name),
        type=safe_text(job.type, 20),
        target=safe_text(job.target, 200),
        badge=verdict_badge(job.verdict),
        reason=reason_of(job),
        cells=cells,
        told=told,
        latency=ms(job.last_duration_ms),
        since=when(job.verdict_since, now),
        enabled=runs(job),
        expects_fail=job.expect == "fail",
        labels=[safe_text(f"{k}={v}", 60) for k, v in job.labels.items()],
    )


def _cell(
    job: JobAnswer, name: str, votes: Sequence[VoteAnswer], beats: Beats, now: str
) -> Cell:
    """Return the cell of a worker, or of a region the worst of what is said there."""
    vote = worst_of(votes)
    if vote is None or vote.worker == name:
        return cell(job, name, vote, now, beats.get(name, ""))
    worst = cell(job, vote.worker, vote, now, beats.get(vote.worker, ""))
    return Cell(
        worker=safe_text(name, 60),
        badge=worst.badge,
        title=f"{safe_text(name, 60)} · {worst.title}",
        href=worst.href,
        beats=worst.beats,
    )


def _told_cell(job: JobAnswer, beats: Beats, now: str) -> Cell:
    """Return what a job that reports by itself said last."""
    vote = next(iter(job.votes), None)
    at = when(vote.at, now) if vote else None
    drawn: list[SparkPart] = beat_parts("".join(beats.values())[-4 * BEATS :])
    badge = verdict_badge(job.verdict)
    said = t("dash.told_ago", ago=at.ago) if at else t("dash.told_never")
    return Cell("", badge, said, job_href(job.name), drawn)
