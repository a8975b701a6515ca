"""A run leaves nothing to the garbage collector: its pauses would be in the numbers."""

import asyncio
import gc

import pytest

from pangea.core.model import Outcome

RUNS = 8
#: what our runs are made of; the servers of the test may leave what they like
OURS = ("pangea", "httptools")
HELLO = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
BAD_GZIP = HELLO.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n")


async def left_by(ask, *question, runs: int = RUNS, **options) -> tuple[str, list[str]]:
    """Return how runs end, and the types of ours that only the collector frees."""
    result = await ask(*question, **options)
    await asyncio.sleep(0.02)
    gc.disable()
    # Only what comes now is looked at, not all that the other tests have left.
    gc.freeze()
    try:
        for _ in range(runs):
            await ask(*question, **options)
        await asyncio.sleep(0.02)
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        found = {f"{type(o).__module__}.{type(o).__qualname__}" for o in gc.garbage}
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    ended = result.reason or str(result.outcome)
    return ended, sorted(name for name in found if name.startswith(OURS))


@pytest.mark.parametrize(
    ("says", "options", "ended"),
    [
        (HELLO, {}, "ok"),
        (HELLO, {"body_contains": "nothing"}, "body"),
        (b"HTTP/1.1 xx\r\n\r\n", {}, "protocol"),
        (BAD_GZIP, {}, "protocol"),
        (HELLO[:-2], {}, "closed"),
        (b"HTTP/1.1 200 OK\r\nA: " + b"a" * 70_000, {}, "too_large"),
        (b"", {"timeout_s": 0.02}, "timeout"),
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_http_leaves_nothing(
    serve, ask, server_tls, ca_file, scheme, says, options, ended
):
    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(says)
        if not says:
            await reader.read()

    secure = scheme == "https"
    port = await serve(answer, server_tls if secure else None)
    how = {"ca_file": ca_file} | options if secure else options
    url = f"{scheme}://127.0.0.1:{port}/"
    if "timeout_s" in how and secure:
        how = how | {"timeout_s": 0.1}
    assert await left_by(ask, "http", url, **how) == (ended, [])


async def test_http_2_leaves_nothing(serve, ask, server_tls, ca_file):
    pytest.importorskip("h2")
    from tests.probes.test_http_h2 import Server, plain

    server_tls.set_alpn_protocols(["h2"])
    url = f"https://127.0.0.1:{await serve(Server(plain), server_tls)}/"
    how = {"ca_file": ca_file, "http2": "require"}
    assert await left_by(ask, "http", url, **how) == ("ok", [])


@pytest.mark.parametrize("good", [True, False])
async def test_tls_and_tcp_leave_nothing(serve, ask, server_tls, ca_file, good):
    target = f"127.0.0.1:{await serve(HELLO, server_tls)}"
    how = {"ca_file": ca_file} if good else {}
    ended = "ok" if good else "cert_untrusted"
    assert await left_by(ask, "tls", target, warn_days=0, **how) == (ended, [])
    assert await left_by(ask, "tcp", target, tls=True, **how) == (ended, [])


async def test_datagrams_leave_nothing(ask):
    closed = "127.0.0.1:1"
    assert await left_by(ask, "dns", "a.test", resolver=closed) == ("refused", [])
    several = f"{closed},127.0.0.1:2"
    assert await left_by(ask, "dns", "a.test", resolver=several) == ("refused", [])
    assert await left_by(ask, "udp", closed, send="x") == ("refused", [])
    assert await left_by(ask, "icmp", "127.0.0.1", count=1) == ("ok", [])


async def test_what_is_left_would_be_found(ask, serve, monkeypatch):
    from pangea.probes.http_reader import HttpReader

    monkeypatch.setattr(HttpReader, "close", lambda self: None)
    url = f"http://127.0.0.1:{await serve(HELLO)}/"
    ended, left = await left_by(ask, "http", url, runs=2)
    assert ended == str(Outcome.OK)
    assert "pangea.probes.http_reader.HttpReader" in left
