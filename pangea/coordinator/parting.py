"""Which members an incident does not wait for, or is not told of any more."""

from collections.abc import Callable

from pangea.core.incident import REOPEN_S, Incident
from pangea.core.model import Job
from pangea.core.verdict import JobState

from .board import Board
from .causes import Causes


class Parting:
    """Tells why members leave."""

    def __init__(self, board: Board, causes: Causes) -> None:
        self._board, self._causes = board, causes

    def why_apart(
        self,
        found: Incident,
        job: Job,
        at_us: int,
        suppressed: Callable[[int, float], str],
    ) -> str:
        """Return why *job*, unwell at *at_us*, does not fail again in *found*."""
        why = suppressed(job.id, at_us / 1e6)
        if why and (job.id in self._board.maintained or job.id in self._board.blamed):
            return why
        if not found.is_storm or job.id in found.flapping:
            return ""
        well_us = found.members[job.id].recovered_us
        causes = self._causes.of(job, self._board.states.get(job.id, JobState(job.id)))
        late = at_us > well_us + round(REOPEN_S * 1e6)
        other = bool(found.causes) and found.causes[0] not in causes
        return "unwell again, but that is another incident" if late or other else ""

    def why_left(self, number: int) -> str:
        """Return why a member is waited for no longer, "" if it is."""
        job = self._board.jobs.get(number)
        if job is None:
            return "the job was removed"
        if self._board.verdict(job) == "paused":
            return "the job was stopped"
        return self._board.maintained.get(number, "")
