"""The targets of the demo live the story: asked by real connections."""

import asyncio
import os
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from pangea.demo.targets import Targets


@pytest.fixture
async def targets(tmp_path) -> AsyncIterator[Targets]:
    async with Targets(tmp_path) as made:
        yield made


async def said(targets: Targets, name: str, **more) -> bytes:
    """Return what a target answers to a page's request; b"" if it hangs up."""
    port = targets.ports[name]
    reader, writer = await asyncio.open_connection("127.0.0.1", port, **more)
    try:
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        async with asyncio.timeout(5):
            return await reader.read(1000)
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize(
    ("name", "seconds", "words"),
    [
        pytest.param("shop", 0, b"HTTP/1.1 200", id="a page that is well"),
        pytest.param("shop", 16, b"HTTP/1.1 503", id="a page that is broken"),
        pytest.param("mail", 0, b"220", id="a greeting"),
        pytest.param("api", 131, b"", id="a server that is gone"),
    ],
)
async def test_a_target_answers_as_the_story_goes(targets, name, seconds, words):
    targets.jump(seconds)
    assert (await said(targets, name)).startswith(words)


async def test_a_slow_one_answers_late(targets):
    targets.jump(25)
    begun = asyncio.get_running_loop().time()
    assert b"200" in await said(targets, "search")
    assert asyncio.get_running_loop().time() - begun > 0.2


async def test_the_isolated_process_reaches_nothing_while_it_is_cut_off(targets):
    targets.isolated = os.getpid()
    targets.jump(70)
    assert await said(targets, "wiki") == b""
    targets.isolated = os.getppid()
    assert b"200" in await said(targets, "wiki")
    targets.isolated = os.getpid()
    targets.jump(115)
    assert b"200" in await said(targets, "wiki")


async def test_the_certificate_is_about_to_expire(targets):
    trusting = ssl.create_default_context(cafile=targets.ca_file)
    more = {"ssl": trusting, "server_hostname": "localhost"}
    assert b"200" in await said(targets, "intranet-cert", **more)
    shown = x509.load_pem_x509_certificate(targets.ca_file.read_bytes())
    left = shown.not_valid_after_utc - datetime.now(UTC)
    assert timedelta(days=4) < left <= timedelta(days=5)
