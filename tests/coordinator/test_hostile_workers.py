"""Workers that lie or are broken harm their own rows and links, nobody else's."""

import asyncio
import math
from contextlib import suppress

import msgspec
import pytest
from msgspec import Raw

from pangea.core.errors import ProtocolError
from pangea.core.model import FIRST_ORG, Gap, Outcome
from pangea.mesh import identity
from pangea.mesh.info import NodeInfo
from pangea.mesh.link import initiate
from pangea.mesh.messages import (
    Applied,
    Batch,
    Desired,
    Heartbeat,
    Introduce,
    encode_row,
)
from pangea.storage.results import query
from tests.coordinator.conftest import BOOT, CLOCK, SECRET, row
from tests.coordinator.test_coordinator import add, stored
from tests.mesh.fakes import memory_channels


async def dial(world, name):
    """Return the worker's end of a fresh link, without listening on it."""
    ours, theirs = memory_channels()
    accepting = world.coordinator.reception.accept(theirs, "memory", lambda: None)
    world.tasks.append(asyncio.create_task(accepting))
    link = await initiate(
        ours,
        identity.load_or_create(world.place / f"{name}.key"),
        SECRET,
        NodeInfo(role="worker", name=name, boot=BOOT),
        lambda key, info: None,
        clock=CLOCK,
    )
    await link.receive()
    return link


@pytest.mark.parametrize(
    "said",
    [
        pytest.param({"job": 2**63}, id="a job beyond any number"),
        pytest.param({"job": -1}, id="a negative job"),
        pytest.param({"duration_ms": -1e300}, id="a hugely negative duration"),
        pytest.param({"duration_ms": math.nan}, id="no duration"),
        pytest.param({"duration_ms": math.inf}, id="an endless duration"),
        pytest.param({"flags": 2**64 - 1}, id="all flags there could be"),
        pytest.param({"flags": -1}, id="negative flags"),
        pytest.param({"started_at_us": 2**63}, id="the far future"),
        pytest.param({"started_at_us": -(2**63)}, id="the far past"),
        pytest.param({"phases": {"x" * 1000: math.nan}}, id="a phase of no time"),
        pytest.param({"phases": {str(n): 1.0 for n in range(99)}}, id="99 phases"),
        pytest.param(
            {"readings": {"x": msgspec.msgpack.Ext(5, b"1")}}, id="an extension"
        ),
        pytest.param({"readings": {"x": {(1, 2): 2, None: 3}}}, id="keys of no text"),
        pytest.param({"readings": {"x": "y" * 100_000}}, id="a book"),
    ],
)
async def test_a_hostile_row_spoils_only_itself(world, said):
    far = await world.join("hel")
    job = await add(world)
    await far.report([row(job), row(**{"job": job, **said}), row(job, 0.1)])
    await far.until(lambda f: f.acks.get("e") == 3)

    items = await stored(world)
    assert len(items) in (2, 3)
    for item in items:
        shown = msgspec.json.decode(msgspec.json.encode(item))
        assert 0 <= shown["duration_ms"] < 1e9 + 1
    msgspec.json.encode(world.service.recent(FIRST_ORG, job, 10))
    assert not world.running.done(), "the coordinator goes on"


@pytest.mark.parametrize(
    "batch",
    [
        pytest.param(Batch("e", 1, (), (Gap(1, -5, 0, 0, "x", {}),)), id="backwards"),
        pytest.param(Batch("e", 2**63, (), (Gap(1, 1, 0, 0, "x", {}),)), id="huge"),
        pytest.param(Batch("e", -5, (), (Gap(1, 1, 0, 0, "x", {}),)), id="negative"),
        pytest.param(Batch("e", 1, ()), id="nothing at all"),
        pytest.param(Batch("e" * 999, 1, (Raw(b"\x90"),)), id="an epoch of a page"),
    ],
)
async def test_a_hostile_batch_ends_its_own_link(world, batch):
    far, other = await world.join("hel"), await world.join("nyc")
    job = await add(world)
    await far.link.send(batch)
    await far.until(lambda f: isinstance(f.heard[-1], ProtocolError))
    await other.report([row(job)])
    await other.until(lambda f: f.acks.get("e") == 1)


async def test_a_hole_inside_a_batch_is_never_acknowledged(world):
    far = await world.join("hel")
    job = await add(world)
    gap = Gap(1, 1, 0, 0, "x", {})
    await far.link.send(Batch("e", 10, (Raw(encode_row(row(job))),), (gap,)))
    await far.until(lambda f: isinstance(f.heard[-1], ProtocolError))

    assert far.acks.get("e", 0) <= 1
    assert await stored(world) == []


async def test_rows_of_a_job_that_never_was_are_dropped(world):
    far = await world.join("hel")
    job = await add(world)
    await far.report([row(777), row(job)])
    await far.until(lambda f: f.acks.get("e") == 2)

    page = await world.store.read(lambda: query(777))
    assert page.items == []
    assert len(await stored(world)) == 1


async def test_nonsense_about_itself_is_shown_as_nothing(world):
    link = await dial(world, "odd")
    nowhere = (math.nan, math.inf)
    await link.send(Introduce("b", "1\x1b[2J", "r", nowhere, {}, ("tcp",), {}))
    vast = 2**63 - 1
    await link.send(Heartbeat(vast, 0, -vast, math.nan, vast, -5, vast))
    await asyncio.sleep(0.2)
    (worker,) = await world.members.workers(FIRST_ORG)

    assert worker.position is None
    assert "\x1b" not in worker.version
    msgspec.json.decode(msgspec.json.encode(worker))
    await link.close()


@pytest.mark.slow
async def test_asking_for_all_again_and_again_sends_it_once(world):
    for number in range(1200):
        spec_name = f"j{number}"
        await add(world, world.spec(name=spec_name))
    link = await dial(world, "slow")
    await link.send(Introduce("b", "1", "", None, {}, ("http",), {}))
    got = parts = 0
    await link.send(Applied(12345))
    with suppress(TimeoutError):
        while True:
            async with asyncio.timeout(20 if got < 1200 else 0.5):
                message = await link.receive()
            if isinstance(message, Desired):
                got, parts = got + len(message.put), parts + 1
                if message.more:
                    await link.send(Applied(0))
    assert got == 1200
    assert parts == 3
    await link.close()


async def test_of_three_links_of_one_worker_none_leaves_a_ghost(world):
    links = [await dial(world, "twin") for _ in range(3)]
    for link in links:
        await link.send(Introduce("b", "1", "", None, {}, ("http",), {}))
        await asyncio.sleep(0.05)
    board = world.coordinator.board
    assert len(board.connected) == 1
    for link in links:
        await link.close()
    await asyncio.sleep(0.1)

    assert board.connected == set()
    assert world.coordinator.reception.links == {}


@pytest.mark.slow
async def test_a_stuck_worker_does_not_hold_up_the_end(world):
    await world.join("hel")
    (link,) = world.coordinator.reception.links.values()

    async def never(data):
        await asyncio.Event().wait()

    link.link._channel.send = never
    async with asyncio.timeout(20):
        await world.coordinator.stop("over")


async def test_a_worker_that_is_not_in_the_electorate_does_not_vote(world):
    hel, nyc = await world.join("hel"), await world.join("nyc")
    job = await add(world, world.spec(name="web", on="hel"))
    await hel.report([row(job)])
    await hel.until(lambda f: f.acks.get("e") == 1)
    await nyc.report([row(job, 0.1, Outcome.FAILED)])
    await nyc.until(lambda f: f.acks.get("e") == 1)

    assert (await world.service.job(FIRST_ORG, "web")).verdict == "up"


async def test_a_worker_that_says_nothing_for_long_is_gone(world, monkeypatch):
    monkeypatch.setattr("pangea.coordinator.worker_link.SILENCE_S", 0.4)
    far, job = await world.join("hel"), await add(world)
    for n in range(8):
        await asyncio.sleep(0.1)
        await far.report([row(job, n / 10)], first=n + 1)
    assert world.coordinator.board.connected == {1}
    async with asyncio.timeout(10):
        while world.coordinator.board.connected:
            await asyncio.sleep(0.02)
