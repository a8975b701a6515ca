import asyncio
import ssl

import dns.message
import pytest

from pangea.core.model import Outcome
from tests.probes.name_server import respond, stream_server


def good(query: bytes, *texts: str) -> bytes:
    response = respond(dns.message.from_wire(query), *(texts or ("192.0.2.7",)))
    return response.to_wire(max_size=65_535)


def framed(data: bytes, claimed: int | None = None) -> bytes:
    return (len(data) if claimed is None else claimed).to_bytes(2, "big") + data


def saying(make, *, then=None):
    """Write what *make* makes of the query, and perhaps wait for *then*."""

    async def talk(query, writer):
        writer.write(make(query))
        if then:
            await writer.drain()
            await asyncio.sleep(then)

    return talk


async def dribble(query, writer):
    for byte in framed(good(query)):
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.001)


@pytest.fixture
def asked(ask):
    async def once(talk, timeout_s=3, tls=None, **options):
        async with stream_server(talk, tls) as port:
            transport = "tls" if tls else "tcp"
            return await ask(
                "dns",
                "host.example",
                timeout_s=timeout_s,
                resolver=f"{transport}://127.0.0.1:{port}",
                **options,
            )

    return once


async def test_an_answer_in_pieces_is_put_together(asked):
    result = await asked(dribble)
    assert (result.outcome, result.detail) == (Outcome.OK, "")
    assert list(result.phases) == ["connect", "query"]
    assert result.readings["transport"] == "tcp"


@pytest.mark.parametrize(
    ("talk", "reason", "said"),
    [
        pytest.param(saying(lambda q: b""), "closed", "without", id="nothing"),
        pytest.param(saying(lambda q: b"\1"), "closed", "length", id="half a length"),
        pytest.param(
            saying(lambda q: framed(good(q), 60_000)),
            "closed",
            "of 60000",
            id="too long",
        ),
        pytest.param(
            saying(lambda q: framed(good(q), 20)), "protocol", "cut", id="too short"
        ),
        pytest.param(saying(lambda q: framed(b"")), "protocol", "0 bytes", id="zero"),
        pytest.param(
            saying(lambda q: framed(b"\0\0" + good(q)[2:])),
            "protocol",
            "identifier",
            id="another identifier",
        ),
        pytest.param(
            saying(lambda q: framed(good(q).replace(b"host", b"ghst"))),
            "protocol",
            "another question",
            id="another question",
        ),
        pytest.param(
            saying(lambda q: framed(good(q)[:2] + b"\x83" + good(q)[3:])),
            "truncated",
            "cut though",
            id="cut over TCP",
        ),
        pytest.param(
            saying(lambda q: b"HTTP/1.1 400 Bad Request\r\n\r\n"),
            "closed",
            "of 18516",
            id="no DNS at all",
        ),
    ],
)
async def test_lies_over_tcp_are_named(asked, talk, reason, said):
    result = await asked(talk)
    assert (result.outcome, result.reason) == (Outcome.FAILED, reason)
    assert said in result.detail


async def test_a_server_that_accepts_and_says_nothing_times_out(asked):
    result = await asked(saying(lambda q: b"", then=60), timeout_s=0.15)
    assert (result.outcome, result.reason) == (Outcome.FAILED, "timeout")
    assert "query" in result.detail


async def test_an_answer_that_never_ends_times_out(asked):
    async def forever(query, writer):
        writer.write(framed(b"", 65_535))
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.005)

    result = await asked(forever, timeout_s=0.15)
    assert (result.outcome, result.reason) == (Outcome.FAILED, "timeout")


async def test_ten_megabytes_are_neither_awaited_nor_kept(asked):
    sent = 0

    async def flood(query, writer):
        nonlocal sent
        writer.write(framed(good(query)))
        for _ in range(1000):
            writer.write(bytes(10_000))
            await writer.drain()
            sent += 10_000

    result = await asked(flood)
    assert result.outcome is Outcome.OK
    assert result.duration_ms < 2000
    await asyncio.sleep(0)
    assert sent < 10_000_000


async def test_the_largest_text_there_is_is_read_in_bounded_time(asked):
    piece = '"' + "\\255" * 255 + '"'
    largest = " ".join([piece] * 250)

    result = await asked(saying(lambda q: framed(good(q, largest))), type="TXT")
    assert result.outcome is Outcome.OK
    assert result.readings["size"] > 64_000
    assert [len(answer) for answer in result.readings["answers"]] == [1000]


async def test_an_answer_over_tls_has_its_phase(asked, ca_file, server_tls):
    talk = saying(lambda q: framed(good(q)))
    result = await asked(talk, tls=server_tls, ca_file=ca_file)
    assert (result.outcome, result.detail) == (Outcome.OK, "")
    # Our own turn to begin with TLS may take a while; it is not the server's time.
    assert [p for p in result.phases if p != "wait"] == ["connect", "tls", "query"]
    assert result.readings["transport"] == "tls"
    assert result.readings["tls_version"] == "TLSv1.3"


async def test_over_tls_the_server_must_be_the_one_meant(asked, ca_file, authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("dns.example").configure_cert(context)
    talk = saying(lambda q: framed(good(q)))
    untrusted = await asked(talk, tls=context)
    assert (untrusted.outcome, untrusted.reason[:5]) == (Outcome.FAILED, "cert_")
    other = await asked(talk, tls=context, ca_file=ca_file)
    assert other.reason == "cert_wrong_host"
    named = {"ca_file": ca_file, "server_name": "dns.example"}
    assert (await asked(talk, tls=context, **named)).outcome is Outcome.OK
    assert (await asked(talk, tls=context, verify=False)).outcome is Outcome.OK


async def test_plain_dns_on_the_port_of_tls_is_named(ask):
    async with stream_server(saying(lambda q: framed(good(q)))) as port:
        resolver = f"tls://127.0.0.1:{port}"
        result = await ask("dns", "host.example", resolver=resolver, timeout_s=0.5)
    assert result.outcome is Outcome.FAILED
    assert result.reason in ("tls_handshake", "timeout")
