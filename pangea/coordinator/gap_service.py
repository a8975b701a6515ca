"""What workers lost, as the web sees it (``pangea.web.api_gaps``)."""

from pangea.core.model import Gap
from pangea.storage import gaps as stored_gaps
from pangea.web.api import Paging
from pangea.web.api_gaps import GapAnswer
from pangea.web.schema import Page, moment

from .coordinator import Coordinator

#: A clock that says more is no clock: the end of the year 9999.
LATEST_US = 253_402_300_799_000_000


class GapService:
    """Reads the gaps, and calls the jobs by their names."""

    def __init__(self, coordinator: Coordinator) -> None:
        self._c = coordinator

    async def gaps(self, org: int, name: str, asked: Paging) -> Page:
        """Return what the worker with that name or id lost, newest first."""
        worker = self._c.members.find(name, org).id
        found, after = await self._c.store.read(
            lambda: stored_gaps.page(worker, asked.limit, asked.cursor)
        )
        return Page(items=[self._answer(gap, org) for gap in found], next=after)

    def _answer(self, gap: Gap, org: int) -> GapAnswer:
        known = self._c.board.jobs
        jobs: dict[str, int] = {}
        for number, lost in gap.counts.items():
            # Jobs that were removed, or were too many to be counted, have no name.
            job = known.get(number)
            if job is not None and job.org == org and lost > 0:
                jobs[job.name] = lost
        return GapAnswer(
            started=_moment(gap.from_us),
            ended=_moment(gap.to_us),
            reason=gap.reason,
            lost=gap.last - gap.first + 1,
            jobs=jobs,
        )


def _moment(us: int) -> str | None:
    return moment(us) if 0 < us <= LATEST_US else None
