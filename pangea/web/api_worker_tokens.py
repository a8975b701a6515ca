"""The API of the tokens by which workers join, once they are made."""

from aiohttp import web

from .api import Paging, page_of, reply
from .api_workers import WORKERS
from .asked import body_of, query_of
from .keys import who_is
from .schema_tokens import TokenSpec


async def tokens(request: web.Request) -> web.Response:
    """GET /api/v1/worker-tokens"""
    found = await request.app[WORKERS].join_tokens(who_is(request).org)
    return reply(page_of(found, query_of(request, Paging)))


async def add_token(request: web.Request) -> web.Response:
    """POST /api/v1/worker-tokens"""
    who, spec = who_is(request), body_of(request, TokenSpec)
    return reply(await request.app[WORKERS].mint(who.org, who.name, spec), 201)


async def withdraw_token(request: web.Request) -> web.Response:
    """DELETE /api/v1/worker-tokens/{id}"""
    org, token = who_is(request).org, request.match_info["id"]
    await request.app[WORKERS].withdraw(org, token)
    return web.Response(status=204)
