"""What people plan: maintenance, drills, and what follows for votes and incidents."""

from functools import partial
from typing import TYPE_CHECKING

from pangea.core.model import Job
from pangea.core.uptime import Span
from pangea.storage import spans
from pangea.storage.spans import DRILL, MAINTENANCE

from .drill import Drills
from .maintenance import Upkeep
from .suppression import Suppression
from .walk import walk_over

if TYPE_CHECKING:
    from .coordinator import Coordinator


#: Clocks agree at least to this, in microseconds.
CLOCKS_US = 60_000_000


class Planned:
    """Holds what is planned; ``look`` every second, before votes expire.

    Made after the incidents: those are told first of what was judged.
    """

    def __init__(self, coordinator: "Coordinator") -> None:
        c = self._c = coordinator
        self.upkeep = Upkeep(c.board, c.store, c.clock)
        self.suppression = Suppression(c.board, c.incidents, c.run_now)
        self.drills = Drills(c.board, c.store, c.clock, c.dispatch, c.incidents)
        c.past.maintenance = partial(_stretches, MAINTENANCE)
        c.past.drills = partial(_stretches, DRILL)
        self._drilled: dict[int, int] = {}
        c.intake.claims.may_drill = self._may_drill

    async def load(self) -> None:
        """Take up what was planned before the coordinator stopped."""
        await self.upkeep.load()
        drills = await self._c.store.read(lambda: spans.drills_since(0))
        for one in drills:
            self._drilled.setdefault(one.job, one.from_us)
        await self.drills.load(self._c.judging, self._c.intake)
        self.suppression.load()
        await self.look(self._c.clock.wall())

    async def look(self, now: float) -> None:
        """Carry out what begins and ends at *now* (UTC seconds)."""
        decided = self.upkeep.look(now)
        self.drills.look(now, decided)
        if decided:
            await self._c.intake.note(decided)
        look = partial(self.suppression.look, now)
        await walk_over(self.suppression.unwell, look, self._c.intake.note)

    def _may_drill(self, job: int, at_us: int) -> bool:
        """Tell whether a worker may tell *job* as failed on purpose.

        One that was cut off in a drill does not hear of its end.
        """
        begun = self._drilled.get(job)
        if begun is None and job in self.drills.drills:
            begun = round(self.drills.drills[job].begun * 1e6)
            self._drilled[job] = begun
        return begun is not None and at_us >= begun - CLOCKS_US


def _stretches(kind: str, job: Job, whole: Span) -> list[Span]:
    """Return when *job* was in maintenance, or drilled, within *whole*."""
    found = spans.between(job.id, whole.begin_us, whole.end_us)
    return [Span(s.from_us, s.until_us) for s in found if s.kind == kind]
