"""Jobs that move: placed anew in small steps, and made before they are broken."""

import asyncio
from collections.abc import Collection

from pangea.core.clock import Clock
from pangea.core.liveness import LOST_S, long_gone
from pangea.core.model import Worker
from pangea.core.placement import is_counted

from .board import Board
from .dispatch import Dispatch
from .intake import Intake
from .judging import Judging

#: Jobs placed, told and seated before others get a turn.
STEP = 100


class Moving:
    """Carries out what a worker's coming, going or changing does to jobs."""

    def __init__(
        self,
        board: Board,
        clock: Clock,
        dispatch: Dispatch,
        judging: Judging,
        intake: Intake,
    ) -> None:
        self._board = board
        self._clock = clock
        self._dispatch = dispatch
        self._judging = judging
        self._intake = intake
        self._since: dict[int, float] = {}

    async def worker_changed(self, worker: Worker) -> None:
        """Place anew what *worker*, new or changed on the board, has to do with."""
        self._board.can_again(worker=worker.id)
        jobs = list(self._board.jobs)
        for start in range(0, len(jobs), STEP):
            part = jobs[start : start + STEP]
            await self._carry_out(self._board.place_for(worker, part))

    async def look(self, *, away_changed: bool) -> None:
        """Once a second: begin the moves that are due, and end those that are over."""
        board = self._board
        unable, board.unable = board.unable, set()
        arrived, board.arrived = board.arrived, set()
        self._dispatch.update(arrived)
        jobs = unable | self._stuck() | self._deserted()
        if away_changed:
            jobs |= {job.id for job in board.jobs.values() if is_counted(job)}
        await self._place(jobs)

    async def _place(self, jobs: Collection[int]) -> None:
        wanted = list(jobs)
        for start in range(0, len(wanted), STEP):
            part = [
                board_job
                for number in wanted[start : start + STEP]
                if (board_job := self._board.jobs.get(number))
            ]
            moved = [job.id for job in part if self._board.place(job)]
            await self._carry_out(moved)

    async def _carry_out(self, moved: Collection[int]) -> None:
        """Tell and seat a few jobs that moved, and let others have a turn."""
        if moved:
            self._dispatch.update(moved)
            await self._intake.note(self._judging.seat(moved))
        await asyncio.sleep(0)

    def _deserted(self) -> set[int]:
        """Return the jobs whose interval others share now, as somebody is long gone.

        While it is we who are cut off nobody moves.
        """
        board, before = self._board, self._board.gone
        if not board.frozen:
            now, since, gone = self._clock.wall(), board.started, board.gone
            board.gone = long_gone(board.seen, now, board.connected, gone, since)
        changed = before ^ board.gone
        return {
            job
            for job, placement in board.placements.items()
            if changed and not changed.isdisjoint(placement.slots)
        }

    def _stuck(self) -> set[int]:
        """End moves whose new worker does not report, or whose old one has gone."""
        board, now = self._board, self._clock.monotonic()
        self._since = {job: self._since.get(job, now) for job in board.moving}
        stuck = set()
        for job, since in self._since.items():
            limit = 2 * board.jobs[job].interval_s + board.jobs[job].timeout_s + LOST_S
            takes = board.placements[job].takes
            late = now - since > limit
            over = {n for n, old in takes.items() if late or old not in board.connected}
            if board.arrive(job, over):
                stuck.add(job)
        return stuck
