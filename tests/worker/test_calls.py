"""Coordinators that dial a worker: which are let in, and what becomes of the link."""

import asyncio
import contextlib

import pytest

from pangea.core.errors import ConfigError, ProtocolError
from pangea.mesh import identity
from pangea.mesh.dial import dial, parse_join
from pangea.mesh.info import NodeInfo
from pangea.mesh.link import initiate
from pangea.mesh.messages import Introduce, Welcome
from pangea.system_clock import SystemClock
from pangea.worker.calls import Calls
from pangea.worker.mesh_side import MeshSide
from pangea.worker.node import way_in
from pangea.worker.race import unless_called, until_better
from pangea.worker.trust import Trust
from tests.mesh.test_link import hear_all
from tests.worker.mesh import CLOCK, Mesh, until
from tests.worker.stub import StubCoordinator, make_agent

COORDINATOR = NodeInfo(role="coordinator", name="c", boot="0" * 32)


class FakeLink:
    peer_info = COORDINATOR

    def __init__(self, key):
        self.peer_key = key


@pytest.fixture
def trust(tmp_path):
    return Trust(tmp_path / "last-good.json")


KEY, OTHER = b"k" * 32, b"o" * 32


def test_our_own_coordinator_may_always_call(trust):
    trust.keep(KEY)
    Calls(trust, may_be_first=False).check(KEY, COORDINATOR)
    assert trust.addresses == ()


def test_another_one_never(trust):
    trust.keep(KEY)
    with pytest.raises(ProtocolError, match="another coordinator"):
        Calls(trust, may_be_first=True).check(OTHER, COORDINATOR)


def test_a_first_one_only_where_nobody_else_is_to_be_joined(trust):
    Calls(trust, may_be_first=True).check(KEY, COORDINATOR)
    with pytest.raises(ProtocolError, match="told where to join"):
        Calls(trust, may_be_first=False).check(KEY, COORDINATOR)


def test_a_worker_is_no_coordinator(trust):
    with pytest.raises(ProtocolError):
        Calls(trust, may_be_first=True).check(KEY, NodeInfo(role="worker"))


async def test_who_shook_hands_before_another_was_pinned_is_not_served(trust):
    calls = Calls(trust, may_be_first=True)
    calls.check(OTHER, COORDINATOR)
    trust.keep(KEY)
    with pytest.raises(ProtocolError, match="another coordinator"):
        await calls.serve(FakeLink(OTHER), "192.0.2.1")


async def test_of_two_calls_the_later_is_served(trust):
    calls = Calls(trust, may_be_first=True)
    first = asyncio.create_task(calls.serve(FakeLink(KEY), "a"))
    await asyncio.sleep(0)
    second = asyncio.create_task(calls.serve(FakeLink(KEY), "b"))
    await first
    call = await calls.next()
    assert call.address == "b"
    call.over.set()
    await second


async def test_a_call_is_not_lost_when_nobody_waits_any_more(trust):
    calls = Calls(trust, may_be_first=True)
    waiting = asyncio.create_task(calls.next())
    await asyncio.sleep(0)
    serving = asyncio.create_task(calls.serve(FakeLink(KEY), "a"))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    call = await asyncio.wait_for(calls.next(), 1)
    call.over.set()
    await serving


async def test_a_caller_that_hangs_up_is_nobody_to_answer(trust):
    calls = Calls(trust, may_be_first=True)
    serving = asyncio.create_task(calls.serve(FakeLink(KEY), "a"))
    await asyncio.sleep(0)
    serving.cancel()
    await asyncio.wait([serving])
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(calls.next(), 0.05)


async def test_work_goes_on_until_there_is_something_better():
    ended = []

    async def work():
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("work")

    async def better():
        await asyncio.sleep(0.01)
        return "direct"

    assert await until_better(work(), better()) == "direct"
    assert ended == ["work"]


async def test_work_that_ends_by_itself_waits_for_nothing():
    async def work():
        raise ValueError("so it ended")

    with pytest.raises(ValueError, match="so it ended"):
        await until_better(work(), asyncio.sleep(60))
    assert await unless_called(asyncio.sleep(0), None) is None


@pytest.fixture
async def called(tmp_path):
    """An agent whose coordinator is away, and how to dial it."""
    async with contextlib.AsyncExitStack() as stack:
        mesh = Mesh(tmp_path)
        one = await mesh.member("one").start()
        stack.push_async_callback(mesh.stop)
        agent = await make_agent(tmp_path, 1)
        own = mesh.coordinator.public_key
        agent._trust.keep(own)
        agent._calls = one.peers.calls = Calls(agent._trust, may_be_first=False)
        agent._mesh = MeshSide(one.peers, one.roster, agent._offset)
        running = asyncio.create_task(agent.run())

        async def end():
            await agent.stop(patience_s=0.1)
            running.cancel()
            await asyncio.wait([running])

        stack.push_async_callback(end)

        async def call(who=None):
            channel = await dial(parse_join(f"127.0.0.1:{one.running.port}"))
            link = await initiate(
                channel, who or mesh.coordinator, mesh.secret, COORDINATOR,
                lambda key, info: None, clock=CLOCK,
            )  # fmt: skip
            stack.push_async_callback(link.close)
            return link

        yield call, agent


async def test_the_agent_serves_who_dials_it_and_says_hello(called):
    call, agent = called
    link = await call()
    await link.send(Welcome("approved", link.sid, 1, "w", {}))
    async with asyncio.timeout(20):
        assert isinstance(await link.receive(), Introduce)
    await until(lambda: agent._session is not None, why="a session")


async def test_a_newer_call_takes_the_place_of_the_older(called):
    call, _ = called
    first = await call()
    await first.send(Welcome("approved", first.sid, 1, "w", {}))
    await first.receive()
    second = await call()
    await second.send(Welcome("approved", second.sid, 1, "w", {}))
    async with asyncio.timeout(20):
        assert isinstance(await second.receive(), Introduce)
        with pytest.raises(ProtocolError):
            await hear_all(first)


async def test_a_stranger_who_says_coordinator_is_refused(called, tmp_path):
    call, agent = called
    thief = identity.load_or_create(tmp_path / "thief.key")
    with pytest.raises(ProtocolError):
        await call(thief)
    assert agent._session is None


async def test_a_call_comes_before_a_link_of_our_own_making(tmp_path):
    met = []

    async def hold(link):
        met.append(link)
        await link.send(Welcome("approved", b"", 1, "w", {}))
        while True:
            await link.receive()

    coordinator = await StubCoordinator(tmp_path, hold).start()
    agent = await make_agent(tmp_path, coordinator.port)
    agent._calls = calls = Calls(agent._trust, may_be_first=False)
    running = asyncio.create_task(agent.run())
    await until(lambda: met and agent._trust.pinned, why="a link")
    answered = []

    async def answer(call):
        answered.append(call)
        call.over.set()
        await asyncio.sleep(60)

    agent._answer = answer
    caller = FakeLink(agent._trust.coordinator)
    serving = asyncio.create_task(calls.serve(caller, "a"))
    await until(lambda: answered, why="the call")
    await serving
    await until(lambda: agent._session is None, why="the old link ended")
    await agent.stop(patience_s=0.1)
    running.cancel()
    await asyncio.wait([running])
    await coordinator.stop()


def test_who_has_nowhere_to_look_must_listen(tmp_path):
    from pangea.core.config import MeshTable
    from pangea.mesh import ring_file, secret_ring

    secret_ring.load_or_create(tmp_path / ring_file.NAME)
    table, clock = MeshTable(discovery=("static",)), SystemClock()
    with pytest.raises(ConfigError) as caught:
        way_in(table, tmp_path, clock)
    assert "worker dial" in caught.value.hint
    _, _, finder = way_in(table, tmp_path, clock, waits=True)
    assert finder.blind
