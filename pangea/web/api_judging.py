"""The API of judging: what a job's rule says where it says nothing itself."""

from typing import Protocol

from aiohttp import web
from msgspec import Struct

from pangea.core.errors import NotFound

from .api import reply
from .asked import body_of
from .keys import who_is
from .route import Route


class JudgingSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The terms that hold for every job which does not say otherwise."""

    rule: str


class JudgingAnswer(Struct, frozen=True, kw_only=True):
    """The defaults as they were given, and what they come to for a job without rule."""

    rule: str
    in_force: str


class JudgingService(Protocol):
    """The defaults as the web sees them."""

    async def defaults(self, org: int) -> JudgingAnswer:
        """Return them."""
        ...

    async def put(self, org: int, rule: str) -> JudgingAnswer:
        """Store them and judge all jobs anew; UsageError for what is no rule."""
        ...


JUDGING: web.AppKey[JudgingService] = web.AppKey("judging", JudgingService)


async def judging(request: web.Request) -> web.Response:
    """GET /api/v1/judging"""
    return reply(await _service(request).defaults(who_is(request).org))


async def put_judging(request: web.Request) -> web.Response:
    """PUT /api/v1/judging"""
    rule = body_of(request, JudgingSpec).rule
    return reply(await _service(request).put(who_is(request).org, rule))


def _service(request: web.Request) -> JudgingService:
    service = request.app.get(JUDGING)
    if service is None:
        raise NotFound("this coordinator does not judge")
    return service


JUDGING_ROUTES: list[Route] = [
    Route(
        method="GET",
        path="/api/v1/judging",
        handler=judging,
        summary="The rule that holds where a job's own says nothing",
        answer=JudgingAnswer,
    ),
    Route(
        method="PUT",
        path="/api/v1/judging",
        handler=put_judging,
        summary="Set that rule; all jobs are judged by it at once",
        body=JudgingSpec,
        answer=JudgingAnswer,
        auth="admin",
    ),
]
