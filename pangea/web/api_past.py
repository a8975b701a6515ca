"""The API of the past: uptime over a range, and everything as of a moment."""

from typing import Protocol

from aiohttp import web
from msgspec import Struct, field

from pangea.core.durations import Seconds
from pangea.core.errors import NotFound
from pangea.core.moments import parse_moment
from pangea.core.uptime import Span

from . import api
from .api import Paging, page_of, reply
from .asked import query_of
from .keys import SITE, who_is
from .ranges import a_month, span_of
from .schema_past import JobThen, StatusThen, UptimeAnswer


class AtQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """``at``: a time of day, a date, an RFC 3339 time or ``2h ago``; else now."""

    at: str | None = None


class JobsQuery(Paging, frozen=True, forbid_unknown_fields=True):
    """As any list, and ``at`` a moment of the past."""

    at: str | None = None


class UptimeQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """``range`` back from now (30 days), or ``since`` and ``until`` as for results."""

    range: Seconds = field(default_factory=a_month)
    since: str | None = None
    until: str | None = None


class PastService(Protocol):
    """The past as the web sees it; raises the errors of ``pangea.core.errors``."""

    async def uptime(self, org: int, name: str, whole: Span) -> UptimeAnswer:
        """Return how long a job was what within *whole*."""
        ...

    async def status_at(self, org: int, at_us: int) -> StatusThen:
        """Return the counts as they were known at a moment."""
        ...

    async def jobs_at(self, org: int, at_us: int) -> list[JobThen]:
        """Return all jobs that were there at a moment, worst first."""
        ...

    async def job_at(self, org: int, name: str, at_us: int) -> JobThen:
        """Return one job as it was known at a moment."""
        ...


PAST: web.AppKey[PastService] = web.AppKey("past", PastService)


def past_of(request: web.Request) -> PastService:
    """Return what knows the past; NotFound where nothing does."""
    service = request.app.get(PAST)
    if service is None:
        raise NotFound("this coordinator keeps no past")
    return service


def at_us(request: web.Request, text: str) -> int:
    """Return the moment that *text* means, in microseconds of UTC."""
    return round(parse_moment(text, request.app[SITE].wall()) * 1e6)


async def uptime(request: web.Request) -> web.Response:
    """GET /api/v1/jobs/{name}/uptime"""
    org, name = who_is(request).org, request.match_info["name"]
    whole = span_of(query_of(request, UptimeQuery), request.app[SITE].wall())
    return reply(await past_of(request).uptime(org, name, whole))


async def status(request: web.Request) -> web.Response:
    """GET /api/v1/status, now or as of ``at``"""
    asked = query_of(request, AtQuery)
    if asked.at is None:
        return await api.status(request)
    org = who_is(request).org
    return reply(await past_of(request).status_at(org, at_us(request, asked.at)))


async def jobs(request: web.Request) -> web.Response:
    """GET /api/v1/jobs, now or as of ``at``"""
    asked = query_of(request, JobsQuery)
    if asked.at is None:
        return await api.jobs(request)
    org = who_is(request).org
    found = await past_of(request).jobs_at(org, at_us(request, asked.at))
    return reply(page_of(found, asked))


async def job(request: web.Request) -> web.Response:
    """GET /api/v1/jobs/{name}, now or as of ``at``"""
    asked = query_of(request, AtQuery)
    if asked.at is None:
        return await api.job(request)
    org, name = who_is(request).org, request.match_info["name"]
    return reply(await past_of(request).job_at(org, name, at_us(request, asked.at)))
