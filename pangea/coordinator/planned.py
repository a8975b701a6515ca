"""What people plan: maintenance now, and what it does to votes and verdicts."""

from pangea.core.clock import Clock
from pangea.core.model import Job, Result
from pangea.storage.database import Store

from .board import Board
from .intake import Intake
from .maintenance import Upkeep


class Planned:
    """Holds what is planned; ``look`` every second, before votes expire."""

    def __init__(
        self, board: Board, store: Store, clock: Clock, intake: Intake
    ) -> None:
        self._intake = intake
        self._clock = clock
        self.upkeep = Upkeep(board, store, clock)

    async def load(self) -> None:
        """Take up what was planned before the coordinator stopped."""
        await self.upkeep.load()
        await self.look(self._clock.wall())

    async def look(self, now: float) -> None:
        """Carry out what begins and ends at *now* (UTC seconds)."""
        decided = self.upkeep.look(now)
        if decided:
            await self._intake.note(decided)

    def void(self, result: Result, job: Job) -> str:
        """Return why the vote of *result* does not count, "" if it does."""
        return self.upkeep.void(result, job)
