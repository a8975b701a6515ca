"""The past, as the web sees it (``pangea.web.api_past``)."""

from collections.abc import Iterable
from typing import Any

from msgspec.structs import asdict, replace

from pangea.core.errors import NotFound
from pangea.core.incident import BAD
from pangea.core.model import PUSHED, Job, Verdict, VoteValue
from pangea.core.tally import FIRST_REPORT
from pangea.core.trust_line import in_words
from pangea.core.uptime import BURN_S, DEFINITION, KINDS, Span, Uptime, budget
from pangea.core.verdict import VoteChange
from pangea.core.votes import LOST
from pangea.core.worsening import recounted
from pangea.storage import incidents, lateness, log_then
from pangea.storage.log_then import Then
from pangea.web.schema import VoteAnswer, moment
from pangea.web.schema_past import JobThen, SloAnswer, StatusThen, UptimeAnswer

from .answers import job_answer
from .concerns import MOST
from .coordinator import Coordinator
from .incident_answers import incident_then
from .past import since_added
from .service import ORDER, CoordinatorService

#: Below this share of its range a promise says nothing yet.
LEAST_KNOWN = 0.01
#: Shown only at a later time: they say nothing of then.
_OF_NOW: dict[str, list[str]] = {
    "concerns": [],
    "join": [],
    "join_secret": [],
    "trouble": [],
}

#: What an answer tells of now alone.
_NOT_THEN: dict[str, Any] = {
    "last_duration_ms": None,
    "notices": [],
    "drill": False,
    "first_fail_at": None,
    "confirmed_at": None,
    "incident": None,
    "flapping": False,
    "flap_pct": 0.0,
}


class PastService:
    """Answers from the two logs."""

    def __init__(self, coordinator: Coordinator, present: CoordinatorService) -> None:
        self._c, self._present = coordinator, present

    async def uptime(self, org: int, name: str, whole: Span) -> UptimeAnswer:
        """Return how long a job was what within *whole*."""
        job = self._c.board.job(name, org)
        clipped = since_added(job, whole)
        found, burnt = await self._c.store.read(lambda: self._read(job, clipped))
        return UptimeAnswer(
            since=moment(clipped.begin_us),
            until=moment(clipped.end_us),
            uptime=found.share,
            definition=DEFINITION,
            coverage=found.coverage,
            minutes={kind: round(getattr(found, kind) / 60, 4) for kind in KINDS},
            slo=_slo(job, found, burnt, _young(clipped, whole)) if job.slo else None,
            added_at=moment(job.created_at_us) if clipped != whole else None,
        )

    def _read(self, job: Job, whole: Span) -> tuple[Uptime, dict[str, Uptime]]:
        past, burnt = self._c.past, {}
        for name, seconds in BURN_S.items() if job.slo else ():
            begin = whole.end_us - round(seconds * 1e6)
            burnt[name] = past.uptime(job, Span(begin, whole.end_us))
        return past.uptime(job, whole), burnt

    async def status_at(self, org: int, at_us: int) -> StatusThen:
        """Return the counts as they were known at a moment."""
        jobs = await self.jobs_at(org, at_us)
        now = await self._present.status(org)
        counts = dict.fromkeys(now.verdicts, 0)
        for job in jobs:
            counts[job.verdict] = counts.get(job.verdict, 0) + 1
        known = [w for w in self._c.board.workers.values() if w.org == org]
        there = [w for w in known if w.state == "approved" and w.added_at_us <= at_us]
        voted = {v.worker for job in jobs for v in job.votes if v.outcome}
        then = asdict(now) | _OF_NOW | {"results_per_s": 0.0, "next": "pangea status"}
        then |= {"verdicts": counts, "jobs": len(jobs), "workers": len(there)}
        then |= {"workers_connected": len(voted), "now": moment(at_us)}
        found = await self._c.store.read(lambda: incidents.open_at(org, at_us))
        told = [incident_then(self._c.board, i, at_us) for i in found[:MOST]]
        then |= {"incidents": told, "incidents_open": len(found)}
        then |= {"workers_resting": 0}
        return StatusThen(**then, at=moment(at_us))

    async def jobs_at(self, org: int, at_us: int) -> list[JobThen]:
        """Return all jobs that were there at a moment, worst first."""
        found = await self._then(org, at_us)
        return sorted(found, key=lambda job: (_place(job.verdict), job.name))

    async def job_at(self, org: int, name: str, at_us: int) -> JobThen:
        """Return one job as it was known at a moment."""
        job = self._c.board.job(name, org)
        found = await self._then(org, at_us, job.id)
        if not found:
            added = moment(job.created_at_us)
            raise NotFound(f"job {name!r} was only added at {added}")
        return found[0]

    async def _then(self, org: int, at_us: int, only: int = 0) -> list[JobThen]:
        jobs, past = dict(self._c.board.jobs), self._c.past

        def read() -> list[tuple[Job, Then, list[VoteChange]]]:
            states = log_then.state_at(org, at_us)
            wanted = [n for n in states if n in jobs and only in (0, n)]
            votes = log_then.votes_at(wanted, at_us)
            return [
                (
                    jobs[n],
                    _planned(
                        _counted(jobs[n], states[n], votes[n], at_us),
                        maintained=past.maintained(jobs[n], at_us),
                    ),
                    votes[n],
                )
                for n in wanted
            ]

        found = await self._c.store.read(read)
        return [self._answer(*each, at_us) for each in found]

    def _answer(
        self, job: Job, then: Then, votes: Iterable[VoteChange], at_us: int
    ) -> JobThen:
        cells = [self._cell(v) for v in votes if v.cause != "left the job"]
        said = asdict(job_answer(self._c.board, job)) | {
            "verdict": then.verdict,
            "verdict_since": moment(then.since_us) if then.since_us else None,
            "verdict_reason": then.reason,
            "votes": sorted(cells, key=lambda cell: cell.worker),
            "enabled": then.verdict != "paused",
            **_NOT_THEN,
        }
        return JobThen(**said, at=moment(at_us))

    def _cell(self, vote: VoteChange) -> VoteAnswer:
        name = self._c.board.voter(vote.worker) or str(vote.worker)
        if vote.after is None:
            state = "lost" if vote.cause == LOST else "suspect"
            return VoteAnswer(worker=name, outcome=None, state=state, detail=vote.cause)
        return VoteAnswer(
            worker=name,
            outcome=vote.after,
            state="probing",
            at=moment(vote.at_us),
            reason="" if vote.after is VoteValue.OK else vote.cause,
        )


def _counted(job: Job, then: Then, votes: Iterable[VoteChange], at_us: int) -> Then:
    """Return a job whose reason, that of its last change, counts the votes of then."""
    if job.type in PUSHED and then.verdict == Verdict.UNKNOWN and not then.since_us:
        return replace(then, reason=FIRST_REPORT)
    if then.verdict not in BAD:
        return then
    (_, seats) = next(iter(lateness.seats(then.job, at_us, at_us)), (0, ()))
    said = {vote.worker: vote.after for vote in votes}
    return replace(then, reason=recounted(then.reason, said, seats))


def _planned(then: Then, *, maintained: bool) -> Then:
    """Return a job as people saw it: in maintenance, unless it was paused."""
    if maintained and then.verdict != "paused":
        return replace(then, verdict="maintenance")
    return then


def _place(verdict: str) -> int:
    return ORDER.index(verdict) if verdict in ORDER else len(ORDER)


def _young(known: Span, whole: Span) -> str:
    """Return of how much of a range a job can tell, "" if that is enough of it."""
    have, wanted = (s.end_us - s.begin_us for s in (known, whole))
    if have >= LEAST_KNOWN * wanted:
        return ""
    return f"{in_words(have / 1e6)} of {in_words(wanted / 1e6)}"


def _slo(job: Job, whole: Uptime, burnt: dict[str, Uptime], young: str) -> SloAnswer:
    told = budget(job.slo, whole, burnt)
    return SloAnswer(
        target=told.target,
        budget_min=round(told.total_s / 60, 3),
        left_min=round(told.left_s / 60, 3),
        burn={k: None if v is None else round(v, 3) for k, v in told.burn.items()},
        too_young=young,
    )
