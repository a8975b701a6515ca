"""The API of notes: what people and their programs say happened."""

from typing import Annotated, Protocol

from aiohttp import web
from msgspec import Meta, Struct

from pangea.core.errors import NotFound, UsageError
from pangea.core.text import safe_text

from .api import Limit, reply
from .api_past import at_us as moment_of
from .asked import body_of, moment_us, query_of
from .keys import SITE, who_is
from .schema import Page
from .schema_incidents import NoteAnswer, NoteSpec


class NotesQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Notes of a time, with a ``label`` ``K=V``, or about a ``job``.

    ``since`` and ``until``: a time (RFC 3339), or a duration before now.
    """

    since: str | None = None
    until: str | None = None
    label: str | None = None
    job: Annotated[str, Meta(max_length=63)] | None = None
    limit: Limit = 100
    cursor: str | None = None


class NoteService(Protocol):
    """The notes as the web sees them; *by* is who writes one."""

    async def notes(
        self,
        org: int,
        asked: NotesQuery,
        since_us: int | None,
        until_us: int | None,
        labels: dict[str, str],
    ) -> Page:
        """Return a page of NoteAnswer, newest first."""
        ...

    async def add_note(
        self, org: int, by: str, spec: NoteSpec, at_us: int | None
    ) -> NoteAnswer:
        """Keep a note."""
        ...


NOTES: web.AppKey[NoteService] = web.AppKey("notes", NoteService)


async def notes(request: web.Request) -> web.Response:
    """GET /api/v1/notes"""
    asked, now = query_of(request, NotesQuery), request.app[SITE].wall()
    since = moment_us(asked.since, now, "since")
    until = moment_us(asked.until, now, "until")
    labels = _label(asked.label) if asked.label is not None else {}
    org = who_is(request).org
    return reply(await _service(request).notes(org, asked, since, until, labels))


async def add_note(request: web.Request) -> web.Response:
    """POST /api/v1/notes"""
    who, spec = who_is(request), body_of(request, NoteSpec)
    check_text(spec.text)
    at_us = moment_of(request, spec.at) if spec.at is not None else None
    return reply(await _service(request).add_note(who.org, who.name, spec, at_us), 201)


def check_text(text: str) -> None:
    """Refuse what would be empty once it is cleaned; UsageError."""
    if not text.strip():
        raise UsageError("text: it says nothing", hint="write what happened")


def _label(text: str) -> dict[str, str]:
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise UsageError(
            f"label: {safe_text(text, 60)!r} is no label", hint="write it as app=web"
        )
    return {key: value}


def _service(request: web.Request) -> NoteService:
    service = request.app.get(NOTES)
    if service is None:
        raise NotFound("this coordinator keeps no notes")
    return service
