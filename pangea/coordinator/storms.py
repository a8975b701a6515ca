"""Which jobs that fail together have one cause; each organisation by itself."""

from collections import defaultdict
from collections.abc import Callable, Iterable

from pangea.core.cause import Cause
from pangea.core.incident import Incident, Step, may_reopen
from pangea.core.model import Job
from pangea.core.storm import LEAST, WINDOW_S, Gathering, fits, merge, reopen

#: An organisation, and a cause in it.
Shared = tuple[int, Cause]


class Storms:
    """The jobs that may soon be one storm, and the storm that a job belongs to."""

    def __init__(self) -> None:
        self._gatherings: defaultdict[int, Gathering] = defaultdict(Gathering)
        #: The open storms, by organisation and cause, and the causes of each.
        self._open: defaultdict[Shared, dict[str, Incident]] = defaultdict(dict)
        self._causes: dict[str, list[Shared]] = {}

    def put(self, storm: Incident) -> None:
        """Know an open storm as it is now."""
        shared = [(storm.org, cause) for cause in storm.causes]
        if self._causes.get(storm.id) != shared:
            self.over(storm.id)
            self._causes[storm.id] = shared
        for key in shared:
            self._open[key][storm.id] = storm

    def over(self, id_: str) -> None:
        """Forget what is no open storm."""
        for key in self._causes.pop(id_, ()):
            self._open[key].pop(id_, None)
            if not self._open[key]:
                del self._open[key]

    def resume(self, incident: Incident, now_us: int) -> None:
        """Take up an incident of before that others may still join."""
        young = incident.opened_us > now_us - round(WINDOW_S * 1e6)
        alone = incident.is_open and not incident.is_storm
        if young and alone and not incident.drill:
            gathering = self._gatherings[incident.org]
            gathering.add(incident.job, incident.opened_us, incident.causes)

    def of(
        self, org: int, causes: tuple[Cause, ...], at_us: int
    ) -> tuple[Incident | None, tuple[Cause, ...]]:
        """Return the largest storm that *causes* fit, and what all then share."""
        near = {
            id_: storm
            for cause in causes
            for id_, storm in self._open.get((org, cause), {}).items()
        }
        found = [
            (storm, shared)
            for storm in near.values()
            if (shared := fits(storm, causes, at_us))
        ]
        return max(found, key=lambda f: len(f[0].members), default=(None, ()))

    def form(
        self,
        job: Job,
        at_us: int,
        causes: tuple[Cause, ...],
        open_of: Callable[[int], Incident | None],
        known: Iterable[Incident],
    ) -> list[Step]:
        """Take in a job that is unwell; return what makes a storm of it and others.

        Of those *known*, one with the same cause that was over lately opens again.
        """
        gathering = self._gatherings[job.org]
        cause = gathering.add(job.id, at_us, causes)
        if cause is None:
            return []
        jobs = gathering.of(cause)
        found = [open_of(each) for each in jobs]
        alone = [i for i in found if i is not None and not i.is_storm]
        if len(alone) < LEAST:
            return []
        common = gathering.common(jobs, cause)
        over = _over(known, job.org, cause, at_us)
        if over is not None:
            shared = tuple(c for c in over.causes if c in common)
            storm, merged = reopen(over, alone, shared, at_us)
        else:
            storm, merged = merge(alone, common, at_us)
        for each in jobs:
            gathering.drop(each)
        return [*merged, storm]

    def drop(self, org: int, job: int) -> None:
        """Forget a job: it has recovered, or belongs to a storm."""
        self._gatherings[org].drop(job)


def _over(
    known: Iterable[Incident], org: int, cause: Cause, at_us: int
) -> Incident | None:
    """Return the storm of this cause that was over a short while ago."""
    found = [
        i
        for i in known
        if i.org == org and i.is_storm and not i.is_open
        if i.causes[:1] == (cause,) and may_reopen(i, at_us)
    ]
    return max(found, key=lambda i: i.closed_us, default=None)
