"""What the board looks like to the API: pure translation, no decisions."""

from msgspec.structs import replace

from pangea.core.cost import Cost, in_words
from pangea.core.flapping import Flap
from pangea.core.incident import BAD
from pangea.core.job_rule import rule_for
from pangea.core.model import COORDINATOR, PUSHED, Job, Result, Verdict, VoteValue
from pangea.core.options import masked
from pangea.core.rule import format_rule
from pangea.core.verdict import JobState
from pangea.probes.base import probe_class
from pangea.storage.history import History
from pangea.web.schema import (
    CostAnswer,
    HistoryAnswer,
    JobAnswer,
    PointAnswer,
    ResultAnswer,
    VoteAnswer,
    moment,
)

from .absent import absent, notices
from .board import Board
from .outages import outage_times
from .telling import flag_names
from .trusting import trust_of


def job_answer(
    board: Board, job: Job, push_path: str | None = None, now: float = 0.0
) -> JobAnswer:
    """Return a job with its verdict and a cell for each of its workers.

    With *now* (UTC seconds) also how far it can be trusted then.
    """
    state = board.states.get(job.id, JobState(job.id))
    votes = _votes(board, job, state)
    # How long a failure took says nothing of how fast the target is.
    good = [v for v in votes if v.outcome in (VoteValue.OK, VoteValue.WARN)]
    last = max(good, key=lambda v: v.at or "", default=None)
    verdict = board.verdict(job)
    outage = board.outages.get(job.id) if verdict == Verdict.DOWN else None
    flap = board.flaps.get(job.id, Flap())
    rule = format_rule(rule_for(job, board.defaults.get(job.org, "")))
    return JobAnswer(
        id=job.id,
        name=job.name,
        type=job.type,
        target=job.target,
        interval_s=job.interval_s,
        timeout_s=job.timeout_s,
        on=job.on,
        rule=job.rule or rule,
        rule_in_force=rule,
        expect=job.expect,
        options=masked(probe_class(job.type).Options, job.options),
        labels=job.labels,
        enabled=job.enabled,
        verdict=verdict,
        verdict_since=_since(board, verdict, state),
        verdict_reason=_why(board, job, verdict, state),
        votes=votes,
        last_duration_ms=last.duration_ms if last else None,
        push_path=push_path,
        notices=notices(board, job),
        drill=job.id in board.drills,
        trust=trust_of(board, job, now) if now else "",
        depends_on=[board.jobs[j].name for j in job.depends_on if j in board.jobs],
        slo=job.slo,
        **outage_times(outage),
        incident=board.incident_of(job.id) or None,
        flapping=flap.flapping,
        flap_pct=round(flap.pct, 1),
    )


def _since(board: Board, verdict: str, state: JobState) -> str | None:
    """Return since when its verdict stands, or it is paused."""
    since_us = round(state.since * 1e6)
    if verdict == "paused":
        since_us = board.paused.get(state.job, since_us)
    return moment(since_us) if since_us else None


def _why(board: Board, job: Job, verdict: str, state: JobState) -> str:
    if verdict == "paused":
        return "stopped"
    if verdict == "maintenance":
        return board.maintained[job.id]
    if job.id in board.drills and "DRILL" not in state.reason:
        return f"DRILL: {state.reason}"
    if verdict in BAD and job.id in board.blamed:
        return f"{board.blamed[job.id]} ({state.reason})"
    return state.reason


def _votes(board: Board, job: Job, state: JobState) -> list[VoteAnswer]:
    """Return the cells: who probes, was stopped, cannot, or is not there."""
    placement = board.placements.get(job.id) or board.preview(job)
    probing = [_cell(board, w.id, state) for w in placement.workers]
    probing += [_leaving(board, old, state) for old in placement.takes.values()]
    if job.type in PUSHED and job.enabled:
        probing = [_cell(board, COORDINATOR, state)]
    stopped = [
        VoteAnswer(worker=name, outcome=None, state="stopped")
        for name in job.stopped_on
    ]
    refused = [
        VoteAnswer(worker=name, outcome=None, state="refused", detail=why)
        for name, why in placement.refused.items()
        if name not in job.stopped_on
    ]
    missing = [
        VoteAnswer(worker=name, outcome=None, state="absent", detail=why)
        for name, why in absent(board, job).items()
        if name not in job.stopped_on
    ]
    return sorted(
        [*probing, *stopped, *refused, *missing], key=lambda cell: cell.worker
    )


def _cell(board: Board, number: int, state: JobState) -> VoteAnswer:
    vote, name = state.votes.get(number), board.voter(number)
    there = number in board.connected or number == COORDINATOR
    gone = "lost" if number in board.lost else "suspect"
    if number in board.resting:
        there, gone = False, "maintenance"
    if vote is None:
        if there and number in board.sick:
            unwell = _unwell(board.sick[number])
            return VoteAnswer(worker=name, outcome=None, state="sick", detail=unwell)
        waiting = "waiting" if there else gone
        return VoteAnswer(worker=name, outcome=None, state=waiting)
    return VoteAnswer(
        worker=name,
        outcome=vote.value,
        state="probing" if there else gone,
        at=moment(round(vote.at * 1e6)),
        duration_ms=vote.duration_ms,
        reason=vote.reason,
        detail=vote.detail,
        expires=moment(round(vote.expires * 1e6)),
    )


def _unwell(cause: str) -> str:
    """Return why nothing that a worker fails counts."""
    return cause if cause.startswith("isolated") else f"unwell: {cause}"


def _leaving(board: Board, number: int, state: JobState) -> VoteAnswer:
    """Return the cell of a worker that goes on until another has taken over."""
    return replace(_cell(board, number, state), state="moving")


def beats_of(board: Board, org: int, job: int, points: int) -> dict[str, str]:
    """Return how the last rounds of a job of *org* went, a letter each, by worker."""
    found = board.recent.beats(job, points)
    return {name: beats for number, beats in found if (name := board.voter(number))}


def cost_answer(job: Job, cost: Cost) -> CostAnswer:
    """Return a cost with its line of words."""
    words = in_words(cost)
    if job.type in PUSHED:
        words = "is told, not asked: `pangea job show` prints where to report"
    return CostAnswer(
        workers=cost.workers,
        probes_per_s=cost.probes_per_s,
        target_per_s=cost.target_per_s,
        bytes_per_day=cost.bytes_per_day,
        detection_s=cost.detection_s,
        words=words,
    )


def result_answer(board: Board, result: Result, void: str) -> ResultAnswer:
    """Return one run of a probe; *void* is why it did not count."""
    return ResultAnswer(
        worker=board.voter(result.worker) or str(result.worker),
        started_at=moment(result.started_at_us),
        duration_ms=result.duration_ms,
        outcome=result.outcome,
        reason=result.reason,
        detail=result.detail,
        phases=result.phases,
        readings=result.readings,
        flags=flag_names(result.flags),
        void=void,
    )


def history_answer(
    history: History, uptime: float | None, coverage: float
) -> HistoryAnswer:
    """Return a stretch of history; *uptime* and *coverage* are those of time."""
    return HistoryAnswer(
        step_s=history.step_s,
        points=[
            PointAnswer(
                at=moment(point.at_us),
                ok=point.ok,
                failed=point.failed,
                error=point.error,
                missing=point.missing,
                p50_ms=point.p50_ms,
                p95_ms=point.p95_ms,
                p99_ms=point.p99_ms,
                min_ms=point.min_ms,
                max_ms=point.max_ms,
                mean_ms=point.mean_ms,
                loss_pct=point.loss_pct,
                phases_ms=point.phases_ms,
            )
            for point in history.points
        ],
        uptime=uptime,
        coverage=coverage,
        added_at=None if history.added_us is None else moment(history.added_us),
    )
