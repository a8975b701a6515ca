"""A worker's own port: the door of the mesh, a line of text, and nothing else."""

import contextlib
import socket

import aiohttp
import pytest

from pangea.core.config import DEFAULT_PORT, NodeConfig, NodeTable, ServerTable
from pangea.core.errors import ConfigError
from pangea.web.worker_site import WHAT
from pangea.worker.listener import addresses_of, listen, worth_telling
from tests.worker.mesh import worker_config


async def nobody(channel, address, admitted):
    """Let nobody in."""


@contextlib.asynccontextmanager
async def listening(where="127.0.0.1:0"):
    running = await listen(worker_config(where), nobody)
    try:
        yield running
    finally:
        if running:
            await running.stop()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("GET", "/mesh", 422),  # no WebSocket
        ("GET", "/dash", 404),
        ("GET", "/api/v1/status", 404),
        ("GET", "/metrics", 404),
        ("POST", "/", 405),
    ],
)
async def test_only_the_door_and_a_line_of_text_are_there(method, path, status):
    async with listening() as running, aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{running.port}{path}"
        async with session.request(method, url) as answer:
            assert answer.status == status
            text = await answer.text()
    if status == 200:
        assert text == WHAT


async def test_what_is_claimed_of_proxies_changes_nothing():
    claims = {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https"}
    async with listening() as running, aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{running.port}/mesh"
        async with session.get(url, headers=claims) as answer:
            assert answer.status == 422


async def test_a_web_page_may_not_knock_at_the_door():
    async with listening() as running, aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{running.port}/mesh"
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await session.ws_connect(url, headers={"Origin": "http://evil.example"})
        assert caught.value.status == 403


async def test_a_port_that_was_asked_for_and_is_taken_is_an_error():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match="in use"):
            await listen(worker_config(f"127.0.0.1:{port}"), nobody)


async def test_without_a_wish_any_free_port_will_do():
    with socket.socket() as taken:
        # Whoever has it, it is taken now.
        with contextlib.suppress(OSError):
            taken.bind(("0.0.0.0", DEFAULT_PORT))
            taken.listen()
        async with listening("") as running:
            assert running is not None
            assert running.port not in (0, DEFAULT_PORT)


async def test_off_listens_nowhere_and_tells_no_address():
    async with listening("off") as running:
        assert running is None
        assert addresses_of(running) == ()


def test_a_coordinator_cannot_be_off():
    with pytest.raises(ValueError, match="must listen"):
        NodeConfig(node=NodeTable(role="coordinator"), server=ServerTable(listen="off"))


async def test_a_loopback_listener_tells_loopback_alone():
    async with listening() as running:
        assert addresses_of(running) == (f"127.0.0.1:{running.port}",)


async def test_one_on_all_addresses_tells_those_that_others_can_reach():
    async with listening("0.0.0.0:0") as running:
        told = addresses_of(running)
    assert all(text.endswith(f":{running.port}") for text in told)
    assert not any(text.startswith(("127.", "169.254.", "0.")) for text in told)


@pytest.mark.parametrize(
    ("address", "worth"),
    [
        ("192.0.2.7", True),
        ("10.0.0.1", True),
        ("2001:db8::1", True),
        ("127.0.0.1", False),
        ("::1", False),
        ("169.254.1.1", False),
        ("fe80::1", False),
        ("224.0.0.251", False),
        ("0.0.0.0", False),
    ],
)
def test_what_is_worth_telling(address, worth):
    from ipaddress import ip_address

    assert worth_telling(ip_address(address)) is worth
