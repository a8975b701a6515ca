import asyncio
import socket

import pytest

from pangea.core.errors import UsageError
from pangea.core.model import Flag, Outcome
from pangea.core.options import build
from pangea.probes.base import make_probe
from pangea.probes.runner import run_once
from pangea.probes.tools import Tools
from pangea.probes.udp import UdpOptions, UdpProbe
from pangea.system_clock import SystemClock
from tests.probes.namespaces import inside, routed

DATAGRAM = socket.SOCK_DGRAM | socket.SOCK_NONBLOCK


@pytest.fixture
async def answering():
    """Start a UDP server on loopback; returns its target and what it hears.

    It answers what *answer* makes of a datagram and who sent it; None is silence.
    (asyncio's own transport does not send empty datagrams.)
    """
    loop, socks = asyncio.get_running_loop(), []

    async def start(answer, host="127.0.0.1"):
        v6 = ":" in host
        sock = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, DATAGRAM)
        sock.bind((host, 0))
        heard = []

        def listen():
            data, where = sock.recvfrom(65_536)
            heard.append(data)
            said = answer(data, where)
            if said is not None:
                sock.sendto(said, where)

        loop.add_reader(sock, listen)
        socks.append(sock)
        port = sock.getsockname()[1]
        return f"[{host}]:{port}" if v6 else f"{host}:{port}", heard

    yield start
    for sock in socks:
        loop.remove_reader(sock)
        sock.close()


def closed_port(family=socket.AF_INET, host="127.0.0.1"):
    with socket.socket(family, DATAGRAM) as sock:
        sock.bind((host, 0))
        return sock.getsockname()[1]


async def test_any_answer_is_ok_when_nothing_is_expected(ask, answering):
    target, heard = await answering(lambda data, where: b"x" + data)
    result = await ask("udp", target, send=r"hi\r\n\x00")
    assert (result.outcome, result.reason) == (Outcome.OK, "")
    assert heard == [b"hi\r\n\x00"]
    assert result.readings["banner"] == r"xhi\x0d\x0a\x00"
    assert result.readings["bytes"] == 6
    assert result.duration_ms == result.phases["answer"]
    assert 0 < result.duration_ms < 1000


async def test_an_empty_datagram_asks_too(ask, answering):
    target, heard = await answering(lambda data, where: data)
    result = await ask("udp", target)
    assert result.outcome is Outcome.OK
    assert (heard, result.readings["bytes"]) == ([b""], 0)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [(b"pong 7", Outcome.OK), (b"ping", Outcome.FAILED), (b"", Outcome.FAILED)],
)
async def test_the_answer_must_hold_what_is_expected(ask, answering, answer, outcome):
    target, _ = await answering(lambda data, where: answer)
    result = await ask("udp", target, expect=r"pong \d")
    assert result.outcome is outcome
    if outcome is Outcome.FAILED:
        got = repr(answer.decode()) if answer else "nothing"
        assert result.reason == "banner"
        assert result.detail == rf"got {got}, wanted 'pong \\d'"


async def test_a_closed_port_is_refused_at_once(ask):
    port = closed_port()
    result = await ask("udp", f"127.0.0.1:{port}", timeout_s=5)
    assert (result.outcome, result.reason) == (Outcome.FAILED, "refused")
    assert result.detail == f"127.0.0.1:{port}: port unreachable"


async def test_silence_is_a_timeout(ask, answering):
    target, _ = await answering(lambda data, where: None)
    result = await ask("udp", target, timeout_s=0.1)
    assert (result.outcome, result.reason) == (Outcome.FAILED, "timeout")


async def test_what_another_port_says_is_no_answer(ask, answering):
    def from_elsewhere(data, where):
        with socket.socket(socket.AF_INET, DATAGRAM) as other:
            other.sendto(b"lie", where)

    target, heard = await answering(from_elsewhere)
    result = await ask("udp", target, timeout_s=0.1)
    assert len(heard) == 1
    assert result.reason == "timeout"


@pytest.mark.needs("ipv6")
async def test_ipv6_is_asked_and_refused_like_ipv4(ask, answering):
    target, _ = await answering(lambda data, where: data, "::1")
    result = await ask("udp", target, send="hello", expect="hello")
    assert result.outcome is Outcome.OK
    port = closed_port(socket.AF_INET6, "::1")
    assert (await ask("udp", f"[::1]:{port}")).reason == "refused"


async def test_a_large_answer_is_heard_whole_and_shown_in_part(ask, answering):
    target, _ = await answering(lambda data, where: b"\x1b" * 60_000)
    result = await ask("udp", target)
    assert result.readings["bytes"] == 60_000
    assert len(result.readings["banner"]) <= 200
    assert "\x1b" not in result.readings["banner"]


async def test_a_slow_answer_warns(ask, answering):
    target, _ = await answering(lambda data, where: data)
    result = await ask("udp", target, warn_latency_ms=0.0001)
    assert (result.outcome, result.reason) == (Outcome.OK, "latency")
    assert result.flags & Flag.WARN


@pytest.mark.netns
@pytest.mark.parametrize(
    ("target", "outcome", "reason", "detail"),
    [
        ("10.99.4.1:9", "failed", "unreachable", "10.99.1.254: host unreachable"),
        ("10.99.2.2:9", "failed", "refused", "10.99.2.2:9: port unreachable"),
        ("192.0.2.1:9", "error", "no_route", "network is unreachable"),
    ],
)
def test_what_the_network_says_is_told(target, outcome, reason, detail):
    async def asked():
        question = make_probe("udp", target, {"send": "x"})
        return await run_once(question, Tools(), SystemClock(), job=1, timeout_s=3)

    with routed() as near:
        result = inside(near, asked)
    assert (result.outcome, result.reason) == (outcome, reason)
    assert result.detail.endswith(detail)


@pytest.mark.parametrize(
    ("target", "options"),
    [
        ("127.0.0.1", {}),
        ("127.0.0.1:0", {}),
        ("udp://127.0.0.1:53", {}),
        ("127.0.0.1:53", {"send": r"\q"}),
        ("127.0.0.1:53", {"expect": "("}),
        ("127.0.0.1:53", {"expect": "(a*)*"}),
        ("127.0.0.1:53", {"sent": "x"}),
    ],
)
def test_what_is_malformed_is_refused(target, options):
    with pytest.raises(UsageError):
        UdpProbe.parse(target, build(UdpOptions, options, "udp option"))
