"""Which jobs flap: kept on the board, rebuilt from the transition log at start."""

from collections.abc import Iterable

from pangea.core.flapping import Flap, age, change
from pangea.core.model import Verdict
from pangea.core.verdict import Transition
from pangea.storage.spans import Span

from .board import Board

#: Jobs that do not flap are looked at so seldom, in looks.
SELDOM = 30


class Flaps:
    """Keeps ``board.flaps`` true: jobs whose verdict changed of late."""

    def __init__(self, board: Board) -> None:
        self._board = board
        #: The last verdict of a job that was not ``unknown``, which is no state.
        self._known: dict[int, Verdict] = {}
        self._looks = 0
        #: Jobs of which an incident says that they flap, from before a restart.
        self.told: set[int] = set()

    def load(
        self, changes: Iterable[Transition], drills: Iterable[Span], now: float
    ) -> None:
        """Take up what the log says, oldest first; what *drills* changed is no news."""
        drilled = [(d.job, d.from_us, d.until_us) for d in drills]
        for each in changes:
            of_drill = any(
                job == each.job and begin <= each.at_us <= end
                for job, begin, end in drilled
            )
            self.changed(each, of_drill=of_drill)
        self._age(list(self._board.flaps), now)

    def changed(self, change_: Transition, *, of_drill: bool = False) -> None:
        """Note a change of verdict; one to or from ``unknown`` alone is none.

        Nor is one *of_drill*, but what follows is compared with it.
        """
        job = self._board.jobs.get(change_.job)
        if job is None or change_.after is Verdict.UNKNOWN:
            return
        before = self._known.get(job.id, change_.before)
        self._known[job.id] = change_.after
        if of_drill or before in (Verdict.UNKNOWN, change_.after):
            return
        held = self._board.flaps.get(job.id, Flap())
        self._board.flaps[job.id] = change(held, change_.at_us / 1e6, job.interval_s)

    def is_flapping(self, job: int) -> bool:
        """Tell whether *job* flaps."""
        return job in self._board.flaps and self._board.flaps[job].flapping

    def look(self, now: float) -> list[int]:
        """Let the past fade; return the jobs that no longer flap."""
        self._looks += 1
        flaps = self._board.flaps
        before = {job for job, flap in flaps.items() if flap.flapping}
        told, self.told = self.told - before, set()
        self._age(list(flaps) if self._looks % SELDOM == 0 else before, now)
        for job in [j for j in self._known if j not in self._board.jobs]:
            del self._known[job]
        return [job for job in before | told if not self.is_flapping(job)]

    def _age(self, jobs: Iterable[int], now: float) -> None:
        flaps = self._board.flaps
        for number in jobs:
            job = self._board.jobs.get(number)
            aged = age(flaps[number], now, job.interval_s) if job else Flap()
            if aged.pct or aged.flapping:
                flaps[number] = aged
            else:
                del flaps[number]
