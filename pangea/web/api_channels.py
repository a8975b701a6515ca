"""The API of channels: the configured ways to reach people."""

from typing import Protocol

from aiohttp import web

from pangea.core.errors import NotFound

from .api import Paging, page_of, reply
from .asked import body_of, query_of
from .keys import who_is
from .schema_channels import (
    ChannelAnswer,
    ChannelPatch,
    ChannelSpec,
    ChannelTest,
    ChannelType,
)


class ChannelService(Protocol):
    """Channels as the web sees them; raises the errors of ``pangea.core.errors``."""

    async def channels(self, org: int) -> list[ChannelAnswer]:
        """Return all of an organisation."""
        ...

    async def channel(self, org: int, name: str) -> ChannelAnswer:
        """Return one of them."""
        ...

    def types(self) -> list[ChannelType]:
        """Return what channels may be."""
        ...

    async def add(self, org: int, spec: ChannelSpec) -> ChannelAnswer:
        """Check and add a channel."""
        ...

    async def edit(self, org: int, name: str, patch: ChannelPatch) -> ChannelAnswer:
        """Change a channel; a secret that is not given stays."""
        ...

    async def remove(self, org: int, name: str) -> None:
        """Remove a channel that nothing uses."""
        ...

    async def test(self, org: int, name: str, by: str) -> ChannelTest:
        """Send a message that says that it is a test, now."""
        ...


CHANNELS: web.AppKey[ChannelService] = web.AppKey("channels", ChannelService)


async def channels(request: web.Request) -> web.Response:
    """GET /api/v1/channels"""
    found = await _service(request).channels(who_is(request).org)
    return reply(page_of(found, query_of(request, Paging)))


async def channel_types(request: web.Request) -> web.Response:
    """GET /api/v1/channel-types"""
    return reply(page_of(_service(request).types(), query_of(request, Paging)))


async def add_channel(request: web.Request) -> web.Response:
    """POST /api/v1/channels"""
    org, spec = who_is(request).org, body_of(request, ChannelSpec)
    added = await _service(request).add(org, spec)
    return reply(added, 201, Location=f"/api/v1/channels/{added.name}")


async def channel(request: web.Request) -> web.Response:
    """GET /api/v1/channels/{name}"""
    org, name = who_is(request).org, request.match_info["name"]
    return reply(await _service(request).channel(org, name))


async def edit_channel(request: web.Request) -> web.Response:
    """PATCH /api/v1/channels/{name}"""
    org, name = who_is(request).org, request.match_info["name"]
    patch = body_of(request, ChannelPatch)
    return reply(await _service(request).edit(org, name, patch))


async def remove_channel(request: web.Request) -> web.Response:
    """DELETE /api/v1/channels/{name}"""
    org, name = who_is(request).org, request.match_info["name"]
    await _service(request).remove(org, name)
    return web.Response(status=204)


async def test_channel(request: web.Request) -> web.Response:
    """POST /api/v1/channels/{name}/test"""
    who, name = who_is(request), request.match_info["name"]
    return reply(await _service(request).test(who.org, name, who.name))


def _service(request: web.Request) -> ChannelService:
    service = request.app.get(CHANNELS)
    if service is None:
        raise NotFound("this coordinator has no channels")
    return service
