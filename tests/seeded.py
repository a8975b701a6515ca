"""A coordinator made of seeded numbers: for page tests and for the pictures.

Deterministic, in memory, and changeable by the same calls as the real one.
"""

import random

from msgspec.structs import replace

from pangea.core.errors import Conflict, NotFound, UsageError
from pangea.web.events import Hub
from pangea.web.schema import (
    AddedJob,
    Concern,
    HistoryAnswer,
    JobAnswer,
    JobPatch,
    JobSpec,
    Page,
    PushAnswer,
    PushQuery,
    RevokeBody,
    Starter,
    StatusAnswer,
    VoteAnswer,
    WorkerAnswer,
    moment,
)
from pangea.web.schema_run import RunAnswer
from pangea.web.schema_tokens import TokenAnswer, TokenSpec, TokenState

from .seeded_many import more_jobs
from .seeded_past import make_history
from .seeded_readings import with_readings
from .seeded_world import (
    JOBS,
    NOW_US,
    ORDER,
    TYPES,
    WORKERS,
    make_beats,
    make_job,
    make_result,
    make_worker,
    price,
    slug,
    with_state,
)


class SeededService:
    """A Service over the first *jobs* seeded jobs; changes are kept in memory."""

    def __init__(self, jobs: int = len(JOBS), *, hub: Hub | None = None) -> None:
        self.hub = hub or Hub()
        self.trouble: list[str] = []
        self.concerns: list[Concern] = []
        made = [make_job(number, row) for number, row in enumerate(JOBS[:jobs], 1)]
        made += more_jobs(len(JOBS) + 1, jobs) if jobs > len(JOBS) else []
        self._jobs = {job.name: job for job in made}
        self._ids = len(made)

    async def status(self, org: int) -> StatusAnswer:
        """Return the counts of the seeded jobs."""
        counts = dict.fromkeys(ORDER, 0)
        for job in self._jobs.values():
            counts[job.verdict] += 1
        return StatusAnswer(
            name="atlas",
            version="0.1.0",
            started_at=moment(NOW_US - 86400 * 21 * 1_000_000),
            now=moment(NOW_US),
            verdicts=counts,
            jobs=len(self._jobs),
            workers=len(WORKERS),
            workers_connected=len(WORKERS),
            results_per_s=1.4,
            trouble=self.trouble,
            concerns=self.concerns,
            next="",
            join=[
                "pangea --state-dir /var/lib/pangea worker token",
                "pangea run --role worker --join TOKEN",
            ],
            join_secret=[
                "pangea --state-dir /var/lib/pangea secret show > pangea.secret",
                "pangea run --role worker --secret-file pangea.secret "
                "--join 192.0.2.7:7464",
            ],
        )

    async def ready(self) -> str:
        """Return "": it is always ready."""
        return ""

    async def jobs(self, org: int) -> list[JobAnswer]:
        """Return the jobs, worst first."""
        return sorted(
            self._jobs.values(), key=lambda j: (ORDER.index(j.verdict), j.name)
        )

    async def job(self, org: int, name: str) -> JobAnswer:
        """Return one job, or raise NotFound."""
        if name not in self._jobs:
            raise NotFound(f"there is no job {name!r}", hint="pangea job list")
        return self._jobs[name]

    async def add_job(self, org: int, spec: JobSpec, *, dry_run: bool) -> AddedJob:
        """Add a job with the checks that pages must be able to show."""
        if spec.type not in TYPES:
            raise UsageError(f"unknown type {spec.type!r}", hint="did you mean 'http'?")
        if not spec.target.strip():
            raise UsageError("a job needs a target", hint="such as example.com")
        name = spec.name or slug(f"{spec.type}-{spec.target}")
        if name in self._jobs:
            raise Conflict(f"a job {name!r} is there already", hint="give another name")
        job = self._new_job(name, spec)
        if not dry_run:
            self._jobs[name] = job
            self._ids += 1
            self.hub.publish("job", org, {"job": name, "change": "added"})
        return AddedJob(job=job, cost=price(job), dry_run=dry_run)

    async def edit_job(self, org: int, name: str, patch: JobPatch) -> JobAnswer:
        """Change the basics of a job."""
        job = await self.job(org, name)
        changes = {
            key: value
            for key in ("name", "interval_s", "timeout_s", "target", "on", "rule")
            if isinstance(value := getattr(patch, key), str | float)
        }
        if float(changes.get("timeout_s", job.timeout_s)) > float(
            changes.get("interval_s", job.interval_s)
        ):
            raise UsageError("the timeout is longer than the interval")
        if changes.get("name", name) != name and changes["name"] in self._jobs:
            raise Conflict(f"a job {changes['name']!r} is there already")
        del self._jobs[name]
        return self._keep(org, replace(job, **changes), "edited")

    async def remove_job(self, org: int, name: str) -> None:
        """Remove a job."""
        await self.job(org, name)
        del self._jobs[name]
        self.hub.publish("job", org, {"job": name, "change": "removed"})

    async def stop_job(self, org: int, name: str, worker: str | None) -> JobAnswer:
        """Stop a job, or one worker of it."""
        job = await self.job(org, name)
        if worker is None:
            job = replace(job, enabled=False, verdict="paused", verdict_reason="")
        return self._keep(org, with_state(job, worker, "stopped"), "stopped")

    async def start_job(self, org: int, name: str, worker: str | None) -> JobAnswer:
        """Start a job, or one worker of it."""
        job = await self.job(org, name)
        if worker is None:
            job = replace(job, enabled=True, verdict="unknown")
        return self._keep(org, with_state(job, worker, "waiting"), "started")

    async def push(self, token: str, report: PushQuery) -> PushAnswer:
        raise NotFound("nothing reports here")

    async def run_job(self, org: int, name: str) -> RunAnswer:
        """Say who would probe."""
        job = await self.job(org, name)
        asked = [v.worker for v in job.votes if v.state in ("probing", "waiting")]
        return RunAnswer(job=name, asked=asked)

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
        """Return seeded results, newest first."""
        job = await self.job(org, name)
        votes = [v for v in job.votes if v.at and worker in (None, v.worker)]
        if not votes:
            return Page(items=[])
        rng = random.Random(job.id)
        return Page(
            items=[
                with_readings(job, make_result(job, votes[n % len(votes)], n, rng), n)
                for n in range(min(limit, 60))
            ]
        )

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
        """Return about *points* seeded buckets up to a moment."""
        job = await self.job(org, name)
        return make_history(job, range_s, points, until_us, worker)

    def recent(self, org: int, job_id: int, points: int) -> list[float | None]:
        """Return seeded durations that fit the job's verdict."""
        job = next((j for j in self._jobs.values() if j.id == job_id), None)
        if job is None or job.last_duration_ms is None:
            return []
        rng = random.Random(job_id)
        base = job.last_duration_ms
        values: list[float | None] = [
            base * (1 + 0.25 * abs(rng.gauss(0, 1)) + (rng.random() > 0.96) * 1.5)
            for _ in range(points)
        ]
        if job.verdict == "down":
            values[-max(points // 5, 1) :] = [None] * max(points // 5, 1)
        if job.verdict == "degraded" and job.type == "icmp":
            values[-points // 3 :: 4] = [None] * len(values[-points // 3 :: 4])
        return values

    def beats(self, org: int, job_id: int, points: int) -> dict[str, str]:
        """Return seeded rounds that fit the votes of the job."""
        job = next((j for j in self._jobs.values() if j.id == job_id), None)
        return (
            {} if job is None else {v.worker: make_beats(v, points) for v in job.votes}
        )

    async def workers(self, org: int) -> list[WorkerAnswer]:
        """Return the four workers."""
        return [make_worker(name) for name in WORKERS]

    async def worker(self, org: int, name: str) -> WorkerAnswer:
        """Return one worker."""
        for one in await self.workers(org):
            if name in (one.name, one.id):
                return one
        raise NotFound(f"there is no worker {name!r}", hint="pangea worker list")

    async def approve(self, org: int, name: str, by: str) -> WorkerAnswer:
        """Say that *by* approved it."""
        return replace(await self.worker(org, name), approved_by=by)

    async def revoke(
        self, org: int, name: str, by: str, body: RevokeBody
    ) -> WorkerAnswer:
        """Say that it is out."""
        return replace(await self.worker(org, name), state="revoked")

    async def rename(self, org: int, name: str, new: str) -> WorkerAnswer:
        """Say that it is called *new*."""
        return replace(await self.worker(org, name), name=new)

    async def drain(self, org: int, name: str, *, draining: bool) -> WorkerAnswer:
        """Say that it gets no new jobs."""
        return replace(await self.worker(org, name), draining=draining)

    async def remove(self, org: int, name: str) -> None:
        """Refuse what is connected."""
        await self.worker(org, name)
        raise Conflict(f"worker {name} is connected")

    async def mint(self, org: int, by: str, spec: TokenSpec) -> TokenAnswer:
        """Return a token that opens nothing."""
        return TokenAnswer(
            token="pangea-join-1.x.0",
            id="00" * 8,
            expires_at=moment(NOW_US + round(spec.expires_s * 1e6)),
            command="pangea run --role worker --join pangea-join-1.x.0",
        )

    async def join_tokens(self, org: int) -> list[TokenState]:
        """Return one of each state."""
        return [
            TokenState(
                id=f"{number:016x}",
                state=state,
                approve=False,
                site="",
                created_at=moment(NOW_US + number),
                created_by="ada",
                expires_at=moment(NOW_US + 3_600_000_000),
            )
            for number, state in enumerate(("open", "used", "expired", "withdrawn"))
        ]

    async def withdraw(self, org: int, token: str) -> None:
        """Know of the first only."""
        if token != f"{0:016x}":
            raise NotFound("there is no such token")

    async def starters(self, org: int) -> list[Starter]:
        """Return what a first start offers."""
        return [
            Starter(spec=JobSpec(type=t, target=target, name=name), why=why)
            for t, target, name, why in (
                ("icmp", "192.0.2.1", "gateway", "the way out of this network"),
                ("dns", "example.com@192.0.2.53", "resolver-1", "a resolver in use"),
                ("tcp", "127.0.0.1:7464", "coordinator", "this coordinator itself"),
                ("http", "https://example.org/", "canary", "the internet beyond"),
            )
        ]

    def say(self, job: JobAnswer, org: int = 1) -> None:
        """Replace *job* and tell open pages its verdict, as judging would."""
        before = self._jobs[job.name].verdict if job.name in self._jobs else None
        self._jobs[job.name] = job
        self.hub.publish(
            "verdict",
            org,
            {
                "job": job.name,
                "verdict": job.verdict,
                "before": before,
                "reason": job.verdict_reason,
                "at": job.verdict_since,
            },
        )

    def _new_job(self, name: str, spec: JobSpec) -> JobAnswer:
        on = WORKERS if spec.on == "all" else tuple(spec.on.split(","))
        interval = spec.interval_s or TYPES[spec.type]
        return JobAnswer(
            id=self._ids + 1,
            name=name,
            type=spec.type,
            target=spec.target,
            interval_s=interval,
            timeout_s=spec.timeout_s or min(10.0, interval),
            on=spec.on,
            rule=spec.rule,
            expect=spec.expect,
            options=spec.options,
            labels=spec.labels,
            enabled=spec.enabled,
            verdict="unknown",
            verdict_since=moment(NOW_US),
            verdict_reason="no result yet",
            votes=[VoteAnswer(worker=w, outcome=None, state="waiting") for w in on],
        )

    def _keep(self, org: int, job: JobAnswer, change: str) -> JobAnswer:
        self._jobs[job.name] = job
        self.hub.publish("job", org, {"job": job.name, "change": change})
        return job
