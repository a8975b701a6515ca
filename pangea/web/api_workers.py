"""The API of the workers, and of the tokens by which they join."""

from typing import Protocol

from aiohttp import web

from .api import Paging, reply
from .asked import body_of, query_of
from .keys import who_is
from .schema import (
    DrainBody,
    Page,
    RenameBody,
    RevokeBody,
    WorkerAnswer,
)
from .schema_tokens import TokenAnswer, TokenSpec, TokenState


class WorkersService(Protocol):
    """The workers as pages and API see them.

    A *name* is a worker's name or its id. Every method raises the errors of
    ``pangea.core.errors``; *by* is who decides.
    """

    async def workers(self, org: int) -> list[WorkerAnswer]:
        """Return all workers by name."""
        ...

    async def worker(self, org: int, name: str) -> WorkerAnswer:
        """Return one worker."""
        ...

    async def approve(self, org: int, name: str, by: str) -> WorkerAnswer:
        """Let a worker in, and let it have the credentials of its jobs."""
        ...

    async def revoke(
        self, org: int, name: str, by: str, body: RevokeBody
    ) -> WorkerAnswer:
        """Shut a worker out at once, and its key for ever."""
        ...

    async def rename(self, org: int, name: str, new: str) -> WorkerAnswer:
        """Call a worker by another name."""
        ...

    async def drain(self, org: int, name: str, *, draining: bool) -> WorkerAnswer:
        """Give a worker no new jobs, or again."""
        ...

    async def remove(self, org: int, name: str) -> None:
        """Take a worker that is gone from the list."""
        ...

    async def mint(self, org: int, by: str, spec: TokenSpec) -> TokenAnswer:
        """Make a join token."""
        ...

    async def join_tokens(self, org: int) -> list[TokenState]:
        """Return all tokens that were made, without their secrets."""
        ...

    async def withdraw(self, org: int, token: str) -> None:
        """Close the token with that id before somebody uses it."""
        ...


WORKERS: web.AppKey[WorkersService] = web.AppKey("workers", WorkersService)


async def workers(request: web.Request) -> web.Response:
    """GET /api/v1/workers"""
    found = await request.app[WORKERS].workers(who_is(request).org)
    return reply(page_of_workers(found, query_of(request, Paging)))


def page_of_workers(found: list[WorkerAnswer], asked: Paging) -> Page:
    """Return the page that was asked for; the cursor is the last name and id.

    A name alone is not enough: a revoked worker may be called like one that is in.
    """
    ordered = sorted(found, key=_place)
    left = [w for w in ordered if asked.cursor is None or _place(w) > asked.cursor]
    page = left[: asked.limit]
    return Page(items=page, next=_place(page[-1]) if len(left) > len(page) else None)


def _place(worker: WorkerAnswer) -> str:
    return f"{worker.name} {worker.id}"


async def worker(request: web.Request) -> web.Response:
    """GET /api/v1/workers/{name}"""
    org, name = who_is(request).org, request.match_info["name"]
    return reply(await request.app[WORKERS].worker(org, name))


async def approve_worker(request: web.Request) -> web.Response:
    """POST /api/v1/workers/{name}/approve"""
    who, name = who_is(request), request.match_info["name"]
    return reply(await request.app[WORKERS].approve(who.org, name, who.name))


async def revoke_worker(request: web.Request) -> web.Response:
    """POST /api/v1/workers/{name}/revoke"""
    who, name = who_is(request), request.match_info["name"]
    body = body_of(request, RevokeBody)
    return reply(await request.app[WORKERS].revoke(who.org, name, who.name, body))


async def drain_worker(request: web.Request) -> web.Response:
    """POST /api/v1/workers/{name}/drain"""
    org, name = who_is(request).org, request.match_info["name"]
    draining = body_of(request, DrainBody).draining
    return reply(await request.app[WORKERS].drain(org, name, draining=draining))


async def rename_worker(request: web.Request) -> web.Response:
    """POST /api/v1/workers/{name}/rename"""
    org, name = who_is(request).org, request.match_info["name"]
    new = body_of(request, RenameBody).name
    return reply(await request.app[WORKERS].rename(org, name, new))


async def remove_worker(request: web.Request) -> web.Response:
    """DELETE /api/v1/workers/{name}"""
    org, name = who_is(request).org, request.match_info["name"]
    await request.app[WORKERS].remove(org, name)
    return web.Response(status=204)
