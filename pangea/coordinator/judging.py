"""From results to verdicts: holds the states, calls the pure rule, keeps changes."""

import logging
from collections.abc import Callable, Iterable, Sequence, Set

from msgspec.structs import replace

from pangea.core.clock import Clock
from pangea.core.clock_step import ClockStep
from pangea.core.electorate import reseat, sicken, suspend, withdraw
from pangea.core.model import Job, Result
from pangea.core.verdict import JobState, Judgement, judge, renew
from pangea.core.votes import Vote, with_reason

from .board import Board
from .decided import Decided
from .vote_ends import VoteEnds
from .voting import Voting

log = logging.getLogger(__name__)

#: What a mistake of ours raises; it is told, and judging goes on.
FAULTS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
#: The reason of a result that says: this worker cannot ask that.
UNSUPPORTED = "unsupported"
#: Votes of jobs that run so seldom are stored with each result: after a restart
#: the recent results do not reach back to them.
SELDOM_S = 600.0
#: After a restart votes that ended within our downtime, if it was no longer than
#: this, wait so long for their workers to come back.
FORGIVEN_S = 900.0
BACK_S = 30.0
#: What is remembered of jobs that nobody asks for any more goes so often.
TIDY_S = 30.0


#: Called with a job and a worker that shall probe it again, in so many seconds.
Repeat = Callable[[int, int, float], None]
#: Called with a state as it was, what was judged, and what will be written of it.
Follower = Callable[[JobState, Judgement, Decided], None]
#: Called with results before they are judged.
Hearer = Callable[[Sequence[Result]], None]
#: Tells why the vote of a result does not count, "" if it does.
Void = Callable[[Result, Job], str]


class Judging:
    """Applies votes to the board's states."""

    def __init__(self, board: Board, clock: Clock, repeat: Repeat) -> None:
        self._board = board
        self._clock = clock
        self._repeat = repeat
        self._step = ClockStep(clock)
        #: Those that want to know of every change of a vote or a verdict.
        self.followers: list[Follower] = []
        #: Are given all results before they are judged.
        self.hearers: list[Hearer] = []
        #: Each may tell why the vote of a result does not count; the first is right.
        self.voids: list[Void] = []
        self._voting, self._tidied = Voting(board, self._void), 0.0
        self._ends = VoteEnds()

    def hear(self, results: Iterable[Result]) -> Decided:
        """Judge *results* (times corrected, worker set) and return what changed."""
        decided, now, results = Decided(), self._now(), tuple(results)
        for heard in self.hearers:
            heard(results)
        by_job = self._renew(results, now)
        for job in self._board.moving & by_job.keys():
            votes = [v for v in by_job[job] if v.expires > now]
            if self._board.arrive(job, {v.worker for v in votes}):
                seats, rule = self._board.electorate(job, now), self._board.rules[job]
                before = self._board.states[job]
                workers = self._board.workers
                judged = reseat(before, seats, rule, now, votes, workers)
                self._settle(judged, decided)
                decided.touched.add(job)
        for job, votes in by_job.items():
            state = self._board.states.get(job)
            if state is not None:
                rule = self._board.rules[job]
                judged = judge(state, votes, rule, now, self._board.workers)
                self._settle(judged, decided)
                if self._board.lasts[job] >= 2 * SELDOM_S:
                    decided.touched.add(job)
        return decided

    def _void(self, result: Result, job: Job) -> str:
        return next((why for void in self.voids if (why := void(result, job))), "")

    def _now(self) -> float:
        """Return the time; votes move along with a clock that was set.

        Else all end at once, or those of the dead stay for as long as it went back.
        """
        step = self._step.take()
        if step:
            self._ends.forget()
        back = min(step, 0.0)
        for state in self._board.states.values() if step else ():
            for worker, vote in state.votes.items():
                state.votes[worker] = replace(
                    vote, at=vote.at + back, expires=vote.expires + step
                )
        return self._clock.wall()

    def _renew(self, results: Iterable[Result], now: float) -> dict[int, list[Vote]]:
        """Let jobs that are up stay up; return the votes that ask for more."""
        by_job: dict[int, list[Vote]] = {}
        board = self._board
        states, moving, lasts = board.states, board.moving, board.lasts
        for result in results:
            job = result.job
            if job not in lasts:
                continue
            vote = self._voting.vote(result)
            if vote is None:
                if result.reason == UNSUPPORTED:
                    board.cannot_ask(result)
            elif (
                job in by_job
                or job in moving
                or lasts[job] >= 2 * SELDOM_S
                or not renew(states[job], vote, now)
            ):
                by_job.setdefault(job, []).append(vote)
        return by_job

    def resume(self, results: Iterable[Result], now: float) -> None:
        """Take up the votes as they were when the coordinator stopped.

        The votes of *results* that are newer than the stored ones count again, with
        the reasons of those, for they are read without any. A short downtime of ours
        lets none expire that stood when we last heard anything, before its worker
        could be back: nothing of this is a change.
        """
        heard = 0.0
        for result in results:
            heard = max(heard, result.started_at_us / 1e6)
            state = self._board.states.get(result.job)
            if state is None:
                continue
            vote = self._voting.vote(result)
            if vote is None or vote.void or vote.at < state.asked <= now:
                continue
            held = state.votes.get(vote.worker)
            if vote.worker in state.electorate and (not held or held.at < vote.at):
                state.votes[vote.worker] = with_reason(vote, held)
        for state in self._board.states.values():
            for worker, vote in state.votes.items():
                stood = vote.expires > heard > now - FORGIVEN_S
                if stood and vote.expires < now + BACK_S:
                    state.votes[worker] = replace(vote, expires=now + BACK_S)

    def hold(self, until: float) -> None:
        """Let no vote that stands now expire before *until* (UTC seconds)."""
        now = self._now()
        for state in self._board.states.values():
            for worker, vote in state.votes.items():
                if now < vote.expires < until:
                    state.votes[worker] = replace(vote, expires=until)

    def expire(self, jobs: Iterable[int] | None = None) -> Decided:
        """Let old votes expire and electorates follow who is there, and well.

        Of *jobs* alone, if they are given.
        """
        decided, now, board = Decided(), self._now(), self._board
        if abs(now - self._tidied) > TIDY_S:
            self._tidied = now
            self._voting.tidy()
            self._ends.forget()
        anybody = board.lost or board.resting or board.sick
        for job in list(board.states if jobs is None else jobs):
            state = board.states.get(job)
            if state is None:
                continue
            rule, seats = board.rules[job], board.electorate(job, now)
            if seats != state.electorate:
                judged = reseat(state, seats, rule, now, (), board.workers)
                self._settle(judged, decided)
                decided.touched.add(job)
            elif self._ends.has_one(state, now):
                judged = judge(state, (), rule, now, board.workers)
                self._settle(judged, decided)
            if anybody or state.suspended or state.sick:
                self._set_aside(job, now, decided)
        return decided

    def sicken(self, workers: Set[int], jobs: Iterable[int]) -> Decided:
        """Take back at once what *workers*, who turned, cannot tell if they are sick.

        Of *jobs* only those that they vote on are looked at.
        """
        decided, now = Decided(), self._now()
        for job in jobs:
            state = self._board.states.get(job)
            if state is not None and not workers.isdisjoint(state.electorate):
                self._set_aside(job, now, decided)
        return decided

    def withdraw(
        self,
        worker: int,
        since: float,
        until: float,
        cause: str,
        jobs: Iterable[int] | None = None,
    ) -> Decided:
        """Take back what *worker* said from *since* to *until* (UTC), being sick.

        Of *jobs* alone, if they are given.
        """
        decided, now, board = Decided(), self._now(), self._board
        for job in list(board.states if jobs is None else jobs):
            state = board.states.get(job)
            vote = state.votes.get(worker) if state else None
            if state and vote is not None and since <= vote.at <= until:
                rule, workers = board.rules[job], board.workers
                judged = withdraw(
                    state, worker, since, until, cause, rule, now, workers
                )
                self._settle(judged, decided)
        return decided

    def _set_aside(self, job: int, now: float, decided: Decided) -> None:
        """Let votes of workers lost, sick or in maintenance not count, if they are."""
        board = self._board
        rule, state, resting = board.rules[job], board.states[job], board.resting
        out = board.lost | resting.keys()
        gone = tuple(w for w in state.electorate if w in out)
        if gone != state.suspended:
            judged = suspend(state, gone, rule, now, board.workers, resting=resting)
            self._settle(judged, decided)
            decided.touched.add(job)
        state = board.states[job]
        sick = {w: board.sick[w] for w in state.electorate if w in board.sick}
        if tuple(sick) != state.sick:
            self._settle(sicken(state, sick, rule, now, board.workers), decided)
            decided.touched.add(job)

    def seat(self, jobs: Iterable[int], *, anew: bool = False) -> Decided:
        """Give *jobs* the electorate that fits who probes them now.

        With *anew* all votes are dropped: they speak of another question.
        """
        decided, now, workers = Decided(), self._now(), self._board.workers
        for job in jobs:
            state = self._board.states.get(job)
            if state is None:
                continue
            seats, rule = self._board.electorate(job, now), self._board.rules[job]
            if anew:
                begun = replace(state, asked=now)
                self._voting.forget(job)
                self._settle(reseat(begun, (), rule, now, (), workers), decided)
                decided.touched.add(job)
                state = self._board.states[job]
            if seats != state.electorate:
                self._settle(reseat(state, seats, rule, now, (), workers), decided)
                decided.touched.add(job)
            else:
                self._settle(judge(state, (), rule, now, workers), decided)
        return decided

    def _settle(self, judged: Judgement, decided: Decided) -> None:
        state: JobState = judged.state
        before = self._board.states.get(state.job, state)
        self._board.states[state.job] = state
        decided.changes.extend(judged.changes)
        if judged.transition:
            decided.transitions.append(judged.transition)
        if judged.changes or judged.transition:
            decided.touched.add(state.job)
            self._tell(before, judged, decided)
        if judged.repeat_after_s is not None:
            self._repeat(state.job, state.voters[0], judged.repeat_after_s)

    def _tell(self, before: JobState, judged: Judgement, decided: Decided) -> None:
        """Tell all followers; what one of them gets wrong costs no verdict."""
        for follow in self.followers:
            try:
                follow(before, judged, decided)
            except FAULTS:
                log.exception("what follows a verdict of job %d failed", before.job)
