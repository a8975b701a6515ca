"""Who is alone in what it sees: counted as results come in and votes change."""

import itertools
from collections.abc import Callable, Iterable, Mapping

from pangea.core.clock import Clock
from pangea.core.isolation import Isolation, Said
from pangea.core.liveness import LEAVES_S
from pangea.core.model import PUSHED, Job, Outcome, Result, VoteValue
from pangea.core.verdict import JobState, Judgement
from pangea.core.votes import Vote

from .board import Board
from .decided import Decided
from .judging import BACK_S

#: Of the jobs that somebody fails so many are counted anew at each look.
MOST_LOOKED = 1000
#: So many jobs a worker is asked again that is isolated no more.
MOST_AGAIN = 100
#: The cause of who was isolated when the coordinator stopped.
FROM_BEFORE = "isolated: it failed what others reach before the coordinator started"

#: When a worker began to fail a job, and when it last did.
Spell = tuple[float, float]
#: Called with a worker that is isolated now, or no longer, and then with what it
#: is to be asked again.
Turned = Callable[[int, list[int]], None]


class Isolating:
    """Holds what workers say of the same targets against each other."""

    def __init__(self, board: Board, clock: Clock, turned: Turned) -> None:
        self.isolation = Isolation()
        self._board, self._clock, self._turned = board, clock, turned
        #: Who was isolated when the coordinator stopped, and when it started.
        self._before: set[int] = set()
        self._loaded = float("-inf")
        #: By job and worker.
        self._failed: dict[int, dict[int, Spell]] = {}

    def load(self, before: Iterable[int]) -> None:
        """Take up who was isolated *before* the coordinator stopped."""
        self._loaded = self._clock.monotonic()
        self._before = set(before)
        self.isolation.isolated |= dict.fromkeys(self._before, FROM_BEFORE)

    def cause(self, worker: int) -> str:
        """Return why *worker* is isolated, "" if it is not."""
        return self.isolation.isolated.get(worker, "")

    def hear(self, result: Result, job: Job) -> str:
        """Count *result*; return why it is void, if its worker is isolated."""
        if result.outcome is not Outcome.FAILED or not _is_comparable(job):
            return ""
        worker, at = result.worker, result.started_at_us / 1e6
        failed = self._failed.setdefault(job.id, {})
        known = failed.get(worker)
        failed[worker] = (at, at) if known is None else (known[0], max(known[1], at))
        if known is None:  # What goes on is counted at each look.
            self._count(job.id)
            self._look_at(worker)
        return self.cause(worker)

    def follow(self, before: JobState, judged: Judgement, decided: Decided) -> None:
        """Count who reaches a job after its votes changed; a follower."""
        if judged.changes:
            self._count(judged.state.job)

    def look(self) -> None:
        """Count anew what goes on, and see who is isolated."""
        for job in list(itertools.islice(self._failed, MOST_LOOKED)):
            self._count(job)
            if job in self._failed:  # to the end of the queue
                self._failed[job] = self._failed.pop(job)
        self.isolation.keep(self._board.jobs)
        for worker in {*self.isolation.isolated, *self._board.connected}:
            self._look_at(worker)

    def _look_at(self, worker: int) -> None:
        """Decide anew whether *worker* is isolated."""
        was = worker in self._before
        if was and self._is_awaited(worker):
            return
        self._before.discard(worker)
        if not (self.isolation.look(worker) or was):
            return
        again = list[int]()
        if worker not in self.isolation.isolated:
            again = [job for job, by in self._failed.items() if worker in by]
        self._turned(worker, again[:MOST_AGAIN])

    def _is_awaited(self, worker: int) -> bool:
        """Tell whether who can tell of *worker* may still have to come back.

        Or what it fails would count as soon as we have restarted.
        """
        spent = self._clock.monotonic() - self._loaded
        unknown = not self.isolation.tells_of(worker)
        return spent < BACK_S or (unknown and spent < LEAVES_S)

    def _count(self, number: int) -> None:
        """Count anew who reaches a job, and who fails it."""
        job, state = self._board.jobs.get(number), self._board.states.get(number)
        if job is None or state is None or not _is_comparable(job):
            self._failed.pop(number, None)
            self.isolation.drop(number)
            return
        votes: dict[int, Vote | None] = dict.fromkeys(state.electorate)
        votes.update((vote.worker, vote) for vote in state.counted)
        failed = self._lasting(number, votes)
        said = [self._said(w, vote, failed.get(w)) for w, vote in votes.items()]
        self.isolation.put(number, said)

    def _lasting(
        self, number: int, votes: Mapping[int, Vote | None]
    ) -> Mapping[int, Spell]:
        """Return who still fails a job, and forget who was well since, or is gone."""
        failed = self._failed.get(number)
        if not failed:
            return {}
        oldest = self._clock.wall() - self._board.lasts[number]
        for worker, (_, last) in list(failed.items()):
            vote = votes.get(worker)
            well = vote and vote.value is not VoteValue.FAILED and vote.at > last
            if worker not in votes or well or last < oldest:
                del failed[worker]
        if not failed:
            del self._failed[number]
        return failed

    def _said(self, number: int, vote: Vote | None, failed: Spell | None) -> Said:
        worker = self._board.workers.get(number)
        trusted = worker is not None and worker.trusted
        if failed:
            return Said(number, True, failed[0], trusted)
        if vote is None:
            return Said(number, None, 0.0, trusted)
        return Said(number, vote.value is VoteValue.FAILED, vote.at, trusted)


def _is_comparable(job: Job) -> bool:
    """Tell whether all workers of *job* should see the same."""
    return job.expect == "ok" and job.type not in PUSHED
