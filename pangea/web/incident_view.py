"""Incidents as finished view data: rows of the list, and all of one."""

from collections.abc import Sequence
from urllib.parse import quote

from msgspec import Struct

from pangea.core.text import safe_text

from .api_explain import ExplainAnswer
from .incident_evidence import Evidence, evidence_of
from .schema_incidents import IncidentAnswer, IncidentDetail, MemberAnswer
from .text import t
from .view import job_href
from .words import Badge, When, age, clock, ms, verdict_badge, when, why

#: States that need no word: the part of the list in which they stand says it.
PLAIN = ("open", "closed")


class IncidentRow(Struct, frozen=True):
    """An incident in the list."""

    id: str
    href: str
    badge: Badge
    state: str
    title: str
    jobs: str
    opened: When | None
    lasted: str
    confirmed: str
    reason: str
    care: str
    marks: list[str]


class MemberRow(Struct, frozen=True):
    """A job of an incident."""

    job: str
    href: str
    badge: Badge
    since: When | None
    well: When | None
    reason: str
    mark: str


class Line(Struct, frozen=True):
    """A line of the timeline."""

    at: When | None
    kind: str
    who: str
    text: str
    css: str


class Voice(Struct, frozen=True):
    """What a worker said then."""

    worker: str
    region: str
    badge: Badge
    counts: bool
    took: str
    said: str


class Decision(Struct, frozen=True):
    """Why a job got a verdict at a moment of the incident."""

    anchor: str
    job: str
    badge: Badge
    before: str
    at: When | None
    decided: str
    rule: str
    times: str
    voices: list[Voice]
    left_out: int


class IncidentView(Struct, frozen=True):
    """All of one incident; ``facts`` are pairs of a name and a text."""

    id: str
    href: str
    title: str
    badge: Badge
    state: str
    is_open: bool
    reason: str
    cause: str
    marks: list[str]
    moments: list[tuple[str, When, str]]
    facts: list[tuple[str, str]]
    merged_into: str
    care: str
    care_text: str
    members: list[MemberRow]
    evidence: list[Evidence]
    decisions: list[Decision]
    timeline: list[Line]
    notes: list[Line]
    markdown: str
    can_ack: bool
    typed: str


def incident_row(one: IncidentAnswer, now: str) -> IncidentRow:
    """Return the line of an incident."""
    is_open = one.closed_at is None and not one.merged_into
    confirmed = one.confirmed_after_s
    return IncidentRow(
        id=one.id,
        href=incident_href(one.id),
        badge=verdict_badge(one.verdict if is_open else one.worst),
        state="" if one.state in PLAIN else t(f"incidents.state_{one.state}"),
        title=safe_text(one.title, 200),
        jobs=jobs_of(one),
        opened=when(one.opened_at, now),
        lasted=age(one.duration_s),
        confirmed="–" if confirmed is None else f"{confirmed:.1f} s",
        reason=safe_text(one.cause or one.reason, 300),
        care=safe_text(one.acknowledged_by, 63),
        marks=marks_of(one),
    )


def incident_href(id_: str) -> str:
    """Return the address of an incident's page."""
    return f"/incidents/{quote(id_, safe='')}"


def jobs_of(one: IncidentAnswer) -> str:
    """Return how many jobs it is about, "" for one."""
    if one.job_count < 2:
        return ""
    return t("incidents.jobs_of", n=one.unwell_count, m=one.job_count)


def marks_of(one: IncidentAnswer) -> list[str]:
    """Return what else is to be known of it at a glance."""
    marks = ("flapping", "drill", "backfilled", "retracted")
    said = [t(f"incidents.{name}") for name in marks if getattr(one, name)]
    if one.reopened:
        said.append(t("incidents.reopened", n=one.reopened))
    if one.new_since_ack:
        said.append(t("incidents.new_since", n=one.new_since_ack))
    return said


def incident_view(
    one: IncidentDetail,
    decisions: Sequence[ExplainAnswer],
    now: str,
    markdown: str,
    typed: str,
    *,
    may: bool,
) -> IncidentView:
    """Return everything that the page of an incident prints."""
    is_open = one.closed_at is None and not one.merged_into
    return IncidentView(
        id=one.id,
        href=incident_href(one.id),
        title=safe_text(one.title, 200),
        badge=verdict_badge(one.verdict if is_open else one.worst),
        state=t(f"incidents.state_{one.state}"),
        is_open=is_open,
        reason=safe_text(one.reason, 500),
        cause=safe_text(one.cause, 300),
        marks=marks_of(one),
        moments=_moments(one, now),
        facts=_facts(one),
        merged_into=one.merged_into or "",
        care=safe_text(one.acknowledged_by, 63),
        care_text=safe_text(one.acknowledged_text, 2000),
        members=[_member(m, now) for m in one.members],
        evidence=[evidence_of(e, now) for e in one.evidence],
        decisions=[decision(d, n, now) for n, d in enumerate(decisions)],
        timeline=[
            Line(
                when(e.at, now),
                _kind(e.kind),
                safe_text(e.who, 63),
                safe_text(e.text, 2000),
                e.kind if e.kind.isalpha() else "",
            )
            for e in one.timeline
        ],
        notes=[
            Line(when(n.at, now), "", safe_text(n.who, 63), safe_text(n.text, 2000), "")
            for n in one.notes
        ],
        markdown=markdown,
        can_ack=is_open and may,
        typed=typed,
    )


#: Lines of the timeline that pages name otherwise than the API does.
NAMED = ("told", "closed", "retracted", "storm", "earnest", "cleared")


def _kind(kind: str) -> str:
    if kind in NAMED:
        return t(f"incidents.kind_{kind}")
    return safe_text(kind.replace("-", " ").replace("_", " "), 40)


def _moments(one: IncidentDetail, now: str) -> list[tuple[str, When, str]]:
    """Return its moments in their order, each with how long it took to it."""
    after, told = one.confirmed_after_s, one.alerted_after_s
    known = [
        ("first_fail", one.first_fail_at, None),
        ("confirmed", one.confirmed_at, after),
        ("alerted", one.alerted_at, told),
        ("acknowledged", one.acknowledged_at, None),
        ("closed", one.closed_at, None),
    ]
    rows = []
    for name, iso, took in known:
        at = when(iso, now)
        if at is not None:
            said = "" if took is None else t("incidents.after", took=f"{took:.1f} s")
            rows.append((t(f"incidents.{name}"), at, said))
    return rows


def _facts(one: IncidentDetail) -> list[tuple[str, str]]:
    facts = [(t("incidents.id"), one.id), (t("incidents.lasted"), age(one.duration_s))]
    if one.job_count > 1:
        facts.append((t("incidents.jobs"), jobs_of(one)))
    facts.append((t("incidents.worst"), t(f"words.{one.worst}")))
    return facts


def _member(one: MemberAnswer, now: str) -> MemberRow:
    mark = "cleared" if one.cleared else "new" if one.new_since_ack else ""
    return MemberRow(
        job=safe_text(one.job, 63),
        href=job_href(one.job),
        badge=verdict_badge(one.verdict),
        since=when(one.bad_since, now),
        well=when(one.recovered_at, now),
        reason=safe_text(one.reason, 300),
        mark=t(f"incidents.member_{mark}") if mark else "",
    )


def decision(one: ExplainAnswer, number: int, now: str) -> Decision:
    """Return a decision as it was made then."""
    times = ""
    if one.first_fail_at and one.confirmed_at:
        times = t(
            "incidents.times",
            first=clock(one.first_fail_at),
            confirmed=clock(one.confirmed_at),
            took=f"{one.confirmed_after_s or 0.0:.1f} s",
        )
    return Decision(
        anchor=f"decision-{number}",
        job=safe_text(one.job, 63),
        badge=verdict_badge(one.verdict),
        before=t(f"words.{one.before}") if one.before else "",
        at=when(one.at, now),
        decided=safe_text(one.decided, 500),
        rule=safe_text(f"{one.rule}: {one.rule_words}", 500),
        times=times,
        voices=[
            Voice(
                worker=safe_text(v.worker, 63),
                region=safe_text(v.region, 40),
                badge=_vote(v.vote),
                counts=v.counts,
                took=ms(v.duration_ms),
                said=why(v.reason, v.detail) if v.counts else safe_text(v.why, 300),
            )
            for v in one.votes
        ],
        left_out=one.left_out,
    )


def _vote(vote: str | None) -> Badge:
    glyphs = {"ok": ("●", "up"), "warn": ("▲", "degraded"), "failed": ("✖", "down")}
    glyph, css = glyphs.get(vote or "", ("○", "unknown"))
    return Badge(glyph, safe_text(vote or t("incidents.no_vote"), 20), css)
