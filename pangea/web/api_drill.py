"""The API of drills: a job fails on purpose, and each stage is timed."""

from typing import Protocol

from aiohttp import web
from msgspec import Struct

from pangea.core.errors import NotFound

from .api import reply
from .asked import body_of
from .keys import who_is


class DrillBody(Struct, frozen=True, forbid_unknown_fields=True):
    """For how long workers tell the job as failed at the most, in seconds."""

    for_s: float = 300.0


class DrillAnswer(Struct, frozen=True, kw_only=True):
    """A drill: ``failing``, ``recovering``, ``done`` or ``failed``, then ``words``.

    The seconds count from its beginning, ``recovery_s`` from when workers told
    again how it is; null for a stage that is not reached. ``heard`` are the workers
    that told it as failed, ``asked`` those that were to.
    """

    job: str
    state: str
    by: str
    begun_at: str
    for_s: float
    asked: list[str]
    heard: list[str]
    first_failed_s: float | None
    confirmed_s: float | None
    alerted_s: float | None
    alerted_by: str
    ended_s: float | None
    recovery_s: float | None
    verdict: str
    verdict_reason: str
    words: str
    incident: str | None = None


class DrillService(Protocol):
    """Drills as the web sees them; raises the errors of ``pangea.core.errors``."""

    async def begin(self, org: int, name: str, by: str, for_s: float) -> DrillAnswer:
        """Let a job fail on purpose."""
        ...

    async def drill(self, org: int, name: str) -> DrillAnswer:
        """Return the drill of a job that goes on, else its last one."""
        ...

    async def end(self, org: int, name: str) -> DrillAnswer:
        """Let workers tell again how it is."""
        ...


DRILLS: web.AppKey[DrillService] = web.AppKey("drills", DrillService)


async def begin_drill(request: web.Request) -> web.Response:
    """POST /api/v1/jobs/{name}/drill"""
    who, body = who_is(request), body_of(request, DrillBody)
    name = request.match_info["name"]
    begun = await _service(request).begin(who.org, name, who.name, body.for_s)
    return reply(begun, 201)


async def drill(request: web.Request) -> web.Response:
    """GET /api/v1/jobs/{name}/drill"""
    org, name = who_is(request).org, request.match_info["name"]
    return reply(await _service(request).drill(org, name))


async def end_drill(request: web.Request) -> web.Response:
    """DELETE /api/v1/jobs/{name}/drill"""
    org, name = who_is(request).org, request.match_info["name"]
    return reply(await _service(request).end(org, name))


def _service(request: web.Request) -> DrillService:
    service = request.app.get(DRILLS)
    if service is None:
        raise NotFound("this coordinator drills nothing")
    return service
