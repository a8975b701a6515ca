import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.x509 import ocsp
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.model import Flag, Outcome
from pangea.probes.ocsp import read_staple
from tests.probes.certificate_maker import (
    DAY,
    NOW,
    make,
    make_staple,
    write_pem,
)
from tests.probes.s_server import servers

ROOT = make("Root", authority=True, begins=NOW - 900 * DAY, ends=NOW + 900 * DAY)
OTHER = make("Root", authority=True)
LEAF = make("leaf", ROOT, san=("127.0.0.1",))
SECOND = make("second", ROOT)
STAPLE = make_staple(LEAF, ROOT)
RESPONDER = make("Responder", ROOT, responder=True)


def status_of(staple, leaf=LEAF, issuers=(ROOT,), now=NOW):
    read = read_staple(staple, leaf.der, [issuer.der for issuer in issuers])
    fault = read.fault_at(now)
    return ("invalid", fault) if fault else (read.status, "")


@pytest.mark.parametrize("status", ["GOOD", "REVOKED", "UNKNOWN"])
@pytest.mark.parametrize("hash_", [hashes.SHA1, hashes.SHA256])
def test_what_the_issuer_signed_is_believed(status, hash_):
    wanted = ocsp.OCSPCertStatus[status]
    staple = make_staple(LEAF, ROOT, status=wanted, hash_=hash_)
    assert status_of(staple) == (status.lower(), "")


def test_all_its_moments_are_told():
    read = read_staple(STAPLE, LEAF.der, [ROOT.der])
    assert (read.since, read.next_update, read.revoked) == (NOW - DAY, NOW + DAY, None)
    gone = make_staple(LEAF, ROOT, status=ocsp.OCSPCertStatus.REVOKED)
    assert read_staple(gone, LEAF.der, [ROOT.der]).revoked == NOW - 9 * DAY


def test_an_issuer_may_name_a_responder():
    assert status_of(make_staple(LEAF, ROOT, RESPONDER)) == ("good", "")


@pytest.mark.parametrize("bits", [0, 2048])
def test_keys_of_both_kinds_are_known(bits):
    root = make("Root", authority=True, rsa_bits=bits)
    leaf = make("leaf", root)
    assert status_of(make_staple(leaf, root), leaf, [root]) == ("good", "")


def old_responder():
    return make("Old", ROOT, responder=True, begins=NOW - 9 * DAY, ends=NOW - 2 * DAY)


@pytest.mark.parametrize(
    ("staple", "issuers", "says"),
    [
        (make_staple(SECOND, ROOT), [ROOT], "about another certificate"),
        (make_staple(LEAF, OTHER), [ROOT], "about another certificate"),
        (make_staple(LEAF, ROOT, OTHER), [ROOT], "neither the issuer nor a resp"),
        (make_staple(LEAF, ROOT, SECOND), [ROOT], "neither the issuer nor a resp"),
        (STAPLE, [], "issuer's certificate, which would prove it, is not there"),
        (STAPLE, [OTHER], "issuer's certificate"),
        (make_staple(LEAF, ROOT, old_responder()), [ROOT], "ceased to hold 2 days ago"),
        (make_staple(LEAF, ROOT, ends=NOW - 3 * DAY, begins=NOW - 9 * DAY), [ROOT],
         "ceased to hold 3 days ago, on 2023-11-11"),
        (make_staple(LEAF, ROOT, begins=NOW + DAY, ends=NOW + 2 * DAY), [ROOT],
         "begins to hold only on 2023-11-15"),
        (b"\x30\x03\x0a\x01\x03", [ROOT], "only said: try later"),
        (b"junk", [ROOT], "it is malformed"),
        (STAPLE[:-9], [ROOT], "it is malformed"),
    ],
    ids=["other serial", "other issuer", "unnamed responder", "no responder",
         "no issuer", "impostor", "old responder", "old", "too new", "try later",
         "junk", "cut"],
)  # fmt: skip
def test_what_cannot_be_believed_says_why(staple, issuers, says):
    status, fault = status_of(staple, issuers=issuers)
    assert status == "invalid"
    assert says in fault


def test_clocks_may_differ_by_minutes():
    early = make_staple(LEAF, ROOT, begins=NOW + 100)
    late = make_staple(LEAF, ROOT, ends=NOW - 100)
    assert status_of(early) == status_of(late) == ("good", "")


@given(st.integers(0, len(STAPLE) - 1), st.binary(min_size=1, max_size=8))
def test_a_damaged_staple_is_never_believed_to_be_good_for_another(at, noise):
    damaged = STAPLE[:at] + noise + STAPLE[at + len(noise) :]
    status, fault = status_of(damaged)
    assert fault.isprintable()
    if status == "good":
        # Only what no signature covers may differ: the wrapping around it.
        assert ocsp.load_der_ocsp_response(damaged).tbs_response_bytes == (
            ocsp.load_der_ocsp_response(STAPLE).tbs_response_bytes
        )


@pytest.fixture
async def ask_stapled(ask, tools, tmp_path):
    """Ask OpenSSL's server that staples *staple* to *leaf*."""
    tools.tls.now = lambda: NOW
    root = tmp_path / "root.pem"
    root.write_bytes(ROOT.pem)
    async with servers() as start:

        async def asked(leaf, staple, **options):
            chain, key = write_pem(tmp_path, leaf)
            extra = []
            if staple:
                (tmp_path / "staple").write_bytes(staple)
                extra = ["-status_file", tmp_path / "staple"]
            port = await start("-cert", chain, "-key", key, *extra)
            how = {"ca_file": str(root)} | options
            return await ask("tls", f"127.0.0.1:{port}", **how)

        yield asked


MUST = make("must", ROOT, san=("127.0.0.1",), must_staple=True)


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("version", ["1.2", "1.3"])
async def test_a_good_staple_is_read_from_the_handshake(ask_stapled, version):
    result = await ask_stapled(LEAF, STAPLE, require_ocsp=True, max_version=version)
    assert (result.outcome, result.detail) == (Outcome.OK, "")
    assert result.readings["tls_version"] == f"TLSv{version}"
    assert result.readings["ocsp"] == "good"
    assert result.readings["ocsp_next_update"] == "2023-11-15T22:13:20Z"
    assert result.readings["ocsp_produced"].endswith("Z")


@pytest.mark.needs("openssl")
@pytest.mark.parametrize(
    ("leaf", "staple", "options", "reason", "says"),
    [
        (LEAF, make_staple(LEAF, ROOT, status=ocsp.OCSPCertStatus.REVOKED), {},
         "cert_revoked", "of leaf was revoked on 2023-11-05T22:13:20Z"),
        (LEAF, None, {"require_ocsp": True}, "ocsp", "no OCSP status comes with"),
        (MUST, None, {}, "ocsp", "certificate of must, which it must"),
        (MUST, make_staple(MUST, ROOT, begins=NOW - 9 * DAY, ends=NOW - DAY * 3), {},
         "ocsp", "ceased to hold 3 days ago"),
        (LEAF, make_staple(LEAF, ROOT, status=ocsp.OCSPCertStatus.UNKNOWN),
         {"require_ocsp": True}, "ocsp", "got unknown, wanted good"),
    ],
    ids=["revoked", "missing", "must staple", "outdated", "unknown"],
)  # fmt: skip
async def test_a_bad_status_fails(ask_stapled, leaf, staple, options, reason, says):
    result = await ask_stapled(leaf, staple, **options)
    assert (result.outcome, result.reason) == (Outcome.FAILED, reason)
    assert says in result.detail


@pytest.mark.needs("openssl")
async def test_a_staple_that_nobody_demanded_only_warns(ask_stapled):
    result = await ask_stapled(LEAF, make_staple(SECOND, ROOT))
    assert (result.outcome, result.reason) == (Outcome.OK, "ocsp")
    assert result.flags & Flag.WARN
    assert result.readings["ocsp"] == "invalid"
