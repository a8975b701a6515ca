"""The API of incidents: what is and was wrong, who takes care of it."""

from typing import Annotated, Literal, Protocol

from aiohttp import web
from msgspec import Meta, Struct

from pangea.core.errors import NotFound

from .api import Limit, reply
from .api_notes import check_text
from .asked import body_of, moment_us, query_of
from .keys import SITE, who_is
from .schema import Page
from .schema_incidents import AckBody, CommentBody, IncidentDetail

Name = Annotated[str, Meta(max_length=63)]
Words = Annotated[str, Meta(max_length=200)]
State = Literal["open", "acknowledged", "closed", "retracted"]
CauseKind = Literal["dependency", "breach", "subnet", "issuer", "resolver", "worker"]


class IncidentsQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which incidents: only the ``open`` ones, of a ``job``, or ended ``since``.

    ``since`` is a time (RFC 3339), or a duration before now; ``until`` is when they
    had begun. ``q`` are words that are in them (``-word`` is not), ``cause`` is what
    kind of thing their jobs share.
    """

    open: bool = False
    job: Name | None = None
    since: str | None = None
    until: str | None = None
    q: Words | None = None
    state: State | None = None
    cause: CauseKind | None = None
    limit: Limit = 100
    cursor: str | None = None


class IncidentService(Protocol):
    """The incidents as the web sees them.

    An *id* may also be the name of a job, and means its open incident, else its
    last. *by* is who decides. Raises the errors of ``pangea.core.errors``.
    """

    async def incidents(
        self,
        org: int,
        asked: IncidentsQuery,
        since_us: int | None,
        until_us: int | None = None,
    ) -> Page:
        """Return a page of IncidentAnswer, newest first.

        One may have fewer than asked for, or none, and yet a next one.
        """
        ...

    async def incident(self, org: int, id_: str) -> IncidentDetail:
        """Return one incident with its timeline."""
        ...

    async def acknowledge(
        self, org: int, id_: str, by: str, text: str
    ) -> IncidentDetail:
        """Note that somebody takes care of it; Conflict if it is over."""
        ...

    async def comment(self, org: int, id_: str, by: str, text: str) -> IncidentDetail:
        """Put a remark on the timeline."""
        ...


INCIDENTS: web.AppKey[IncidentService] = web.AppKey("incidents", IncidentService)


async def incidents(request: web.Request) -> web.Response:
    """GET /api/v1/incidents"""
    asked = query_of(request, IncidentsQuery)
    now, org = request.app[SITE].wall(), who_is(request).org
    since = moment_us(asked.since, now, "since")
    until = moment_us(asked.until, now, "until")
    return reply(await incidents_of(request).incidents(org, asked, since, until))


async def incident(request: web.Request) -> web.Response:
    """GET /api/v1/incidents/{id}"""
    org, id_ = who_is(request).org, request.match_info["id"]
    return reply(await incidents_of(request).incident(org, id_))


async def acknowledge_incident(request: web.Request) -> web.Response:
    """POST /api/v1/incidents/{id}/ack"""
    who, id_ = who_is(request), request.match_info["id"]
    text = body_of(request, AckBody).text
    return reply(await incidents_of(request).acknowledge(who.org, id_, who.name, text))


async def comment_incident(request: web.Request) -> web.Response:
    """POST /api/v1/incidents/{id}/comments"""
    who, id_ = who_is(request), request.match_info["id"]
    text = body_of(request, CommentBody).text
    check_text(text)
    return reply(await incidents_of(request).comment(who.org, id_, who.name, text), 201)


def incidents_of(request: web.Request) -> IncidentService:
    """Return who knows the incidents. Raises NotFound if nobody does."""
    service = request.app.get(INCIDENTS)
    if service is None:
        raise NotFound("this coordinator keeps no incidents")
    return service
