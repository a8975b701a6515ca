"""Keeps the log of electorates: who could vote on a job, and since when."""

from collections.abc import Iterable

from pangea.core.model import FIRST_ORG
from pangea.storage.lateness import Seats

from .board import Board

Change = tuple[int, int, int, Seats]


class SeatLog:
    """Knows the electorates that are in the log."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self.known: dict[int, Seats] = {}
        #: Who sat there before those, by job.
        self.once: dict[int, Seats] = {}

    def sat(self, worker: int, job: int) -> bool:
        """Tell whether *worker* sits in the electorate of *job*, or ever did."""
        return worker in self.known.get(job, ()) or worker in self.once.get(job, ())

    def changed(self, jobs: Iterable[int], now_us: int) -> list[Change]:
        """Return what of *jobs* the log does not say yet."""
        found = []
        for number in jobs:
            state, job = self._board.states.get(number), self._board.jobs.get(number)
            if state is not None and self.known.get(number) != state.electorate:
                org = job.org if job else FIRST_ORG
                found.append((org, number, now_us, state.electorate))
        return found

    def written(self, changes: Iterable[Change]) -> None:
        """Note that *changes* are in the log."""
        for _, job, _, seats in changes:
            gone = set(self.known.get(job, ())).difference(seats)
            if gone:
                self.once[job] = tuple(sorted(gone.union(self.once.get(job, ()))))
            self.known[job] = seats
