"""The API of what workers lost: results that were made and will never come."""

from typing import Protocol

from aiohttp import web
from msgspec import Struct, field

from pangea.core.errors import NotFound

from .api import Paging, reply
from .asked import query_of
from .keys import who_is
from .schema import Page


class GapAnswer(Struct, frozen=True, kw_only=True):
    """Results that a worker made and lost: so many, from when to when, and why.

    A time that nobody knows is null. ``jobs`` says of each job how many; it may know
    of none, or of fewer than ``lost``, which is the least that is known.
    """

    started: str | None = field(name="from")
    ended: str | None = field(name="to")
    reason: str
    lost: int
    jobs: dict[str, int]


class GapService(Protocol):
    """The gaps as the web sees them."""

    async def gaps(self, org: int, name: str, asked: Paging) -> Page:
        """Return what the worker *name* lost, newest first."""
        ...


GAPS: web.AppKey[GapService] = web.AppKey("gaps", GapService)


async def gaps(request: web.Request) -> web.Response:
    """GET /api/v1/workers/{name}/gaps"""
    service = request.app.get(GAPS)
    if service is None:
        raise NotFound("this coordinator keeps no gaps")
    org, name = who_is(request).org, request.match_info["name"]
    return reply(await service.gaps(org, name, query_of(request, Paging)))
