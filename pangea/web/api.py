"""The API of status, jobs and their results; each handler is one call."""

from typing import Annotated, Any

import msgspec
from aiohttp import web
from msgspec import Meta, Struct, field

from pangea.core.durations import Seconds

from .asked import body_of, moment_us, query_of
from .keys import SERVICE, SITE, who_is
from .ranges import a_day, span_of
from .refusals import NotReady
from .schema import (
    JobPatch,
    JobSpec,
    Page,
    PushQuery,
    WorkerChoice,
)

Limit = Annotated[int, Meta(ge=1, le=1000)]


class Paging(Struct, frozen=True, forbid_unknown_fields=True):
    """At most ``limit`` items, after the ``next`` of the answer before."""

    limit: Limit = 100
    cursor: str | None = None


class AddQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """``dry_run`` checks and prices the job, and stores nothing."""

    dry_run: bool = False


class ResultsQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """``since`` and ``until``: a time (RFC 3339), or a duration before now."""

    worker: str | None = None
    since: str | None = None
    until: str | None = None
    limit: Limit = 100
    cursor: str | None = None


class HistoryQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """``range`` back from ``until`` (a day, now) in so many ``points``.

    Or from ``since`` on; both are a time (RFC 3339), or a duration before now.
    """

    range: Seconds = field(default_factory=a_day)
    points: Annotated[int, Meta(ge=1, le=2000)] = 288
    worker: str | None = None
    since: str | None = None
    until: str | None = None


class Health(Struct, frozen=True):
    """``ok``."""

    status: str = "ok"


def reply(answer: Any, status: int = 200, **headers: str) -> web.Response:
    """Return *answer* as JSON."""
    return web.Response(
        body=msgspec.json.encode(answer),
        status=status,
        content_type="application/json",
        headers=headers,
    )


def page_of(items: list[Any], asked: Paging) -> Page:
    """Return the page of named *items* that was asked for.

    They are in the order of their names, and the cursor is the last name: a list
    that changes meanwhile neither repeats nor loses what did not change.
    """
    ordered = sorted(items, key=lambda item: str(item.name))
    left = [i for i in ordered if asked.cursor is None or i.name > asked.cursor]
    page = left[: asked.limit]
    return Page(items=page, next=page[-1].name if len(left) > len(page) else None)


async def healthz(request: web.Request) -> web.Response:
    """GET /healthz"""
    return reply(Health())


async def readyz(request: web.Request) -> web.Response:
    """GET /readyz"""
    reason = await request.app[SERVICE].ready()
    if reason:
        raise NotReady(reason)
    return reply(Health())


async def status(request: web.Request) -> web.Response:
    """GET /api/v1/status"""
    return reply(await request.app[SERVICE].status(who_is(request).org))


async def jobs(request: web.Request) -> web.Response:
    """GET /api/v1/jobs"""
    found = await request.app[SERVICE].jobs(who_is(request).org)
    return reply(page_of(found, query_of(request, Paging)))


async def add_job(request: web.Request) -> web.Response:
    """POST /api/v1/jobs"""
    spec, dry_run = body_of(request, JobSpec), query_of(request, AddQuery).dry_run
    org, service = who_is(request).org, request.app[SERVICE]
    added = await service.add_job(org, spec, dry_run=dry_run)
    if dry_run:
        return reply(added)
    return reply(added, 201, Location=f"/api/v1/jobs/{added.job.name}")


async def push(request: web.Request) -> web.Response:
    """POST /api/v1/push/{token}"""
    token, report = request.match_info["token"], query_of(request, PushQuery)
    return reply(await request.app[SERVICE].push(token, report))


async def job(request: web.Request) -> web.Response:
    """GET /api/v1/jobs/{name}"""
    org, name = who_is(request).org, request.match_info["name"]
    return reply(await request.app[SERVICE].job(org, name))


async def edit_job(request: web.Request) -> web.Response:
    """PATCH /api/v1/jobs/{name}"""
    org, name = who_is(request).org, request.match_info["name"]
    patch = body_of(request, JobPatch)
    return reply(await request.app[SERVICE].edit_job(org, name, patch))


async def remove_job(request: web.Request) -> web.Response:
    """DELETE /api/v1/jobs/{name}"""
    org, name = who_is(request).org, request.match_info["name"]
    await request.app[SERVICE].remove_job(org, name)
    return web.Response(status=204)


async def stop_job(request: web.Request) -> web.Response:
    """POST /api/v1/jobs/{name}/stop"""
    org, name = who_is(request).org, request.match_info["name"]
    worker = body_of(request, WorkerChoice).worker
    return reply(await request.app[SERVICE].stop_job(org, name, worker))


async def start_job(request: web.Request) -> web.Response:
    """POST /api/v1/jobs/{name}/start"""
    org, name = who_is(request).org, request.match_info["name"]
    worker = body_of(request, WorkerChoice).worker
    return reply(await request.app[SERVICE].start_job(org, name, worker))


async def run_job(request: web.Request) -> web.Response:
    """POST /api/v1/jobs/{name}/run"""
    org, name = who_is(request).org, request.match_info["name"]
    return reply(await request.app[SERVICE].run_job(org, name))


async def results(request: web.Request) -> web.Response:
    """GET /api/v1/jobs/{name}/results"""
    org, name = who_is(request).org, request.match_info["name"]
    asked, now = query_of(request, ResultsQuery), request.app[SITE].wall()
    page = await request.app[SERVICE].results(
        org,
        name,
        worker=asked.worker,
        since_us=moment_us(asked.since, now, "since"),
        until_us=moment_us(asked.until, now, "until"),
        limit=asked.limit,
        cursor=asked.cursor,
    )
    return reply(page)


async def history(request: web.Request) -> web.Response:
    """GET /api/v1/jobs/{name}/history"""
    org, name = who_is(request).org, request.match_info["name"]
    asked = query_of(request, HistoryQuery)
    whole = span_of(asked, request.app[SITE].wall())
    found = await request.app[SERVICE].history(
        org,
        name,
        range_s=(whole.end_us - whole.begin_us) / 1e6,
        points=asked.points,
        worker=asked.worker,
        until_us=whole.end_us if asked.until else None,
    )
    return reply(found)
