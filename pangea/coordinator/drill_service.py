"""Drills as the web sees them (``pangea.web.api_drill``)."""

from pangea.core.drill import Drill
from pangea.core.errors import NotFound
from pangea.core.model import Job
from pangea.web.api_drill import DrillAnswer
from pangea.web.schema import moment

from .coordinator import Coordinator


class DrillService:
    """Begins, shows and ends drills."""

    def __init__(self, coordinator: Coordinator) -> None:
        self._c = coordinator
        self._board = coordinator.board
        self._drills = coordinator.planned.drills

    async def begin(self, org: int, name: str, by: str, for_s: float) -> DrillAnswer:
        """Let a job fail on purpose."""
        async with self._c.changing:
            job = self._board.job(name, org)
            drill, decided = self._drills.begin(job, for_s, by)
            await self._c.intake.note(decided)
        return self._answer(job, drill)

    async def drill(self, org: int, name: str) -> DrillAnswer:
        """Return the drill of a job that goes on, else its last one."""
        job = self._board.job(name, org)
        drill = self._drills.drills.get(job.id)
        if drill is None:
            raise NotFound(
                f"job {name!r} has not been drilled", hint=f"pangea drill {name}"
            )
        return self._answer(job, drill)

    async def end(self, org: int, name: str) -> DrillAnswer:
        """Let workers tell again how it is."""
        job = self._board.job(name, org)
        drill, decided = self._drills.end(job)
        await self._c.intake.note(decided)
        return self._answer(job, drill)

    def _answer(self, job: Job, drill: Drill) -> DrillAnswer:
        placed = self._board.placed(job.id)
        state = self._board.states[job.id]
        recovered = drill.over if drill.recovered else 0.0
        return DrillAnswer(
            job=job.name,
            state=drill.state,
            by=drill.by,
            begun_at=moment(round(drill.begun * 1e6)),
            for_s=round(drill.limit - drill.begun, 3),
            asked=sorted(self._board.voter(worker) for worker in placed),
            heard=sorted(self._board.voter(worker) for worker in drill.heard),
            first_failed_s=_seconds(drill.begun, drill.first_failed),
            confirmed_s=_seconds(drill.begun, drill.confirmed),
            alerted_s=_seconds(drill.begun, drill.alerted),
            alerted_by=drill.told,
            ended_s=_seconds(drill.begun, drill.ended),
            recovery_s=_seconds(drill.ended, recovered),
            verdict=self._board.verdict(job),
            verdict_reason=state.reason,
            words=drill.words,
            incident=self._board.incident_of(job.id) or None,
        )


def _seconds(since: float, until: float) -> float | None:
    return round(until - since, 3) if until else None
