"""Questions about history, as the web asks them (``pangea.web.api_queries``)."""

from collections.abc import Mapping

from msgspec.structs import replace

from pangea.core.calendar import Day, calendar, days_back
from pangea.core.compare import compare, in_words
from pangea.core.errors import NotFound
from pangea.core.model import Job
from pangea.core.ranking import Slowest
from pangea.core.rollup import Bucket
from pangea.core.uptime import Span, kinds
from pangea.storage.coverage import no_data
from pangea.storage.percentiles import Sums, sums
from pangea.storage.ranking import Standings
from pangea.storage.turns import most_turns
from pangea.web.schema_queries import (
    CalendarAnswer,
    CompareAnswer,
    PercentilesAnswer,
    TopAnswer,
)
from pangea.web.sides import Side

from .coordinator import Coordinator
from .past import since_added
from .query_answers import (
    calendar_answer,
    compare_answer,
    percentiles_answer,
    top_answer,
    top_item,
    turned_item,
)

#: The region of workers that have none.
NO_REGION = "-"
#: Points of all workers together at most.
MOST_SPOTS = 10_000
#: Over so long it is looked up hour by hour when anything was measured.
HOURS_US = 180 * 86_400_000_000


class QueryService:
    """Answers from the rollups, what memory holds beyond them, and the logs."""

    def __init__(self, coordinator: Coordinator) -> None:
        self._c = coordinator
        self._board = coordinator.board

    async def percentiles(
        self, org: int, name: str, span: Span, *, by: str, points: int
    ) -> PercentilesAnswer:
        """Return the figures of a job by worker or region."""
        job = self._board.job(name, org)
        clipped = since_added(job, span)
        there = len(self._board.placements[job.id].workers)
        points = min(points, MOST_SPOTS // max(there, 1))
        called = self.region if by == "region" else self.worker
        return await self._c.store.read(
            lambda: percentiles_answer(
                self._sums(job, clipped, points), by, called, self.region
            )
        )

    async def compare(
        self, org: int, name: str, before: Side, after: Side
    ) -> CompareAnswer:
        """Return what differs between two sides."""
        job = self._board.job(name, org)
        for side in (before, after):
            self._check(org, side)
        return await self._c.store.read(lambda: self._compared(job, before, after))

    def _compared(self, job: Job, before: Side, after: Side) -> CompareAnswer:
        sides = []
        for side in (before, after):
            found = self._sums(job, side.span)
            sides.append((side, found.span, self._merged(found.whole, side)))
        (_, _, a), (_, _, b) = sides
        differs = compare(a, b)
        return compare_answer(sides, differs, in_words(a, b, differs))

    async def top(self, org: int, span: Span, *, by: str, limit: int) -> TopAnswer:
        """Return the worst jobs."""
        jobs = {n: job for n, job in self._board.jobs.items() if job.org == org}
        if by == "flapping":
            turns = await self._c.store.read(lambda: most_turns(span, jobs, limit))
            items = [turned_item(self._board, jobs[t.job], t) for t in turns]
            return top_answer(by, span, items)
        extent, exact, found = await self._c.store.read(
            lambda: self._worst(span, jobs, by, limit)
        )
        items = [top_item(self._board, jobs[n], bucket) for n, bucket in found.items()]
        return top_answer(by, extent, items, exact=exact)

    def _worst(
        self, span: Span, jobs: Mapping[int, Job], by: str, limit: int
    ) -> tuple[Span, bool, dict[int, Bucket]]:
        standings = Standings(span, jobs, self._c.buckets)
        if by == "loss":
            found = Slowest([(n, 0.0) for n in standings.lossiest(limit)], exact=True)
        else:
            found = standings.slowest(limit)
        buckets = standings.buckets([number for number, _ in found.jobs])
        return standings.span, found.exact, buckets

    async def calendar(
        self, org: int, name: str, *, days: int, zone: str
    ) -> CalendarAnswer:
        """Return what a job was on each of the last days."""
        job = self._board.job(name, org)
        wanted = days_back(days, self._now_us(), zone)
        found = await self._c.store.read(lambda: self._days(job, wanted))
        return calendar_answer(job, zone, found)

    def _days(self, job: Job, days: list[tuple[str, Span]]) -> list[Day]:
        past = self._c.past
        whole = Span(days[0][1].begin_us, days[-1][1].end_us)
        known = since_added(job, whole)
        aside = replace(past.aside(job, known), no_data=self._no_data(job, known))
        return calendar(kinds(past.turns(job, known), known, aside), days)

    def _no_data(self, job: Job, whole: Span) -> list[Span]:
        """Return when nothing was measured, to the hour however long it is."""
        parts = range(whole.begin_us, whole.end_us, HOURS_US)
        return [
            span
            for at in parts
            for span in no_data(
                job, Span(at, min(at + HOURS_US, whole.end_us)), self._c.buckets
            )
        ]

    def _sums(self, job: Job, span: Span, points: int = 0) -> Sums:
        now_us, buckets = self._now_us(), self._c.buckets
        return sums(job, span, points=points, now_us=now_us, buckets=buckets)

    def _merged(self, by_worker: Mapping[int, Bucket], side: Side) -> Bucket:
        """Return the sums of those workers that are on *side*."""
        whole = Bucket()
        for number, bucket in by_worker.items():
            if self._is_on(number, side):
                whole.merge(bucket)
        return whole

    def _is_on(self, number: int, side: Side) -> bool:
        if side.worker is not None:
            return (self.worker(number) == side.worker) is not side.but
        if side.region is not None:
            return (self.region(number) == side.region) is not side.but
        return True

    def _check(self, org: int, side: Side) -> None:
        """Raise NotFound for a worker or region that is none."""
        if side.worker is not None:
            self._board.worker(side.worker, org)
        if side.region is not None:
            mine = (w for w in self._board.workers.values() if w.org == org)
            known = {w.region or NO_REGION for w in mine}
            if side.region not in known:
                there = ", ".join(sorted(known)) or "none"
                raise NotFound(f"no region {side.region!r}", hint=f"there is {there}")

    def worker(self, number: int) -> str:
        """Return what a worker is called, also one that is gone."""
        return self._board.voter(number) or str(number)

    def region(self, number: int) -> str:
        """Return the region of a worker."""
        worker = self._board.workers.get(number)
        return (worker.region if worker else "") or NO_REGION

    def _now_us(self) -> int:
        return round(self._c.clock.wall() * 1e6)
