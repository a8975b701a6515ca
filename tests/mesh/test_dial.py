"""Dialling a real WebSocket server on loopback, and servers that are none."""

import asyncio
import socket

import pytest
from aiohttp import WSMsgType, web

from pangea.core.errors import LinkClosed, Unreachable, UsageError
from pangea.mesh.channel import MAX_MESSAGE, WebSocketChannel
from pangea.mesh.dial import Address, TurnedAway, dial, parse_join
from pangea.mesh.info import NodeInfo
from pangea.mesh.link import initiate, respond
from pangea.mesh.messages import Applied, Welcome
from pangea.mesh.replay import ReplayCache
from tests.mesh.fakes import Stillness
from tests.mesh.parties import COORDINATOR, SECRET, WORKER, anyone


@pytest.fixture
async def serve():
    """Return a function that serves one handler on /mesh and gives its port."""
    runners = []

    async def start(handler):
        app = web.Application()
        app.router.add_get("/mesh", handler)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        runners.append(runner)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner.addresses[0][1]

    yield start
    for runner in runners:
        await runner.cleanup()


def upgraded(use):
    """Return a handler that upgrades and hands *use* the WebSocket."""

    async def handler(request):
        websocket = web.WebSocketResponse(
            compress=False, max_msg_size=MAX_MESSAGE, timeout=0.2
        )
        await websocket.prepare(request)
        await use(websocket)
        return websocket

    return handler


async def echo(websocket):
    channel = WebSocketChannel(websocket)
    while True:
        try:
            await channel.send(await channel.receive())
        except LinkClosed:
            return


async def test_messages_cross_whole_and_in_order(serve):
    channel = await dial(Address("127.0.0.1", await serve(upgraded(echo))))
    for data in (b"", b"one", bytes(2**20 + 17)):
        await channel.send(data)
        assert await channel.receive() == data
    await channel.close()


async def test_a_whole_link_runs_over_websockets(serve):
    done = asyncio.get_running_loop().create_future()

    async def coordinator(websocket):
        link = await respond(
            WebSocketChannel(websocket),
            COORDINATOR,
            [SECRET],
            NodeInfo(role="coordinator"),
            anyone,
            ReplayCache(),
            clock=Stillness(),
        )
        await link.send(Welcome(status="approved", sid=link.sid))
        done.set_result(await link.receive())
        await link.close()

    link = await initiate(
        await dial(Address("127.0.0.1", await serve(upgraded(coordinator)))),
        WORKER,
        SECRET,
        NodeInfo(role="worker"),
        anyone,
        clock=Stillness(),
    )
    assert await link.receive() == Welcome(status="approved", sid=link.sid)
    await link.send(Applied(3))
    assert await done == Applied(3)
    with pytest.raises(LinkClosed, match="peer has closed"):
        await link.receive()
    assert not link.cut
    await link.close()


async def test_a_silent_connection_is_not_kept_for_ever(serve):
    channel = await dial(Address("127.0.0.1", await serve(upgraded(echo))))
    sock = channel._websocket.get_extra_info("socket")
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 20_000
    await channel.close()


async def test_text_closes_the_channel(serve):
    async def talk(websocket):
        await websocket.send_str("hello")
        assert (await websocket.receive()).type is WSMsgType.CLOSE

    channel = await dial(Address("127.0.0.1", await serve(upgraded(talk))))
    with pytest.raises(LinkClosed, match="text"):
        await channel.receive()
    with pytest.raises(LinkClosed):
        await channel.send(b"x")


async def test_a_message_that_is_too_large_closes_the_channel(serve):
    async def flood(websocket):
        await websocket.send_bytes(bytes(MAX_MESSAGE + 1))
        await websocket.receive()

    channel = await dial(Address("127.0.0.1", await serve(upgraded(flood))))
    with pytest.raises(LinkClosed):
        await channel.receive()
    await channel.close()


async def test_a_closed_channel_stays_closed(serve):
    channel = await dial(Address("127.0.0.1", await serve(upgraded(echo))))
    await channel.close()
    await channel.close()
    with pytest.raises(LinkClosed):
        await channel.receive()
    with pytest.raises(LinkClosed):
        await channel.send(b"x")


async def test_a_peer_that_is_gone_closes_the_channel(serve):
    async def leave(websocket):
        await websocket.close()

    channel = await dial(Address("127.0.0.1", await serve(upgraded(leave))))
    with pytest.raises(LinkClosed, match="peer closed"):
        await channel.receive()


# who does not answer as we wish


async def test_a_closed_port_is_unreachable():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Unreachable, match=f"127.0.0.1:{port} cannot be.*refused"):
        await dial(Address("127.0.0.1", port))


async def test_a_port_that_says_nothing_is_given_up():
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(Unreachable, match=r"within 0\.1 s"),
    ):
        await dial(Address("127.0.0.1", silent.getsockname()[1]), timeout=0.1)


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        (404, "is that a Pangea port", Unreachable),
        (429, "takes no connections", TurnedAway),
        (502, "answers HTTP", Unreachable),
        (503, "takes no connections", TurnedAway),
    ],
)
async def test_an_http_answer_is_told(serve, status, said, kind):
    async def handler(request):
        return web.Response(status=status)

    what = f"{said}.*{status}|{status}.*{said}"
    with pytest.raises(Unreachable, match=what) as caught:
        await dial(Address("127.0.0.1", await serve(handler)))
    assert type(caught.value) is kind


async def test_a_redirect_is_not_followed(serve):
    followed = []

    async def target(request):
        followed.append(request.path)
        return web.Response()

    port = await serve(target)

    async def handler(request):
        raise web.HTTPFound(f"http://127.0.0.1:{port}/mesh")

    with pytest.raises(Unreachable, match="redirects"):
        await dial(Address("127.0.0.1", await serve(handler)))
    assert not followed


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-x\r\n", b"\x1b[31m\xff\xfe\r\n\r\n"])
async def test_what_speaks_no_http_is_unreachable_and_harmless(said):
    async def answer(reader, writer):
        await reader.read(1)
        writer.write(said)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        with pytest.raises(Unreachable, match="cannot be reached") as caught:
            await dial(Address("127.0.0.1", server.sockets[0].getsockname()[1]))
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".invalid"])
async def test_a_name_that_cannot_be_is_unreachable(host):
    with pytest.raises(Unreachable, match="cannot be reached"):
        await dial(Address(host, 7464))


# addresses that people write


@pytest.mark.parametrize(
    ("text", "host", "port", "tls"),
    [
        ("coordinator", "coordinator", 7464, False),
        (" mon.example.net:80 ", "mon.example.net", 80, False),
        ("192.0.2.1", "192.0.2.1", 7464, False),
        ("192.0.2.1:1234", "192.0.2.1", 1234, False),
        ("2001:db8::1", "2001:db8::1", 7464, False),
        ("[2001:db8::1]", "2001:db8::1", 7464, False),
        ("[fe80::1%eth0]:99", "fe80::1%eth0", 99, False),
        ("fe80::1%2", "fe80::1%2", 7464, False),
        ("http://192.0.2.1:7464/", "192.0.2.1", 7464, False),
        ("::1", "::1", 7464, False),
        ("ws://a", "a", 7464, False),
        ("https://mon.example.net/", "mon.example.net", 7464, True),
        ("wss://[2001:db8::1]:443", "2001:db8::1", 443, True),
    ],
)
def test_an_address_is_read(text, host, port, tls):
    assert parse_join(text) == Address(host, port, tls)
    assert parse_join(str(Address(host, port, tls))) == Address(host, port, tls)


@pytest.mark.parametrize(
    "text",
    ["", ":7464", "a:0", "a:65536", "a:b", "a:1:2", "[a]:1", "a b", "a/b", "a\n.b",
     "https://", "ftp://a", "https://a/b", "https://https://a", "[::1", "é", "a@b",
     "x" * 254],
)  # fmt: skip
def test_what_is_no_address_is_a_usage_error(text):
    with pytest.raises(UsageError, match="is not an address"):
        parse_join(text)


def test_a_join_token_is_never_asked_of_a_name_server():
    with pytest.raises(UsageError, match="token") as caught:
        parse_join("pangea-join-1.c2VjcmV0.abcd")
    assert "c2VjcmV0" not in str(caught.value)
