"""What the coordinator knows right now: jobs, workers and verdicts, in memory.

The database is the truth; this is its working copy, changed only after (jobs,
workers) or together with (verdicts) what was written.
"""

from collections.abc import Iterable

from pangea.core.errors import NotFound
from pangea.core.model import COORDINATOR, FIRST_ORG, PUSHED, Job, Verdict, Worker
from pangea.core.options import nearest
from pangea.core.placement import Placement, place
from pangea.core.verdict import JobState, Rule, parse_rule
from pangea.storage.recent import Recent

#: A worker that was lost for so long leaves the electorate of its jobs.
LEAVES_AFTER_S = 300.0


#: What reports by itself is believed at once, for bad and for good.
TOLD = Rule(up_rounds=1, confirm=False)


class Board:
    """Jobs by id, workers by id, and what is derived from both."""

    def __init__(self) -> None:
        self.jobs: dict[int, Job] = {}
        self.workers: dict[int, Worker] = {}
        self.states: dict[int, JobState] = {}
        self.rules: dict[int, Rule] = {}
        self.placements: dict[int, Placement] = {}
        self.seen: dict[int, float] = {}
        self.started = 0.0
        self.connected: set[int] = set()
        self.recent = Recent()

    def load(
        self, jobs: Iterable[Job], workers: Iterable[Worker], states: Iterable[JobState]
    ) -> None:
        """Fill the board at start."""
        self.workers = {w.id: w for w in workers}
        self.seen = {w.id: w.last_seen_us / 1e6 for w in self.workers.values()}
        for job in jobs:
            self.put_job(job)
        for state in states:
            if state.job in self.jobs:
                self.states[state.job] = state

    def put_job(self, job: Job) -> None:
        """Take a new or changed job."""
        self.jobs[job.id] = job
        self.rules[job.id] = TOLD if job.type in PUSHED else parse_rule(job.rule)
        self.states.setdefault(job.id, JobState(job.id))
        self.place(job)

    def drop_job(self, job: Job) -> None:
        """Forget a job."""
        for table in (self.jobs, self.rules, self.states, self.placements):
            table.pop(job.id, None)
        self.recent.forget(job.id)

    def place(self, job: Job) -> None:
        """Work out again where *job* runs."""
        self.placements[job.id] = self.preview(job)

    def preview(self, job: Job) -> Placement:
        """Return where *job* would run as it is given, stored or not."""
        return place(job, [w for w in self.workers.values() if w.org == job.org])

    def place_all(self) -> None:
        """Work out again where every job runs: a worker came, went or changed."""
        for job in self.jobs.values():
            self.place(job)

    def placed(self, job: int) -> dict[int, int]:
        """Return the workers that probe *job*, each with its place among them."""
        placement = self.placements.get(job)
        workers = placement.workers if placement else ()
        return {worker.id: place for place, worker in enumerate(workers)}

    def electorate(self, job_id: int, now: float) -> tuple[int, ...]:
        """Return the workers whose votes count, those lost for long left out.

        Our own downtime is nobody's absence.

        If all are lost they all stay: then nobody votes, and that is unknown.
        """
        job = self.jobs[job_id]
        if job.type in PUSHED:
            return (COORDINATOR,) if job.enabled else ()
        placed = [w.id for w in self.placements[job_id].workers]
        there = [
            w
            for w in placed
            if w in self.connected
            or now - max(self.seen.get(w, 0.0), self.started) < LEAVES_AFTER_S
        ]
        return tuple(there or placed)

    def job(self, name: str, org: int = FIRST_ORG) -> Job:
        """Return the job called *name*; NotFound names the nearest one."""
        for job in self.jobs.values():
            if job.name == name and job.org == org:
                return job
        names = [j.name for j in self.jobs.values() if j.org == org]
        hint = nearest(name, names) if names else "there are no jobs yet"
        raise NotFound(f"no job {name!r}", hint=hint)

    def worker(self, name: str, org: int = FIRST_ORG) -> Worker:
        """Return the worker called *name*; NotFound names the nearest one."""
        for worker in self.workers.values():
            if worker.name == name and worker.org == org:
                return worker
        names = [w.name for w in self.workers.values() if w.org == org]
        hint = nearest(name, names) if names else "no worker has joined yet"
        raise NotFound(f"no worker {name!r}", hint=hint)

    def voter(self, number: int) -> str:
        """Return the name of a worker, or of the coordinator; "" if it is unknown."""
        if number == COORDINATOR:
            return "coordinator"
        worker = self.workers.get(number)
        return worker.name if worker else ""

    def verdict(self, job: Job) -> str:
        """Return the job's verdict as people see it, ``paused`` included."""
        placement = self.placements.get(job.id)
        nowhere = job.stopped_on and placement and not placement.workers
        if not job.enabled or nowhere:
            return "paused"
        return self.states.get(job.id, JobState(job.id)).verdict

    def counts(self, org: int) -> dict[str, int]:
        """Return how many jobs have each verdict, worst first."""
        order = (Verdict.DOWN, Verdict.DEGRADED, Verdict.UNKNOWN, Verdict.UP)
        counts = {str(v): 0 for v in order} | {"paused": 0}
        for job in self.jobs.values():
            if job.org == org:
                counts[self.verdict(job)] += 1
        return counts
