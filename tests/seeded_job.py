"""What a job's pages ask beside the Service: of the seeded world."""

from typing import Any

from msgspec.structs import asdict

from pangea.core.uptime import Span
from pangea.web.api_explain import EXPLAIN, ExplainAnswer, VoiceAnswer
from pangea.web.api_incidents import INCIDENTS, IncidentsQuery
from pangea.web.api_notes import NOTES, NotesQuery
from pangea.web.api_past import PAST
from pangea.web.api_queries import QUERIES, Side
from pangea.web.api_timeline import TIMELINES, TimelineAnswer
from pangea.web.schema import JobAnswer, Page, moment
from pangea.web.schema_incidents import IncidentAnswer, NoteAnswer, NoteSpec
from pangea.web.schema_past import JobThen, StatusThen, UptimeAnswer
from pangea.web.schema_queries import (
    CalendarAnswer,
    CompareAnswer,
    FiguresAnswer,
    PercentilesAnswer,
    SideAnswer,
)
from tests.seeded import SeededService
from tests.seeded_past import (
    NOW_S,
    REGIONS,
    make_calendar,
    make_percentiles,
    make_timeline,
    troubles,
)


class SeededPast:
    """Timeline, figures, reasons, incidents and notes of the seeded jobs."""

    def __init__(self, service: SeededService) -> None:
        self._service = service
        self.kept: list[NoteAnswer] = []
        self._note(NOW_S - 2 * 3600, "deployed shop 4.2.0", "ci")
        self._note(NOW_S - 4 * 86400, "moved the database to db1", "ada")

    def offer(self, app: Any) -> None:
        """Let *app* answer from here what nothing else answers yet."""
        for key in (TIMELINES, QUERIES, EXPLAIN, INCIDENTS, NOTES, PAST):
            if key not in app:
                app[key] = self

    async def timeline(self, org: int, name: str, whole: Span) -> TimelineAnswer:
        """Return what a job was."""
        return make_timeline(await self._service.job(org, name), whole)

    async def percentiles(
        self, org: int, name: str, span: Span, *, by: str, points: int
    ) -> PercentilesAnswer:
        """Return the figures by worker or region."""
        return make_percentiles(await self._service.job(org, name), span, by, points)

    async def compare(
        self, org: int, name: str, before: Side, after: Side
    ) -> CompareAnswer:
        """Return two sides that differ a little."""
        sides = [_side(side) for side in (before, after)]
        words = "p95 126 → 131 ms (+4 %)"
        return CompareAnswer(
            before=sides[0], after=sides[1], alike=False, words=words, differs=[]
        )

    async def calendar(
        self, org: int, name: str, *, days: int, zone: str
    ) -> CalendarAnswer:
        """Return the last days."""
        return make_calendar(await self._service.job(org, name), days)

    async def job(self, org: int, name: str) -> ExplainAnswer:
        """Return why it is as it is."""
        job = await self._service.job(org, name)
        said = [v.outcome for v in job.votes if v.state == "probing"]
        return ExplainAnswer(
            job=name,
            at=moment(round(NOW_S * 1e6)),
            verdict=job.verdict,
            before="up",
            since=job.verdict_since,
            reason=job.verdict_reason,
            line="majority",
            decided=f"{said.count('failed')} of {len(said)} voters failed, {2} needed",
            rule="majority",
            rule_words="down when most workers fail, up after 2 good rounds",
            voters=len(said),
            needed=2,
            ok=said.count("ok"),
            warned=said.count("warn"),
            failed=said.count("failed"),
            first_fail_at=None,
            confirmed_at=None,
            confirmed_after_s=1.8 if job.verdict == "down" else None,
            votes=[_voice(vote) for vote in job.votes],
        )

    async def incidents(
        self,
        org: int,
        asked: IncidentsQuery,
        since_us: int | None,
        until_us: int | None = None,
    ) -> Page:
        """Return the outages of a job as incidents."""
        job = await self._service.job(org, asked.job or "shop")
        found = [
            _incident(job, number, *trouble)
            for number, trouble in enumerate(troubles(job), 100)
            if trouble[2] in ("down", "degraded") and trouble[1] * 1e6 > (since_us or 0)
        ]
        return Page(items=found[::-1][: asked.limit])

    async def notes(
        self,
        org: int,
        asked: NotesQuery,
        since_us: int | None,
        until_us: int | None,
        labels: dict[str, str],
    ) -> Page:
        """Return the notes of a stretch."""
        first, last = moment(since_us or 0), moment(until_us or 2**52)
        return Page(items=[n for n in self.kept if first <= n.at <= last])

    async def add_note(
        self, org: int, by: str, spec: NoteSpec, at_us: int | None
    ) -> NoteAnswer:
        """Keep a note."""
        at = NOW_S if at_us is None else at_us / 1e6
        return self._note(at, spec.text, by, spec.labels)

    def _note(self, at: float, text: str, who: str, labels=None) -> NoteAnswer:
        made = NoteAnswer(
            id=len(self.kept) + 1,
            at=moment(round(at * 1e6)),
            text=text,
            labels=labels or {},
            who=who,
            added_at=moment(round(at * 1e6)),
        )
        self.kept.append(made)
        return made

    async def uptime(self, org: int, name: str, whole: Span) -> UptimeAnswer:
        """Return an uptime without a promise."""
        return UptimeAnswer(
            since=moment(whole.begin_us), until=moment(whole.end_us), uptime=0.999,
            definition="", coverage=1.0, minutes={},
        )  # fmt: skip

    async def job_at(self, org: int, name: str, at_us: int) -> JobThen:
        """Return a job as it was then: as it is now."""
        job = await self._service.job(org, name)
        return JobThen(**asdict(job), at=moment(at_us))

    async def jobs_at(self, org: int, at_us: int) -> list[JobThen]:
        """Return all jobs as they were then."""
        jobs = await self._service.jobs(org)
        return [JobThen(**asdict(job), at=moment(at_us)) for job in jobs]

    async def status_at(self, org: int, at_us: int) -> StatusThen:
        """Return the counts of then."""
        status = await self._service.status(org)
        return StatusThen(**asdict(status), at=moment(at_us))


def _side(side: Side) -> SideAnswer:
    since, until = moment(side.span.begin_us), moment(side.span.end_us)
    figures = FiguresAnswer(runs=100)
    return SideAnswer(label="", since=since, until=until, figures=figures)


def _voice(vote: Any) -> VoiceAnswer:
    counts = vote.state == "probing" and vote.outcome is not None
    return VoiceAnswer(
        worker=vote.worker,
        region=REGIONS.get(vote.worker, ""),
        vote=vote.outcome,
        counts=counts,
        why="" if counts else "it has no vote",
        at=vote.at,
        expires=vote.expires,
        duration_ms=vote.duration_ms,
        reason=vote.reason,
        detail=vote.detail,
    )


def _incident(job: JobAnswer, number: int, begin: float, end: float, kind: str
              ) -> IncidentAnswer:  # fmt: skip
    lasts = end >= NOW_S
    at = moment(round(begin * 1e6))
    return IncidentAnswer(
        id=f"{number}",
        title=f"{job.name} is {kind}",
        state="open" if lasts else "closed",
        job=job.name,
        jobs=[job.name],
        job_count=1,
        unwell_count=1,
        verdict=kind,
        worst=kind,
        reason=job.verdict_reason,
        cause="",
        opened_at=at,
        closed_at=None if lasts else moment(round(end * 1e6)),
        duration_s=end - begin,
        first_fail_at=at,
        confirmed_at=at,
        confirmed_after_s=1.8,
        bad_since=at,
    )
