import asyncio
import re
import socket
import ssl
from contextlib import suppress

import aiohttp
import pytest
import trustme
from aiohttp import web

from pangea.core.errors import ConfigError
from pangea.web import threshold
from pangea.web.enroll import first_account
from pangea.web.server import refused, serve
from tests.web.site import serving


def small_app():
    async def handle(request):
        return web.Response(text="ok")

    app = web.Application()
    app.router.add_get("/", handle)
    return app


async def test_port_0_is_any_free_port_and_a_stopped_one_is_free_again():
    running = await serve(small_app(), "127.0.0.1", 0)
    assert running.port > 0
    await running.stop()
    again = await serve(small_app(), "127.0.0.1", running.port)
    await again.stop()


async def test_a_port_in_use_says_which_flag_helps():
    with socket.socket() as taken, socket.socket() as too:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with suppress(OSError):
            too.bind(("127.0.0.1", port + 1))
            too.listen()
        with pytest.raises(ConfigError, match=f"port {port} is in use") as error:
            await serve(small_app(), "127.0.0.1", port)
        hinted = int(re.search(r"--listen 127\.0\.0\.1:(\d+)", error.value.hint)[1])
        assert hinted > port + 1
    assert error.value.exit_code == 78


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (PermissionError(13, "Permission denied"), "not allowed"),
        (OSError(99, "Cannot assign requested address"), "no address of this machine"),
        (socket.gaierror(-2, "Name or service not known"), "Name or service"),
        (OverflowError("port must be 0-65535"), "0-65535"),
    ],
)
def test_every_refusal_has_a_next_step(error, words):
    said = refused(error, "192.0.2.7", 80)
    assert words in str(said)
    assert "--listen" in said.hint


async def test_an_address_of_another_machine_is_refused():
    with pytest.raises(ConfigError, match="no address of this machine"):
        await serve(small_app(), "192.0.2.7", 0)


async def test_a_connection_that_asks_nothing_is_closed(monkeypatch):
    monkeypatch.setattr(threshold, "HEAD_S", 0.1)
    monkeypatch.setattr(threshold, "SWEEP_S", 0.05)
    running = await serve(small_app(), "127.0.0.1", 0)
    slow, writer = await asyncio.open_connection("127.0.0.1", running.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n")
    talking, other = await asyncio.open_connection("127.0.0.1", running.port)
    other.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b" 200 " in await talking.readline()
    with suppress(ConnectionError):
        assert await asyncio.wait_for(slow.read(), 2) == b""
    other.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    rest = await asyncio.wait_for(talking.readuntil(b" 200 "), 2)
    assert b"ok" in rest
    for each in (writer, other):
        each.close()
    await running.stop()


async def test_under_tls_the_cookie_is_bound_to_this_host():
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with serving(tls=context) as secure:
        secure.accounts.accounts.clear()
        code = await first_account(secure.accounts)
        url = f"https://localhost:{secure.running.port}/login"
        async with aiohttp.ClientSession() as http:
            answer = await http.post(
                url, data={"code": code}, ssl=trusting, allow_redirects=False
            )
        assert answer.status == 303
        cookie = answer.headers["Set-Cookie"]
        assert cookie.startswith("__Host-pangea=")
        assert "Secure" in cookie


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x16\x03\x01\x02\x00\x01\r\n\r\n", id="TLS"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", id="two"),
        pytest.param(b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n", id="long"),
    ],
)
async def test_bytes_that_are_no_http_fill_no_log(data, caplog):
    running = await serve(small_app(), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    writer.write(data)
    assert b" 400 " in await asyncio.wait_for(reader.readline(), 2)
    writer.close()
    await running.stop()
    assert caplog.records == []
