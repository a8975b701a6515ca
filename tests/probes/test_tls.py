import asyncio
import ssl
import warnings

import pytest
from cryptography.hazmat.primitives import hashes
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.errors import UsageError
from pangea.core.failure import ProbeError, ProbeFailed
from pangea.core.model import Flag, Outcome
from pangea.probes.base import make_probe
from pangea.probes.certificates import matches
from pangea.probes.tls_engine import TlsEngine
from pangea.probes.tls_facts import read_facts
from pangea.probes.tls_trust import system_ca_file
from tests.probes.certificate_maker import DAY, NOW, make, server_context
from tests.probes.conftest import open_sockets

HOST = "nas.home.lan"
ROOT = make("Test Root", authority=True, begins=NOW - 900 * DAY, ends=NOW + 900 * DAY)
MIDDLE = make("Test Middle", ROOT, authority=True)
STRANGER = make("Stranger Root", authority=True)


@pytest.fixture(scope="module")
def root_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("root") / "root.pem"
    path.write_bytes(ROOT.pem)
    return str(path)


@pytest.fixture
def at_now(tools):
    """The shared engine, standing still at NOW."""
    tools.tls.now = lambda: NOW
    return tools.tls


async def greet(reader, writer):
    await reader.read(100)


def leaf(issuer=MIDDLE, **how):
    return make("leaf", issuer, **{"san": (HOST, "127.0.0.1"), **how})


def expired_middle():
    return make("Old Middle", ROOT, authority=True, ends=NOW - DAY / 2)


def chains():
    old, impostor = expired_middle(), make("No Authority", MIDDLE)
    return {
        "good": ([leaf(), MIDDLE], "", ""),
        "good, with the root": ([leaf(), MIDDLE, ROOT], "", ""),
        "good, in the wrong order": ([leaf(), ROOT, MIDDLE], "", ""),
        "expired": (
            [leaf(begins=NOW - 99 * DAY, ends=NOW - 3 * DAY), MIDDLE],
            "cert_expired",
            "leaf expired 3 days ago, on 2023-11-11T22:13:20Z",
        ),
        "not yet valid": (
            [leaf(begins=NOW + DAY), MIDDLE],
            "cert_not_yet_valid",
            "valid only from 2023-11-15",
        ),
        "expired authority": (
            [leaf(old), old],
            "cert_expired",
            "the certificate of Old Middle expired 12 h ago",
        ),
        "self-signed": (
            [leaf(None)],
            "cert_self_signed",
            "of leaf is signed by itself",
        ),
        "other name": (
            [leaf(san=("a.lan", "b.lan")), MIDDLE],
            "cert_wrong_host",
            f"wanted {HOST}, got a.lan, b.lan",
        ),
        "no names": (
            [leaf(san=()), MIDDLE],
            "cert_wrong_host",
            "only the subject leaf",
        ),
        "unknown root sent": (
            [leaf(STRANGER), STRANGER],
            "cert_untrusted",
            "ends in Stranger Root, which is not trusted",
        ),
        "unknown issuer": (
            [leaf(STRANGER)],
            "cert_untrusted",
            "the issuer Stranger Root is not trusted",
        ),
        "intermediate not sent": (
            [leaf(issuer_url=True)],
            "cert_incomplete",
            "sent only its own certificate, not that of Test Middle",
        ),
        "another intermediate sent": (
            [leaf(), make("Other", ROOT, authority=True)],
            "cert_incomplete",
            "none of the 1 other certificates",
        ),
        "issued by a leaf": (
            [leaf(impostor), impostor, MIDDLE],
            "cert_untrusted",
            "the certificate of No Authority: invalid CA certificate",
        ),
        "for clients only": (
            [leaf(for_clients=True), MIDDLE],
            "cert_untrusted",
            "not meant for servers",
        ),
        "expired and self-signed and of another name": (
            [leaf(None, ends=NOW - DAY / 2, san=("x.lan",))],
            "cert_expired",
            "also the certificate of leaf is signed by itself",
        ),
    }


CHAINS = chains()


@pytest.mark.parametrize("case", CHAINS)
def test_a_chain_is_judged_by_name(case, root_file):
    made, reason, says = CHAINS[case]
    engine = TlsEngine(now=lambda: NOW)
    problems = engine.judge(tuple(one.der for one in made), HOST, root_file)
    if not reason:
        assert problems == ()
        return
    assert problems[0].reason.startswith(reason), problems
    assert says in "; also ".join(problem.detail for problem in problems)


def test_a_verdict_holds_only_until_the_next_date_in_the_chain(root_file):
    now = NOW
    engine = TlsEngine(now=lambda: now)
    chain = (leaf(ends=NOW + 60).der, MIDDLE.der)
    assert engine.judge(chain, HOST, root_file) == ()
    now = NOW + 59
    assert engine.judge(chain, HOST, root_file) == ()
    now = NOW + 61
    assert engine.judge(chain, HOST, root_file)[0].reason == "cert_expired"
    now = NOW + 1
    assert engine.judge(chain, HOST, root_file) == ()


def test_a_root_that_is_added_to_the_file_counts_within_the_hour(tmp_path):
    now, path = NOW, tmp_path / "ca.pem"
    engine = TlsEngine(now=lambda: now)
    chain = (leaf(STRANGER).der,)
    path.write_bytes(ROOT.pem)
    assert engine.judge(chain, HOST, str(path))[0].reason == "cert_untrusted"
    path.write_bytes(ROOT.pem + STRANGER.pem)
    now = NOW + 3601
    assert engine.judge(chain, HOST, str(path)) == ()


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_without_authorities_we_cannot_tell(tmp_path, content):
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ProbeError, match=r"ca\.pem cannot be used") as refusal:
        TlsEngine().judge((leaf().der,), HOST, str(path))
    assert refusal.value.reason == "no_trust_store"


def test_the_environment_says_where_the_authorities_are(monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", "/etc/mine.pem")
    assert system_ca_file() == "/etc/mine.pem"


@pytest.mark.parametrize("chain", [(), (b"junk",), (leaf().der[:-9],)])
def test_a_broken_certificate_is_the_servers_fault(chain):
    with pytest.raises(ProbeFailed) as failure:
        TlsEngine().judge(chain, HOST, "")
    assert failure.value.reason == "cert_unreadable"


@pytest.mark.parametrize(
    ("name", "host", "same"),
    [
        ("nas.lan", "NAS.lan.", True),
        ("*.home.lan", "nas.home.lan", True),
        ("*.home.lan", "a.nas.home.lan", False),
        ("*.home.lan", "home.lan", False),
        ("*.lan", "nas.lan", False),
        ("n*.home.lan", "nas.home.lan", False),
        ("*.*.lan", "nas.home.lan", False),
        ("*.0.0.1", "127.0.0.1", False),
        ("127.0.0.1", "127.0.0.1", True),
        ("::1", "::1", True),
        ("*", "nas", False),
    ],
)
def test_a_star_stands_for_one_whole_label(name, host, same):
    assert matches(name, host) is same


@given(st.text(max_size=40), st.text(max_size=40))
def test_without_a_star_only_the_same_name_matches(name, host):
    if matches(name, host) and not name.startswith("*."):
        assert name.rstrip(".").lower() == host.partition("%")[0].rstrip(".").lower()


@given(st.binary(max_size=200), st.integers(0, 400))
def test_a_damaged_certificate_is_read_or_refused(noise, at):
    der = CHAINS["good"][0][0].der
    damaged = der[:at] + noise + der[at + len(noise) :]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            facts = read_facts(damaged)
        except ValueError:
            return
    assert facts.subject.isprintable()


async def test_a_good_server_is_shown_with_all_its_facts(
    serve, ask, at_now, tmp_path, root_file
):
    made = leaf(rsa_bits=2048)
    port = await serve(greet, server_context(tmp_path, made, MIDDLE))
    result = await ask("tls", f"127.0.0.1:{port}", server_name=HOST, ca_file=root_file)
    assert (result.outcome, result.detail, result.flags) == (Outcome.OK, "", 0)
    assert [name for name in result.phases if name != "wait"] == ["connect", "tls"]
    assert result.readings == {
        "address": "127.0.0.1",
        "tls_version": "TLSv1.3",
        "cipher": result.readings["cipher"],
        "not_before": "2023-11-13T22:13:20Z",
        "not_after": "2024-11-13T22:13:20Z",
        "days_left": 365.0,
        "issuer": "Test Middle",
        "subject": "leaf",
        "san": [HOST, "127.0.0.1"],
        "san_count": 2,
        "key": "RSA",
        "bits": 2048,
        "signature": "sha256",
        "fingerprint_sha256": made.cert.fingerprint(hashes.SHA256()).hex(),
        "chain_length": 2,
        "chain": [shown("leaf", "Test Middle"), shown("Test Middle", "Test Root")],
        "chain_earliest_expiry": "2024-11-13T22:13:20Z",
        "chain_earliest_days_left": 365.0,
        "verified_chain": [
            shown("leaf", "Test Middle"),
            shown("Test Middle", "Test Root"),
            shown("Test Root", "Test Root", "2026-05-02T22:13:20Z", 900.0),
        ],
        "verified_chain_expiry": "2024-11-13T22:13:20Z",
        "verified_chain_days_left": 365.0,
        "client_cert_asked": False,
        "ocsp": "none",
    }


def shown(subject, issuer, not_after="2024-11-13T22:13:20Z", days_left=365.0):
    return {
        "subject": subject,
        "issuer": issuer,
        "not_after": not_after,
        "days_left": days_left,
    }


async def test_life_left_warns_and_then_fails(serve, ask, at_now, tmp_path, root_file):
    context = server_context(tmp_path, leaf(ends=NOW + 10 * DAY), MIDDLE)
    target, how = f"127.0.0.1:{await serve(greet, context)}", {"ca_file": root_file}
    warned = await ask("tls", target, **how)
    assert (warned.outcome, warned.reason) == (Outcome.OK, "cert_expires_soon")
    assert warned.flags & Flag.WARN
    assert (await ask("tls", target, warn_days=5, **how)).reason == ""
    failed = await ask("tls", target, fail_days=14, **how)
    assert (failed.outcome, failed.reason) == (Outcome.FAILED, "cert_expires_soon")
    assert (
        "expires in 10 days, on 2023-11-24T22:13:20Z, wanted at least 14"
        in failed.detail
    )


async def test_without_verify_only_the_dates_count(serve, ask, at_now, tmp_path):
    context = server_context(tmp_path, leaf(None))
    target = f"127.0.0.1:{await serve(greet, context)}"
    assert (await ask("tls", target, verify=False)).outcome is Outcome.OK
    at_now.now = lambda: NOW + 999 * DAY
    assert (await ask("tls", target, verify=False)).reason == "cert_expired"


async def test_an_old_printer_is_reached_and_called_weak(
    serve, ask, at_now, tmp_path, root_file
):
    made = leaf(ROOT, rsa_bits=1024)
    context = server_context(tmp_path, made)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1
    target = f"127.0.0.1:{await serve(greet, context)}"
    result = await ask("tls", target, ca_file=root_file)
    assert (result.outcome, result.reason) == (Outcome.OK, "tls_version")
    assert result.readings["tls_version"] == "TLSv1"
    wanted = await ask("tls", target, ca_file=root_file, min_version="1.2")
    assert (wanted.outcome, wanted.reason) == (Outcome.FAILED, "tls_version")
    assert "got TLSv1, wanted TLS 1.2" in wanted.detail


async def test_a_short_key_warns(serve, ask, at_now, tmp_path, root_file):
    context = server_context(tmp_path, leaf(ROOT, rsa_bits=1024))
    result = await ask(
        "tls", f"127.0.0.1:{await serve(greet, context)}", ca_file=root_file
    )
    assert (result.outcome, result.reason) == (Outcome.OK, "cert_weak")
    assert "RSA key of 1024 bits, wanted 2048" in result.detail


async def test_the_server_name_is_sent(serve, ask, tmp_path):
    seen = []
    context = server_context(tmp_path, leaf())
    context.sni_callback = lambda _, name, __: seen.append(name)
    target = f"127.0.0.1:{await serve(greet, context)}"
    await ask("tls", target, server_name="nas.home.lan.", verify=False)
    await ask("tls", target, verify=False)
    assert seen == ["nas.home.lan", None]


@pytest.mark.parametrize(
    ("raw", "reason", "says"),
    [
        (b"", "tls_handshake", "closed the connection during the TLS handshake"),
        (b"220 mail.example ESMTP\r\n", "tls_handshake", "does not speak TLS"),
        (
            b"\x15\x03\x03\x00\x02\x02\x28",
            "tls_handshake",
            "the alert handshake_failure",
        ),
        (b"\x16\x03\x03\x40\x00" + b"\x0b" * 99, "tls_handshake", "closed"),
        (b"\x16\x03\x03\x00\x04\x02\x00\x00\x00", "tls_handshake", "failed"),
    ],
    ids=["silence", "banner", "alert", "half a record", "empty hello"],
)
async def test_a_broken_handshake_is_a_clear_failure(serve, ask, raw, reason, says):
    async def handler(reader, writer):
        await reader.read(10)
        writer.write(raw)
        await reader.read(9000)

    result = await ask("tls", f"127.0.0.1:{await serve(handler)}")
    assert (result.outcome, result.reason) == (Outcome.FAILED, reason)
    assert says in result.detail


async def test_a_tarpit_is_left_in_time_with_nothing_open(serve, ask):
    async def silent(reader, writer):
        while await reader.read(9000):
            pass

    target = f"127.0.0.1:{await serve(silent)}"
    before = open_sockets()
    results = await asyncio.gather(
        *(ask("tls", target, timeout_s=1.0) for _ in range(10))
    )
    assert {r.detail for r in results} == {"no answer within 1 s (while: tls)"}
    for _ in range(40):
        if open_sockets() == before:
            break
        await asyncio.sleep(0.005)
    assert open_sockets() == before


async def test_the_hello_fits_one_packet_for_old_devices(serve, ask):
    seen = bytearray()

    async def handler(reader, writer):
        seen.extend(await reader.read(9000))

    await ask("tls", f"127.0.0.1:{await serve(handler)}", server_name=HOST)
    assert seen[0] == 0x16
    assert len(seen) < 1000


async def test_contexts_are_made_once(serve, ask, tools, server_tls):
    target = f"127.0.0.1:{await serve(greet, server_tls)}"
    for name in ("a.lan", "b.lan", "c.lan"):
        await ask("tls", target, server_name=name, verify=False)
    assert len(tools.tls._contexts) == 1


@pytest.mark.parametrize(
    ("target", "options"),
    [
        ("https://a", {}),
        ("a:x", {}),
        ("a", {"min_version": "1.4"}),
        ("a", {"warn_days": -1}),
        ("a", {"server_name": "-x"}),
    ],
)
def test_a_wrong_target_or_option_is_refused(target, options):
    with pytest.raises(UsageError):
        make_probe("tls", target, options)
