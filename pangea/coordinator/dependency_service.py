"""Dependencies as the web sees them (``pangea.web.api_dependencies``)."""

from collections.abc import Iterator, Sequence

from pangea.core.model import Job, Result
from pangea.core.proposals import Way, proposals
from pangea.storage import results
from pangea.web.api_dependencies import ProposalAnswer
from pangea.web.schema import JobAnswer, JobPatch

from .causes import host_of
from .coordinator import Coordinator
from .service import CoordinatorService

#: Results of a traceroute that are looked at, and jobs of that type.
MOST_RESULTS, MOST_JOBS = 50, 500
MOST_HOPS = 255


class DependencyService:
    """Proposes parents from the newest traceroutes; a person accepts them."""

    def __init__(self, coordinator: Coordinator, service: CoordinatorService) -> None:
        self._c = coordinator
        self._board = coordinator.board
        self._service = service

    async def proposed(self, org: int) -> list[ProposalAnswer]:
        """Return what may depend on what, as traceroutes say."""
        jobs = {n: j for n, j in self._board.jobs.items() if j.org == org}
        walks = [j for j in jobs.values() if j.type == "traceroute"][:MOST_JOBS]
        found = await self._c.store.read(
            lambda: {j.id: results.query(j.id, limit=MOST_RESULTS).items for j in walks}
        )
        ways: dict[str, list[Way]] = {}
        for job in walks:
            ways.setdefault(host_of(job), []).extend(_newest(found[job.id]))
        made = proposals(
            ways,
            {n: host_of(j) for n, j in jobs.items() if j.type != "traceroute"},
            {host_of(j): n for n, j in jobs.items() if j.type == "icmp"},
            self._board.graph,
        )
        return [
            ProposalAnswer(
                child=jobs[one.child].name,
                parent=jobs[one.parent].name,
                address=one.address,
                shared=one.shared,
            )
            for one in made
        ]

    async def accept(self, org: int, child: str, parent: str) -> JobAnswer:
        """Let a job depend on another, beside those that it depends on already."""
        job: Job = self._board.job(child, org)
        parents = [self._board.jobs[n].name for n in job.depends_on]
        patch = JobPatch(depends_on=[*parents, self._board.job(parent, org).name])
        return await self._service.edit_job(org, child, patch)


def _newest(found: Sequence[Result]) -> Iterator[Way]:
    """Yield the newest way of each worker; *found* has the newest result first."""
    seen: set[int] = set()
    for result in found:
        hops = result.readings.get("hops")
        if result.worker in seen or not isinstance(hops, list):
            continue
        seen.add(result.worker)
        yield [_addresses(hop) for hop in hops[:MOST_HOPS]]


def _addresses(hop: object) -> list[str]:
    """Return who answered at a hop, as a worker tells it."""
    if not isinstance(hop, dict):
        return []
    several = hop.get("addresses")
    said = several if isinstance(several, list) else [hop.get("address")]
    return [one for one in said if isinstance(one, str)]
