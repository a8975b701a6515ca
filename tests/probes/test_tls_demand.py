import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from pangea.core.model import Flag, Outcome
from pangea.probes.base import make_probe
from pangea.probes.runner import run_once
from pangea.probes.tls_engine import TlsEngine
from pangea.system_clock import SystemClock
from tests.probes.certificate_maker import DAY, NOW, make, server_context

ROOT = make("Test Root", authority=True, begins=NOW - 900 * DAY, ends=NOW + 900 * DAY)
MIDDLE = make("Test Middle", ROOT, authority=True)
LEAF = make("leaf", MIDDLE, san=("127.0.0.1",))


@pytest.fixture
def root_file(tmp_path):
    path = tmp_path / "root.pem"
    path.write_bytes(ROOT.pem)
    return str(path)


@pytest.fixture
def ask_good(serve, ask, tools, tmp_path, root_file):
    """Ask a server that presents the chain given, or a good one."""
    tools.tls.now = lambda: NOW

    async def greet(reader, writer):
        await reader.read(100)

    async def asked(*chain, context=None, **options):
        context = context or server_context(tmp_path, *(chain or (LEAF, MIDDLE)))
        target = f"127.0.0.1:{await serve(greet, context)}"
        return await ask("tls", target, **{"ca_file": root_file} | options)

    return asked


def print_of(made):
    return TlsEngine().read((made.der,))[0].fingerprint


@pytest.mark.parametrize(
    "options",
    [
        {"expect_issuer": "^Test Middle$"},
        {"expect_issuer": "^CN=Test"},
        {"expect_fingerprint": ["00" * 32, print_of(LEAF)]},
        {"expect_fingerprint": [
            ":".join(print_of(LEAF)[at : at + 2] for at in range(0, 64, 2)).upper()
        ]},
        {"expect_cipher": "^TLS_.*(GCM|CHACHA)"},
        {"min_key_bits": 3072},
        {"min_version": "1.3"},
    ],
    ids=lambda said: next(iter(said)),
)  # fmt: skip
async def test_what_is_as_it_should_be_is_well(ask_good, options):
    result = await ask_good(**options)
    assert (result.outcome, result.detail) == (Outcome.OK, "")


@pytest.mark.parametrize(
    ("options", "reason", "says"),
    [
        ({"expect_issuer": "Encrypt"}, "cert_issuer",
         "got CN=Test Middle, wanted 'Encrypt'"),
        ({"expect_fingerprint": "ab" * 32}, "cert_fingerprint",
         f"got {print_of(LEAF)}, wanted abab"),
        ({"expect_cipher": "RC4"}, "tls_cipher", "wanted 'RC4'"),
        ({"min_key_bits": 4096}, "cert_weak",
         "leaf has an EC key of 256 bits, no stronger than RSA with 3072, wanted 4096"),
        ({"max_version": "1.2", "min_version": "1.2", "expect_cipher": "^TLS_"},
         "tls_cipher", "got ECDHE"),
        ({"alpn": "h2"}, "tls_alpn", "got none, wanted h2"),
    ],
    # Keys are made anew by each process, and all must name the tests alike.
    ids=["issuer", "fingerprint", "cipher", "key", "old cipher", "alpn"],
)  # fmt: skip
async def test_each_demand_says_got_and_wanted(ask_good, options, reason, says):
    result = await ask_good(**options)
    assert (result.outcome, result.reason) == (Outcome.FAILED, reason)
    assert says in result.detail


async def test_all_that_is_wrong_is_named(ask_good):
    how = {"expect_issuer": "x", "expect_cipher": "y", "server_name": "other.lan"}
    result = await ask_good(**how)
    assert result.reason == "cert_wrong_host"
    assert "; also the issuer: got" in result.detail
    assert "; also the cipher: got" in result.detail


async def test_a_protocol_is_agreed_on(ask_good, tmp_path):
    context = server_context(tmp_path, LEAF, MIDDLE)
    context.set_alpn_protocols(["imap", "http/1.1"])
    result = await ask_good(context=context, alpn="h2,http/1.1")
    assert (result.outcome, result.detail) == (Outcome.OK, "")
    assert result.readings["alpn"] == "http/1.1"


async def test_a_key_of_an_edwards_curve_is_strong(ask_good):
    made = make(
        "leaf", ROOT, san=("127.0.0.1",), key=ed25519.Ed25519PrivateKey.generate()
    )
    result = await ask_good(made, min_key_bits=3072)
    assert (result.outcome, result.detail) == (Outcome.OK, "")
    assert (result.readings["key"], result.readings["bits"]) == ("Ed25519", 256)


async def test_days_are_demanded_of_an_authority_too(ask_good):
    middle = make("Short Middle", ROOT, authority=True, ends=NOW + 10 * DAY)
    chain = (make("leaf", middle, san=("127.0.0.1",)), middle)
    warned = await ask_good(*chain)
    assert (warned.outcome, warned.reason) == (Outcome.OK, "cert_expires_soon")
    assert "of Short Middle expires in 10 days" in warned.detail
    assert warned.readings["verified_chain_days_left"] == 10.0
    assert warned.readings["chain_earliest_days_left"] == 10.0
    failed = await ask_good(*chain, fail_days=14)
    assert (failed.outcome, failed.reason) == (Outcome.FAILED, "cert_expires_soon")


def renewed():
    """An authority with two certificates for one key: the older ends soon."""
    new = make("Twice", ROOT, authority=True)
    old = make("Twice", ROOT, authority=True, ends=NOW + 5 * DAY, key=new.key)
    return make("leaf", new, san=("127.0.0.1",)), old, new


@pytest.mark.parametrize("first", [0, 1])
async def test_the_way_that_holds_longest_counts(ask_good, first):
    leaf, *both = renewed()
    result = await ask_good(leaf, both[first], both[1 - first])
    assert result.readings["verified_chain_days_left"] == 365.0
    assert result.readings["chain_earliest_days_left"] == 5.0
    # The presented chain has a certificate that nobody needs any more.
    assert (result.outcome, result.reason) == (Outcome.OK, "cert_expires_soon")
    assert "of Twice expires in 5 days" in result.detail


async def test_what_nobody_needs_fails_only_if_days_are_asked_for(ask_good):
    new = make("Twice", ROOT, authority=True)
    begins, ends = NOW - 9 * DAY, NOW - 5 * DAY
    old = make("Twice", ROOT, authority=True, begins=begins, ends=ends, key=new.key)
    chain = (make("leaf", new, san=("127.0.0.1",)), old, new)
    result = await ask_good(*chain)
    assert (result.outcome, result.reason) == (Outcome.OK, "cert_expires_soon")
    assert "of Twice expired 5 days ago" in result.detail
    result = await ask_good(*chain, fail_days=1)
    assert (result.outcome, result.reason) == (Outcome.FAILED, "cert_expires_soon")


async def test_another_certificate_is_noticed(ask_good, tools, serve, tmp_path):
    async def greet(reader, writer):
        await reader.read(100)

    seen, flags = {}, []
    for made in (LEAF, LEAF, make("leaf", MIDDLE, san=("127.0.0.1",))):
        port = await serve(greet, server_context(tmp_path, made, MIDDLE))
        probe = make_probe("tls", f"127.0.0.1:{port}", {"verify": False})
        clock = SystemClock()
        result = await run_once(probe, tools, clock, job=1, timeout_s=5, seen=seen)
        flags.append(bool(result.flags & Flag.CHANGED))
    assert flags == [False, False, True]
    change = result.readings["changed"]["certificate"]
    assert change == {"before": print_of(LEAF), "after": print_of(made)}


@pytest.fixture
def again(tools, serve, tmp_path, root_file):
    """Run one and the same probe at a moment, as a worker does for a job."""

    async def greet(reader, writer):
        await reader.read(100)

    async def prepare(*chain, **options):
        context = server_context(tmp_path, *chain)
        target = f"127.0.0.1:{await serve(greet, context)}"
        probe = make_probe("tls", target, {"ca_file": root_file} | options)

        async def run(now):
            tools.tls.now = lambda: now
            return await run_once(probe, tools, SystemClock(), job=1, timeout_s=5)

        return context, run

    return prepare


async def test_what_is_shown_again_is_told_again(again):
    _, run = await again(LEAF, MIDDLE, warn_days=400)
    first, second = await run(NOW), await run(NOW + 60)
    assert first.reason == second.reason == "cert_expires_soon"
    assert first.flags == second.flags == Flag.WARN
    assert second.readings == first.readings
    assert (await run(NOW + DAY)).readings["days_left"] == 364.0


async def test_a_date_that_passes_meanwhile_is_noticed(again):
    soon = make("leaf", MIDDLE, san=("127.0.0.1",), ends=NOW + 60)
    for verify in (True, False):
        _, run = await again(soon, MIDDLE, verify=verify)
        assert (await run(NOW)).outcome is Outcome.OK
        assert (await run(NOW + 61)).reason == "cert_expired"
        assert (await run(NOW + 61)).reason == "cert_expired"
        assert (await run(NOW + 1)).outcome is Outcome.OK


async def test_another_certificate_is_judged_by_itself(again, tmp_path):
    context, run = await again(LEAF, MIDDLE)
    assert (await run(NOW)).outcome is Outcome.OK
    server_context(tmp_path, make("other", MIDDLE, san=("other.lan",)), MIDDLE)
    context.load_cert_chain(tmp_path / "chain.pem", tmp_path / "key.pem")
    for _ in range(2):
        assert (await run(NOW)).reason == "cert_wrong_host"
