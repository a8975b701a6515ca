"""What probes tell of a certificate in passing: the same as the tls probe."""

import asyncio
import time

import pytest

from pangea.core.model import Outcome
from pangea.probes.tls_readings import SHOWN_IN_PASSING
from tests.probes.certificate_maker import DAY, NOW, make, server_context

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
ROOT = make("Test Root", authority=True, ends=NOW + 900 * DAY)
#: ends before what it vouches for
MIDDLE = make("Test Middle", ROOT, authority=True, ends=NOW + 30 * DAY)
NAMES = ("127.0.0.1", *(f"n{number}.test" for number in range(30)))
FACTS = {
    "subject": "leaf",
    "issuer": "Test Middle",
    "not_before": "2023-11-13T22:13:20Z",
    "not_after": "2024-11-13T22:13:20Z",
    "days_left": 365.0,
    "san": list(NAMES[:SHOWN_IN_PASSING]),
    "san_count": 31,
    "key": "EC",
    "bits": 256,
    "signature": "sha256",
    "chain_length": 2,
    "chain_earliest_expiry": "2023-12-14T22:13:20Z",
    "chain_earliest_days_left": 30.0,
}
VERIFIED = {
    "verified_chain_expiry": "2023-12-14T22:13:20Z",
    "verified_chain_days_left": 30.0,
}
QUESTIONS = [("http", {}), ("tcp", {"tls": True})]


@pytest.fixture
async def target(serve, tmp_path, tools):
    tools.tls.now = lambda: NOW
    leaf = make("leaf", MIDDLE, san=NAMES)
    return f"127.0.0.1:{await serve(OK, server_context(tmp_path, leaf, MIDDLE))}"


@pytest.fixture
def root_file(tmp_path):
    path = tmp_path / "root.pem"
    path.write_bytes(ROOT.pem)
    return str(path)


@pytest.mark.parametrize(("type_", "options"), QUESTIONS)
async def test_the_certificate_is_told_as_the_tls_probe_tells_it(
    ask, target, root_file, type_, options
):
    tls = await ask("tls", target, ca_file=root_file, warn_days=0)
    result = await ask(type_, target, ca_file=root_file, **options)
    assert (result.outcome, result.detail) == (Outcome.OK, "")
    assert result.readings.items() >= (FACTS | VERIFIED).items()
    same = set(FACTS | VERIFIED) - {"san"} | {"fingerprint_sha256"}
    assert {name: result.readings[name] for name in same} == {
        name: tls.readings[name] for name in same
    }


@pytest.mark.parametrize(("type_", "options"), QUESTIONS)
async def test_what_is_refused_is_told_too(ask, target, type_, options):
    result = await ask(type_, target, **options)
    assert (result.outcome, result.reason) == (Outcome.FAILED, "cert_untrusted")
    assert result.readings.items() >= FACTS.items()
    assert not result.readings.keys() & VERIFIED.keys()
    missing = await ask(type_, target, ca_file="/nothing/here.pem", **options)
    assert (missing.outcome, missing.reason) == (Outcome.ERROR, "no_trust_store")
    assert missing.readings.items() >= FACTS.items()


@pytest.mark.parametrize(("type_", "options"), QUESTIONS)
async def test_days_left_are_told_anew_as_they_pass(
    ask, target, root_file, tools, type_, options
):
    how = options | {"ca_file": root_file}
    for later, left in ((0, 365.0), (0.004, 365.0), (0.5, 364.5), (29, 336.0)):
        tools.tls.now = lambda later=later: NOW + later * DAY
        result = await ask(type_, target, **how)
        assert result.readings["days_left"] == pytest.approx(left, abs=0.005)
    tools.tls.now = lambda: NOW + 31 * DAY
    result = await ask(type_, target, **how)
    assert (result.outcome, result.reason) == (Outcome.FAILED, "cert_expired")
    assert result.readings["chain_earliest_days_left"] == -1.0


@pytest.mark.slow
async def test_an_authority_that_expires_while_we_run_is_noticed(tools, tmp_path):
    now = time.time()
    root = make("R", authority=True, begins=now - DAY, ends=now + DAY)
    middle = make("M", root, authority=True, begins=now - DAY, ends=int(now) + 2)
    leaf = make("leaf", middle, san=NAMES, begins=now - DAY, ends=now + DAY)
    path = tmp_path / "r.pem"
    path.write_bytes(root.pem)
    chain = (leaf.der, middle.der)
    assert tools.tls.judge(chain, NAMES[0], str(path)) == ()
    await asyncio.sleep(int(now) + 3.1 - time.time())
    (problem,) = tools.tls.judge(chain, NAMES[0], str(path))
    assert problem.reason == "cert_expired"
    assert problem.detail.startswith("the certificate of M expired")


async def test_each_hop_tells_whose_certificate_it_was(ask, serve, tmp_path, tools):
    tools.tls.now = lambda: NOW
    leaf = make("leaf", MIDDLE, san=NAMES)
    context = server_context(tmp_path, leaf, MIDDLE)
    last = await serve(OK, context)
    moved = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: "
    first = await serve(moved + f"https://127.0.0.1:{last}/\r\n\r\n".encode(), context)
    result = await ask("http", f"https://127.0.0.1:{first}/", verify=False)
    assert [hop["status"] for hop in result.readings["hops"]] == [302, 200]
    for hop in result.readings["hops"]:
        told = {"subject", "issuer", "not_after"}
        assert {name: hop[name] for name in told} == {
            name: FACTS[name] for name in told
        }
