"""The coordinator's end of circuits: who comes in by them, and what ends them."""

import asyncio
import contextlib

import pytest

from pangea.coordinator import circuits as circuits_module
from pangea.coordinator.mesh_service import MeshService
from pangea.core.errors import LinkClosed, ProtocolError
from pangea.mesh import identity
from pangea.mesh.circuit import CircuitChannel
from pangea.mesh.circuit_flow import WINDOW
from pangea.mesh.circuit_messages import CircuitData, CloseCircuit, OpenCircuit
from pangea.mesh.info import NodeInfo
from pangea.mesh.link import initiate
from pangea.mesh.messages import Desired, Introduce, Welcome
from tests.coordinator.conftest import BOOT, CLOCK, SECRET, Far, row

ORG = 1


async def carry(mid):
    """Let what *mid* hears of circuits reach their ends."""
    done = 0
    while True:
        for message in mid.heard[done:]:
            done += 1
            if end := mid.ends.get(-getattr(message, "circuit", 0)):
                end.hear(message)
        await asyncio.sleep(0.001)


async def by(world, mid, name, number=1, boot=BOOT):
    """Shake hands as *name* in a circuit that *mid* carries; return the link."""
    channel = mid.ends[number] = CircuitChannel(number, mid.link.send, lambda: None)
    await channel.open(2)
    return await initiate(
        channel,
        identity.load_or_create(world.place / f"{name}.key"),
        SECRET,
        NodeInfo(role="worker", name=name, boot=boot),
        lambda key, info: None,
        clock=CLOCK,
        prologue=channel.prologue,
    )


async def enter(world, mid, name, number=1):
    """Let *name* come in by *mid*."""
    link = await by(world, mid, name, number)
    far = Far(link, await link.receive())
    assert isinstance(far.welcome, Welcome)
    await link.send(Introduce("b", "1", probes=("http", "tcp")))
    await far.until(lambda f: any(isinstance(m, Desired) for m in f.heard))
    world.workers.append(far)
    return far


async def shown(world, name):
    return await world.members.worker(ORG, name)


@pytest.fixture
async def mid(world):
    """A worker that carries; *far* was in before, directly, and has left."""
    far = await world.join("far")
    await far.leave()
    made = await world.join("mid")
    made.ends = {}
    carrying = asyncio.create_task(carry(made))
    yield made
    carrying.cancel()


async def is_gone(far, seconds=20.0):
    await far.until(
        lambda f: any(isinstance(m, ProtocolError) for m in f.heard), seconds
    )


async def test_a_worker_of_the_roster_comes_in_and_the_path_is_known(world, mid):
    await enter(world, mid, "far")
    assert (await shown(world, "far")).path == "via mid"
    assert (await shown(world, "mid")).path == "direct"
    assert (await shown(world, "far")).connected
    rows = await MeshService(world.coordinator).pairs(ORG)
    found = [(r.source, r.target, r.path) for r in rows if r.target == "coordinator"]
    assert found == [("far", "coordinator", "via mid")]


async def test_results_that_come_by_a_relay_are_stored_once(world, mid):
    await world.service.add_job(ORG, world.spec(name="j", on="far"), dry_run=False)
    far = await enter(world, mid, "far")
    await far.until(lambda f: f.held)
    (job,) = far.held
    rows = [row(job, -2.0), row(job, -1.0)]
    await far.report(rows)
    await far.until(lambda f: f.acks.get("e") == 2)
    # The direct way is back: what was not known to be safe is sent again.
    direct = await world.join("far")
    await direct.report([*rows, row(job)])
    await direct.until(lambda f: f.acks.get("e") == 3)
    page = await world.service.results(
        ORG, "j", worker=None, since_us=None, until_us=None, limit=10, cursor=None
    )
    assert len(page.items) == 3


async def test_the_direct_way_takes_the_place_of_the_relay(world, mid):
    far = await enter(world, mid, "far")
    await world.join("far")
    await is_gone(far)
    assert (await shown(world, "far")).path == "direct"
    assert (await shown(world, "far")).connected


async def test_nobody_joins_for_the_first_time_by_a_relay(world, mid):
    link = await by(world, mid, "stranger")
    with pytest.raises(LinkClosed):
        await link.receive()
    names = {worker.name for worker in world.coordinator.board.workers.values()}
    assert names == {"far", "mid"}


async def test_a_revoked_worker_gets_nothing_by_a_relay(world, mid):
    far = await enter(world, mid, "far")
    members = world.coordinator.members
    await members.revoke(members.find("far", ORG), "ada", "")
    await is_gone(far)
    with pytest.raises(ProtocolError):
        await by(world, mid, "far", number=2)
    assert (await shown(world, "far")).path is None


async def test_a_worker_does_not_come_by_itself(world, mid):
    link = await by(world, mid, "mid")
    with pytest.raises(LinkClosed):
        await link.receive()
    assert (await shown(world, "mid")).path == "direct"


async def test_who_is_relayed_does_not_relay(world, mid):
    far = await enter(world, mid, "far")
    await far.link.send(OpenCircuit(5, WINDOW))
    await far.until(lambda f: any(isinstance(m, CloseCircuit) for m in f.heard))


async def test_all_that_a_worker_carries_ends_with_its_link(world, mid):
    await enter(world, mid, "far")
    await mid.leave()
    async with asyncio.timeout(20):
        while (await shown(world, "far")).connected:
            await asyncio.sleep(0.01)
    assert not world.coordinator.reception.circuits._carriers


async def refused(mid, number):
    await mid.link.send(OpenCircuit(number, WINDOW))
    told = CloseCircuit
    await mid.until(
        lambda f: any(isinstance(m, told) and m.circuit == -number for m in f.heard)
    )
    return next(
        m.reason for m in mid.heard if isinstance(m, told) and m.circuit == -number
    )


async def test_handshakes_that_are_not_over_are_bounded(world, mid):
    for number in range(1, circuits_module.UNPROVEN + 1):
        await mid.link.send(OpenCircuit(number, WINDOW))
    assert "handshakes" in await refused(mid, 99)


async def test_circuits_of_one_worker_are_bounded(world, mid, monkeypatch):
    await enter(world, mid, "far")
    monkeypatch.setattr(circuits_module, "MOST_EACH", 1)
    assert "too many" in await refused(mid, 2)


async def test_circuits_of_all_are_bounded(world, mid, monkeypatch):
    monkeypatch.setattr(circuits_module, "MOST", 0)
    assert "too many" in await refused(mid, 2)


async def test_circuits_are_not_opened_at_any_rate(world, mid, monkeypatch):
    monkeypatch.setattr(circuits_module, "BURST", 1.0)
    await enter(world, mid, "far")
    assert "too fast" in await refused(mid, 2)


async def test_a_worker_that_goes_on_about_no_circuit_loses_its_link(world, mid):
    with contextlib.suppress(ProtocolError):
        for _ in range(20 * WINDOW // 16_000 + 1):
            await mid.link.send(CircuitData(7, bytes(16_000)))
    await is_gone(mid)


async def test_a_circuit_that_no_answer_can_name_ends_the_link(world, mid, caplog):
    caplog.set_level("INFO")
    await mid.link.send(OpenCircuit((1 << 64) - 1, WINDOW))
    async with asyncio.timeout(20):
        while "bad message" not in caplog.text:
            await asyncio.sleep(0.01)
    await is_gone(mid)


async def test_a_relayed_worker_keeps_the_address_at_which_it_was_seen(world, mid):
    office = world.coordinator.roster
    key = world.coordinator.board.worker("far").key
    office._told[key] = ("192.0.2.9:7464", "10.0.0.1:7464")
    link = await by(world, mid, "far")
    far = Far(link, await link.receive())
    addresses = ("10.0.0.2:7464",)
    await link.send(
        Introduce("b", "1", probes=("http",), port=7464, addresses=addresses)
    )
    await far.until(lambda f: any(isinstance(m, Desired) for m in f.heard))
    assert office._told[key] == ("192.0.2.9:7464", "10.0.0.2:7464")
    world.workers.append(far)


async def test_a_number_is_given_once(world, mid):
    await enter(world, mid, "far")
    assert "there is such a circuit" in await refused(mid, 1)
