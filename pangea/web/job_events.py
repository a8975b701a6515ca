"""What happened to a job in a stretch of time: its incidents, and what people noted."""

from collections.abc import Sequence

from aiohttp import web
from msgspec import Struct

from pangea.core.text import safe_text

from .api_incidents import INCIDENTS, IncidentsQuery
from .api_notes import NOTES, NotesQuery
from .job_points import seconds
from .job_range import Range
from .schema_incidents import IncidentAnswer, NoteAnswer
from .text import t
from .words import Badge, When, age, verdict_badge, when

#: Incidents and notes that one page tells of.
MOST = 40


class EventRow(Struct, frozen=True):
    """A line of what happened, newest first; ``href`` is "" if there is no page."""

    anchor: str
    at: When | None
    badge: Badge
    words: str
    more: str
    href: str


class Happened(Struct, frozen=True):
    """The incidents and notes of a stretch."""

    incidents: list[IncidentAnswer]
    notes: list[NoteAnswer]


async def happened(request: web.Request, org: int, job: str, shown: Range) -> Happened:
    """Return what happened to *job* in the stretch that is *shown*."""
    return Happened(
        await _incidents(request, org, job, shown),
        await _notes(request, org, job, shown),
    )


async def _incidents(
    request: web.Request, org: int, job: str, shown: Range
) -> list[IncidentAnswer]:
    service = request.app.get(INCIDENTS)
    if service is None:
        return []
    asked = IncidentsQuery(job=job, limit=MOST)
    page = await service.incidents(org, asked, shown.span.begin_us)
    found: list[IncidentAnswer] = page.items
    return [one for one in found if seconds(one.opened_at) <= shown.end_s]


async def _notes(
    request: web.Request, org: int, job: str, shown: Range
) -> list[NoteAnswer]:
    service = request.app.get(NOTES)
    if service is None:
        return []
    asked, span = NotesQuery(job=job, limit=MOST), shown.span
    page = await service.notes(org, asked, span.begin_us, span.end_us, {})
    found: list[NoteAnswer] = page.items
    return found


def event_rows(found: Happened, now: str, *, linked: bool) -> list[EventRow]:
    """Return incidents and notes as lines; *linked* if an incident has a page."""
    rows = [(one.opened_at, _incident(one, now, linked)) for one in found.incidents]
    rows += [(note.at, _note(note, now)) for note in found.notes]
    return [row for _, row in sorted(rows, key=lambda pair: pair[0], reverse=True)]


def _incident(one: IncidentAnswer, now: str, linked: bool) -> EventRow:
    state = t(f"job.incident_{one.state}")
    said = [state, age(one.duration_s)]
    if one.acknowledged_by:
        said.append(t("job.cared", who=safe_text(one.acknowledged_by, 63)))
    return EventRow(
        anchor=f"i-{one.id}",
        at=when(one.opened_at, now),
        badge=verdict_badge(one.worst),
        words=safe_text(f"{one.id} {one.title}", 300),
        more=", ".join(said),
        href=f"/incidents/{one.id}" if linked else "",
    )


def _note(note: NoteAnswer, now: str) -> EventRow:
    return EventRow(
        anchor=f"n-{note.id}",
        at=when(note.at, now),
        badge=Badge("◆", t("job.note"), "note"),
        words=safe_text(note.text, 2000),
        more=_about(note.labels, note.who),
        href="",
    )


def _about(labels: dict[str, str], who: str) -> str:
    said: Sequence[str] = [f"{k}={v}" for k, v in labels.items() if k != "job"]
    return safe_text(", ".join([who, *said]), 300)
