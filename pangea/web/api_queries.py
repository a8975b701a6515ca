"""The API of questions about history: percentiles, what differs, the worst, days."""

from typing import Annotated, Literal, Protocol

from aiohttp import web
from msgspec import Meta, Struct, field

from pangea.core.durations import Seconds
from pangea.core.errors import NotFound
from pangea.core.uptime import Span

from .api import reply
from .asked import query_of
from .keys import SITE, who_is
from .ranges import a_day, span_of
from .schema_queries import (
    CalendarAnswer,
    CompareAnswer,
    PercentilesAnswer,
    TopAnswer,
)
from .sides import CompareQuery, sides_of
from .sides import Side as Side


class PercentilesQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """``range`` back from now (a day), or from ``since`` to ``until``.

    ``points`` is in about how many each worker or region is drawn: 0 for none.
    """

    range: Seconds = field(default_factory=a_day)
    since: str | None = None
    until: str | None = None
    by: Literal["worker", "region"] = "worker"
    points: Annotated[int, Meta(ge=0, le=500)] = 0


class TopQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """The worst ``by`` what, over ``range`` back from now, or since until."""

    by: Literal["slow", "loss", "flapping"] = "slow"
    range: Seconds = field(default_factory=a_day)
    since: str | None = None
    until: str | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 20


class CalendarQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """The last so many ``days`` of a ``zone`` (an IANA name), today's included."""

    days: Annotated[int, Meta(ge=1, le=1830)] = 365
    zone: Annotated[str, Meta(max_length=64)] = "UTC"


class QueryService(Protocol):
    """The questions as the web asks them."""

    async def percentiles(
        self, org: int, name: str, span: Span, *, by: str, points: int
    ) -> PercentilesAnswer:
        """Return the figures of a job by worker or region."""
        ...

    async def compare(
        self, org: int, name: str, before: Side, after: Side
    ) -> CompareAnswer:
        """Return what differs between two sides."""
        ...

    async def top(self, org: int, span: Span, *, by: str, limit: int) -> TopAnswer:
        """Return the worst jobs."""
        ...

    async def calendar(
        self, org: int, name: str, *, days: int, zone: str
    ) -> CalendarAnswer:
        """Return what a job was on each of the last days."""
        ...


QUERIES: web.AppKey[QueryService] = web.AppKey("queries", QueryService)


async def percentiles(request: web.Request) -> web.Response:
    """GET /api/v1/jobs/{name}/percentiles"""
    org, name = who_is(request).org, request.match_info["name"]
    asked = query_of(request, PercentilesQuery)
    span = span_of(asked, request.app[SITE].wall())
    found = await _service(request).percentiles(
        org, name, span, by=asked.by, points=asked.points
    )
    return reply(found)


async def compare(request: web.Request) -> web.Response:
    """GET /api/v1/jobs/{name}/compare"""
    org, name = who_is(request).org, request.match_info["name"]
    before, after = sides_of(query_of(request, CompareQuery), request.app[SITE].wall())
    return reply(await _service(request).compare(org, name, before, after))


async def top(request: web.Request) -> web.Response:
    """GET /api/v1/top"""
    asked = query_of(request, TopQuery)
    span = span_of(asked, request.app[SITE].wall())
    found = await _service(request).top(
        who_is(request).org, span, by=asked.by, limit=asked.limit
    )
    return reply(found)


async def calendar(request: web.Request) -> web.Response:
    """GET /api/v1/jobs/{name}/calendar"""
    org, name = who_is(request).org, request.match_info["name"]
    asked = query_of(request, CalendarQuery)
    found = await _service(request).calendar(
        org, name, days=asked.days, zone=asked.zone
    )
    return reply(found)


def _service(request: web.Request) -> QueryService:
    service = request.app.get(QUERIES)
    if service is None:
        raise NotFound("this coordinator answers no questions about history")
    return service
