"""What is said to somebody who does not speak TLS to a port of TLS."""

import asyncio
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.web import doorway, server
from pangea.web.doorway import plain_answer
from pangea.web.server import serve
from pangea.web.tls import load
from tests.mesh.tls_parties import own_pair
from tests.web.test_server import small_app


@pytest.fixture
async def running(tmp_path):
    started = await serve(small_app(), "127.0.0.1", 0, tls=load(own_pair(tmp_path)))
    yield started
    await started.stop()


async def say(port, data):
    """Return all that is answered to *data* in the clear."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    try:
        return await asyncio.wait_for(reader.read(), 3)
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


async def test_a_page_is_redirected_to_https(running):
    said = await say(
        running.port, b"GET /jobs/a?x=1 HTTP/1.1\r\nHost: mon.example.net:7464\r\n\r\n"
    )
    assert said.startswith(b"HTTP/1.1 307 ")
    assert b"\r\nLocation: https://mon.example.net:7464/jobs/a?x=1\r\n" in said
    assert b"Strict-Transport" not in said


@pytest.mark.parametrize(
    "request_",
    [
        b"POST /login HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /api/v1/jobs HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x\r\n\r\n",
        b"GET /mesh HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
    ],
)
async def test_what_must_not_be_sent_again_by_itself_is_told_426(running, request_):
    said = await say(running.port, request_)
    assert said.startswith(b"HTTP/1.1 426 ")
    assert b"Upgrade: TLS/1.2" in said
    assert b"Location" not in said


@pytest.mark.parametrize(
    "data", [b"SSH-2.0-x\r\n", b"\0\r\n\r\n", b"GET  HTTP/1.1\r\n\r\n"]
)
async def test_what_is_no_http_gets_no_word(running, data):
    assert await say(running.port, data) == b""


async def test_bytes_that_begin_like_tls_and_are_none_only_end(running, caplog):
    said = await say(running.port, b"\x16\x03\x01\x00\x05hello")
    assert b"HTTP" not in said
    assert caplog.records == []


async def test_who_says_nothing_is_sent_away_in_time(tmp_path, monkeypatch):
    monkeypatch.setattr(server, "HEAD_S", 0.1)
    started = await serve(small_app(), "127.0.0.1", 0, tls=load(own_pair(tmp_path)))
    for begin in (b"", b"GET / HT", b"\x16\x03\x01"):
        assert await say(started.port, begin) == b""
    await started.stop()


async def test_a_crowd_that_says_nothing_shuts_nobody_out(tmp_path, monkeypatch):
    monkeypatch.setattr(doorway, "WAITING", 4)
    started = await serve(small_app(), "127.0.0.1", 0, tls=load(own_pair(tmp_path)))
    crowd = [await asyncio.open_connection("127.0.0.1", started.port) for _ in range(8)]
    for _, writer in crowd[4:]:  # half a handshake
        writer.write(b"\x16\x03\x01")
    said = await say(started.port, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert b" 307 " in said
    oldest, _ = crowd[0]
    with suppress(ConnectionError):
        assert await asyncio.wait_for(oldest.read(), 2) == b""
    for _, writer in crowd:
        writer.close()
    await started.stop()


async def test_a_stopped_port_is_free_again(running):
    await running.stop()
    again = await serve(small_app(), "127.0.0.1", running.port)
    await again.stop()


@given(st.binary(max_size=300))
def test_whatever_is_asked_the_answer_has_one_head(host):
    said = plain_answer(b"GET / HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")
    head, _, body = said.partition(b"\r\n\r\n")
    assert head.startswith((b"HTTP/1.1 307 ", b"HTTP/1.1 426 "))
    assert head.count(b"\r\nLocation: https://") <= 1
    assert b"\n" not in head.replace(b"\r\n", b"")
    assert body.startswith(b"This port speaks TLS: https://") or b"write" in body
