"""What the self-test looks at, on the loopback of this machine."""

import pytest

from pangea.core.config import SelfTestTable
from pangea.core.failure import ProbeError
from pangea.core.self_test import GATEWAY, RESOLVER
from pangea.probes.tools import Tools
from pangea.system_clock import SystemClock
from pangea.worker.disk import Disk
from pangea.worker.lag import LagMeter
from pangea.worker.self_test_checks import Checks, Standing


class Link:
    """A link to a coordinator that was silent for so long, until it is nudged."""

    def __init__(self, silent_s):
        self.standing = Standing("127.0.0.1", silent_s, 0.5)
        self.nudged = 0

    async def nudge(self):
        self.nudged += 1


@pytest.fixture
async def tools():
    made = Tools()
    yield made
    await made.close()


async def looked(tools, *, link=None, disk=None, lag=None, **table):
    clock, heard = SystemClock(), []
    checks = Checks(
        SelfTestTable(**{"gateway": "127.0.0.1", "resolver": "127.81.82.83"} | table),
        tools,
        lag or LagMeter(clock),
        disk or Disk(),
        clock,
        link=lambda: link,
    )
    found = await checks.run(heard.append)
    return {f.kind: f for f in found}, heard


@pytest.mark.needs("icmp")
async def test_a_gateway_that_answers_is_told_at_once(tools):
    found, heard = await looked(tools)
    assert found[GATEWAY].good
    assert [f.kind for f in heard] == [GATEWAY]


async def test_a_closed_port_is_a_resolver_that_does_not_answer(tools):
    found, _ = await looked(tools)
    assert found[RESOLVER].good is False
    assert found[RESOLVER].name == "resolver 127.81.82.83"


async def test_a_link_that_speaks_is_good_and_is_not_asked(tools):
    link = Link(3.0)
    found, _ = await looked(tools, link=link)
    assert found["coordinator"].good
    assert found["coordinator"].took_ms == 0.5
    assert not link.nudged
    found, _ = await looked(tools, link=Link(16.0))
    assert not found["coordinator"].good
    found, _ = await looked(tools)
    assert not found["coordinator"].good


async def test_a_disk_that_refuses_and_a_loop_that_stood_still_are_told(tools):
    disk, lag = Disk(), LagMeter(SystemClock())
    disk.trouble = "database or disk is full"
    lag.note(0.7)
    found, _ = await looked(tools, disk=disk, lag=lag)
    assert found["disk"].detail == "database or disk is full"
    assert not found["loop"].good
    assert found["clock"].good


async def test_a_worker_that_stops_has_no_opinion():
    class Stopping:
        def begin(self, request):
            raise ProbeError("cancelled")

        async def ask(self, *_):
            raise ProbeError("cancelled")

    stopping = Tools()
    stopping.__dict__["icmp"] = stopping.__dict__["dns"] = Stopping()
    found, _ = await looked(stopping)
    assert found[GATEWAY].good is None
    assert found[RESOLVER].good is None
