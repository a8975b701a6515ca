"""The API of the workers that the coordinator dials."""

from typing import Annotated, Protocol

from aiohttp import web
from msgspec import Meta, Struct

from pangea.core.errors import NotFound

from .api import Paging, page_of, reply
from .asked import body_of, query_of
from .keys import who_is


class DialBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a worker listens: ``host``, ``host:port`` or ``[v6]:port``."""

    address: Annotated[str, Meta(min_length=1, max_length=300)]


class DialAnswer(Struct, frozen=True, kw_only=True):
    """An address that is dialled, and the worker there.

    ``trouble`` says why there was no link at the last try, "" if there was one.
    """

    address: str
    worker: str
    id: str
    state: str
    connected: bool
    by: str
    added_at: str
    trouble: str

    @property
    def name(self) -> str:
        """The address: the order of the list, and the cursor of its pages."""
        return self.address


class DialsService(Protocol):
    """The addresses that are dialled; raises the errors of ``pangea.core.errors``."""

    async def dials(self, org: int) -> list[DialAnswer]:
        """Return all of them by address."""
        ...

    async def dial(self, org: int, by: str, address: str) -> DialAnswer:
        """Dial a worker now, and from now on."""
        ...

    async def forget(self, org: int, address: str) -> None:
        """Dial an address no more."""
        ...


DIALS: web.AppKey[DialsService] = web.AppKey("dials", DialsService)


async def dials(request: web.Request) -> web.Response:
    """GET /api/v1/worker-dials"""
    found = await _service(request).dials(who_is(request).org)
    return reply(page_of(found, query_of(request, Paging)))


async def dial_worker(request: web.Request) -> web.Response:
    """POST /api/v1/workers/dial"""
    who, body = who_is(request), body_of(request, DialBody)
    return reply(await _service(request).dial(who.org, who.name, body.address), 201)


async def forget_dial(request: web.Request) -> web.Response:
    """DELETE /api/v1/worker-dials/{address}"""
    org, address = who_is(request).org, request.match_info["address"]
    await _service(request).forget(org, address)
    return web.Response(status=204)


def _service(request: web.Request) -> DialsService:
    service = request.app.get(DIALS)
    if service is None:
        raise NotFound("this coordinator dials no workers")
    return service
