import asyncio
import time
from pathlib import Path

import pytest
import uvloop

from pangea.core.failure import ProbeError, ProbeFailed
from pangea.core.model import Outcome
from pangea.probes.icmp_burst import Burst, Request
from pangea.probes.icmp_engine import IcmpEngine, icmp_right
from pangea.probes.icmp_packet import checksum
from tests.needs import need
from tests.probes.namespaces import (
    allow_datagram,
    inside,
    liar,
    namespace,
    routed,
    sysctl,
)

LOOPS = [pytest.param(asyncio.run, id="asyncio"), pytest.param(uvloop.run, id="uvloop")]


async def ping(address, *, count=3, gap_s=0.005, wait_s=0.5, **how) -> Burst:
    """Ping with an engine of its own."""
    engine = IcmpEngine()
    try:
        request = Request(address, count=count, gap_s=gap_s, wait_s=wait_s, **how)
        burst = engine.begin(request)
        async with asyncio.timeout(20):
            await burst.done
        return burst
    finally:
        await engine.close()


@pytest.fixture(scope="module")
def near():
    with routed() as name:
        yield name


@pytest.fixture(scope="module")
def near_datagram():
    with routed() as name:
        allow_datagram(name)
        yield name


@pytest.fixture
def patient():
    with routed(patient=True) as name:
        allow_datagram(name)
        yield name


def refusals_heard() -> int:
    """Return how often the kernel of this thread's namespace heard of a refusal."""
    text = Path("/proc/thread-self/net/snmp").read_text()
    names, values = (line.split() for line in text.splitlines() if line[:5] == "Icmp:")
    return int(values[names.index("InDestUnreachs")])


@pytest.fixture
def mute():
    """A namespace in which only the test itself answers pings."""
    with namespace("mute") as name:
        sysctl(name, "net.ipv4.icmp_echo_ignore_all", "1")
        yield name


@pytest.mark.parametrize("run", LOOPS)
@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 56, 1500, 65_500])
def test_loopback_answers_every_packet_of_any_size(run, size):
    need("icmp")
    burst = run(ping("127.0.0.1", size=size))
    assert all(0 <= rtt < 100 for rtt in burst.rtts_ms)
    assert len(burst.rtts_ms) == burst.received == 3
    assert burst.reply_ttl == 64
    assert (burst.duplicates, burst.refusal) == (0, None)


@pytest.mark.parametrize("size", [0, 56, 65_000])
async def test_loopback_answers_over_ipv6(size):
    need("icmp", "ipv6")
    burst = await ping("::1", size=size, tos=8, ttl=9)
    assert burst.received == 3
    assert burst.reply_ttl == 64


async def test_a_thousand_bursts_at_once_keep_their_replies_apart():
    need("icmp")
    engine = IcmpEngine()
    bursts = [
        engine.begin(Request(f"127.0.{n >> 8}.{n & 255 or 1}", count=2, gap_s=0.001))
        for n in range(1000)
    ]
    await asyncio.gather(*(burst.done for burst in bursts))
    await engine.close()
    assert [burst.received for burst in bursts] == [2] * 1000
    assert {burst.duplicates for burst in bursts} == {0}


async def test_a_cancelled_burst_sends_no_more():
    need("icmp")
    engine = IcmpEngine()
    burst = engine.begin(Request("127.0.0.1", count=100, gap_s=0.001))
    burst.finish()
    await asyncio.sleep(0.02)
    await engine.close()
    assert len(burst.rtts_ms) == 1


async def test_closing_ends_bursts_under_way():
    need("icmp")
    engine = IcmpEngine()
    burst = engine.begin(Request("127.0.0.1", count=10, gap_s=5))
    await engine.close()
    with pytest.raises(ProbeError) as caught:
        await burst.done
    assert caught.value.reason == "cancelled"


async def test_a_name_is_no_address():
    with pytest.raises(ProbeError) as caught:
        await ping("localhost")
    assert caught.value.reason == "no_address"


ANSWERED = [
    ("10.99.1.254", 64),
    ("10.99.2.2", 63),
    ("fd00:1::254", 64),
    ("fd00:2::2", 63),
]
REFUSED = [
    ("10.99.2.2", {"ttl": 1}, "ttl_exceeded", "10.99.1.254: time to live exceeded"),
    ("fd00:2::2", {"ttl": 1}, "ttl_exceeded", "fd00:1::254: time to live exceeded"),
    ("10.99.4.1", {}, "unreachable", "10.99.1.254: host unreachable"),
    ("fd00:3::1", {}, "unreachable", "fd00:1::254: no route to the destination"),
    (
        "10.99.2.2",
        {"size": 1300, "dont_fragment": True},
        "mtu",
        "10.99.1.254: packet too big, 1280 bytes pass",
    ),
    (
        "fd00:2::2",
        {"size": 1300, "dont_fragment": True},
        "mtu",
        "fd00:1::254: packet too big, 1280 bytes pass",
    ),
]
OUR_FAULT = [
    pytest.param("192.0.2.1", id="no route at all"),
    pytest.param("10.99.5.1", id="a blackhole of our own"),
    pytest.param("10.99.6.1", id="an unreachable route of our own"),
]


@pytest.mark.netns
class TestARoutedNetwork:
    @pytest.fixture(params=["near", "near_datagram"])
    def here(self, request):
        return request.getfixturevalue(request.param)

    @pytest.mark.parametrize(("address", "ttl"), ANSWERED)
    def test_hosts_near_and_far_answer(self, here, address, ttl):
        burst = inside(here, lambda: ping(address))
        assert burst.received == 3
        assert burst.reply_ttl == ttl

    def test_a_large_packet_passes_a_narrow_link_in_pieces(self, here):
        assert inside(here, lambda: ping("10.99.2.2", size=3000)).received == 3

    @pytest.mark.parametrize("run", LOOPS)
    @pytest.mark.parametrize(("address", "how", "reason", "words"), REFUSED)
    def test_what_a_router_says_is_told_at_once(
        self, here, run, address, how, reason, words
    ):
        begun = time.monotonic()
        burst = inside(here, lambda: ping(address, wait_s=3, **how), run=run)
        assert burst.refusal == (reason, words)
        assert burst.received == 0
        assert time.monotonic() - begun < 2.5

    def test_a_black_hole_is_silence(self, here):
        burst = inside(here, lambda: ping("10.99.3.1", wait_s=0.1))
        assert burst.rtts_ms == [None, None, None]
        assert burst.refusal is None

    @pytest.mark.parametrize("address", OUR_FAULT)
    def test_a_route_that_we_lack_is_our_error(self, here, address):
        with pytest.raises(ProbeError) as caught:
            inside(here, lambda: ping(address))
        assert caught.value.reason == "no_route"
        assert caught.value.outcome is Outcome.ERROR

    def test_a_packet_too_big_for_our_own_link_is_mtu(self, here):
        with pytest.raises(ProbeFailed) as caught:
            inside(here, lambda: ping("10.99.2.2", size=3000, dont_fragment=True))
        assert caught.value.reason == "mtu"

    @pytest.mark.parametrize("run", LOOPS)
    def test_every_refusal_that_the_kernel_heard_is_told(self, patient, run):
        async def scene():
            before, told = refusals_heard(), 0
            for _ in range(8):
                burst = await ping("10.99.4.1", count=1, wait_s=0.1)
                told += burst.refusal is not None
            return told, refusals_heard() - before

        told, heard = inside(patient, scene, run=run)
        # Five at once, then the router itself keeps silent for a second each.
        assert told == heard >= 5

    def test_a_rejected_target_does_not_disturb_another(self, here):
        async def scene():
            engine = IcmpEngine()
            bursts = [
                engine.begin(Request(("10.99.4.1", "10.99.2.2")[n % 2], count=2))
                for n in range(40)
            ]
            await asyncio.gather(*(burst.done for burst in bursts))
            await engine.close()
            return bursts

        bursts = inside(here, scene)
        assert [burst.received for burst in bursts[1::2]] == [2] * 20
        assert {burst.received for burst in bursts[::2]} == {0}

    @pytest.mark.slow
    def test_a_neighbour_that_is_not_there_is_unreachable(self, here):
        burst = inside(here, lambda: ping("10.99.1.77", count=1, wait_s=4.5))
        assert burst.refusal == ("unreachable", "10.99.1.1: host unreachable")


def reply_to(request: bytes, *, token: bytes = b"", cut: int | None = None) -> bytes:
    """Return the echo reply to *request*, perhaps with another token or cut."""
    payload = (token + request[8 + len(token) :])[:cut]
    blank = bytes([0, 0, 0, 0]) + request[4:8] + payload
    return blank[:2] + checksum(blank).to_bytes(2, "big") + blank[4:]


@pytest.mark.netns
class TestALyingNetwork:
    def told(self, mute, answer, **how):
        async def scene():
            with liar(answer):
                return await ping("127.0.0.9", wait_s=0.15, **how)

        return inside(mute, scene)

    def test_an_honest_answer_counts(self, mute):
        burst = self.told(mute, lambda q: [("127.0.0.9", reply_to(q))])
        assert burst.received == 3

    def test_the_same_answer_twice_is_a_duplicate(self, mute):
        burst = self.told(mute, lambda q: [("127.0.0.9", reply_to(q))] * 2)
        assert burst.received == 3
        assert burst.duplicates in (2, 3)  # the burst ends with its last answer

    @pytest.mark.parametrize(
        "answer",
        [
            pytest.param(lambda q: [("127.0.0.8", reply_to(q))], id="another source"),
            pytest.param(
                lambda q: [("127.0.0.9", reply_to(q, token=b"guessed!"))],
                id="another token",
            ),
            pytest.param(
                lambda q: [("127.0.0.9", reply_to(q, cut=3))], id="half a token"
            ),
            pytest.param(lambda q: [("127.0.0.9", b"\0" * 8)], id="a bare header"),
        ],
    )
    def test_a_false_answer_is_no_answer(self, mute, answer):
        burst = self.told(mute, answer)
        assert burst.rtts_ms == [None, None, None]

    def test_a_packet_left_out_is_lost_and_the_others_are_not(self, mute):
        asked = []

        def every_other(request):
            asked.append(request)
            return [("127.0.0.9", reply_to(request))] if len(asked) % 2 else []

        burst = self.told(mute, every_other, count=4)
        assert [rtt is None for rtt in burst.rtts_ms] == [False, True, False, True]

    @pytest.mark.slow
    @pytest.mark.parametrize("run", LOOPS)
    def test_answers_that_came_while_the_loop_was_busy_are_not_lost(self, mute, run):
        async def scene():
            with liar(lambda q: [("127.0.0.9", reply_to(q))]):
                engine = IcmpEngine()
                request = Request("127.0.0.9", wait_s=0.1)
                bursts = [engine.begin(request) for _ in range(1000)]
                time.sleep(0.5)  # past every deadline, and nothing has been read
                await asyncio.gather(*(burst.done for burst in bursts))
                await engine.close()
                return sum(burst.received for burst in bursts)

        assert inside(mute, scene, run=run) == 1000

    def test_the_time_is_the_kernels_also_when_the_loop_is_busy(self, mute):
        async def scene():
            with liar(lambda q: [("127.0.0.9", reply_to(q))]):
                engine = IcmpEngine()
                burst = engine.begin(Request("127.0.0.9", wait_s=2))
                time.sleep(0.15)  # another task that keeps the loop for itself
                await burst.done
                await engine.close()
                return burst

        (rtt,) = inside(mute, scene).rtts_ms
        assert rtt < 100


@pytest.mark.netns
class TestRights:
    def test_a_raw_socket_is_taken_where_datagrams_are_not_permitted(self):
        with namespace("right") as name:
            sysctl(name, "net.ipv4.ping_group_range", "1 0")
            assert inside(name, right) == (True, "raw")

    def test_a_datagram_socket_is_enough(self):
        with namespace("right") as name:
            allow_datagram(name)
            assert inside(name, right, powerless=True) == (True, "dgram")
            burst = inside(name, lambda: ping("127.0.0.1"), powerless=True)
            assert burst.received == 3

    def test_without_any_right_the_way_out_is_told(self, monkeypatch):
        monkeypatch.setenv("PATH", "")
        with namespace("right") as name:
            sysctl(name, "net.ipv4.ping_group_range", "1 0")
            allowed, why = inside(name, right, powerless=True)
            with pytest.raises(ProbeError) as caught:
                inside(name, lambda: ping("127.0.0.1"), powerless=True)
        assert not allowed
        assert caught.value.reason == "no_right"
        for words in (why, caught.value.detail):
            assert "net.ipv4.ping_group_range" in words
            assert "CAP_NET_RAW" in words

    def test_the_systems_ping_is_the_last_resort(self, monkeypatch, tmp_path):
        script = tmp_path / "ping"
        script.write_text(
            "#!/bin/sh\n"
            "echo '64 bytes from 127.0.0.1: icmp_seq=1 ttl=61 time=12.5 ms'\n"
        )
        script.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        with namespace("right") as name:
            sysctl(name, "net.ipv4.ping_group_range", "1 0")
            assert inside(name, right, powerless=True) == (True, "ping")
            burst = inside(name, lambda: ping("127.0.0.1", count=1), powerless=True)
        assert burst.rtts_ms == [12.5]
        assert burst.reply_ttl == 61


async def right():
    return icmp_right()
