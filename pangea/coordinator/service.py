"""The coordinator as the web sees it (``pangea.web.service.Service``)."""

from collections.abc import Callable, Coroutine, Mapping
from functools import partial, wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from msgspec import UNSET
from msgspec.structs import replace

from pangea.core.cost import Cost, over_budget
from pangea.core.errors import Conflict, UsageError
from pangea.core.model import PUSHED, Job, Outcome
from pangea.core.uptime import Span
from pangea.storage import results as stored_results
from pangea.web.schema import (
    AddedJob,
    HistoryAnswer,
    JobAnswer,
    JobPatch,
    JobSpec,
    Page,
    PushAnswer,
    PushQuery,
    Starter,
    StatusAnswer,
    moment,
)
from pangea.web.schema_run import RunAnswer

from . import bygone
from .answers import beats_of, cost_answer, history_answer, job_answer, result_answer
from .coordinator import Coordinator
from .greeting import NO_LINES
from .new_job import check_workers, job_from, patched, question
from .starters import starters
from .status import Status
from .trusting import price_of

P = ParamSpec("P")
R = TypeVar("R")

#: Worst first, as lists show it.
ORDER = ("down", "degraded", "unknown", "up", "maintenance", "paused")


def one_at_a_time(
    change: Callable[Concatenate["CoordinatorService", P], Coroutine[Any, Any, R]],
) -> Callable[Concatenate["CoordinatorService", P], Coroutine[Any, Any, R]]:
    """Let changes of jobs wait for each other, so that none undoes another."""

    @wraps(change)
    async def locked(
        self: "CoordinatorService", /, *args: P.args, **more: P.kwargs
    ) -> R:
        async with self._changing:
            return await change(self, *args, **more)

    return locked


class CoordinatorService:
    """Answers the web's questions from the board and the database."""

    def __init__(
        self,
        coordinator: Coordinator,
        *,
        name: str,
        own_url: str,
        intervals: Mapping[str, float],
    ) -> None:
        self._c = coordinator
        self._board = coordinator.board
        self.own_url = own_url
        #: The commands that add a worker; known once we listen.
        self.join = NO_LINES
        self._changing = coordinator.changing
        self._intervals = intervals
        self.beats = partial(beats_of, coordinator.board)
        self.summary = Status(coordinator, name)
        #: Others that know what is wrong here: each returns sentences for a person.
        self.troubles = self.summary.more

    async def status(self, org: int) -> StatusAnswer:
        """Return the counts, the health and the next step."""
        return self.summary.answer(org, self.join)

    async def ready(self) -> str:
        """Return "" if able to serve, else why not."""
        if self._c.stopping:
            return "shutting down"
        return self._c.intake.trouble and f"storage: {self._c.intake.trouble}"

    async def jobs(self, org: int) -> list[JobAnswer]:
        """Return all jobs, worst first, then by name."""
        now = self._c.clock.wall()
        answers = [
            job_answer(self._board, j, now=now)
            for j in self._board.jobs.values()
            if j.org == org
        ]
        return sorted(answers, key=lambda a: (ORDER.index(a.verdict), a.name))

    async def job(self, org: int, name: str) -> JobAnswer:
        """Return one job."""
        return self._answer(self._board.job(name, org))

    @one_at_a_time
    async def add_job(self, org: int, spec: JobSpec, *, dry_run: bool) -> AddedJob:
        """Check and add a job, and tell what it costs."""
        taken = {j.name for j in self._board.jobs.values() if j.org == org}
        now_us = round(self._c.clock.wall() * 1e6)
        job = job_from(spec, taken, self._intervals, now_us)
        parents = self._ids(org, spec.depends_on)
        job = replace(job, org=org, depends_on=parents)
        self._board.graph.check(job, self._board.jobs)
        if job.name in taken:
            raise Conflict(
                f"there is a job {job.name!r} already",
                hint="give another --name, or edit that one",
            )
        check_workers(job, self._board.worker)
        cost = self._within_budget(job)
        if not dry_run:
            job = await self._c.jobs.add(job)
            self._board.put_job(job)
            self._c.heartbeats.put(job)
            await self._c.changed([job.id])
            self._c.run_now(job)
            self._tell(job, "added")
        return AddedJob(
            job=self._answer(job), cost=cost_answer(job, cost), dry_run=dry_run
        )

    @one_at_a_time
    async def edit_job(self, org: int, name: str, patch: JobPatch) -> JobAnswer:
        """Change a job; its history stays with it."""
        job = patched(self._board.job(name, org), patch)
        if patch.depends_on is not UNSET:
            job = replace(job, depends_on=self._ids(org, patch.depends_on))
            self._board.graph.check(job, self._board.jobs)
        check_workers(job, self._board.worker)
        self._within_budget(job)
        anew = question(job) != question(self._board.jobs[job.id])
        answer = await self._replace(job, "edited", anew=anew)
        if anew:
            self._c.run_now(job)
        return answer

    @one_at_a_time
    async def remove_job(self, org: int, name: str) -> None:
        """Remove a job; those that depend on it do so no more."""
        job = self._board.job(name, org)
        orphans = [
            replace(child, depends_on=tuple(p for p in child.depends_on if p != job.id))
            for child in self._board.jobs.values()
            if job.id in child.depends_on
        ]
        await self._c.jobs.remove(job, orphans)
        for child in orphans:
            self._board.put_job(child)
        self._board.drop_job(job)
        self._c.heartbeats.drop(job.id)
        self._c.dispatch.update([job.id])
        self._tell(job, "removed")

    @one_at_a_time
    async def stop_job(self, org: int, name: str, worker: str | None) -> JobAnswer:
        """Stop a job everywhere, or on one worker."""
        job = self._board.job(name, org)
        if worker is None:
            return await self._replace(replace(job, enabled=False), "stopped")
        self._board.worker(worker, org)
        stopped = tuple(sorted({*job.stopped_on, worker}))
        return await self._replace(replace(job, stopped_on=stopped), "stopped")

    @one_at_a_time
    async def start_job(self, org: int, name: str, worker: str | None) -> JobAnswer:
        """Start a job everywhere, or on one worker.

        A job that was stopped as a whole goes on where it ran before; one that
        runs already is started on the workers where it was stopped.
        """
        job = self._board.job(name, org)
        if worker is not None:
            self._board.worker(worker, org)
            stopped = tuple(w for w in job.stopped_on if w != worker)
        else:
            stopped = () if job.enabled else job.stopped_on
        started = replace(job, enabled=True, stopped_on=stopped)
        answer = await self._replace(started, "started")
        self._c.run_now(started)
        return answer

    async def run_job(self, org: int, name: str) -> RunAnswer:
        """Ask the job's connected workers to probe at once."""
        job = self._board.job(name, org)
        if not job.enabled:
            raise Conflict(
                f"job {name!r} is stopped", hint=f"start it: pangea job start {name}"
            )
        if job.type in PUSHED:
            raise Conflict(
                f"job {name!r} reports by itself: nobody can ask it",
                hint=f"pangea job show {name} prints where it reports to",
            )
        asked = self._c.run_now(job)
        if not asked:
            raise Conflict(
                f"no connected worker probes {name!r}",
                hint="see: pangea worker list",
            )
        return RunAnswer(job=name, asked=asked)

    async def push(self, token: str, report: PushQuery) -> PushAnswer:
        """Take the report of a heartbeat job; NotFound for an unknown token."""
        heartbeats = self._c.heartbeats
        job = self._board.jobs[heartbeats.job(token)]
        result = heartbeats.beat(
            job, Outcome(report.outcome), report.detail, report.duration_ms
        )
        await self._c.intake.take_own([result])
        due = heartbeats.due(job)
        return PushAnswer(job=job.name, next_before=moment(round(due * 1e6)))

    async def results(
        self,
        org: int,
        name: str,
        *,
        worker: str | None,
        since_us: int | None,
        until_us: int | None,
        limit: int,
        cursor: str | None,
    ) -> Page:
        """Return a page of ResultAnswer, newest first."""
        job = self._board.job(name, org)
        worker_id = self._board.worker(worker, org).id if worker else None
        page = await self._c.store.read(
            lambda: stored_results.query(
                job.id,
                worker=worker_id,
                since_us=since_us,
                until_us=until_us,
                limit=limit,
                before=cursor,
            )
        )
        void = await self._c.store.read(lambda: bygone.causes(job, page.items))
        both = zip(page.items, void, strict=True)
        items = [result_answer(self._board, *each) for each in both]
        return Page(items=items, next=page.next)

    async def history(
        self,
        org: int,
        name: str,
        *,
        range_s: float,
        points: int,
        worker: str | None,
        until_us: int | None = None,
    ) -> HistoryAnswer:
        """Return buckets of history up to then, or now."""
        job = self._board.job(name, org)
        worker_id = self._board.worker(worker, org).id if worker else None
        until_us = until_us or round(self._c.clock.wall() * 1e6)
        whole = Span(until_us - round(range_s * 1e6), until_us)
        history, time = await self._c.store.read(
            lambda: self._c.past.history(job, whole, points, worker_id)
        )
        # Of a worker alone only its runs tell: another may have measured meanwhile.
        measured = time.coverage if worker_id is None else history.coverage
        return history_answer(history, time.share, measured)

    def recent(self, org: int, job_id: int, points: int) -> list[float | None]:
        """Return the last durations of a job over its workers, None for failures."""
        return self._board.recent.durations(job_id, points)

    async def starters(self, org: int) -> list[Starter]:
        """Return the jobs to offer while there are none."""
        if any(j.org == org for j in self._board.jobs.values()):
            return []
        return starters(self.own_url)

    async def _replace(self, job: Job, change: str, *, anew: bool = False) -> JobAnswer:
        begins = job.enabled and not self._board.jobs[job.id].enabled
        stored = await self._c.jobs.replace(job)
        self._board.put_job(stored)
        if begins:
            self._c.heartbeats.start(stored)
        await self._c.changed([stored.id], anew=anew)
        self._tell(stored, change)
        return self._answer(stored)

    def _answer(self, job: Job) -> JobAnswer:
        now, beats = self._c.clock.wall(), self._c.heartbeats
        if job.type not in PUSHED or not job.id:
            return job_answer(self._board, job, now=now)
        path = f"/api/v1/push/{beats.token(job)}"
        answer = job_answer(self._board, job, path, now)
        if not job.enabled:
            return answer
        return replace(answer, next_before=moment(round(beats.due(job) * 1e6)))

    def _tell(self, job: Job, change: str) -> None:
        self._c.hub.publish("job", job.org, {"job": job.name, "change": change})

    def _ids(self, org: int, names: list[str]) -> tuple[int, ...]:
        """Return the ids of jobs; NotFound names the one that is none."""
        return tuple(sorted({self._board.job(name, org).id for name in names}))

    def _within_budget(self, job: Job) -> Cost:
        cost = price_of(self._board, job)
        refusal = over_budget(cost)
        if refusal:
            raise UsageError(refusal)
        return cost
