"""Which jobs that fail together have one cause; each organisation by itself."""

from collections import defaultdict
from collections.abc import Iterable

from pangea.core.cause import Cause
from pangea.core.incident import Incident
from pangea.core.model import Job
from pangea.core.storm import WINDOW_S, Gathering, fits


class Storms:
    """The jobs that may soon be one storm, and the storm that a job belongs to."""

    def __init__(self) -> None:
        self._gatherings: defaultdict[int, Gathering] = defaultdict(Gathering)

    def resume(self, incident: Incident, now_us: int) -> None:
        """Take up an incident of before that others may still join."""
        young = incident.opened_us > now_us - round(WINDOW_S * 1e6)
        if young and incident.is_open and not incident.is_storm:
            gathering = self._gatherings[incident.org]
            gathering.add(incident.job, incident.opened_us, incident.causes)

    @staticmethod
    def of(
        open_now: Iterable[Incident], causes: tuple[Cause, ...], at_us: int
    ) -> tuple[Incident | None, tuple[Cause, ...]]:
        """Return the largest storm that *causes* fit, and what all then share."""
        found = [
            (storm, shared)
            for storm in open_now
            if storm.is_storm and (shared := fits(storm, causes, at_us))
        ]
        return max(found, key=lambda f: len(f[0].members), default=(None, ()))

    def gather(
        self, job: Job, at_us: int, causes: tuple[Cause, ...]
    ) -> tuple[Cause | None, list[int]]:
        """Take in a job; return the cause and the jobs if that makes a storm."""
        gathering = self._gatherings[job.org]
        cause = gathering.add(job.id, at_us, causes)
        return cause, gathering.of(cause) if cause else []

    def common(self, org: int, jobs: list[int], cause: Cause) -> tuple[Cause, ...]:
        """Return all that *jobs* share, *cause* first."""
        return self._gatherings[org].common(jobs, cause)

    def drop(self, org: int, job: int) -> None:
        """Forget a job: it has recovered, or belongs to a storm."""
        self._gatherings[org].drop(job)
