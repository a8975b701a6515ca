"""What a connection may say before it has proven anything, and who is closed."""

import asyncio

import aiohttp
import pytest

from pangea.mesh.channel import MAX_FIRST, MAX_MESSAGE
from pangea.web import mesh
from pangea.web.mesh import DoorGuard, Known
from pangea.web.meter import MOST
from tests.web.site import serving
from tests.web.test_mesh import echo, knock_on, stubborn

HEAD = (
    b"GET /mesh HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


async def unproven(channel, address, proven):
    while True:
        await channel.send(await channel.receive())


async def late(channel, address, proven):
    await channel.send(await channel.receive())
    proven()
    while True:
        await channel.send(await channel.receive())


async def test_a_first_message_may_not_be_large():
    async with (
        serving(accept_link=unproven) as site,
        site.http.ws_connect("/mesh") as ws,
    ):
        await ws.send_bytes(bytes(MAX_FIRST))
        assert len(await ws.receive_bytes(timeout=20)) == MAX_FIRST
        await ws.send_bytes(bytes(MAX_FIRST + 1))
        said = await ws.receive(timeout=20)
        assert said.type is not aiohttp.WSMsgType.BINARY


async def test_a_message_that_never_ends_is_cut_off_before_the_proof():
    async with serving(accept_link=unproven) as site:
        port = site.running.port
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD)
        assert b"101" in await reader.readuntil(b"\r\n\r\n")
        # A binary frame of a mebibyte, of which only a part comes.
        writer.write(b"\x82\xff" + (1 << 20).to_bytes(8) + bytes(4) + bytes(MOST))
        async with asyncio.timeout(20):
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await reader.readexactly(1)
        writer.close()


async def test_a_knock_with_too_much_behind_it_is_not_even_heard():
    async with serving(accept_link=unproven) as site:
        port = site.running.port
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD + bytes(2 * MOST))
        async with asyncio.timeout(20):
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await reader.readuntil(b"\r\n\r\n")
        writer.close()


async def test_after_the_proof_messages_are_as_large_as_they_may_be():
    async with serving(accept_link=late) as site, site.http.ws_connect("/mesh") as ws:
        for size in (100, MAX_MESSAGE - 1, MAX_MESSAGE - 1):
            await ws.send_bytes(bytes(size))
            assert len(await ws.receive_bytes(timeout=20)) == size


async def test_a_connection_that_asked_something_else_first_may_knock_too():
    async with (
        serving(accept_link=late) as site,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as http,
    ):
        url = f"http://127.0.0.1:{site.running.port}"
        async with http.get(f"{url}/healthz") as answer:
            await answer.read()
        async with http.ws_connect(f"{url}/mesh") as ws:
            for size in (100, 5 * MOST):
                await ws.send_bytes(bytes(size))
                assert len(await ws.receive_bytes(timeout=20)) == size


async def test_where_somebody_is_logged_in_pages_go_on_while_knocks_are_closed():
    async with serving(accept_link=stubborn) as site:
        assert (await site.get("/api/v1/status", by="token")).status == 200
        with pytest.raises(aiohttp.ClientConnectionError):
            await knock_on(site, 200)
        async with aiohttp.ClientSession() as fresh:
            url = f"http://127.0.0.1:{site.running.port}"
            async with fresh.get(f"{url}/healthz") as answer:
                assert answer.status == 200
            # On a slow machine the first crowd's turn is over by now.
            with pytest.raises(aiohttp.ClientConnectionError):
                await knock_on(site, 200)
            with pytest.raises(aiohttp.ClientError):
                await fresh.ws_connect(f"{url}/mesh")


async def test_where_a_link_is_live_the_address_is_known(monkeypatch):
    known = Known()
    assert "192.0.2.1" not in known
    ended = known.linked("192.0.2.1")
    monkeypatch.setattr(mesh, "KNOWN_S", 0.0)
    assert "192.0.2.1" in known
    ended()
    assert "192.0.2.1" not in known


async def test_a_proven_link_makes_its_address_known():
    async with serving(accept_link=echo) as site, site.http.ws_connect("/mesh") as ws:
        await ws.send_bytes(b"x")
        await ws.receive_bytes(timeout=20)
        guard = DoorGuard(site.running.runner.app)
        assert not guard.is_unheard("127.0.0.1")
        assert "127.0.0.1" in site.running.runner.app[mesh.DOOR].known
