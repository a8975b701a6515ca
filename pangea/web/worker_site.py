"""The site of a worker: the door of the mesh, and nothing else."""

from aiohttp import web

from pangea.core.errors import PangeaError

from .keys import ACCEPT_LINK, AcceptLink
from .mesh import DOOR, MESH, Door
from .route import Handler

WHAT = "This is a Pangea worker. The dashboard is at its coordinator.\n"


def make_site(accept: AcceptLink) -> web.Application:
    """Return a site with ``/mesh`` and a line of text for whoever looks."""
    app = web.Application(middlewares=[_plain_errors], client_max_size=1024)
    app[ACCEPT_LINK], app[DOOR] = accept, Door()
    app.router.add_get("/", _what)
    app.router.add_route(MESH.method, MESH.path, MESH.handler)
    app.on_shutdown.append(app[DOOR].close)
    return app


async def _what(request: web.Request) -> web.Response:
    return web.Response(text=WHAT)


@web.middleware
async def _plain_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer a refusal in plain text; nobody reads problem documents here."""
    try:
        return await handler(request)
    except PangeaError as error:
        return web.Response(status=error.status, text=f"{error}\n")
