"""The page of the workers, and what its forms send."""

from aiohttp import web

from .api_workers import WORKERS
from .keys import SERVICE, who_is
from .render import render
from .route import Route
from .schema import RevokeBody
from .workers_view import workers_view


async def workers(request: web.Request) -> web.StreamResponse:
    """GET /workers : where we look from, and how to look from one more place."""
    who = who_is(request)
    status = await request.app[SERVICE].status(who.org)
    found = await request.app[WORKERS].workers(who.org)
    return render(request, "workers.html", workers_view(status, found))


async def approve_worker(request: web.Request) -> web.StreamResponse:
    """POST /workers/{name}/approve : let it in."""
    who, name = who_is(request), request.match_info["name"]
    await request.app[WORKERS].approve(who.org, name, who.name)
    raise web.HTTPSeeOther("/workers")


async def revoke_worker(request: web.Request) -> web.StreamResponse:
    """POST /workers/{name}/revoke : deny it, or shut it out."""
    who, name = who_is(request), request.match_info["name"]
    body = RevokeBody("on the page of the workers")
    await request.app[WORKERS].revoke(who.org, name, who.name, body)
    raise web.HTTPSeeOther("/workers")


async def remove_worker(request: web.Request) -> web.StreamResponse:
    """POST /workers/{name}/remove : take one that is gone from the list."""
    org, name = who_is(request).org, request.match_info["name"]
    await request.app[WORKERS].remove(org, name)
    raise web.HTTPSeeOther("/workers")


WORKER_PAGES: list[Route] = [
    Route(
        method="GET",
        path="/workers",
        handler=workers,
        summary="The workers",
        page=True,
    ),
    Route(
        method="POST",
        path="/workers/{name}/approve",
        handler=approve_worker,
        summary="Let a worker in",
        auth="admin",
        page=True,
    ),
    Route(
        method="POST",
        path="/workers/{name}/revoke",
        handler=revoke_worker,
        summary="Shut a worker out",
        auth="admin",
        page=True,
    ),
    Route(
        method="POST",
        path="/workers/{name}/remove",
        handler=remove_worker,
        summary="Take a worker from the list",
        auth="admin",
        page=True,
    ),
]
