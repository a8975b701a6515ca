import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.errors import UsageError
from pangea.core.failure import ProbeFailed
from pangea.core.model import Flag, Outcome
from pangea.core.options import build
from pangea.probes.base import Trace
from pangea.probes.icmp import IcmpOptions, IcmpProbe, jitter, judge, read
from pangea.probes.icmp_burst import Burst, Request
from pangea.probes.runner import run_once
from pangea.probes.tools import Tools
from tests.needs import need
from tests.probes.namespaces import inside, routed


class Noon:
    """A clock that stands still."""

    def wall(self):
        return 1_700_000_000.0

    def monotonic(self):
        return 5.0

    def boot(self):
        return 5.0


def probe(target, **options):
    return IcmpProbe.parse(target, build(IcmpOptions, options, "icmp option"))


async def run(target, timeout_s=5, **options):
    tools = Tools()
    try:
        question = probe(target, **{"gap_ms": 5, **options})
        return await run_once(question, tools, Noon(), job=1, timeout_s=timeout_s)
    finally:
        await tools.close()


def burst_of(*rtts, refusal=None, duplicates=0):
    loop = asyncio.new_event_loop()
    burst = Burst(Request("192.0.2.1", len(rtts)), "192.0.2.1", loop.create_future())
    loop.close()
    burst.rtts_ms, burst.refusal, burst.duplicates = list(rtts), refusal, duplicates
    return burst


def judged(burst, **options):
    trace = Trace()
    trace.readings.update(read(burst))
    judge(build(IcmpOptions, options, "icmp option"), burst, trace)
    return trace


async def test_a_host_that_answers_is_ok_with_all_readings():
    need("icmp")
    result = await run("127.0.0.1")
    assert result.outcome is Outcome.OK
    readings = result.readings
    assert (readings["sent"], readings["received"], readings["loss_pct"]) == (5, 5, 0)
    assert readings["address"] == "127.0.0.1"
    assert readings["reply_ttl"] == 64
    assert readings["rtt_min_ms"] <= readings["rtt_p50_ms"] <= readings["rtt_max_ms"]
    assert result.duration_ms == readings["rtt_avg_ms"] == result.phases["rtt"]
    assert len(readings["rtts_ms"]) == 5


async def test_a_name_is_resolved_first():
    need("icmp")
    result = await run("localhost", family="ipv4")
    assert result.outcome is Outcome.OK
    assert list(result.phases) == ["resolve", "rtt"]
    assert result.readings["address"] == "127.0.0.1"


async def test_ipv6_is_asked_like_ipv4():
    need("icmp", "ipv6")
    result = await run("::1")
    assert result.readings["received"] == 5


async def test_a_slow_answer_warns():
    need("icmp")
    result = await run("127.0.0.1", warn_latency_ms=0.0001)
    assert result.outcome is Outcome.OK
    assert result.flags & Flag.WARN
    assert result.reason == "latency"


@pytest.fixture(scope="module")
def near():
    with routed() as name:
        yield name


@pytest.mark.netns
class TestSilence:
    def test_a_host_that_is_silent_fails_by_itself(self, near):
        result = inside(near, lambda: run("10.99.3.1", wait_ms=100))
        assert (result.outcome, result.reason) == (Outcome.FAILED, "timeout")
        assert result.detail == "no answer to 5 packets within 0.1 s each"
        assert result.readings["rtts_ms"] == [None] * 5
        assert result.readings["loss_pct"] == 100

    def test_the_runners_timeout_keeps_the_readings(self, near):
        result = inside(near, lambda: run("10.99.3.1", timeout_s=0.1))
        assert (result.outcome, result.reason) == (Outcome.FAILED, "timeout")
        assert result.readings["sent"] == 5

    def test_a_router_that_says_no_is_unreachable(self, near):
        result = inside(near, lambda: run("10.99.4.1"))
        assert (result.outcome, result.reason) == (Outcome.FAILED, "unreachable")
        assert result.detail == "10.99.1.254: host unreachable"

    @pytest.mark.parametrize("source", ["10.99.1.1", "up0"])
    def test_packets_go_out_from_the_source_that_is_given(self, near, source):
        result = inside(near, lambda: run("10.99.2.2", source=source, wait_ms=100))
        assert result.outcome is Outcome.OK
        # The other end has no way back to loopback: it was asked from there.
        other = inside(near, lambda: run("10.99.1.254", source="lo", wait_ms=100))
        assert other.outcome is not Outcome.OK

    @pytest.mark.parametrize(
        ("source", "reason"),
        [("10.99.9.9", "no_resources"), ("nowhere0", "no_route")],
    )
    def test_a_source_that_is_not_ours_is_our_error(self, near, source, reason):
        result = inside(near, lambda: run("10.99.2.2", source=source))
        assert (result.outcome, result.reason) == (Outcome.ERROR, reason)
        assert source in result.detail

    def test_no_route_of_our_own_is_an_error(self, near):
        result = inside(near, lambda: run("192.0.2.1"))
        assert (result.outcome, result.reason) == (Outcome.ERROR, "no_route")


def test_losing_some_is_ok_unless_told_otherwise():
    assert judged(burst_of(1, None, 1, 1)).warning is None


def test_loss_at_the_threshold_fails():
    with pytest.raises(ProbeFailed) as caught:
        judged(burst_of(1, None, 1, 1), fail_loss_pct=25)
    assert caught.value.reason == "loss"
    assert caught.value.detail == "25 % of 4 packets lost, wanted less than 25"


def test_loss_below_the_threshold_passes():
    assert judged(burst_of(1, None, 1, 1), fail_loss_pct=26).warning is None


def test_loss_can_warn():
    trace = judged(burst_of(1, None, 1, 1), warn_loss_pct=1)
    assert trace.warning[0] == "loss"


def test_latency_can_fail():
    with pytest.raises(ProbeFailed) as caught:
        judged(burst_of(10, 20), fail_latency_ms=14)
    assert caught.value.detail == "mean 15 ms, wanted at most 14 ms"


def test_uneven_answers_can_warn():
    assert judged(burst_of(10, 30, 10), warn_jitter_ms=19).warning[0] == "jitter"
    assert judged(burst_of(10, 30, 10), warn_jitter_ms=20).warning is None


def test_uneven_answers_can_fail():
    with pytest.raises(ProbeFailed) as caught:
        judged(burst_of(10, 30, 10), fail_jitter_ms=19, warn_jitter_ms=1)
    assert caught.value.reason == "jitter"
    assert caught.value.detail == "jitter 20 ms, wanted at most 19 ms"


def test_an_altered_answer_warns():
    burst = burst_of(1, 1)
    burst.corrupted = 1
    reason, detail = judged(burst).warning
    assert reason == "protocol"
    assert detail.startswith("1 of 2 answers came back altered or cut")


@pytest.mark.parametrize(
    ("rtts", "p50", "p95"),
    [
        ([4, 1, 3, 2], 2.5, 4),
        (list(range(1, 101)), 50.5, 95),
        ([7], 7, 7),
        ([None], None, None),
    ],
)
def test_half_and_the_worst_twentieth_are_told(rtts, p50, p95):
    readings = read(burst_of(*rtts))
    assert (readings["rtt_p50_ms"], readings["rtt_p95_ms"]) == (p50, p95)


@given(st.lists(st.none() | st.floats(0, 1e5), min_size=1, max_size=100))
def test_readings_agree_with_each_other(rtts):
    readings = read(burst_of(*rtts))
    got = [rtt for rtt in rtts if rtt is not None]
    assert readings["sent"] - readings["received"] == rtts.count(None)
    assert (readings["loss_pct"] == 100) == (not got)
    assert (readings["rtt_avg_ms"] is None) == (not got)
    if got:
        slack = 1e-6
        low, high = readings["rtt_min_ms"] - slack, readings["rtt_max_ms"] + slack
        assert low <= readings["rtt_avg_ms"] <= high
        assert low <= readings["rtt_p50_ms"] <= readings["rtt_p95_ms"] + slack <= high
        assert (jitter(got) or 0) <= high - low


@pytest.mark.parametrize(
    "options",
    [
        {"count": 0},
        {"count": 101},
        {"size": 65_501},
        {"size": -1},
        {"gap_ms": 0},
        {"wait_ms": 1},
        {"ttl": 0},
        {"tos": 256},
        {"family": "ipv5"},
        {"fail_loss_pct": 0},
        {"warn_loss_pct": 101},
        {"cuont": 3},
        {"source": "not an interface"},
        {"source": "10.0.0.1", "family": "ipv6"},
    ],
)
def test_an_option_out_of_bounds_is_refused(options):
    with pytest.raises(UsageError) as caught:
        probe("127.0.0.1", **options)
    assert next(iter(options)) in str(caught.value)


@pytest.mark.parametrize("target", ["", "http://127.0.0.1", "a b", "256.1.1.1"])
def test_a_malformed_target_is_refused(target):
    with pytest.raises(UsageError):
        probe(target)


def test_options_come_as_text_too():
    assert probe("127.0.0.1", count="7", dont_fragment="true").options.count == 7


def test_a_probe_knows_how_long_it_may_take():
    assert probe("127.0.0.1", count=6, gap_ms=100, wait_ms=500).longest_s == 1.0
