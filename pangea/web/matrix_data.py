"""The matrix for the scripts: all jobs at once, so that searching asks nobody."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from pangea.core.model import PUSHED
from pangea.core.text import safe_text

from .concerns_view import ConcernView, concerns_view
from .dash_view import workers_line
from .schema import JobAnswer, StatusAnswer, VoteAnswer, WorkerAnswer
from .view import Beats, reason_of, runs
from .words import WORST_FIRST, cell_state, why


class CellData(Struct, frozen=True, array_like=True):
    """What a worker says: its number, a state of CELLS, ms, when (seconds), why, beats.

    The number is that in the list of workers; -1 is a job that reports by itself.
    """

    worker: int
    state: str
    ms: float | None
    at: float | None
    why: str
    beats: str


class WorkerData(Struct, frozen=True, array_like=True):
    """A column: ``said`` is how the worker is ("" if only votes name it)."""

    name: str
    region: str
    said: str = ""
    here: bool = True


class JobData(Struct, frozen=True):
    """A job; ``since`` is in seconds, ``told`` ones report by themselves."""

    name: str
    type: str
    target: str
    verdict: str
    reason: str
    since: float | None
    last: float | None
    runs: bool
    told: bool
    fail: bool
    labels: list[str]
    cells: list[CellData]


class MatrixData(Struct, frozen=True):
    """Everything that /dash/jobs answers; ``event`` is the last one it knows of."""

    now: str
    event: int
    title: str
    counts: dict[str, int]
    workers_line: str
    trouble: list[str]
    concerns: list[ConcernView]
    workers: list[WorkerData]
    jobs: list[JobData]


def matrix_data(
    status: StatusAnswer,
    jobs: Sequence[JobAnswer],
    workers: Sequence[WorkerAnswer],
    beats: Mapping[int, Beats],
    event: int,
) -> MatrixData:
    """Return all jobs with their cells, safe to be shown as text."""
    known = {w.name: worker_data(w) for w in workers}
    for job in jobs:
        if job.type not in PUSHED:
            for vote in job.votes:
                name = safe_text(vote.worker, 60)
                known.setdefault(vote.worker, WorkerData(name, name))
    numbers = {name: number for number, name in enumerate(known)}
    return MatrixData(
        now=status.now,
        event=event,
        title=safe_text(status.name, 60),
        counts={v: status.verdicts.get(v, 0) for v in WORST_FIRST},
        workers_line=workers_line(status),
        trouble=[safe_text(line, 300) for line in status.trouble],
        concerns=concerns_view(status).shown,
        workers=list(known.values()),
        jobs=[_job(job, numbers, beats.get(job.id, {})) for job in jobs],
    )


def worker_data(worker: WorkerAnswer) -> WorkerData:
    """Return the column of a worker that is known."""
    name, region = safe_text(worker.name, 60), safe_text(worker.region, 60)
    said = safe_text(f"{name}: {region or '–'}, {worker.health}", 150)
    return WorkerData(name, region or name, said, worker.connected)


def _job(job: JobAnswer, numbers: Mapping[str, int], beats: Beats) -> JobData:
    told = job.type in PUSHED
    return JobData(
        name=safe_text(job.name, 63),
        type=safe_text(job.type, 20),
        target=safe_text(job.target, 200),
        verdict=job.verdict,
        reason=reason_of(job),
        since=_seconds(job.verdict_since),
        last=job.last_duration_ms,
        runs=runs(job),
        told=told,
        fail=job.expect == "fail",
        labels=[safe_text(f"{k}={v}", 60) for k, v in job.labels.items()],
        cells=[
            _cell(v, -1 if told else numbers[v.worker], beats.get(v.worker, ""))
            for v in job.votes
        ],
    )


def _cell(vote: VoteAnswer, number: int, beats: str) -> CellData:
    return CellData(
        number,
        cell_state(vote),
        vote.duration_ms,
        _seconds(vote.at),
        why(vote.reason, vote.detail),
        beats,
    )


def _seconds(iso: str | None) -> float | None:
    return round(datetime.fromisoformat(iso).timestamp(), 3) if iso else None
