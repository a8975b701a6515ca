import asyncio
import socket
import struct
from contextlib import suppress

import aiohttp
import pytest

from pangea.core.errors import LinkClosed, ProtocolError
from pangea.mesh.channel import MAX_MESSAGE
from pangea.mesh.limits import Doorkeeper, KnockLimits
from tests.web.site import serving, until

GONE = (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)


async def echo(channel, address, proven):
    proven()
    while True:
        await channel.send(await channel.receive())


async def stubborn(channel, address, proven):
    await channel.receive()
    raise ProtocolError("no handshake at all \x1b[2J")


async def waiting(channel, address, proven):
    await channel.receive()


async def test_the_door_hands_over_whole_messages():
    async with serving(accept_link=echo) as site, site.http.ws_connect("/mesh") as ws:
        for message in (b"x", bytes(MAX_MESSAGE - 1)):
            await ws.send_bytes(message)
            assert await ws.receive_bytes(timeout=20) == message


async def test_a_message_that_is_too_large_ends_the_link():
    async with (
        serving(accept_link=echo) as site,
        site.http.ws_connect("/mesh", max_msg_size=0) as ws,
    ):
        await ws.send_bytes(bytes(MAX_MESSAGE))
        assert (await ws.receive(timeout=20)).type is aiohttp.WSMsgType.CLOSE
        assert ws.close_code == aiohttp.WSCloseCode.MESSAGE_TOO_BIG


async def test_text_ends_the_link():
    async with serving(accept_link=echo) as site, site.http.ws_connect("/mesh") as ws:
        await ws.send_str("hello")
        assert (await ws.receive(timeout=20)).type is aiohttp.WSMsgType.CLOSE


@pytest.mark.parametrize("origin", ["https://evil.example", "http://127.0.0.1"])
async def test_a_web_page_cannot_knock(site, origin):
    with pytest.raises(aiohttp.WSServerHandshakeError) as error:
        await site.http.ws_connect("/mesh", headers={"Origin": origin})
    assert error.value.status == 403
    assert site.links == []


async def test_plain_http_is_told_what_this_is(site):
    answer = await site.get("/mesh")
    assert answer.status == 422
    assert "WebSocket" in answer.json["hint"]
    person = await site.get("/mesh", headers={"Accept": "text/html,*/*"})
    assert (person.status, person.headers["Location"]) == (303, "/mesh-view")


async def knock(site):
    async with site.http.ws_connect("/mesh") as ws:
        await ws.send_bytes(b"nonsense")
        closed = await ws.receive(timeout=20)
        assert closed.type is aiohttp.WSMsgType.CLOSED
        assert not closed.extra


async def knock_often(site):
    # The bucket fills again by five a second.
    for _ in range(20):
        await knock(site)


async def knock_on(site, times):
    for _ in range(times):
        with suppress(aiohttp.WSServerHandshakeError):
            await knock(site)


async def test_an_address_that_fails_twenty_times_stays_outside(caplog):
    async with serving(accept_link=stubborn) as site:
        caplog.set_level("INFO", "pangea.web.mesh")
        for _ in range(20):
            await knock(site)
        with pytest.raises(aiohttp.WSServerHandshakeError) as error:
            await knock_often(site)
        assert error.value.status == 429
        assert all("\x1b" not in record.getMessage() for record in caplog.records)


async def test_an_address_that_has_failed_has_eight_half_open_handshakes():
    async with serving(accept_link=waiting) as site:
        # As often as takes seconds to be forgotten: the machine may be slow.
        for _ in range(15):
            await knock(site)
        sockets = [await site.http.ws_connect("/mesh") for _ in range(8)]
        with pytest.raises(aiohttp.WSServerHandshakeError) as error:
            await site.http.ws_connect("/mesh")
        assert error.value.status == 429
        for ws in sockets:
            ws._response.close()


async def test_a_site_behind_one_address_may_come_all_at_once():
    async with serving(accept_link=waiting) as site:
        sockets = [await site.http.ws_connect("/mesh") for _ in range(60)]
        for ws in sockets:
            ws._response.close()


@pytest.fixture
def small_door(monkeypatch):
    limits = KnockLimits(half_open=16, reserve=4)
    monkeypatch.setattr("pangea.web.mesh.Doorkeeper", lambda: Doorkeeper(limits))


async def test_a_crowd_that_says_nothing_shuts_nobody_out(small_door, monkeypatch):
    monkeypatch.setattr("pangea.web.mesh.DAWDLES_S", 0.0)
    async with serving(accept_link=waiting) as site:
        crowd = [await site.http.ws_connect("/mesh") for _ in range(16)]
        async with site.http.ws_connect("/mesh") as late:
            assert (await crowd[0].receive(timeout=20)).type in GONE
            assert not late.closed
        for ws in crowd:
            ws._response.close()


async def test_without_room_and_nobody_slow_the_next_one_comes_again(small_door):
    async with serving(accept_link=waiting) as site:
        crowd = [await site.http.ws_connect("/mesh") for _ in range(16)]
        with pytest.raises(aiohttp.WSServerHandshakeError) as error:
            await site.http.ws_connect("/mesh")
        assert error.value.status == 429
        for ws in crowd:
            ws._response.close()


async def test_who_goes_on_after_many_refusals_is_closed_unheard():
    async with serving(accept_link=stubborn) as site:
        with pytest.raises(aiohttp.ClientConnectionError):
            await knock_on(site, 200)
        # What was open already is served as before.
        await asyncio.sleep(0.3)
        assert (await site.get("/healthz")).status == 200


async def test_proven_links_are_not_counted():
    async with serving(accept_link=echo) as site:
        sockets = [await site.http.ws_connect("/mesh") for _ in range(20)]
        assert len(site.links) == 20
        for ws in sockets:
            await ws.close()


async def test_links_end_when_the_site_stops():
    ended = asyncio.Event()

    async def until_gone(channel, address, proven):
        proven()
        try:
            await channel.receive()
        except LinkClosed:
            ended.set()

    async with serving(accept_link=until_gone) as site:
        async with site.http.ws_connect("/mesh") as ws:
            await until(lambda: site.links)
            stopping = asyncio.create_task(site.running.stop())
            assert (await ws.receive(timeout=20)).type is aiohttp.WSMsgType.CLOSE
        async with asyncio.timeout(20):
            await stopping
            await ended.wait()


async def test_who_knocks_and_is_gone_is_no_fault_of_ours(caplog, monkeypatch):
    ask = (
        b"GET /mesh HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    generous = Doorkeeper(KnockLimits(burst=1000.0))
    monkeypatch.setattr("pangea.web.mesh.Doorkeeper", lambda: generous)
    async with serving(accept_link=stubborn) as site:
        for _ in range(100):
            sock = socket.create_connection(("127.0.0.1", site.running.port))
            linger = struct.pack("ii", 1, 0)  # it ends with a reset
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            sock.sendall(ask)
            await asyncio.sleep(0)
            sock.close()
        await asyncio.sleep(0.2)
        async with site.http.get("/healthz") as answer:
            assert answer.status == 200
    assert "broke" not in caplog.text
