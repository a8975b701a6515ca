"""Incidents as the web sees them (``pangea.web.api_incidents``)."""

from collections.abc import Callable, Iterable

from msgspec.structs import replace

from pangea.core.errors import Conflict, NotFound
from pangea.core.incident import Incident, Step
from pangea.core.remarks import acknowledge, comment
from pangea.core.text import safe_text
from pangea.storage import incidents as stored
from pangea.storage import notes as stored_notes
from pangea.storage.notes import Note
from pangea.web.api_incidents import IncidentsQuery
from pangea.web.schema import Page
from pangea.web.schema_incidents import MOST_TEXT, IncidentDetail

from .coordinator import Coordinator
from .decided import Decided
from .incident_answers import EVIDENCE, incident_answer, incident_detail, spoken_of
from .incident_filter import wanted_of

#: A deployment just before is what people look for first.
BEFORE_US = 900_000_000
#: Notes beside an incident.
MOST_NOTES = 50


class IncidentService:
    """Answers from memory and the database; people's words go the way of verdicts."""

    def __init__(self, coordinator: Coordinator) -> None:
        self._c = coordinator

    async def incidents(
        self,
        org: int,
        asked: IncidentsQuery,
        since_us: int | None,
        until_us: int | None = None,
    ) -> Page:
        """Return a page of incidents, newest first."""
        job = self._c.board.job(asked.job, org).id if asked.job else None
        found, after = await self._c.store.read(
            lambda: stored.page(
                org,
                only_open=asked.open,
                job=job,
                since_us=since_us,
                until_us=until_us,
                limit=asked.limit,
                cursor=asked.cursor,
                wanted=wanted_of(asked),
            )
        )
        now_us = self._now_us()
        items = [incident_answer(self._c.board, i, now_us) for i in found]
        return Page(items=items, next=after)

    async def incident(self, org: int, id_: str) -> IncidentDetail:
        """Return one incident with all that is known of it."""
        return await self._detail(await self.find(org, id_))

    async def acknowledge(
        self, org: int, id_: str, by: str, text: str
    ) -> IncidentDetail:
        """Note that *by* takes care of it. Raises Conflict if it is over."""
        return await self._change(org, id_, acknowledge, by, text)

    async def comment(self, org: int, id_: str, by: str, text: str) -> IncidentDetail:
        """Put a remark of *by* on the timeline."""
        return await self._change(org, id_, comment, by, text)

    async def _change(
        self,
        org: int,
        id_: str,
        change: Callable[[Incident, str, str, int], Step],
        by: str,
        text: str,
    ) -> IncidentDetail:
        found = await self.find(org, id_)
        # What is in memory may have gone on while we looked for it.
        incident = self._c.incidents.known.get(found.id, found)
        if change is acknowledge and not incident.is_open:
            raise _over(incident)
        decided, said = Decided(), safe_text(" ".join(text.split()), MOST_TEXT)
        step = change(incident, by, said, self._now_us())
        self._c.incidents.put(step, decided)
        await self._c.intake.note(decided)
        told = await self._detail(step.incident)
        if change is acknowledge:
            return replace(told, acknowledged_before=incident.acked_by)
        return told

    async def find(self, org: int, id_: str) -> Incident:
        """Return an incident by its id, or the open or else last one of a job."""
        known = self._c.incidents.known.get(id_)
        if known is not None and known.org == org:
            return known
        found = await self._c.store.read(lambda: stored.one(org, id_))
        if found is not None:
            return found
        jobs = {j.name: j.id for j in self._c.board.jobs.values() if j.org == org}
        job = jobs.get(id_)
        mine = self._c.incidents.open_of(job) if job else None
        if mine is None and job:
            last, _ = await self._c.store.read(
                lambda: stored.page(org, job=job, limit=1)
            )
            mine = next(iter(last), None)
        if mine is None:
            raise NotFound(
                f"no incident {safe_text(id_, 40)!r}", hint="see: pangea incident list"
            )
        return mine

    async def _detail(self, incident: Incident) -> IncidentDetail:
        lines, evidence, notes = await self._c.store.read(
            lambda: (
                stored.timeline(incident.id),
                stored.reasons(incident, (EVIDENCE,)),
                self._notes(incident),
            )
        )
        return incident_detail(
            self._c.board, incident, lines, evidence, notes, self._now_us()
        )

    def _notes(self, incident: Incident) -> list[Note]:
        """Return the notes of its time that are about one of its jobs."""
        until_us = incident.closed_us or self._now_us()
        found, _ = stored_notes.page(
            incident.org,
            since_us=incident.opened_us - BEFORE_US,
            until_us=until_us,
            limit=1000,
        )
        jobs = self._c.board.jobs
        labels = [spoken_of(jobs[j]) for j in incident.members if j in jobs]
        mine = [note for note in found if _is_about(note, labels)]
        return mine[:MOST_NOTES][::-1]

    def _now_us(self) -> int:
        return round(self._c.clock.wall() * 1e6)


def _is_about(note: Note, labels: Iterable[dict[str, str]]) -> bool:
    """Tell whether a note speaks of a job with one of these *labels*."""
    wanted = note.labels.items()
    return not note.labels or any(wanted <= mine.items() for mine in labels)


def _over(incident: Incident) -> Conflict:
    if incident.merged_into:
        into = incident.merged_into
        return Conflict(
            f"incident {incident.id} goes on as {into}",
            hint=f"pangea incident ack {into}",
        )
    return Conflict(
        f"incident {incident.id} is over", hint="pangea incident comment can add to it"
    )
