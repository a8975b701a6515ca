"""What people plan: maintenance now, and what it does to votes and verdicts."""

from pangea.core.clock import Clock
from pangea.core.model import Job, Result
from pangea.core.verdict import JobState, Judgement
from pangea.storage.database import Store

from .board import Board
from .incidents import Incidents
from .intake import Intake
from .judging import Decided
from .maintenance import Upkeep
from .suppression import Suppression


class Planned:
    """Holds what is planned; ``look`` every second, before votes expire."""

    def __init__(
        self,
        board: Board,
        store: Store,
        clock: Clock,
        intake: Intake,
        incidents: Incidents,
    ) -> None:
        self._intake = intake
        self._clock = clock
        self.upkeep = Upkeep(board, store, clock)
        self.suppression = Suppression(board, incidents)

    async def load(self) -> None:
        """Take up what was planned before the coordinator stopped."""
        await self.upkeep.load()
        self.suppression.load()
        await self.look(self._clock.wall())

    async def look(self, now: float) -> None:
        """Carry out what begins and ends at *now* (UTC seconds)."""
        decided = self.upkeep.look(now)
        decided.add(self.suppression.look(now))
        if decided:
            await self._intake.note(decided)

    def follow(self, before: JobState, judged: Judgement, decided: Decided) -> None:
        """Take note of what was judged; after the incidents did."""
        self.suppression.follow(before, judged, decided)

    def void(self, result: Result, job: Job) -> str:
        """Return why the vote of *result* does not count, "" if it does."""
        return self.upkeep.void(result, job)
