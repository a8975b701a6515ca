"""The API of dependencies: what the ways to targets suggest, a person decides."""

from typing import Annotated, Protocol

from aiohttp import web
from msgspec import Meta, Struct

from pangea.core.errors import NotFound

from .api import Paging, page_of, reply
from .asked import body_of, query_of
from .keys import who_is
from .schema import JobAnswer

Name = Annotated[str, Meta(max_length=200)]


class ProposalAnswer(Struct, frozen=True, kw_only=True):
    """``child`` may depend on ``parent``, the job of the router at ``address``.

    The ways to so many targets (``shared``) pass it.
    """

    child: str
    parent: str
    address: str
    shared: int

    @property
    def name(self) -> str:
        """The child: the order of the list, and the cursor of its pages."""
        return self.child


class DependencyBody(Struct, frozen=True, forbid_unknown_fields=True):
    """That ``child`` cannot be up without ``parent``, both by name."""

    child: Name
    parent: Name


class DependencyService(Protocol):
    """Dependencies as the web sees them; raises ``pangea.core.errors``."""

    async def proposed(self, org: int) -> list[ProposalAnswer]:
        """Return what may depend on what, as traceroutes say."""
        ...

    async def accept(self, org: int, child: str, parent: str) -> JobAnswer:
        """Let a job depend on another, beside those that it depends on already."""
        ...


DEPENDENCIES: web.AppKey[DependencyService] = web.AppKey(
    "dependencies", DependencyService
)


async def proposed(request: web.Request) -> web.Response:
    """GET /api/v1/dependencies/proposed"""
    found = await _service(request).proposed(who_is(request).org)
    return reply(page_of(found, query_of(request, Paging)))


async def accept(request: web.Request) -> web.Response:
    """POST /api/v1/dependencies"""
    org, body = who_is(request).org, body_of(request, DependencyBody)
    return reply(await _service(request).accept(org, body.child, body.parent))


def _service(request: web.Request) -> DependencyService:
    service = request.app.get(DEPENDENCIES)
    if service is None:
        raise NotFound("this coordinator knows no dependencies")
    return service
