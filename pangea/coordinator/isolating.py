"""Who is alone in what it sees: counted as results come in and votes change."""

import itertools
from collections.abc import Callable, Iterable

from msgspec.structs import replace

from pangea.core.clock import Clock
from pangea.core.isolation import Isolation, Said
from pangea.core.liveness import LEAVES_S
from pangea.core.model import PUSHED, Job, Outcome, Result, VoteValue, Worker
from pangea.core.verdict import JobState, Judgement

from .board import Board
from .decided import Decided
from .judging import BACK_S

#: Of the jobs that somebody fails so many are counted anew at each look.
MOST_LOOKED = 1000
#: So many jobs a worker is asked again that is isolated no more.
MOST_AGAIN = 100
#: The cause of who was isolated when the coordinator stopped.
FROM_BEFORE = "isolated: it failed what others reach before the coordinator started"

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
        #: By job and worker: when it began to fail, and when it last did.
        self._failed: dict[int, dict[int, tuple[float, float]]] = {}

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
        trusted = {w.id for w in self._voters(state) if w.trusted}
        said = {w: Said(w, None, 0.0, w in trusted) for w in state.electorate}
        for vote in state.counted:
            w, fails = vote.worker, vote.value is VoteValue.FAILED
            said[w] = Said(w, fails, vote.at, w in trusted)
        failed, oldest = self._failed.get(number, {}), self._clock.wall()
        oldest -= self._board.lasts[number]
        for worker, (since, last) in list(failed.items()):
            now = said.get(worker)
            well = now is not None and now.failed is False and now.at > last
            if now is None or well or last < oldest:
                del failed[worker]
            else:
                said[worker] = replace(now, failed=True, at=since)
        if not failed:
            self._failed.pop(number, None)
        self.isolation.put(number, said.values())

    def _voters(self, state: JobState) -> list[Worker]:
        workers = self._board.workers
        return [workers[w] for w in state.electorate if w in workers]


def _is_comparable(job: Job) -> bool:
    """Tell whether all workers of *job* should see the same."""
    return job.expect == "ok" and job.type not in PUSHED
