"""Any stretch of a job's past, as the web sees it (``pangea.web.api_timeline``)."""

from pangea.core.model import Job
from pangea.core.timeline import Stretch, coarser
from pangea.core.timeline import timeline as timeline_of
from pangea.core.uptime import Span, kinds
from pangea.web.api_timeline import MOST_PIECES, PieceAnswer, TimelineAnswer
from pangea.web.schema import moment

from .coordinator import Coordinator
from .past import since_added


class TimelineService:
    """Answers from the logs, in a reader thread."""

    def __init__(self, coordinator: Coordinator) -> None:
        self._c = coordinator

    async def timeline(self, org: int, name: str, whole: Span) -> TimelineAnswer:
        """Return what a job was within *whole*, piece by piece."""
        job = self._c.board.job(name, org)
        clipped = since_added(job, whole)
        found = await self._c.store.read(lambda: self._pieces(job, clipped))
        told = coarser(found, MOST_PIECES)
        return TimelineAnswer(
            since=moment(clipped.begin_us),
            until=moment(clipped.end_us),
            pieces=[
                PieceAnswer(
                    kind=one.kind,
                    since=moment(one.span.begin_us),
                    until=moment(one.span.end_us),
                )
                for one in told
            ],
            coarse=len(told) < len(found),
            added_at=moment(job.created_at_us) if clipped != whole else None,
        )

    def _pieces(self, job: Job, whole: Span) -> list[Stretch]:
        past = self._c.past
        return timeline_of(kinds(past.turns(job, whole), whole, past.aside(job, whole)))
