"""What a worker may say, of which job: what it never had to run is refused."""

from collections.abc import Callable, Set

from pangea.core.errors import ProtocolError
from pangea.core.model import Flag, Result

from .board import Board

_CLAMPED, _DRILL = int(Flag.CLAMPED), int(Flag.DRILL)


class Claims:
    """Holds each row against what its worker was given; others tell what that is."""

    def __init__(self, board: Board) -> None:
        self._board = board
        #: The jobs that a worker surely was given.
        self.given: Callable[[int], Set[int]] = lambda worker: frozenset()
        #: Tells whether a worker may have run another job at a time (UTC seconds).
        self.may_report: Callable[[int, int, float], bool] = lambda *_: True
        #: Tells whether a worker ever sat in the electorate of a job.
        self.sat: Callable[[int, int], bool] = lambda worker, job: False
        #: Tells whether a job may have failed on purpose at a time (microseconds).
        self.may_drill: Callable[[int, int], bool] = lambda job, at_us: False

    def check(self, row: Result, given: Set[int]) -> None:
        """Refuse what its worker never had to run; it was *given* these jobs.

        A time that we had to guess says nothing of when that was, so there the log
        of electorates has to know the worker. What was told for a drill that never
        was is neither a failure nor a drill. Raises ProtocolError.
        """
        if row.flags & _DRILL and not self.may_drill(row.job, row.started_at_us):
            raise ProtocolError(f"job {row.job} never failed on purpose")
        if row.job in given or row.job not in self._board.jobs:
            return
        if row.flags & _CLAMPED:
            may = self.sat(row.worker, row.job)
        else:
            may = self.may_report(row.worker, row.job, row.started_at_us / 1e6)
        if not may:
            raise ProtocolError(f"job {row.job} was never given to this worker")
