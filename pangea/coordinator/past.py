"""What is known of the past: its logs are kept, corrected and read here."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from pangea.core.model import Job, Verdict, VoteValue
from pangea.core.uptime import Aside, Span, Uptime, merged, uptime
from pangea.core.verdict import Transition, VoteChange
from pangea.storage import coverage, lateness, log_then, rollups, verdicts
from pangea.storage.history import History

from .correction import Correction
from .pauses import Pauses

if TYPE_CHECKING:
    from .coordinator import Coordinator

#: Returns when a job was in maintenance, or a drill, within a range.
Spans = Callable[[Job, Span], list[Span]]
_AS_VERDICT = {
    VoteValue.OK: Verdict.UP,
    VoteValue.WARN: Verdict.DEGRADED,
    VoteValue.FAILED: Verdict.DOWN,
    None: Verdict.UNKNOWN,
}


def _never(job: Job, whole: Span) -> list[Span]:
    return []


class Past:
    """Keeps the logs of the past true, and reads uptime from them.

    ``uptime`` and ``maintained`` run in a reader thread; what others know of
    maintenance and drills they tell there.
    """

    def __init__(self, coordinator: "Coordinator") -> None:
        c = self._c = coordinator
        self.pauses = Pauses(c.board, c.store, c.clock)
        self.correction = Correction(c.board, c.store, c.incidents, c.hub, c.clock)
        c.intake.hearing.late = self.correction.note
        c.intake.claims.sat = c.intake.seats.sat
        self.maintenance: Spans = _never
        self.drills: Spans = _never

    async def start(self) -> None:
        """Take up the logs of pauses and seats, and what waits to be corrected."""
        await self.pauses.start()
        seats, read = self._c.intake.seats, self._c.store.read
        seats.known = await read(lateness.seats_now)
        ever = await read(lateness.seated_once)
        seats.once = {
            job: left
            for job, workers in ever.items()
            if (left := tuple(w for w in workers if w not in seats.known.get(job, ())))
        }
        await self.correction.load()

    async def run(self) -> None:
        """Correct history as results come late, until cancelled."""
        await self.correction.run()

    def maintained(self, job: Job, at_us: int) -> bool:
        """Tell whether *job* was in maintenance at a moment."""
        return bool(self.maintenance(job, Span(at_us, at_us + 1)))

    def uptime(self, job: Job, whole: Span, worker: int | None = None) -> Uptime:
        """Return how long *job* was what, or what *worker* alone said of it.

        The range begins when the job was added, if that is later.
        """
        whole = since_added(job, whole)
        return uptime(self.turns(job, whole, worker), whole, self.aside(job, whole))

    def aside(self, job: Job, whole: Span) -> Aside:
        """Return what takes time within *whole* out of the uptime of *job*."""
        return Aside(
            paused=log_then.pauses(job.id, whole.begin_us, whole.end_us),
            maintenance=merged(self.maintenance(job, whole)),
            drill=merged(self.drills(job, whole)),
            no_data=coverage.no_data(job, whole, self._c.buckets),
        )

    def turns(
        self, job: Job, whole: Span, worker: int | None = None
    ) -> list[Transition]:
        """Return the verdicts of *job* within *whole*, or what *worker* alone said."""
        if worker is None:
            return log_then.held(job.id, whole.begin_us, whole.end_us)
        changes = verdicts.vote_changes(job.id)
        return [_turn(c) for c in changes if c.worker == worker]

    def history(
        self, job: Job, whole: Span, points: int, worker: int | None
    ) -> tuple[History, Uptime]:
        """Return about so many points of a range, and how long *job* was what."""
        found = rollups.history(
            job,
            whole.begin_us,
            whole.end_us,
            points,
            worker=worker,
            workers=len(self._c.board.placements[job.id].workers),
            buckets=self._c.buckets,
        )
        return found, self.uptime(job, whole, worker)


def since_added(job: Job, whole: Span) -> Span:
    """Return *whole* from when *job* was added on."""
    begin = min(max(whole.begin_us, job.created_at_us), whole.end_us)
    return Span(begin, whole.end_us)


def _turn(change: VoteChange) -> Transition:
    before, after = _AS_VERDICT[change.before], _AS_VERDICT[change.after]
    return Transition(change.job, change.at_us, before, after, change.cause)
