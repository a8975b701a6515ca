import asyncio
import time

import pytest

from pangea.core.errors import UsageError
from pangea.core.failure import ProbeFailed
from pangea.core.model import Flag, Outcome
from pangea.probes.base import Trace, make_probe
from pangea.probes.runner import run_once
from pangea.probes.tools import Tools
from pangea.probes.traceroute import judge, not_reached, observe, traceroute_right
from pangea.probes.traceroute_path import Path, Reply
from pangea.system_clock import SystemClock
from tests.needs import need
from tests.probes.namespaces import allow_datagram, chained, inside, namespace, sysctl


async def trace_to(target, timeout_s=10, seen=None, **options):
    tools = Tools()
    probe = make_probe("traceroute", target, {"wait_ms": 150, **options})
    try:
        return await run_once(
            probe, tools, SystemClock(), job=1, timeout_s=timeout_s, seen=seen
        )
    finally:
        await tools.close()


def addresses(result):
    return [hop["address"] for hop in result.readings["hops"]]


@pytest.mark.parametrize("mode", ["icmp", "udp"])
async def test_this_machine_is_one_hop_away(mode):
    if mode == "icmp":
        need("icmp")
    result = await trace_to("127.0.0.1", mode=mode)
    assert (result.outcome, result.reason) == (Outcome.OK, "")
    (hop,) = result.readings["hops"]
    assert (hop["ttl"], hop["address"], hop["loss_pct"]) == (1, "127.0.0.1", 0)
    assert result.readings["reached"]
    assert result.duration_ms == pytest.approx(sum(hop["rtts_ms"]) / 3)


@pytest.fixture(scope="module")
def near():
    with chained() as name:
        yield name


@pytest.fixture(scope="module")
def near_datagram():
    with chained() as name:
        allow_datagram(name)
        yield name


WAY = ["10.98.1.254", "10.98.2.254", "10.98.3.1"]
WAY_V6 = ["fd98:1::254", "fd98:2::254", "fd98:3::1"]


@pytest.mark.netns
@pytest.mark.parametrize("mode", ["icmp", "udp"])
class TestAChainOfRouters:
    @pytest.fixture(params=["near", "near_datagram"])
    def here(self, request):
        return request.getfixturevalue(request.param)

    def test_every_hop_is_told_with_its_times(self, here, mode):
        result = inside(here, lambda: trace_to("10.98.3.1", mode=mode))
        assert (result.outcome, result.reason) == (Outcome.OK, "")
        assert addresses(result) == WAY
        readings = result.readings
        assert (readings["mode"], readings["hop_count"]) == (mode, 3)
        for number, hop in enumerate(readings["hops"], 1):
            assert (hop["ttl"], hop["loss_pct"]) == (number, 0)
            assert len(hop["rtts_ms"]) == 3
            assert all(0 < rtt < 100 for rtt in hop["rtts_ms"])

    def test_ipv6_has_a_path_too(self, here, mode):
        result = inside(here, lambda: trace_to("fd98:3::1", mode=mode))
        assert addresses(result) == WAY_V6
        assert result.readings["reached"]

    def test_a_target_that_drops_everything_leaves_the_last_hop(self, here, mode):
        result = inside(here, lambda: trace_to("10.98.8.1", mode=mode, max_hops=8))
        assert (result.outcome, result.reason) == (Outcome.FAILED, "timeout")
        assert result.detail == "no answer beyond 10.98.1.254, hop 1"
        assert addresses(result) == WAY[:1]
        assert not result.readings["reached"]

    def test_a_refusal_ends_the_walk_at_once(self, mode):
        # Each scene its own routers: they send one refusal a second, after five.
        with chained() as here:
            begun = time.monotonic()
            result = inside(
                here, lambda: trace_to("10.98.9.1", mode=mode, wait_ms=5000)
            )
            spent = time.monotonic() - begun
        assert (result.outcome, result.reason) == (Outcome.FAILED, "unreachable")
        assert result.detail == "10.98.2.254, hop 2: host unreachable"
        assert addresses(result) == WAY[:2]
        assert spent < 4.5

    def test_a_loop_is_named(self, here, mode):
        result = inside(here, lambda: trace_to("10.98.7.1", mode=mode, max_hops=12))
        assert (result.outcome, result.reason) == (Outcome.FAILED, "ttl_exceeded")
        assert result.detail.startswith(
            "a routing loop: 10.98.1.254 answers at hops 1,"
        )
        assert result.readings["hop_count"] == 12

    def test_too_few_hops_are_told(self, here, mode):
        result = inside(here, lambda: trace_to("10.98.3.1", mode=mode, max_hops=2))
        assert result.reason == "ttl_exceeded"
        assert result.detail == "not reached in 2 hops; the last is 10.98.2.254, hop 2"

    def test_a_hop_that_says_nothing_is_a_gap_in_the_path(self, near, mode):
        seen = {"path": "10.98.1.254 > 10.98.2.254 > 10.98.4.1 > 10.98.5.1"}
        result = inside(near, lambda: trace_to("10.98.5.1", mode=mode, seen=seen))
        assert result.outcome is Outcome.OK
        assert addresses(result) == [*WAY[:2], None, "10.98.5.1"]
        assert result.readings["hops"][2]["loss_pct"] == 100
        assert "changed" not in result.readings
        assert seen["path"] == "10.98.1.254 > 10.98.2.254 > 10.98.4.1 > 10.98.5.1"

    def test_no_route_of_our_own_is_an_error(self, near, mode):
        result = inside(near, lambda: trace_to("192.0.2.1", mode=mode))
        assert (result.outcome, result.reason) == (Outcome.ERROR, "no_route")

    def test_another_way_is_a_change_and_no_vote(self, near, mode):
        seen = {"path": "10.98.1.254 > 10.98.5.5 > 10.98.3.1"}
        result = inside(near, lambda: trace_to("10.98.3.1", mode=mode, seen=seen))
        assert result.outcome is Outcome.OK
        assert result.flags & Flag.CHANGED
        changed = result.readings["changed"]["path"]
        assert changed["after"] == " > ".join(WAY)

    def test_the_way_can_be_demanded(self, near, mode):
        async def both():
            return (
                await trace_to("10.98.3.1", mode=mode, must_pass="10.98.2.0/24"),
                await trace_to("10.98.3.1", mode=mode, must_not_pass="10.98.2.254"),
            )

        right, wrong = inside(near, both)
        assert right.outcome is Outcome.OK
        assert (wrong.outcome, wrong.reason) == (Outcome.FAILED, "path")

    def test_packets_go_out_from_the_source_that_is_given(self, near, mode):
        result = inside(near, lambda: trace_to("10.98.3.1", mode=mode, source="u1"))
        assert result.outcome is Outcome.OK
        other = inside(near, lambda: trace_to("10.98.3.1", mode=mode, source="1.2.3.4"))
        assert (other.outcome, other.reason) == (Outcome.ERROR, "no_resources")

    def test_the_runners_timeout_keeps_what_is_known(self, near, mode):
        result = inside(
            near, lambda: trace_to("10.98.8.1", 0.4, mode=mode, wait_ms=5000)
        )
        assert (result.outcome, result.reason) == (Outcome.FAILED, "timeout")
        assert addresses(result) == WAY[:1]


@pytest.mark.netns
def test_twenty_walks_at_once_keep_their_hops_apart():
    async def many():
        targets = ["10.98.3.1", "10.98.2.254", "10.98.1.254", "10.98.5.1"] * 5
        modes = ["icmp", "udp"] * 10
        pairs = zip(targets, modes, strict=True)
        return await asyncio.gather(*(trace_to(t, mode=m) for t, m in pairs))

    with chained() as near:
        results = inside(near, many)
    lengths = [result.readings["hop_count"] for result in results]
    assert lengths == [3, 2, 1, 4] * 5
    assert {result.outcome for result in results} == {Outcome.OK}


@pytest.mark.netns
class TestRights:
    def test_without_the_right_to_ping_udp_still_walks(self):
        with chained() as near:
            sysctl(near, "net.ipv4.ping_group_range", "1 0")
            assert inside(near, right, powerless=True) == (True, "udp")
            result = inside(near, lambda: trace_to("10.98.3.1"), powerless=True)
        assert result.readings["mode"] == "udp"
        assert addresses(result) == WAY

    def test_echo_requests_without_the_right_are_our_error(self, monkeypatch):
        monkeypatch.setenv("PATH", "")
        with namespace("right") as name:
            sysctl(name, "net.ipv4.ping_group_range", "1 0")
            result = inside(
                name, lambda: trace_to("127.0.0.1", mode="icmp"), powerless=True
            )
        assert (result.outcome, result.reason) == (Outcome.ERROR, "no_right")


async def right():
    return traceroute_right()


def path_of(*hops, end="target"):
    """A path of addresses, None where a hop is silent; the last is *end*."""
    path = Path(30)
    for ttl, address in enumerate(hops, 1):
        kind = end if ttl == len(hops) else "hop"
        path.note(ttl, Reply(kind, address, 1.0) if address else None)
    return path


def test_a_path_with_a_gap_cannot_prove_that_a_hop_was_left_out():
    networks = make_probe("traceroute", "::1", {"must_pass": "192.0.2.1"})._must
    trace = Trace()
    judge(path_of("10.0.0.1", None, "10.0.0.3"), networks, [], trace)
    assert trace.warning[0] == "path"
    assert trace.warning[1].endswith("1 of its hops did not answer")
    with pytest.raises(ProbeFailed) as caught:
        judge(path_of("10.0.0.1", "10.0.0.3"), networks, [], Trace())
    assert caught.value.detail.startswith("the path does not pass 192.0.2.1")


def test_nobody_at_all_is_a_timeout():
    failure = not_reached(path_of(None, None), 30)
    assert (failure.reason, failure.detail) == (
        "timeout",
        "no answer from any of 30 hops",
    )


def test_a_silent_hop_is_learned_later_without_a_change():
    seen: dict[str, str] = {}
    for hops in (("a", None, "c"), ("a", "b", "c"), ("a", None, "c")):
        trace = Trace(seen)
        observe(path_of(*hops), trace)
        assert trace.changed == {}
    assert seen == {"path": "a > b > c"}


@pytest.mark.parametrize(
    ("target", "options"),
    [
        ("http://127.0.0.1", {}),
        ("127.0.0.1", {"mode": "tcp"}),
        ("127.0.0.1", {"max_hops": 65}),
        ("127.0.0.1", {"queries": 0}),
        ("127.0.0.1", {"must_pass": "example.org"}),
        ("127.0.0.1", {"must_not_pass": "10.0.0.0/33"}),
        ("127.0.0.1", {"must_pas": "10.0.0.1"}),
    ],
)
def test_what_is_malformed_is_refused(target, options):
    with pytest.raises(UsageError):
        make_probe("traceroute", target, options)


def test_a_walk_that_nobody_answers_ends_within_the_default_timeout():
    assert make_probe("traceroute", "127.0.0.1", {}).longest_s < 10
