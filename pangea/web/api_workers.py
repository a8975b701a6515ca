"""The API of the workers."""

from aiohttp import web

from .api import Paging, page_of, reply
from .asked import query_of
from .keys import SERVICE, who_is


async def workers(request: web.Request) -> web.Response:
    """GET /api/v1/workers"""
    found = await request.app[SERVICE].workers(who_is(request).org)
    return reply(page_of(found, query_of(request, Paging)))


async def worker(request: web.Request) -> web.Response:
    """GET /api/v1/workers/{name}"""
    org, name = who_is(request).org, request.match_info["name"]
    return reply(await request.app[SERVICE].worker(org, name))
