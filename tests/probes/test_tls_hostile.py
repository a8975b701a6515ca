import asyncio
import contextlib
import socket
import struct
import warnings
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.errors import UsageError
from pangea.core.failure import ProbeFailed
from pangea.core.model import Outcome
from pangea.core.text import safe_text
from pangea.probes.tls_engine import MAX_REMEMBERED, TlsEngine
from pangea.probes.tls_facts import MAX_NAMES, read_facts
from pangea.probes.tls_options import TlsOptions
from pangea.probes.tls_records import records, shows_certificate
from pangea.probes.tls_trust import Trust
from tests.probes.certificate_maker import DAY, NOW, make, make_staple, server_context

ROOT = make("Root", authority=True)
EVIL = "evil\x1b[31m\u202e\r\nSet-Cookie: a\u2028"
LEAF = make("leaf", ROOT, san=("127.0.0.1",), must_staple=True, issuer_url=True)
STAPLE = make_staple(LEAF, ROOT)


async def greet(reader, writer):
    await reader.read(100)


@pytest.fixture
def at_now(tools):
    tools.tls.now = lambda: NOW


def texts(value):
    """Yield every text in a result's readings."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from (key, *texts(one))
    elif isinstance(value, list):
        for one in value:
            yield from texts(one)


async def test_control_characters_in_a_certificate_are_shown_escaped(
    serve, ask, at_now, tmp_path
):
    made = make(EVIL, san=("a.lan",))
    port = await serve(greet, server_context(tmp_path, made))
    result = await ask("tls", f"127.0.0.1:{port}")
    assert result.outcome is Outcome.FAILED
    assert "\\x1b[31m" in result.readings["subject"]
    for text in (result.detail, *texts(result.readings)):
        assert text == safe_text(text, 2000)


async def test_ten_thousand_names_are_counted_but_not_kept(
    serve, ask, at_now, tools, tmp_path
):
    names = tuple(f"{n:04x}.a" for n in range(10_000))
    made = make("many", ROOT, san=names)
    port = await serve(greet, server_context(tmp_path, made))
    result = await ask("tls", f"127.0.0.1:{port}", verify=False)
    assert (result.outcome, result.detail) == (Outcome.OK, "")
    assert result.readings["san_count"] == 10_000
    assert len(result.readings["san"]) == 20
    assert len(made.der) > MAX_REMEMBERED
    assert not tools.tls._certificates
    assert len(read_facts(made.der).san) == MAX_NAMES


async def test_a_chain_without_end_is_cut_off(serve, ask, at_now, tmp_path):
    others = [ROOT] * 3000  # more than a megabyte
    port = await serve(greet, server_context(tmp_path, LEAF, *others))
    result = await ask("tls", f"127.0.0.1:{port}", verify=False)
    assert (result.outcome, result.reason) == (Outcome.FAILED, "tls_handshake")
    assert result.detail == "the server sends more than 100 KiB of certificates"


async def test_of_a_long_chain_the_beginning_is_shown(serve, ask, at_now, tmp_path):
    port = await serve(greet, server_context(tmp_path, LEAF, *[ROOT] * 60))
    result = await ask("tls", f"127.0.0.1:{port}", verify=False)
    assert (result.outcome, result.detail) == (Outcome.OK, "")
    assert result.readings["chain_length"] == 61
    assert len(result.readings["chain"]) == 10


@pytest.mark.parametrize("after", [0, 1])
async def test_a_reset_in_the_handshake_is_called_one(ask, after):
    """After the connection is made, or after a first record."""

    async def reset(reader, writer):
        await reader.read(10)
        if after:
            writer.write(b"\x16\x03\x03\x40\x00" + b"\x0b" * 99)
            await asyncio.sleep(0.01)
        hard = struct.pack("ii", 1, 0)
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, hard)
        writer.transport.abort()

    server = await asyncio.start_server(reset, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        result = await ask("tls", f"127.0.0.1:{port}")
    assert (result.outcome, result.reason) == (Outcome.FAILED, "reset")


@pytest.mark.parametrize(
    "flood",
    [
        b"\x16\x03\x03\x00\x04\x00\x00\x00\x00" * 500,  # hello requests
        b"\x15\x03\x03\x00\x02\x01\x5a" * 500,  # warnings
        b"\x14\x03\x03\x00\x01\x01" * 500,  # changes of cipher
        b"\x16\x03\x03\x00\x00" * 500,  # nothing at all
        b"\x16\x03\x03\x40\x00\x02\xff\xff\xff" + b"\0" * 16380,
    ],
    ids=["hello requests", "warnings", "cipher changes", "empty", "endless hello"],
)
async def test_a_flood_of_records_ends(serve, ask, flood):
    async def handler(reader, writer):
        for _ in range(1000):
            writer.write(flood)
            await writer.drain()

    result = await ask("tls", f"127.0.0.1:{await serve(handler)}", timeout_s=10)
    assert (result.outcome, result.reason) == (Outcome.FAILED, "tls_handshake")
    assert len(result.detail) < 200


async def test_a_huge_prime_does_not_stop_the_clock(serve, ask):
    """Finite-field Diffie-Hellman is not offered: the server chooses the prime."""
    hello = bytearray()

    async def handler(reader, writer):
        hello.extend(await reader.read(9000))

    await ask("tls", f"127.0.0.1:{await serve(handler)}")
    at = 5 + 4 + 2 + 32
    at += 1 + hello[at]
    size = int.from_bytes(hello[at : at + 2], "big")
    offered = {bytes(hello[i : i + 2]) for i in range(at + 2, at + 2 + size, 2)}
    assert b"\x13\x01" in offered  # TLS_AES_128_GCM_SHA256
    assert b"\x00\x2f" in offered  # TLS_RSA_WITH_AES_128_CBC_SHA, for old devices
    for ephemeral in (b"\x00\x9e", b"\x00\x9f", b"\x00\x33", b"\x00\x39"):
        assert ephemeral not in offered


@given(st.binary(max_size=300), st.integers(0, len(LEAF.der)), st.integers(0, 9))
def test_no_certificate_breaks_the_judge(noise, at, cut):
    damaged = LEAF.der[:at] + noise + LEAF.der[at + len(noise) + cut :]
    engine = TlsEngine(now=lambda: NOW)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with contextlib.suppress(ProbeFailed):
            for facts in engine.read((damaged, ROOT.der)):
                told = (facts.subject, facts.issuer, facts.issuer_name, *facts.san)
                assert all(text == safe_text(text, 400) for text in told)
            engine.judge((damaged, ROOT.der), "127.0.0.1", FILE)
        assert engine.status(STAPLE, (damaged, ROOT.der)).fault_at(NOW).isprintable()


@given(st.data())
def test_no_flipped_byte_breaks_the_judge(data):
    der = bytearray(LEAF.der)
    for _ in range(data.draw(st.integers(1, 4))):
        der[data.draw(st.integers(0, len(der) - 1))] = data.draw(st.integers(0, 255))
    engine = TlsEngine(now=lambda: NOW)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with contextlib.suppress(ProbeFailed):
            problems = engine.judge((bytes(der),), "127.0.0.1", FILE)
            # A signature covers all but itself; nothing false is believed.
            assert problems or bytes(der) == LEAF.der


@pytest.fixture(scope="module", autouse=True)
def root_file(tmp_path_factory):
    global FILE
    path = tmp_path_factory.mktemp("root") / "root.pem"
    path.write_bytes(ROOT.pem)
    FILE = str(path)
    return FILE


FILE = ""


@given(st.binary(max_size=200))
def test_any_bytes_are_records_or_none(flight):
    assert shows_certificate(flight) in (True, False)
    assert sum(5 + len(content) for _, content in records(flight)) <= len(flight)


async def test_authorities_are_loaded_off_the_loop_and_once(root_file):
    trust = Trust()
    assert not trust.is_ready(root_file, NOW)
    first, second = trust.load(root_file, NOW), trust.load(root_file, NOW)
    assert first is second
    await asyncio.wait([first])
    assert trust.is_ready(root_file, NOW)
    assert trust.is_ready(root_file, NOW + 3599)
    assert not trust.is_ready(root_file, NOW + 3601)
    assert not trust.is_ready(root_file, NOW - 1)
    store = trust._stores[root_file].store
    await asyncio.wait([trust.load(root_file, NOW + 3601)])
    assert trust._stores[root_file].store is store
    assert trust.is_ready(root_file, NOW + 3601)


async def test_who_gives_up_waiting_does_not_stop_the_loading(root_file):
    trust = Trust()
    loading = trust.load(root_file, NOW)
    impatient = asyncio.create_task(asyncio.wait([loading]))
    await asyncio.sleep(0)
    impatient.cancel()
    await asyncio.wait([loading])
    assert trust.is_ready(root_file, NOW)


async def test_what_is_no_file_of_authorities_is_no_trust_store(serve, ask, tmp_path):
    port = await serve(greet, server_context(tmp_path, LEAF))
    for path in (tmp_path, Path("/dev/null"), tmp_path / "absent"):
        result = await ask("tls", f"127.0.0.1:{port}", ca_file=str(path))
        assert (result.outcome, result.reason) == (Outcome.ERROR, "no_trust_store")


def test_a_wrong_fingerprint_is_told_at_once():
    with pytest.raises(UsageError, match="no SHA-256"):
        TlsOptions(expect_fingerprint=("ab:" * 21 + "a",))


async def test_a_short_lived_certificate_is_judged_anew(serve, ask, tools, tmp_path):
    now = NOW
    tools.tls.now = lambda: now
    made = make("leaf", ROOT, san=("127.0.0.1",), ends=NOW + DAY)
    port = await serve(greet, server_context(tmp_path, made))
    how = {"ca_file": FILE, "warn_days": 0}
    assert (await ask("tls", f"127.0.0.1:{port}", **how)).outcome is Outcome.OK
    now = NOW + DAY + 1
    assert (await ask("tls", f"127.0.0.1:{port}", **how)).reason == "cert_expired"
