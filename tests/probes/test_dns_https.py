import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import dns.message
import pytest
from aiohttp import web

from pangea.core.model import Outcome
from tests.probes.name_server import respond

TYPE = "application/dns-message"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def doh(handler: Handler, context: ssl.SSLContext) -> AsyncIterator[str]:
    """Serve *handler* over HTTPS on loopback and yield where."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    try:
        yield f"https://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def good(request: web.Request) -> web.Response:
    """Answer as RFC 8484 has it, and refuse what a client must not do."""
    assert request.method == "POST"
    assert request.headers["Content-Type"] == request.headers["Accept"] == TYPE
    question = dns.message.from_wire(await request.read())
    assert question.id == 0
    answer = respond(question, "192.0.2.7", ttl=60).to_wire()
    return web.Response(body=answer, content_type=TYPE)


async def test_an_answer_over_https_has_every_phase(ask, ca_file, server_tls):
    async with doh(good, server_tls) as url:
        result = await ask(
            "dns", "host.example", resolver=url, transport="https", ca_file=ca_file
        )
    assert (result.outcome, result.detail) == (Outcome.OK, "")
    assert result.readings["answers"] == ["192.0.2.7"]
    assert result.readings["transport"] == "https"
    assert result.readings["resolver"] == f"{url}/dns-query"
    assert {"connect", "tls", "first_byte"} <= set(result.phases)
    assert 0 < result.duration_ms < 5000


async def test_the_path_of_the_url_is_asked(ask, ca_file, server_tls):
    asked = []

    async def note(request: web.Request) -> web.Response:
        asked.append(request.path_qs)
        return await good(request)

    async with doh(note, server_tls) as url:
        for path in ("", "/", "/resolve?a=b"):
            resolver = f"{url}{path}"
            result = await ask(
                "dns", "host.example", resolver=resolver, ca_file=ca_file
            )
            assert result.outcome is Outcome.OK
    assert asked == ["/dns-query", "/dns-query", "/resolve?a=b"]


async def test_a_certificate_that_is_not_trusted_fails(ask, server_tls):
    async with doh(good, server_tls) as url:
        result = await ask("dns", "host.example", resolver=url)
        assert result.outcome is Outcome.FAILED
        assert result.reason.startswith("cert_")
        trusting = await ask("dns", "host.example", resolver=url, verify=False)
        assert trusting.outcome is Outcome.OK


async def test_a_certificate_for_another_name_fails(ask, authority, ca_file):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("dns.example").configure_cert(context)
    async with doh(good, context) as url:
        result = await ask("dns", "host.example", resolver=url, ca_file=ca_file)
        assert result.reason == "cert_wrong_host"
        named = await ask(
            "dns",
            "host.example",
            resolver=url,
            ca_file=ca_file,
            server_name="dns.example",
        )
        assert named.outcome is Outcome.OK


def answering(**how) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(**how)

    return handler


async def cut(request: web.Request) -> web.Response:
    question = dns.message.from_wire(await request.read())
    answer = respond(question, "192.0.2.7").to_wire()
    return web.Response(body=answer[:-6], content_type=TYPE)


async def identified(request: web.Request) -> web.Response:
    question = dns.message.from_wire(await request.read())
    question.id = 7
    answer = respond(question, "192.0.2.7").to_wire()
    return web.Response(body=answer, content_type=TYPE)


@pytest.mark.parametrize(
    ("handler", "reason", "said"),
    [
        (answering(status=404), "status", "got status 404, wanted 200"),
        (answering(status=302, headers={"Location": "/x"}), "status", "302"),
        (answering(text="hello"), "header", "'text/plain"),
        (answering(body=b"", content_type=TYPE), "protocol", "0 bytes"),
        (answering(body=b"\0" * 70_000, content_type=TYPE), "too_large", "65535"),
        (identified, "protocol", "identifier"),
        (cut, "protocol", "record"),
    ],
)
async def test_what_is_no_dns_over_https_is_named(
    ask, server_tls, handler, reason, said
):
    async with doh(handler, server_tls) as url:
        result = await ask("dns", "host.example", resolver=url, verify=False)
    assert (result.outcome, result.reason) == (Outcome.FAILED, reason)
    assert said in result.detail
    assert result.detail.isprintable()


async def test_an_answer_without_end_is_not_read_to_the_end(ask, server_tls):
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": TYPE})
        await response.prepare(request)
        for _ in range(1000):
            await response.write(bytes(100_000))
        return response

    async with doh(endless, server_tls) as url:
        result = await ask("dns", "host.example", resolver=url, verify=False)
        await asyncio.sleep(0.05)
    assert result.reason == "too_large"
