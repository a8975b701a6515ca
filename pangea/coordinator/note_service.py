"""Notes as the web sees them (``pangea.web.api_notes``)."""

from msgspec.structs import replace

from pangea.core.errors import UsageError
from pangea.core.text import safe_text
from pangea.storage import notes as stored
from pangea.storage.notes import Note
from pangea.web.api_notes import NotesQuery
from pangea.web.schema import Page
from pangea.web.schema_incidents import MOST_TEXT, NoteAnswer, NoteSpec

from .coordinator import Coordinator
from .incident_answers import note_answer, spoken_of


class NoteService:
    """Keeps notes and finds them again."""

    def __init__(self, coordinator: Coordinator) -> None:
        self._c = coordinator

    async def notes(
        self,
        org: int,
        asked: NotesQuery,
        since_us: int | None,
        until_us: int | None,
        labels: dict[str, str],
    ) -> Page:
        """Return a page of notes, newest first."""
        board = self._c.board
        about = spoken_of(board.job(asked.job, org)) if asked.job else None
        found, after = await self._c.store.read(
            lambda: stored.page(
                org,
                since_us=since_us or 0,
                until_us=1 << 62 if until_us is None else until_us,
                labels=labels,
                about=about,
                limit=asked.limit,
                cursor=asked.cursor,
            )
        )
        return Page(items=[note_answer(note) for note in found], next=after)

    async def add_note(
        self, org: int, by: str, spec: NoteSpec, at_us: int | None
    ) -> NoteAnswer:
        """Keep a note of *by*; UsageError for a time that cannot be."""
        now_us = round(self._c.clock.wall() * 1e6)
        moment = now_us if at_us is None else at_us
        if moment < 0:
            raise UsageError("at: before 1970 there were no computers to note of")
        note = Note(
            org=org,
            at_us=moment,
            added_us=now_us,
            who=by,
            text=safe_text(" ".join(spec.text.split()), MOST_TEXT),
            labels={
                safe_text(key, 63): safe_text(value, 200)
                for key, value in spec.labels.items()
            },
        )
        number = await self._c.store.write(lambda: stored.add(note))
        answer = note_answer(replace(note, id=number))
        self._c.hub.publish("note", org, answer)
        return answer
