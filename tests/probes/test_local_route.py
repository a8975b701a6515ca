"""Whose route refuses: ours (could not tell) or one of the network (the target's)."""

import asyncio
import errno
import os
import socket

import pytest

from pangea.core.failure import ProbeError, ProbeFailed
from pangea.core.model import Outcome
from pangea.probes.base import make_probe
from pangea.probes.local_route import connect_failure, told_by_route
from pangea.probes.runner import run_once
from pangea.probes.tools import Tools
from pangea.system_clock import SystemClock
from tests.probes.namespaces import inside, routed, sysctl

OURS = {
    "unreachable": ("10.99.6.1", "fd00:66::1"),
    "blackhole": ("10.99.5.1", "fd00:55::1"),
    "prohibit": ("10.99.7.1", "fd00:77::1"),
    "throw": ("10.99.8.1", "fd00:88::1"),
    "none": ("203.0.113.1", "2001:db8::1"),
}
#: a router's refusal, then a neighbour that is not there
THEIRS = {
    "a router": ("10.99.4.1", "fd00:3::1"),
    "a router that forbids": ("10.99.9.1", "fd00:9::1"),
    "a router, of a network": ("10.99.10.1", "fd00:10::1"),
    "no neighbour": ("10.99.1.77", "fd00:1::77"),
}


@pytest.fixture(scope="module")
def near():
    with routed(patient=True) as name:
        # A neighbour is given up sooner than after three seconds.
        for family in ("ipv4", "ipv6"):
            sysctl(name, f"net.{family}.neigh.up0.mcast_solicit", "1")
            sysctl(name, f"net.{family}.neigh.up0.retrans_time_ms", "200")
        yield name


async def failure_of(address: str) -> ProbeFailed:
    loop = asyncio.get_running_loop()
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as sock:
        try:
            await asyncio.wait_for(loop.sock_connect(sock, (address, 9)), 5)
        except OSError as refused:
            return connect_failure(refused, address, f"connect to {address}")
    raise AssertionError(f"somebody answers at {address}")


@pytest.mark.netns
@pytest.mark.parametrize("family", [0, 1], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("kind", OURS)
def test_a_route_of_our_own_that_refuses_is_no_vote(near, kind, family):
    address = OURS[kind][family]

    async def scene():
        assert told_by_route(address)
        return await failure_of(address)

    failure = inside(near, scene)
    assert isinstance(failure, ProbeError)
    assert failure.reason == "no_route"
    assert failure.detail.startswith(f"connect to {address}: this worker has no route")


@pytest.mark.netns
@pytest.mark.parametrize("family", [0, 1], ids=["ipv4", "ipv6"])
@pytest.mark.parametrize("kind", THEIRS)
def test_what_the_network_refuses_is_a_failure(near, kind, family):
    address = THEIRS[kind][family]

    async def scene():
        assert not told_by_route(address)
        failure = await failure_of(address)
        assert not told_by_route(address), "after the refusal neither"
        return failure

    failure = inside(near, scene)
    assert (failure.outcome, failure.reason) == (Outcome.FAILED, "unreachable")


def test_what_is_not_about_routes_is_as_in_the_table():
    refused = OSError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
    failure = connect_failure(refused, "127.0.0.1", "connect")
    assert (failure.reason, failure.detail) == (
        "refused",
        "connect: connection refused",
    )
    # A firewall of our own, for instance: there is a route.
    forbidden = OSError(errno.EACCES, os.strerror(errno.EACCES))
    assert connect_failure(forbidden, "127.0.0.1", "connect").reason == "no_right"


@pytest.mark.netns
@pytest.mark.parametrize("type_", ["http", "tcp", "tls"])
def test_probes_tell_whose_route_it_is(near, type_):
    async def scene():
        tools = Tools()
        ended = []
        for address in (OURS["unreachable"][0], THEIRS["a router"][0]):
            target = f"http://{address}/" if type_ == "http" else f"{address}:9"
            probe = make_probe(type_, target, {})
            result = await run_once(probe, tools, SystemClock(), job=1, timeout_s=5)
            ended.append((result.outcome, result.reason))
        await tools.close()
        return ended

    assert inside(near, scene) == [
        (Outcome.ERROR, "no_route"),
        (Outcome.FAILED, "unreachable"),
    ]
