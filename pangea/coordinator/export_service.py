"""Exports as the web asks for them (``pangea.web.api_export``), page by page.

Each page is read on a snapshot of its own, so a slow reader holds nothing open.
"""

from collections.abc import AsyncGenerator, Sequence

from pangea.core.errors import UsageError
from pangea.core.model import Job
from pangea.core.uptime import Span
from pangea.storage import results as stored_results
from pangea.storage.percentiles import narrowest, steps_of, sums_by
from pangea.storage.results import Page
from pangea.web.schema import ResultAnswer, moment
from pangea.web.schema_queries import HistoryRow

from . import bygone
from .answers import result_answer
from .coordinator import Coordinator
from .past import since_added
from .query_answers import Called, grouped, told
from .query_service import QueryService

#: Rows of a page, and stretches of history.
ROWS, STRETCHES = 500, 200


class ExportService:
    """Reads on, as long as somebody takes what was read."""

    def __init__(self, coordinator: Coordinator, queries: QueryService) -> None:
        self._c, self._queries = coordinator, queries
        self._board, self._read = coordinator.board, coordinator.store.read

    async def results(
        self,
        org: int,
        job: str,
        *,
        worker: str | None,
        since_us: int | None,
        until_us: int | None,
    ) -> AsyncGenerator[Sequence[ResultAnswer], None]:
        """Yield the results of a job, newest first."""
        found = self._board.job(job, org)
        by = self._board.worker(worker, org).id if worker else None
        cursor: str | None = None
        while True:

            def read(before: str | None = cursor) -> tuple[Page, list[str]]:
                page = stored_results.query(
                    found.id,
                    worker=by,
                    since_us=since_us,
                    until_us=until_us,
                    limit=ROWS,
                    before=before,
                )
                return page, bygone.causes(found, page.items)

            page, void = await self._read(read)
            both = zip(page.items, void, strict=True)
            yield [result_answer(self._board, *each) for each in both]
            cursor = page.next
            if cursor is None:
                return

    async def history(
        self, org: int, job: str, span: Span, *, step_s: int | None, by: str
    ) -> AsyncGenerator[Sequence[HistoryRow], None]:
        """Yield the sums of a job, oldest first; those in which nothing was."""
        found = self._board.job(job, org)
        if step_s is not None and step_s not in steps_of(found):
            raise UsageError(
                "step: sums by the minute are kept of jobs that run more often than "
                "every 20s",
                hint="take 10m",
            )
        span = since_added(found, span)
        step, since = await self._read(
            lambda: narrowest(found, span.begin_us // 1_000_000, self._c.buckets)
        )
        step = step_s or step
        begin = max(span.begin_us, since * 1_000_000)
        width = STRETCHES * step * 1_000_000
        first = begin - begin % (step * 1_000_000)
        for at in range(first, span.end_us, width):
            part = Span(at, min(at + width, span.end_us))
            yield await self._rows(found, part, step, by)

    async def _rows(self, job: Job, part: Span, step: int, by: str) -> list[HistoryRow]:
        found = await self._read(lambda: sums_by(job, part, step, self._c.buckets))
        called = self._called(by)
        return [
            HistoryRow(at=moment(at * 1_000_000), step_s=step, name=name, **told(sums))
            for at in sorted(found.points)
            for name, sums in sorted(grouped(found.points[at], called).items())
        ]

    def _called(self, by: str) -> Called:
        """Return what tells the name under which a worker is summed up."""
        if by == "all":
            return _together
        return self._queries.region if by == "region" else self._queries.worker


def _together(worker: int) -> str:
    """Return the name under which all workers are one."""
    return ""
