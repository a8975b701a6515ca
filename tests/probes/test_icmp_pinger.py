import asyncio
import contextlib
import socket
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.probes.datagram import QueuedError
from pangea.probes.icmp_burst import Burst, Request
from pangea.probes.icmp_engine import IcmpEngine
from pangea.probes.icmp_flight import elapsed_ms
from pangea.probes.icmp_packet import checksum
from pangea.probes.icmp_pinger import Pinger
from tests.needs import need
from tests.probes.namespaces import inside, liar, namespace, sysctl

HOUR_NS = 3600 * 1_000_000_000
MS_NS = 1_000_000


@contextlib.contextmanager
def pinger():
    """A socket of IPv4 that is closed again."""
    need("icmp")
    opened = Pinger((socket.AF_INET, "", False))
    try:
        yield opened
    finally:
        opened.close()


def begin(opened: Pinger, address="127.0.0.1", **how) -> Burst:
    done = asyncio.get_running_loop().create_future()
    burst = Burst(Request(address, **how), address, done)
    opened.begin(burst, (address, 0), [])
    return burst


@pytest.mark.parametrize("hours", [1, -1])
async def test_a_clock_that_is_set_in_between_spoils_no_time(hours):
    with pinger() as opened:
        burst = begin(opened)
        # As if the packet had gone out while the clock was hours off.
        (flight,) = opened._flights.by_key.values()
        flight.sent_ns[0] += hours * HOUR_NS
        opened._apart_ns += hours * HOUR_NS
        await asyncio.wait_for(burst.done, 20)
    assert 0 <= burst.rtts_ms[0] < 1000


@pytest.mark.parametrize("hours", [1, -1])
async def test_a_clock_that_was_set_before_is_no_step(hours):
    with pinger() as opened:
        opened._apart_ns += hours * HOUR_NS
        burst = begin(opened, count=2, gap_s=0.002)
        await asyncio.wait_for(burst.done, 20)
    assert all(0 <= rtt < 1000 for rtt in burst.rtts_ms)


@pytest.mark.parametrize(
    ("stamp_after_ns", "sent_before_ns", "ms"),
    [
        pytest.param(3 * MS_NS, 50 * MS_NS, 3, id="the kernel's stamp counts"),
        pytest.param(-1, 50 * MS_NS, 50, id="stamped before it was sent"),
        pytest.param(HOUR_NS, 50 * MS_NS, 50, id="stamped in the future"),
        pytest.param(2000 * MS_NS, 5000 * MS_NS, 2000, id="two seconds are possible"),
    ],
)
def test_times_are_never_nonsense(stamp_after_ns, sent_before_ns, ms):
    sent_ns = time.time_ns() - sent_before_ns
    assert elapsed_ms(sent_ns, sent_ns + stamp_after_ns) == pytest.approx(ms, abs=5)


@given(st.binary(max_size=200), st.lists(st.binary(max_size=20), max_size=2))
def test_no_packet_breaks_the_reader(data, values):
    async def scene():
        with pinger() as opened:
            burst = begin(opened)
            opened._buffer[: len(data)] = data
            ancillary = [(1, 35, value.ljust(16, b"\0")) for value in values]
            opened._take(min(20, len(data)), len(data), ancillary, "127.0.0.1")
            await asyncio.wait_for(burst.done, 20)
            return burst

    assert asyncio.run(scene()).received == 1


ERRORS = st.builds(
    QueuedError,
    st.integers(0, 200),
    st.integers(0, 255),
    st.integers(0, 255),
    st.integers(0, 2**32 - 1),
    st.sampled_from(["", "192.0.2.1", "fe80::1"]),
    st.sampled_from([(), ("127.0.0.1", 0), ("192.0.2.1", 0)]),
    st.binary(max_size=40) | st.just(b"\x08\0\0\0" + bytes(12)),
    st.none() | st.integers(0, 2**63),
)


@given(st.lists(ERRORS, max_size=5))
def test_no_icmp_error_breaks_the_reader(errors):
    async def scene():
        with pinger() as opened:
            opened._identifier = 0
            burst = begin(opened, wait_s=0.05)
            for error in errors:
                opened._on_error(error)
            await asyncio.wait_for(burst.done, 20)
            return burst

    burst = asyncio.run(scene())
    refused = burst.refusal is not None
    assert burst.received + refused <= 1


def reply_to(request: bytes, alter=lambda payload: payload) -> bytes:
    blank = bytes(4) + request[4:8] + alter(request[8:])
    return blank[:2] + checksum(blank).to_bytes(2, "big") + blank[4:]


@pytest.mark.netns
class TestAnUnsteadyNetwork:
    def told(self, answer, **how):
        async def scene():
            with liar(answer):
                engine, begun = IcmpEngine(), time.monotonic()
                burst = engine.begin(Request("127.0.0.9", **how))
                await asyncio.wait_for(burst.done, 20)
                self.spent = time.monotonic() - begun
                await engine.close()
                return burst

        with namespace("mute") as name:
            sysctl(name, "net.ipv4.icmp_echo_ignore_all", "1")
            return inside(name, scene)

    def test_answers_that_overtake_each_other_are_counted(self):
        kept = []

        def later(request):
            kept.append(("127.0.0.9", reply_to(request)))
            return [] if len(kept) == 1 else [kept[-1], *kept[:1]][: 4 - len(kept)]

        burst = self.told(later, count=3, gap_s=0.02, wait_s=0.5)
        assert burst.received == 3
        assert burst.reordered == 1

    def test_an_answer_after_its_wait_is_lost_though_others_still_come(self):
        kept = []

        def later(request):
            kept.append(("127.0.0.9", reply_to(request)))
            return {1: [], 2: kept[1:2], 3: [kept[0], kept[-1]]}[len(kept)]

        burst = self.told(later, count=3, gap_s=0.06, wait_s=0.05)
        assert [rtt is None for rtt in burst.rtts_ms] == [True, False, False]

    @pytest.mark.slow
    def test_a_burst_does_not_wait_for_what_is_overdue_already(self):
        asked = []

        def but_the_first(request):
            asked.append(request)
            return [("127.0.0.9", reply_to(request))] if len(asked) > 1 else []

        burst = self.told(but_the_first, count=4, gap_s=0.3, wait_s=0.8)
        assert burst.received == 3
        assert self.spent < 0.9 + 0.7

    @pytest.mark.parametrize(
        "alter",
        [
            pytest.param(lambda p: p[:-1] + b"!", id="the last byte is another"),
            pytest.param(lambda p: p[:20], id="the end is missing"),
            pytest.param(lambda p: p + b"more", id="there is more"),
        ],
    )
    def test_an_altered_payload_is_counted(self, alter):
        answer = lambda q: [("127.0.0.9", reply_to(q, alter))]  # noqa: E731
        burst = self.told(answer, count=2, gap_s=0.01, wait_s=0.5)
        assert (burst.received, burst.corrupted) == (2, 2)

    @pytest.mark.parametrize("size", [0, 7, 8, 56, 4000])
    def test_an_honest_payload_of_any_size_is_not(self, size):
        answer = lambda q: [("127.0.0.9", reply_to(q))]  # noqa: E731
        burst = self.told(answer, count=2, gap_s=0.01, wait_s=0.5, size=size)
        assert (burst.received, burst.corrupted) == (2, 0)
