"""From results to verdicts: holds the states, calls the pure rule, keeps changes."""

from collections.abc import Callable, Iterable

from msgspec import Struct, field

from pangea.core.clock import Clock
from pangea.core.model import PUSHED, Result
from pangea.core.verdict import (
    JobState,
    Judgement,
    Transition,
    Vote,
    VoteChange,
    judge,
    reseat,
)

from .board import Board

#: What reports by itself stands until it reports again, or the grace ends.
FOR_EVER_S = 100 * 365 * 86400.0


class Decided(Struct):
    """What one round of judging changed, to be written in one transaction."""

    changes: list[VoteChange] = field(default_factory=list)
    transitions: list[Transition] = field(default_factory=list)
    touched: set[int] = field(default_factory=set)

    def __bool__(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.changes or self.transitions)


#: Called with a job and a worker that shall probe it again, in so many seconds.
Repeat = Callable[[int, int, float], None]


class Judging:
    """Applies votes to the board's states."""

    def __init__(self, board: Board, clock: Clock, repeat: Repeat) -> None:
        self._board = board
        self._clock = clock
        self._repeat = repeat

    def hear(self, results: Iterable[Result]) -> Decided:
        """Judge *results* (times corrected, worker set) and return what changed."""
        by_job: dict[int, list[Vote]] = {}
        for result in results:
            vote = self._vote(result)
            if vote is not None:
                by_job.setdefault(result.job, []).append(vote)
        decided, now = Decided(), self._clock.wall()
        for job, votes in by_job.items():
            state = self._board.states.get(job)
            if state is not None:
                rule = self._board.rules[job]
                self._settle(judge(state, votes, rule, now), decided)
        return decided

    def expire(self) -> Decided:
        """Let old votes expire and electorates follow who is there."""
        decided, now = Decided(), self._clock.wall()
        for job, state in list(self._board.states.items()):
            rule = self._board.rules[job]
            seats = self._board.electorate(job, now)
            if seats != state.electorate:
                self._settle(reseat(state, seats, rule, now), decided)
            elif any(v.expires <= now for v in state.votes.values()):
                self._settle(judge(state, (), rule, now), decided)
        return decided

    def seat(self, jobs: Iterable[int]) -> Decided:
        """Give *jobs* the electorate that fits who probes them now."""
        decided, now = Decided(), self._clock.wall()
        for job in jobs:
            state = self._board.states.get(job)
            if state is not None:
                seats, rule = self._board.electorate(job, now), self._board.rules[job]
                self._settle(reseat(state, seats, rule, now), decided)
        return decided

    def _settle(self, judged: Judgement, decided: Decided) -> None:
        state: JobState = judged.state
        self._board.states[state.job] = state
        decided.changes.extend(judged.changes)
        if judged.transition:
            decided.transitions.append(judged.transition)
        if judged.changes or judged.transition:
            decided.touched.add(state.job)
        if judged.repeat_after_s is not None and state.electorate:
            self._repeat(state.job, state.electorate[0], judged.repeat_after_s)

    def _vote(self, result: Result) -> Vote | None:
        job, value = self._board.jobs.get(result.job), result.vote
        if job is None or value is None:
            return None
        at = result.started_at_us / 1e6
        lasts = FOR_EVER_S if job.type in PUSHED else 2 * job.interval_s + job.timeout_s
        return Vote(
            worker=result.worker,
            value=value,
            at=at,
            expires=at + lasts,
            duration_ms=result.duration_ms,
            reason=result.reason,
            detail=result.detail,
        )
