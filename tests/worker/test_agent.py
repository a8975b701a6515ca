"""The whole agent, against a coordinator that misbehaves."""

import asyncio
import contextlib

import pytest

from pangea.core.errors import LinkClosed, NotAllowed
from pangea.core.model import Outcome, Result
from pangea.mesh.messages import Goodbye, Heartbeat, HeartbeatAck, Welcome
from pangea.worker.clock_offset import ClockOffset
from pangea.worker.mesh_side import MeshSide
from tests.worker.mesh import Mesh
from tests.worker.stub import CLOCK, StubCoordinator, credentials_for, make_agent


@pytest.fixture
async def cluster(tmp_path):
    """Start a coordinator and an agent; returns how, and stops them after."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(serve, spool=None, mesh=None):
            coordinator = await StubCoordinator(tmp_path, serve).start()
            stack.push_async_callback(coordinator.stop)
            agent = await make_agent(tmp_path, coordinator.port, spool, mesh)
            running = asyncio.create_task(agent.run())

            async def end():
                await agent.stop(patience_s=0.1)
                running.cancel()
                await asyncio.wait([running])

            stack.push_async_callback(end)
            return coordinator, agent, running

        yield start


@pytest.mark.slow
async def test_links_that_end_at_once_are_no_storm(cluster):
    async def drive_out(link):
        await link.send(Welcome("approved", b"", 1, "w", {}))

    coordinator, _, _ = await cluster(drive_out)
    await asyncio.sleep(2)

    # Waits of up to 1, 2, 4 and 8 s; without them there are hundreds.
    assert 1 <= coordinator.links <= 12


async def hold(link):
    await link.send(Welcome("approved", b"", 1, "w", {}))
    while True:
        message = await link.receive()
        if isinstance(message, Heartbeat):
            now = round(CLOCK.wall() * 1e6)
            await link.send(HeartbeatAck(message.sent_us, now, now))


async def until(what):
    async with asyncio.timeout(20):
        while not what():
            await asyncio.sleep(0.01)


async def test_a_step_of_the_clock_is_measured_at_once(cluster):
    _, agent, _ = await cluster(hold)
    await until(lambda: agent._offset._known.is_set())
    beats = agent._offset.best
    agent._prober.slots._on_step(7200.0)

    assert not agent._offset._known.is_set()
    await until(lambda: agent._offset._known.is_set())
    assert agent._offset.best is not beats


@pytest.mark.slow
async def test_stopping_does_not_wait_for_a_coordinator_that_does_not_read(
    cluster, caplog
):
    deaf, met = asyncio.Event(), asyncio.Event()

    async def read_nothing(link):
        await link.send(Welcome("approved", b"", 1, "w", {}))
        for _ in range(4):
            await link.receive()
        met.set()
        await deaf.wait()

    _, agent, running = await cluster(read_nothing)
    async with asyncio.timeout(20):
        await met.wait()
    # More than the sockets and both ends' buffers take.
    flood = asyncio.create_task(pour(agent._session._link))
    await asyncio.sleep(0.5)
    assert not flood.done()
    begun = CLOCK.monotonic()
    for number in range(20):
        agent._reporter.put(result(number))
    await agent.stop()
    flood.cancel()
    running.cancel()
    await asyncio.wait([running])
    took = CLOCK.monotonic() - begun
    deaf.set()

    assert took < 20
    assert not [r for r in caplog.records if r.exc_info]


async def pour(link):
    with contextlib.suppress(LinkClosed):
        for _ in range(2000):
            await link.send(Goodbye("x" * 60_000))


async def test_a_spool_that_is_closed_ends_a_link_without_a_word(cluster, caplog):
    _, agent, running = await cluster(hold)
    await until(lambda: agent._offset._known.is_set())
    agent._stopping = agent._disk.leaving = True
    await agent._spool.close()
    agent._reporter.put(result(1))
    agent._offset.forget(0.0)
    await until(running.done)

    assert running.exception() is None
    assert [r for r in caplog.records if r.levelname in ("ERROR", "CRITICAL")] == []
    agent._reporter._rows.clear()


def result(number):
    return Result(job=number, started_at_us=number, duration_ms=1.0, outcome=Outcome.OK)


@pytest.mark.slow
@pytest.mark.parametrize("welcomed_first", [False, True])
async def test_who_is_displaced_parts_from_its_peers_until_it_is_welcome(
    cluster, tmp_path, welcomed_first
):
    others = Mesh(tmp_path)
    me, peer = others.member("me"), others.member("peer")
    displaced, done = asyncio.Event(), asyncio.Event()

    async def refuse(link):
        if not displaced.is_set():
            if welcomed_first:
                await link.send(Welcome("approved", b"", 1, "w", {}))
                await until(lambda: me.peers.links)
            displaced.set()
            await link.send(Goodbye("another came later", twin=True))
            await asyncio.sleep(0.1)
            return
        await done.wait()
        await hold(link)

    for member in (me, peer):
        await member.start()
    await others.issue()
    await until(lambda: me.peers.links)
    side = MeshSide(me.peers, me.roster, ClockOffset(CLOCK))
    await cluster(refuse, mesh=side)
    try:
        await displaced.wait()
        await until(lambda: not me.peers.links and not peer.peers.links)
        done.set()
        async with asyncio.timeout(15):
            while not me.peers.links:
                await asyncio.sleep(0.02)
    finally:
        await others.stop()


async def test_a_wrong_secret_is_told_by_its_id_and_what_brings_the_right_one(
    cluster, tmp_path
):
    coordinator = await StubCoordinator(tmp_path, hold).start()
    agent = await make_agent(tmp_path, coordinator.port)
    agent._credentials = credentials_for(tmp_path, bytes(31) + b"x")
    own = agent._credentials.ring.ring.ids[0]
    with pytest.raises(NotAllowed) as caught:
        async with asyncio.timeout(10):
            await agent.run()
    assert f"does not hold the cluster secret of this one ({own})" in caught.value.hint
    assert "pangea worker token" in caught.value.hint
    await agent.stop(patience_s=0.1)
    await coordinator.stop()
