"""Servers that hang, redirect, refuse, flood, or stand where nobody may send to."""

import asyncio
import ssl
import time

import pytest
import trustme
from aiohttp import web
from aiohttp.test_utils import TestServer

from pangea.alerts.http import MAX_ANSWER, Call, HttpSender
from pangea.alerts.notifier import NotSent, Refused
from pangea.alerts.registry import NOTIFIERS, checked_options
from pangea.alerts.sending import Guarded
from pangea.alerts.tools import Tools
from pangea.core.address_rule import AddressRule
from tests.alerts.conftest import HERE, message


def sender():
    return HttpSender(AddressRule(HERE))


def call(url, **more):
    return Call("POST", url, {}, b"{}", **more)


async def refusal(receiver, status, text="", **headers):
    """Return what is raised for an answer."""
    receiver.says(status, text, **headers)
    with pytest.raises((NotSent, Refused)) as caught:
        await sender().send(call(receiver.url))
    return caught.value


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((s, NotSent) for s in (408, 425, 429, 500, 502, 503, 504)),
        *((s, Refused) for s in (300, 301, 302, 307, 308, 400, 401, 403, 404, 410)),
    ],
)
async def test_an_answer_says_whether_to_try_again(status, kind, receiver):
    error = await refusal(receiver, status, "because")
    assert type(error) is kind
    assert f"answered {status}" in str(error)


async def test_who_asks_to_wait_is_heard(receiver):
    date = "Wed, 21 Oct 2026 07:28:00 GMT"
    later = "Wed, 21 Oct 2026 07:30:00 GMT"
    for headers, body, wanted in (
        ({"Retry_After": "7"}, "", 7),
        ({"Retry_After": later, "Date": date}, "", 120),
        ({"Retry_After": date, "Date": later}, "", 0),
        ({"Retry_After": "1"}, '{"retry_after": 1.25}', 1.25),
        ({}, '{"retry_after_ms": 1500}', 1.5),
        ({}, '{"ok":false,"parameters":{"retry_after":9}}', 9),
        ({"Retry_After": "99999999999999"}, "", 3600),
        ({"Retry_After": "soon"}, "[" * 100_000, None),
        ({"Retry_After": "-1"}, "{}", None),
    ):
        error = await refusal(receiver, 429, body, **headers)
        assert error.retry_after_s == wanted, (headers, body)


async def test_a_redirect_is_not_followed(receiver):
    there = "http://169.254.169.254/latest/meta-data/"
    error = await refusal(receiver, 302, Location=there)
    assert type(error) is Refused
    assert there in str(error)
    assert len(receiver.got) == 1


async def test_a_server_that_hangs_costs_no_more_than_its_time(receiver, tools):
    async def hang(request, body):
        await asyncio.sleep(30)

    receiver.answer = hang
    notifier = Guarded(NOTIFIERS["webhook"](tools))
    options = checked_options("webhook", {"url": receiver.url})
    begun = time.perf_counter()
    with pytest.raises(NotSent, match=r"no answer within 0\.1 s"):
        await notifier.send(message(), options, 0.1)
    assert time.perf_counter() - begun < 20


async def test_of_a_flood_only_the_beginning_is_read(receiver):
    sent = 0

    async def flood(request, body):
        nonlocal sent
        response = web.StreamResponse(headers={"Content-Length": str(100 << 20)})
        await response.prepare(request)
        for _ in range(100):
            await response.write(b"x" * (1 << 20))
            sent += 1 << 20
        return response

    receiver.answer = flood
    begun = time.perf_counter()
    answer = await sender().send(call(receiver.url))
    assert len(answer.body) == MAX_ANSWER
    assert time.perf_counter() - begun < 30
    assert sent < 20 << 20


async def test_a_compressed_answer_is_not_blown_up(receiver):
    receiver.says(200, "x", Content_Encoding="gzip")
    assert (await sender().send(call(receiver.url))).body == b"x"


async def test_nobody_there_may_pass():
    with pytest.raises(NotSent, match="refused"):
        await sender().send(call("http://127.0.0.1:1/"))


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "0.0.0.0",
        "169.254.169.254",
        "100.100.100.200",
        "[fe80::1]",
        "224.0.0.1",
    ],
)
async def test_what_is_closed_is_never_connected_to(host, receiver):
    with pytest.raises((Refused, NotSent)) as caught:
        await HttpSender().send(call(f"http://{host}:{receiver.port}/"))
    assert receiver.got == []
    assert "closed to messages" in str(caught.value), caught.value
    assert '[alerts] allow = ["' in caught.value.hint
    assert "PANGEA_ALERTS_ALLOW=" in caught.value.hint
    assert "start it again" in caught.value.hint


async def test_what_slips_past_the_look_up_is_stopped_at_the_socket(receiver):
    closed = HttpSender()
    closed._places = sender()._places
    with pytest.raises(NotSent, match="this machine itself"):
        await closed.send(call(receiver.url))
    assert receiver.got == []


async def test_a_web_hook_to_what_is_closed_is_refused_for_good():
    notifier = Guarded(NOTIFIERS["slack"](Tools()))
    options = checked_options("slack", {"url": "http://localhost:9/services/x"})
    with pytest.raises(Refused, match="this machine itself"):
        await notifier.send(message(), options, 5)


@pytest.fixture
async def https():
    """A server with a certificate that nobody vouches for."""
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued.configure_cert(context)
    app = web.Application()

    async def answer(request):
        return web.Response(text="ok")

    app.router.add_post("/", answer)
    server = TestServer(app, host="127.0.0.1", scheme="https")
    await server.start_server(ssl=context)
    der = ssl.PEM_cert_to_DER_cert(issued.cert_chain_pems[0].bytes().decode())
    yield server.port, der
    await server.close()


async def test_a_certificate_is_vouched_for_or_given(https):
    import hashlib

    port, der = https
    url, right = f"https://localhost:{port}/", hashlib.sha256(der).hexdigest()
    with pytest.raises((NotSent, Refused), match="not trusted"):
        await sender().send(call(url))
    assert (await sender().send(call(url, fingerprint=right))).status == 200
    with pytest.raises(Refused, match="tls_fingerprint"):
        await sender().send(call(url, fingerprint="0" * 64))


async def test_a_proxy_is_gone_through(receiver):
    through = HttpSender(proxy=receiver.url)
    await through.send(call("http://hooks.example:8000/x"))
    assert receiver.got[0][2]["Host"] == "hooks.example:8000"
