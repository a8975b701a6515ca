"""The API of the mesh: how the workers see each other."""

from typing import Protocol

from aiohttp import web
from msgspec import Struct, field

from pangea.core.errors import NotFound

from .api import Paging, page_of, reply
from .asked import query_of
from .keys import who_is


class MeshAnswer(Struct, frozen=True, kw_only=True):
    """One direction between two workers, as the first one sees it.

    ``rtt_ms`` is null and ``path`` too while there is no link; ``loss`` is 0 to 1,
    ``offset_ms`` what to add to its clock to get the other's. ``one_way``: this
    direction is cut and the other is not, ``reason`` says how.
    """

    source: str = field(name="from")
    target: str = field(name="to")
    rtt_ms: float | None
    loss: float
    offset_ms: float | None
    at: str
    path: str | None
    one_way: bool
    reason: str

    @property
    def name(self) -> str:
        """Both names: the order of the list, and the cursor of its pages."""
        return f"{self.source}/{self.target}"


class MeshService(Protocol):
    """The mesh as the web sees it."""

    async def pairs(self, org: int) -> list[MeshAnswer]:
        """Return every direction that was reported, by the names of both."""
        ...


MESH_SERVICE: web.AppKey[MeshService] = web.AppKey("mesh_service", MeshService)


async def mesh_matrix(request: web.Request) -> web.Response:
    """GET /api/v1/mesh"""
    service = request.app.get(MESH_SERVICE)
    if service is None:
        raise NotFound("this coordinator keeps no mesh")
    found = await service.pairs(who_is(request).org)
    return reply(page_of(found, query_of(request, Paging)))
