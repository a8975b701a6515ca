import asyncio
import ssl

import pytest

from pangea.core.errors import UsageError
from pangea.core.model import Outcome
from pangea.probes.base import make_probe
from pangea.probes.tls_failure import alert_in
from tests.probes.certificate_maker import key_pem, make, server_context, write_pem
from tests.probes.s_server import servers

ROOT = make("Root", authority=True, begins=0, ends=4e9)
LEAF = make("leaf", ROOT, san=("127.0.0.1",), begins=0, ends=4e9)
CLIENT = make("client", ROOT, begins=0, ends=4e9, for_clients=True)
STRANGER = make("stranger", begins=0, ends=4e9)

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.fixture
def root_file(tmp_path):
    path = tmp_path / "root.pem"
    path.write_bytes(ROOT.pem)
    return str(path)


@pytest.fixture(params=["1_2", "1_3"])
async def strict(request, tmp_path, root_file):
    """A server that demands a client's certificate, and says so; its address."""
    chain, key = write_pem(tmp_path, LEAF)
    demand = ("-Verify", 1, "-verify_return_error", "-CAfile", root_file)
    async with servers() as start_server:
        how = (f"-tls{request.param}", *demand)
        yield f"127.0.0.1:{await start_server('-cert', chain, '-key', key, *how)}"


async def start(serve, tmp_path, root_file, version, mode):
    context = server_context(tmp_path, LEAF)
    context.verify_mode = mode
    context.load_verify_locations(root_file)
    context.minimum_version = context.maximum_version = version
    return f"127.0.0.1:{await serve(hold, context)}"


async def hold(reader, writer):
    while await reader.read(100):
        pass


def identity(made):
    return {"client_cert": made.pem.decode(), "client_key": key_pem(made).decode()}


@pytest.mark.needs("openssl")
async def test_a_server_that_demands_a_certificate_is_no_success(
    strict, ask, root_file
):
    result = await ask("tls", strict, ca_file=root_file)
    assert (result.outcome, result.reason) == (Outcome.FAILED, "tls_handshake")
    assert "asked for a client certificate" in result.detail
    assert result.readings["alert"] in ("certificate_required", "handshake_failure")


@pytest.mark.needs("openssl")
async def test_the_refusal_that_is_wanted_is_well(strict, ask):
    wanted = ["certificate_required", "handshake_failure"]
    for alerts in (wanted, ["any"]):
        result = await ask("tls", strict, expect_alert=alerts)
        assert (result.outcome, result.detail) == (Outcome.OK, "")
        assert result.readings["alert"] in wanted


@pytest.mark.needs("openssl")
async def test_another_refusal_than_the_wanted_one_is_not(strict, ask):
    result = await ask("tls", strict, expect_alert="unknown_ca")
    assert (result.outcome, result.reason) == (Outcome.FAILED, "tls_alert")
    assert result.detail.endswith("wanted the alert unknown_ca")


@pytest.mark.needs("openssl")
async def test_a_strangers_certificate_is_refused(strict, ask):
    result = await ask("tls", strict, **identity(STRANGER), expect_alert="unknown_ca")
    assert (result.outcome, result.detail) == (Outcome.OK, "")
    assert result.readings["alert"] == "unknown_ca"


@pytest.mark.slow
@pytest.mark.needs("openssl")
async def test_our_own_certificate_is_accepted(strict, ask, root_file):
    result = await ask("tls", strict, ca_file=root_file, **identity(CLIENT))
    assert (result.outcome, result.detail) == (Outcome.OK, "")
    wanted = await ask("tls", strict, **identity(CLIENT), expect_alert="any")
    assert (wanted.outcome, wanted.reason) == (Outcome.FAILED, "tls_alert")
    assert "took us with our client certificate" in wanted.detail


@pytest.mark.needs("openssl")
async def test_a_certificate_in_files_is_read(strict, ask, root_file, tmp_path):
    (tmp_path / "mine").mkdir()
    chain, key = write_pem(tmp_path / "mine", CLIENT)
    how = {"client_cert": str(chain), "client_key": str(key)}
    result = await ask("tls", strict, ca_file=root_file, **how)
    assert (result.outcome, result.detail) == (Outcome.OK, "")
    key.unlink()
    result = await ask("tls", strict, ca_file=root_file, **how)
    assert (result.outcome, result.reason) == (Outcome.ERROR, "client_cert")


async def test_who_closes_without_an_alert_has_not_refused_as_wanted(
    serve, ask, tmp_path, root_file
):
    # As servers on asyncio do.
    version, mode = ssl.TLSVersion.TLSv1_3, ssl.CERT_REQUIRED
    target = await start(serve, tmp_path, root_file, version, mode)
    result = await ask("tls", target, expect_alert="any")
    assert (result.outcome, result.reason) == (Outcome.FAILED, "tls_alert")
    assert (await ask("tls", target, ca_file=root_file)).reason == "closed"


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_server_that_lets_anybody_in_fails(
    serve, ask, tmp_path, root_file, version
):
    target = await start(serve, tmp_path, root_file, version, ssl.CERT_NONE)
    result = await ask("tls", target, expect_alert="certificate_required")
    assert (result.outcome, result.reason) == (Outcome.FAILED, "tls_alert")
    assert "took us without a client certificate, wanted" in result.detail


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_server_that_only_would_like_a_certificate_is_well(
    serve, ask, tmp_path, root_file, version
):
    target = await start(serve, tmp_path, root_file, version, ssl.CERT_OPTIONAL)
    result = await ask("tls", target, ca_file=root_file)
    assert (result.outcome, result.detail) == (Outcome.OK, "")
    assert result.readings["client_cert_asked"] is True
    # The tickets that follow say that we are in: no silence need be waited for.
    assert result.phases.get("accept", 0) < 500


@pytest.mark.slow
@pytest.mark.needs("openssl")
async def test_silence_after_the_handshake_is_no_refusal(ask, tmp_path, root_file):
    chain, key = write_pem(tmp_path, LEAF)
    async with servers() as start_server:
        port = await start_server(
            "-cert", chain, "-key", key, "-verify", 1, "-num_tickets", 0
        )
        result = await ask("tls", f"127.0.0.1:{port}", ca_file=root_file)
    assert (result.outcome, result.detail) == (Outcome.OK, "")
    assert result.phases["accept"] > 900
    assert result.duration_ms < 500


@pytest.mark.needs("openssl")
async def test_a_refusal_shows_in_tcp_too(strict, ask, root_file):
    result = await ask("tcp", strict, tls=True, ca_file=root_file)
    assert (result.outcome, result.reason) == (Outcome.FAILED, "tls_handshake")


async def test_a_banner_that_comes_with_the_tickets_is_not_lost(
    serve, ask, tmp_path, root_file
):
    context = server_context(tmp_path, LEAF)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(root_file)

    async def greet(reader, writer):
        writer.write(b"220 ready\r\n")
        await reader.read()

    target = f"127.0.0.1:{await serve(greet, context)}"
    how = {"tls": True, "ca_file": root_file, "expect": "^220 ready"}
    for _ in range(5):
        result = await ask("tcp", target, **how)
        assert (result.outcome, result.detail) == (Outcome.OK, "")


@pytest.mark.needs("openssl")
async def test_old_versions_alone_can_be_offered(ask, tmp_path):
    chain, key = write_pem(tmp_path, LEAF)
    async with servers() as start_server:
        port = await start_server("-cert", chain, "-key", key, "-tls1_2")
        target = f"127.0.0.1:{port}"
        await offers_old_versions(ask, target)


async def offers_old_versions(ask, target):
    result = await ask("tls", target, max_version="1.1")
    assert (result.outcome, result.reason) == (Outcome.FAILED, "tls_handshake")
    assert result.readings["alert"] == "protocol_version"
    wanted = await ask("tls", target, max_version="1.1", expect_alert="any")
    assert wanted.outcome is Outcome.OK


@pytest.mark.parametrize(
    ("said", "alert"),
    [
        ("tls alert bad certificate", "bad_certificate"),
        ("sslv3 alert handshake failure", "handshake_failure"),
        ("tlsv13 alert certificate required", "certificate_required"),
        ("tlsv1 unrecognized name", "unrecognized_name"),
        ("tlsv1 alert user cancelled", "user_canceled"),
        ("", "unknown"),
        ("wrong version number", ""),
        ("tls illegal exporter label", ""),
    ],
)
def test_alerts_have_the_names_of_the_rfc(said, alert):
    assert alert_in(said) == alert


@pytest.mark.parametrize(
    "options",
    [
        {"client_key": "x"},
        {"client_cert": "-----BEGIN nonsense"},
        {"expect_alert": "certificate_reqired"},
        {"min_version": "1.3", "max_version": "1.2"},
        {"expect_fingerprint": "00:11"},
        {"expect_issuer": "("},
        {"alpn": "a b"},
        {"starttls": "gopher"},
    ],
)
def test_options_that_cannot_be_meant_are_refused(options):
    with pytest.raises(UsageError):
        make_probe("tls", "host", options)


async def test_a_server_that_asks_and_then_hangs_up_is_told(
    serve, ask, tmp_path, root_file
):
    context = server_context(tmp_path, LEAF)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.num_tickets = 0
    context.load_verify_locations(root_file)

    async def hang_up(reader, writer):
        await asyncio.sleep(0.01)

    target = f"127.0.0.1:{await serve(hang_up, context)}"
    result = await ask("tls", target, ca_file=root_file)
    assert (result.outcome, result.reason) == (Outcome.FAILED, "closed")
    assert "asked for a client certificate and closed" in result.detail
