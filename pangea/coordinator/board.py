"""What the coordinator knows right now: jobs, workers and verdicts, in memory.

The database is the truth; this is its working copy, changed only after (jobs,
workers) or together with (verdicts) what was written.
"""

from collections.abc import Callable, Iterable

from pangea.core.dependencies import Graph
from pangea.core.errors import NotFound
from pangea.core.flapping import Flap
from pangea.core.gauges import Lasts
from pangea.core.job_rule import rule_for
from pangea.core.liveness import LEAVES_S as LEAVES_AFTER_S
from pangea.core.liveness import long_gone
from pangea.core.model import (
    COORDINATOR,
    FIRST_ORG,
    PUSHED,
    Job,
    Result,
    Verdict,
    Worker,
)
from pangea.core.options import nearest
from pangea.core.outage import Outage
from pangea.core.placement import (
    Placement,
    follow,
    is_counted,
    named,
    place,
    settled,
)
from pangea.core.rule import Rule
from pangea.core.verdict import JobState, vote_lasts_s
from pangea.storage.recent import Recent

from .withheld import as_trusted


class Board:
    """Jobs by id, workers by id, and what is derived from both.

    ``lasts`` is how long a vote on each job counts.
    ``connected`` workers have a link, the votes of ``lost`` ones are suspended, and
    those that are ``away`` have lost their leases; those that are ``sick`` know it
    themselves, or are alone in what they see: for that cause. ``cannot`` is what a
    worker said that it cannot ask, by (job, worker).
    """

    def __init__(self) -> None:
        self.jobs: dict[int, Job] = {}
        self.workers: dict[int, Worker] = {}
        self.states: dict[int, JobState] = {}
        #: Of jobs that fail somewhere: since when, and when that was believed.
        self.outages: dict[int, Outage] = {}
        self.rules: dict[int, Rule] = {}
        #: What rules of an organisation say where a job's own says nothing.
        self.defaults: dict[int, str] = {}
        #: Jobs whose good results are looked at before they are votes.
        self.weighed: set[int] = set()
        self.lasts: dict[int, float] = {}
        self.placements: dict[int, Placement] = {}
        self.seen: dict[int, float] = {}
        self.started = 0.0
        self.connected: set[int] = set()
        self.lost: set[int] = set()
        self.away: set[int] = set()
        #: Without a link for so long that the others share the interval.
        self.gone: set[int] = set()
        #: Whether verdicts stand still, as most workers vanished at once.
        self.frozen = False
        self.sick: dict[int, str] = {}
        self.cannot: dict[tuple[int, int], str] = {}
        #: Jobs that are paused, each since when (in microseconds).
        self.paused: dict[int, int] = {}
        #: Jobs in maintenance, each with the reason; workers in it, each since when.
        self.maintained: dict[int, str] = {}
        self.resting: dict[int, float] = {}
        #: Jobs that are unwell as one that they depend on is down, in words.
        self.blamed: dict[int, str] = {}
        #: Jobs that fail on purpose now (true), or recover from it (false).
        self.drills: dict[int, bool] = {}
        self.graph = Graph()
        #: How often verdicts changed of late, of jobs of which one did.
        self.flaps: dict[int, Flap] = {}
        #: Tells the id of the open incident of a job, "" if there is none.
        self.incident_of: Callable[[int], str] = lambda job: ""
        #: Jobs on the move; those of which somebody arrived, or cannot ask.
        self.moving: set[int] = set()
        self.arrived: set[int] = set()
        self.unable: set[int] = set()
        self.recent = Recent()
        self.latest = Lasts()

    def remember(self, results: Iterable[Result]) -> None:
        """Keep *results* of jobs that are known for the live views."""
        jobs, recent, latest = self.jobs, self.recent.add, self.latest.add
        for result in results:
            job = jobs.get(result.job)
            if job is not None:
                recent(result)
                latest(result, job.type)

    def load(
        self, jobs: Iterable[Job], workers: Iterable[Worker], states: Iterable[JobState]
    ) -> None:
        """Fill the board at start."""
        self.workers = {w.id: w for w in workers}
        self.seen = {w.id: w.last_seen_us / 1e6 for w in self.workers.values()}
        self.gone = long_gone(self.seen, max(self.seen.values(), default=0.0))
        for job in jobs:
            self.put_job(job)
        for state in states:
            if state.job in self.jobs:
                self.states[state.job] = state

    def put_job(self, job: Job) -> None:
        """Take a new or changed job."""
        if self.jobs.get(job.id) != job:
            self.can_again(job=job.id)
        self.jobs[job.id] = job
        self._put_rule(job)
        self.lasts[job.id] = vote_lasts_s(job)
        self.states.setdefault(job.id, JobState(job.id))
        self.graph.put(job.id, job.depends_on)
        self.place(job)

    def _put_rule(self, job: Job) -> None:
        rule = rule_for(job, self.defaults.get(job.org, ""))
        self.rules[job.id] = rule
        self.weighed.discard(job.id)
        if rule.warns or rule.expect_fail:
            self.weighed.add(job.id)

    def judge_by(self, org: int, defaults: str) -> list[int]:
        """Let the jobs of *org* follow other *defaults*; return those jobs."""
        self.defaults[org] = defaults
        mine = [job for job in self.jobs.values() if job.org == org]
        for job in mine:
            self._put_rule(job)
        return [job.id for job in mine]

    def drop_job(self, job: Job) -> None:
        """Forget a job."""
        held = (
            *(self.jobs, self.rules, self.lasts, self.states, self.placements),
            self.outages,
        )
        for table in held:
            table.pop(job.id, None)
        for jobs in (self.moving, self.arrived, self.unable, self.weighed):
            jobs.discard(job.id)
        self.maintained.pop(job.id, None)
        self.paused.pop(job.id, None)
        self.drills.pop(job.id, None)
        self.graph.drop(job.id)
        self.recent.forget(job.id)
        self.latest.forget(job.id)
        self.can_again(job=job.id)

    def can_again(self, *, job: int = 0, worker: int = 0) -> None:
        """Forget what could not be asked: *job* or *worker* is not what it was."""
        for key in [k for k in self.cannot if job in k[:1] or worker in k[1:]]:
            del self.cannot[key]

    def place(self, job: Job) -> bool:
        """Work out again where *job* runs; tell whether anything moved."""
        before, after = self.placements.get(job.id), self.preview(job)
        if before is not None and is_counted(job):
            after = follow(before, after, self.connected)
        self._put(job.id, after)
        return before is None or _moves(before) != _moves(after)

    def _put(self, job: int, placement: Placement) -> None:
        self.placements[job] = placement
        if placement.takes:
            self.moving.add(job)
        else:
            self.moving.discard(job)

    def arrive(self, job: int, voters: Iterable[int]) -> bool:
        """Note that *voters* have reported; True if a move of *job* is over."""
        placement = self.placements[job]
        new = [w for w in voters if w in placement.takes]
        for worker in new:
            placement = settled(placement, worker)
        if new:
            self._put(job, placement)
            self.arrived.add(job)
        return bool(new)

    def cannot_ask(self, result: Result) -> None:
        """Note that a worker said of a job of its own that it cannot ask that."""
        key = (result.job, result.worker)
        placement = self.placements.get(result.job)
        if placement and result.worker in placement.slots and key not in self.cannot:
            self.cannot[key] = result.detail or "it cannot ask that"
            self.unable.add(result.job)

    def preview(self, job: Job) -> Placement:
        """Return where *job* would run as it is given, stored or not."""
        mine = [w for w in self.workers.values() if w.org == job.org]
        return place(job, as_trusted(job, mine), self.away, self.cannot, self.gone)

    def place_all(self) -> None:
        """Work out again where every job runs."""
        for job in self.jobs.values():
            self.place(job)

    def place_for(self, worker: Worker, jobs: Iterable[int]) -> list[int]:
        """Work out again where *jobs* run after *worker* came or changed.

        Return those that moved. Jobs that never were for it are passed over.
        """
        moved = []
        for number in jobs:
            job, placement = self.jobs.get(number), self.placements.get(number)
            if job is None or job.org != worker.org or placement is None:
                continue
            concerns = (
                worker.id in placement.slots
                or worker.name in placement.refused
                or named(job, worker)
            )
            if concerns and self.place(job):
                moved.append(number)
        return moved

    def placed(self, job: int) -> dict[int, int]:
        """Return the workers that probe *job*, each with its place on the grid."""
        placement = self.placements.get(job)
        return placement.running if placement else {}

    def slots(self, job: int) -> int:
        """Return how many places the grid of *job* has."""
        return self.placements[job].places

    def electorate(self, job_id: int, now: float) -> tuple[int, ...]:
        """Return the workers whose votes count, those lost for long left out.

        Our own downtime is nobody's absence.

        If all are lost they all stay: then nobody votes, and that is unknown.
        """
        job = self.jobs[job_id]
        if job.type in PUSHED:
            return (COORDINATOR,) if job.enabled else ()
        placed = self.placements[job_id].seats
        if self.connected.issuperset(placed) and not self.resting:
            return placed
        there = [w for w in placed if self._takes_part(w, now)]
        return tuple(there) or placed

    def _takes_part(self, worker: int, now: float) -> bool:
        """Tell whether *worker* was here, and out of maintenance, not long ago."""
        if now - self.resting.get(worker, now) >= LEAVES_AFTER_S:
            return False
        seen = max(self.seen.get(worker, 0.0), self.started)
        return worker in self.connected or now - seen < LEAVES_AFTER_S

    def job(self, name: str, org: int = FIRST_ORG) -> Job:
        """Return the job called *name*; NotFound names the nearest one."""
        for job in self.jobs.values():
            if job.name == name and job.org == org:
                return job
        names = [j.name for j in self.jobs.values() if j.org == org]
        hint = nearest(name, names) if names else "there are no jobs yet"
        raise NotFound(f"no job {name!r}", hint=hint)

    def worker(self, name: str, org: int = FIRST_ORG) -> Worker:
        """Return the worker called *name*; NotFound names the nearest one.

        Of several that is the one that is in; the others once had the name.
        """
        mine = [w for w in self.workers.values() if w.org == org]
        called = [w for w in mine if w.name == name]
        if called:
            return min(called, key=lambda w: (w.state != "approved", -w.id))
        names = [w.name for w in mine if w.state == "approved"]
        hint = nearest(name, names) if names else "no worker has joined yet"
        raise NotFound(f"no worker {name!r}", hint=hint)

    def voter(self, number: int) -> str:
        """Return the name of a worker, or of the coordinator; "" if it is unknown."""
        if number == COORDINATOR:
            return "coordinator"
        worker = self.workers.get(number)
        return worker.name if worker else ""

    def verdict(self, job: Job) -> str:
        """Return the job's verdict as people see it.

        It may also be ``paused``, or in ``maintenance``.
        """
        placement = self.placements.get(job.id)
        nowhere = job.stopped_on and placement and not placement.workers
        if not job.enabled or nowhere:
            return "paused"
        if job.id in self.maintained:
            return "maintenance"
        return self.states.get(job.id, JobState(job.id)).verdict

    def counts(self, org: int) -> dict[str, int]:
        """Return how many jobs have each verdict, worst first."""
        order = (Verdict.DOWN, Verdict.DEGRADED, Verdict.UNKNOWN, Verdict.UP)
        counts = {str(v): 0 for v in order} | {"maintenance": 0, "paused": 0}
        for job in self.jobs.values():
            if job.org == org:
                counts[self.verdict(job)] += 1
        return counts


def _moves(placement: Placement) -> tuple[object, ...]:
    """Return what has to be told to workers if it is another one."""
    return placement.slots, placement.takes, placement.places
