"""What the board knows of a job's voters, as the trust line says it."""

from collections.abc import Collection, Iterable

from pangea.core.cost import Cost, cost_of
from pangea.core.job_rule import rule_for
from pangea.core.model import PUSHED, Job, Worker
from pangea.core.rule import Rule
from pangea.core.trust_line import Odds, Seat, detection_s, in_words, trust_line
from pangea.core.verdict import JobState

from .board import Board

#: Who voted last may be gone as well, so nothing else is said of anybody.
FROZEN = (
    "verdicts are frozen: most workers vanished at once, no outage can be confirmed"
)


def trust_of(board: Board, job: Job, now: float) -> str:
    """Return how far the verdict of *job* can be trusted at *now* (UTC seconds)."""
    placement, rule = board.placements.get(job.id), board.rules.get(job.id)
    if not job.enabled:
        return "stopped: nobody is looking"
    if job.type in PUSHED:
        return "reports by itself: silence is a failure"
    if placement is None or rule is None:
        return ""
    if board.frozen:
        return FROZEN
    state = board.states.get(job.id, JobState(job.id))
    workers = sorted(placement.workers, key=lambda worker: worker.name)
    seats = [_seat(board, state, w, now) for w in workers]
    return trust_line(seats, odds_of(job, rule, workers))


def price_of(board: Board, job: Job) -> Cost:
    """Return what *job*, stored or not, costs where it would run now."""
    workers = board.preview(job).workers
    odds = odds_of(job, rule_for(job, board.defaults.get(job.org, "")), workers)
    bound = detection_s([Seat(worker.name) for worker in workers], odds)
    return cost_of(job.interval_s, len(workers), bound)


def odds_of(job: Job, rule: Rule, workers: Iterable[Worker]) -> Odds:
    """Return what of *job* and its *rule* decides how soon an outage is seen."""
    known = {worker.id: worker for worker in workers}
    ids = {worker.name: worker.id for worker in known.values()}

    def fails(failing: Collection[str], there: Collection[str]) -> bool:
        bad, voters = [ids[name] for name in failing], [ids[name] for name in there]
        return rule.quorum.fails(bad, voters, known)

    return Odds(
        interval_s=job.interval_s,
        timeout_s=job.timeout_s,
        fails=fails,
        min_voters=rule.min_voters,
        down_rounds=rule.down_rounds,
    )


def _seat(board: Board, state: JobState, worker: Worker, now: float) -> Seat:
    number, name = worker.id, worker.name
    if number in board.lost:
        spent = max(0.0, now - board.seen.get(number, now))
        return Seat(name, f"lost {in_words(spent)}", spent)
    if number in board.resting:
        spent = max(0.0, now - board.resting[number])
        return Seat(name, "in maintenance", spent)
    if number in board.sick:
        cause = f"sick ({board.sick[number]})"
        return Seat(name, cause, seated=number in state.votes)
    return Seat(name, "" if number in state.votes else "has no vote")
