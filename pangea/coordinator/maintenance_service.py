"""Maintenance as the web sees it (``pangea.web.api_maintenance``)."""

from collections.abc import Mapping

from pangea.core.errors import UsageError
from pangea.core.maintenance import Maintenance, parse_weekly
from pangea.core.moments import parse_coming
from pangea.core.text import safe_text
from pangea.storage import maintenance as stored
from pangea.web.api_maintenance import MaintenanceAnswer, MaintenanceSpec
from pangea.web.schema import Page, moment

from .coordinator import Coordinator


class MaintenanceService:
    """Translates names to jobs and workers, and back."""

    def __init__(self, coordinator: Coordinator) -> None:
        self._c = coordinator
        self._board = coordinator.board
        self._upkeep = coordinator.planned.upkeep

    async def plans(
        self, org: int, limit: int = 100, before: int | None = None
    ) -> Page:
        """Return so many of what was planned, the newest first."""
        found = await self._c.store.read(lambda: stored.page(org, limit + 1, before))
        page = found[:limit]
        more = str(page[-1].id) if len(found) > limit else None
        return Page(items=[self._answer(plan) for plan in page], next=more)

    async def add(self, org: int, by: str, spec: MaintenanceSpec) -> MaintenanceAnswer:
        """Plan a maintenance, which may begin at once."""
        plan = await self._upkeep.add(self._planned(org, by, spec))
        await self._look()
        return self._answer(plan)

    async def end(self, org: int, number: int) -> MaintenanceAnswer:
        """End one now, and for good."""
        plan = await self._upkeep.end(number, org)
        await self._look()
        return self._answer(plan)

    async def remove(self, org: int, number: int) -> None:
        """End one, and forget it."""
        await self._upkeep.remove(number, org)
        await self._look()

    async def _look(self) -> None:
        """Let it be in force before whoever asked has the answer."""
        await self._c.intake.note(self._upkeep.look(self._c.clock.wall()))

    def _planned(self, org: int, by: str, spec: MaintenanceSpec) -> Maintenance:
        now = self._c.clock.wall()
        start, until = _once(spec, now)
        jobs = {self._board.job(name, org).id for name in spec.jobs}
        workers = {self._board.worker(name, org).id for name in spec.workers}
        return Maintenance(
            org=org,
            jobs=tuple(sorted(jobs)),
            labels={
                safe_text(key, 63): safe_text(value, 200)
                for key, value in spec.labels.items()
            },
            workers=tuple(sorted(workers)),
            from_us=start,
            until_us=until,
            weekly=None if spec.weekly is None else parse_weekly(spec.weekly),
            cron=spec.cron or "",
            length_s=(spec.duration_s or 0.0) if spec.cron else 0.0,
            zone=spec.zone,
            reason=safe_text(spec.reason, 500),
            by=by,
            created_us=round(now * 1e6),
        )

    def _answer(self, plan: Maintenance) -> MaintenanceAnswer:
        one, now = self._upkeep.window(plan), self._c.clock.wall()
        state = "over" if one is None else "planned"
        shown = one or self._upkeep.last(plan)
        if one is not None and one.start <= now:
            state = "active"
        names: Mapping[int, str] = {
            number: self._board.jobs[number].name
            for number in plan.jobs
            if number in self._board.jobs
        }
        return MaintenanceAnswer(
            id=plan.id,
            state=state,
            jobs=list(names.values()),
            labels=plan.labels,
            workers=[name for n in plan.workers if (name := self._board.voter(n))],
            covers=self._upkeep.concerned(plan),
            schedule=plan.schedule,
            zone=plan.zone,
            start=_moment(shown.start) if shown else None,
            until=_moment(shown.until) if shown else None,
            reason=plan.reason,
            by=plan.by,
            created_at=moment(plan.created_us),
            ended_at=moment(plan.ended_us) if plan.ended_us else None,
        )


def _once(spec: MaintenanceSpec, now: float) -> tuple[int, int]:
    """Return from when until when a single maintenance is; zeros for no such."""
    timed = spec.start is not None or spec.until is not None
    if spec.weekly is not None or spec.cron is not None:
        if timed or (spec.weekly is not None and spec.duration_s is not None):
            raise UsageError(
                "a maintenance that comes again is not from here to there",
                hint="give --weekly alone, or --cron with --for",
            )
        return 0, 0
    begins = now if spec.start is None else parse_coming(spec.start, now)
    start = round(begins * 1e6)
    if spec.duration_s is None:
        # A time of day is the next one after it begins.
        until = None if spec.until is None else parse_coming(spec.until, begins)
        return start, round((until or 0) * 1e6)
    if spec.until is not None:
        raise UsageError("it has two ends", hint="give --for or --until, not both")
    return start, start + round(min(spec.duration_s, 1e9) * 1e6)


def _moment(at: float) -> str:
    return moment(round(at * 1e6))
