"""Explanations as the web sees them (``pangea.web.api_explain``)."""

import logging

import msgspec

from pangea.core.errors import NotFound
from pangea.core.explain import Explanation, Voice
from pangea.core.headline import Member
from pangea.core.incident import Entry, Incident
from pangea.core.text import safe_text
from pangea.storage import incidents as stored
from pangea.web.api_explain import (
    ExplainAnswer,
    IncidentExplainAnswer,
    VoiceAnswer,
)
from pangea.web.schema import moment

from .coordinator import Coordinator
from .evidence import EVIDENCE
from .explaining import EXPLAIN
from .incident_answers import incident_answer
from .incident_service import IncidentService

log = logging.getLogger(__name__)


class ExplainService:
    """Answers from the board for now, from the timeline for then."""

    def __init__(self, coordinator: Coordinator, incidents: IncidentService) -> None:
        self._c = coordinator
        self._incidents = incidents

    async def job(self, org: int, name: str) -> ExplainAnswer:
        """Return why a job has the verdict that it has now."""
        job = self._c.board.job(name, org)
        return explain_answer(self._c.reasons.explaining.now(job))

    async def incident(
        self, org: int, id_: str, job: str | None = None
    ) -> IncidentExplainAnswer:
        """Return why an incident is one, or why *job* is a member of it.

        What was merged is told of where it goes on, of its own job.
        """
        found = await self._incidents.find(org, id_)
        if found.merged_into:
            job = job or found.members[found.job].name
            found = await self._incidents.find(org, found.merged_into)
        names = [m.name for m in self._members(found, job)]
        only = names[0] if job is not None else ""
        lines = await self._c.store.read(
            lambda: stored.reasons(found, (EXPLAIN, EVIDENCE), only)
        )
        order = {name: at for at, name in enumerate(names)}
        lines.sort(key=lambda e: order.get(str(e.data.get("job")), len(order)))
        told = incident_answer(self._c.board, found, found.updated_us)
        return IncidentExplainAnswer(
            incident=told.id,
            title=told.title,
            job=told.job,
            opened_at=told.opened_at,
            closed_at=told.closed_at,
            decisions=[answer for e in lines for answer in _decision(e)],
            evidence=[e.data for e in lines if e.kind == EVIDENCE],
        )

    def _members(self, found: Incident, job: str | None) -> list[Member]:
        """Return all members, or the one called *job*; NotFound if there is none."""
        jobs = self._c.board.jobs
        mine = [
            m
            for m in found.members.values()
            if job is None
            or job == m.name
            or (m.job in jobs and jobs[m.job].name == job)
        ]
        if job is not None and not mine:
            raise NotFound(
                f"job {safe_text(job, 63)!r} is not in incident {found.id}",
                hint=f"see: pangea incident show {found.id}",
            )
        return mine


def _decision(entry: Entry) -> list[ExplainAnswer]:
    """Return the decision that a line of the timeline tells, if it tells one."""
    if entry.kind != EXPLAIN:
        return []
    try:
        return [explain_answer(msgspec.convert(entry.data, Explanation))]
    except msgspec.ValidationError as error:
        # Another version wrote it, which knew less or more.
        log.debug("a stored explanation cannot be read: %s", error)
        return []


def explain_answer(told: Explanation) -> ExplainAnswer:
    """Return an explanation as the API tells it."""
    took = told.confirmed_us - told.first_fail_us
    return ExplainAnswer(
        job=told.job,
        at=moment(told.at_us),
        verdict=told.verdict,
        before=told.before or None,
        since=_moment(told.since_us),
        reason=told.reason,
        line=told.line,
        decided=told.line_words,
        rule=told.rule,
        rule_words=told.rule_words,
        voters=told.voters,
        needed=told.needed,
        ok=told.ok,
        warned=told.warned,
        failed=told.failed,
        first_fail_at=_moment(told.first_fail_us),
        confirmed_at=_moment(told.confirmed_us),
        confirmed_after_s=took / 1e6 if told.confirmed_us else None,
        votes=[_voice(voice) for voice in told.voices],
        left_out=told.left_out,
    )


def _voice(voice: Voice) -> VoiceAnswer:
    return VoiceAnswer(
        worker=voice.worker,
        region=voice.region,
        vote=voice.vote or None,
        counts=voice.counts,
        why=voice.why,
        at=_moment(voice.at_us),
        expires=_moment(voice.expires_us),
        duration_ms=voice.duration_ms if voice.vote else None,
        reason=voice.reason,
        detail=voice.detail,
    )


def _moment(us: int) -> str | None:
    return moment(us) if us else None
