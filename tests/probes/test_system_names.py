import asyncio
import socket
import threading
import time

import pytest

from pangea.core.failure import ProbeError
from pangea.core.model import Outcome
from pangea.probes.system_names import SystemNames

FOUND = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))]


class DeadServer:
    """A resolver that answers names with "dead" in them once it is told to."""

    def __init__(self):
        self.wake = threading.Event()
        self.asked = []

    def __call__(self, host, family):
        self.asked.append(host)
        if "dead" in host:
            self.wake.wait(20)
        return FOUND


@pytest.fixture
def dead():
    server = DeadServer()
    yield server
    server.wake.set()


async def timed_out(names, host):
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await names.look_up(host, 0)


async def stuck(names, server):
    """Return when a thread waits for a name that is not answered."""
    asking = asyncio.ensure_future(names.look_up("dead", 0))
    async with asyncio.timeout(20):
        while "dead" not in server.asked:
            await asyncio.sleep(0.001)
    asking.cancel()
    await asyncio.wait([asking])


async def test_a_name_is_looked_up():
    assert await SystemNames().look_up("localhost", socket.AF_INET) == [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))
    ]


async def test_what_the_resolver_says_is_passed_on():
    def ask(host, family):
        raise socket.gaierror(socket.EAI_NONAME, "none")

    with pytest.raises(socket.gaierror):
        await SystemNames(ask).look_up("a", 0)


async def test_many_at_once_are_answered_by_few_threads():
    names = SystemNames(lambda host, family: (time.sleep(0.001), FOUND)[1], threads=3)
    before = threading.active_count()
    found = await asyncio.gather(*(names.look_up(f"n{i}", 0) for i in range(200)))
    assert found == [FOUND] * 200
    assert threading.active_count() - before <= 3


async def test_a_dead_name_holds_one_thread_however_often_it_is_asked(dead):
    names = SystemNames(dead, threads=2)
    await stuck(names, dead)
    for _ in range(4):
        await timed_out(names, "dead")
    assert dead.asked == ["dead"]
    assert await names.look_up("alive", 0) == FOUND
    asking = asyncio.ensure_future(names.look_up("dead", 0))
    await asyncio.sleep(0.01)
    dead.wake.set()
    assert await asking == FOUND
    assert await names.look_up("dead", 0) == FOUND
    assert dead.asked == ["dead", "alive", "dead"]


async def test_no_free_thread_is_our_fault_and_not_the_names(dead):
    names = SystemNames(dead, threads=1, waiting=2, patience=0.03)
    await stuck(names, dead)
    waiting = [asyncio.ensure_future(names.look_up(f"n{i}", 0)) for i in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(ProbeError, match="resolving n3: 2 others wait") as full:
        await names.look_up("n3", 0)
    assert (full.value.outcome, full.value.reason) == (Outcome.ERROR, "overload")
    given_up = await asyncio.gather(*waiting, return_exceptions=True)
    assert [(e.outcome, e.reason) for e in given_up] == [
        (Outcome.ERROR, "overload")
    ] * 2
    assert "no thread was free" in given_up[0].detail
    dead.wake.set()
    assert await names.look_up("n4", 0) == FOUND


async def test_who_stops_waiting_leaves_nothing_in_the_queue(dead):
    names = SystemNames(dead, threads=1, waiting=2)
    await stuck(names, dead)
    for i in range(4):
        await timed_out(names, f"n{i}")
    dead.wake.set()
    assert await names.look_up("last", 0) == FOUND
    assert dead.asked == ["dead", "last"]
