"""A peer that carries circuits: only to the coordinator, only so many, and blindly."""

import asyncio
import contextlib

import pytest

from pangea.core.errors import LinkClosed, ProtocolError
from pangea.mesh import circuit_flow as circuits
from pangea.mesh.circuit import RELAY, CircuitChannel
from pangea.mesh.circuit_flow import PIECE, WINDOW
from pangea.mesh.circuit_messages import (
    CircuitData,
    CircuitWindow,
    CloseCircuit,
    OpenCircuit,
)
from pangea.worker import relay as relay_module
from pangea.worker.detour import Detour
from pangea.worker.relay import MOST_EACH, Relay
from tests.worker.mesh import CLOCK, Mesh, until


class Upstream:
    """A link to a coordinator that a test plays; ``said`` is what it hears."""

    prologue = b"tcp"

    def __init__(self):
        self.said = []
        self.ends = {}
        self.answers = True
        self.blocked = asyncio.Event()
        self.blocked.set()
        self.relay = None

    def speaks(self, kind):
        return True

    async def send(self, message):
        await self.blocked.wait()
        self.said.append(message)
        if not self.answers:
            return
        if isinstance(message, OpenCircuit):
            self.ends[message.circuit] = CircuitChannel(
                -message.circuit, self._back, lambda: None, asked=message.window
            )
            # As a link does once it is proven: larger messages may come.
            self.ends[message.circuit].trusted()
        elif end := self.ends.get(message.circuit):
            end.hear(message)

    async def _back(self, message):
        self.relay.hear_coordinator(message)


class Site:
    """Two peers: *far* needs a way, *mid* has one."""

    def __init__(self, mesh, far, mid):
        self.mesh, self.far, self.mid = mesh, far, mid
        self.up = Upstream()
        self.relay = Relay(mid.roster, CLOCK)
        self.up.relay = self.relay
        mid.peers.others.append(self.relay.hear)
        mid.peers.parted.append(self.relay.parted)
        self.detour = Detour(far.peers, far.roster, far.key, lambda: True)
        far.peers.others.append(self.detour.hear)
        far.peers.parted.append(self.detour.parted)

    @property
    def way(self):
        return self.far.peers.links[self.mid.key]

    async def open(self):
        near = await self.detour.open(self.way)
        near.trusted()
        return near

    def heard(self, kind):
        return [m for m in self.up.said if isinstance(m, kind)]


@pytest.fixture
async def site(tmp_path, monkeypatch):
    mesh = Mesh(tmp_path)
    far, mid = await mesh.start("far", "mid")
    await mesh.issue()
    made = Site(mesh, far, mid)
    await until(lambda: far.linked(mid) and mid.linked(far), why="a link")
    made.relay.joined(made.up)
    yield made
    made.up.blocked.set()
    await mesh.stop()


async def test_what_one_end_says_the_other_hears(site):
    near = await site.open()
    far_end = site.up.ends[1]
    sending = asyncio.create_task(near.send(b"x" * 300_000))
    assert await far_end.receive() == b"x" * 300_000
    answering = asyncio.create_task(far_end.send(b"y" * 300_000))
    assert await near.receive() == b"y" * 300_000
    await asyncio.gather(sending, answering)
    assert near.prologue == far_end.prologue == RELAY


async def test_an_end_that_leaves_is_told_to_the_other_and_forgotten(site):
    near = await site.open()
    await near.close()
    with pytest.raises(LinkClosed):
        await site.up.ends[1].receive()
    assert not site.relay.circuits
    again = await site.open()
    await site.up.ends[2].close()
    with pytest.raises(LinkClosed):
        await again.receive()
    assert not site.relay.circuits


async def test_the_seventeenth_circuit_is_refused(site):
    opened = [await site.open() for _ in range(MOST_EACH)]
    with pytest.raises(LinkClosed, match="as many circuits as it may"):
        await site.open()
    await opened[0].close()
    await until(lambda: len(site.relay.circuits) == MOST_EACH - 1, why="one has gone")
    # There is room, but sixteen in a moment were enough.
    with pytest.raises(LinkClosed, match="too fast"):
        await site.open()


async def test_without_an_own_direct_link_nothing_is_carried(site):
    site.relay.left()
    with pytest.raises(LinkClosed, match="does not reach the coordinator"):
        await site.open()


async def test_who_is_relayed_does_not_relay(site):
    site.up.prologue = RELAY
    site.relay.joined(site.up)
    with pytest.raises(LinkClosed, match="does not reach the coordinator directly"):
        await site.open()
    assert not site.up.said


async def test_it_can_be_switched_off(site):
    site.mid.peers.others.remove(site.relay.hear)
    off = Relay(site.mid.roster, CLOCK, allowed=False)
    off.joined(site.up)
    site.mid.peers.others.append(off.hear)
    with pytest.raises(LinkClosed, match="does not relay"):
        await site.open()


async def test_circuits_end_with_the_relays_link_to_the_coordinator(site):
    near = await site.open()
    site.relay.left()
    with pytest.raises(LinkClosed, match="lost the coordinator"):
        await near.receive()


async def test_circuits_end_with_the_link_between_the_peers(site):
    near = await site.open()
    await site.way.link.close()
    with pytest.raises(LinkClosed):
        await near.receive()
    await until(lambda: not site.relay.circuits, why="forgotten at the relay")
    with pytest.raises(LinkClosed):
        await site.up.ends[1].receive()


async def test_a_revoked_worker_opens_no_circuit_and_loses_those_it_has(site):
    near, way = await site.open(), site.way
    await site.mesh.issue(site.mid, to=[site.mid])
    with pytest.raises(LinkClosed):
        await near.receive()
    with pytest.raises(ProtocolError):
        await site.detour.open(way)
    assert len(site.heard(OpenCircuit)) == 1


async def test_who_is_off_the_roster_is_refused_also_while_his_link_stands(site):
    way = site.way
    theirs = site.mid.peers.links[site.far.key]
    site.mid.roster._by_key.pop(site.far.key)
    await site.relay.hear(theirs, OpenCircuit(9, WINDOW))
    assert not site.relay.circuits
    assert way.key == site.mid.key


async def test_a_coordinator_that_does_not_read_makes_the_relay_hold_one_window(site):
    near = await site.open()
    sending = asyncio.create_task(near.send(bytes(1 << 20)))
    await asyncio.sleep(0.2)
    assert not sending.done()
    carried = sum(len(m.data) for m in site.heard(CircuitData))
    assert carried <= WINDOW
    # Its socket is full too: what was granted waits here, and nothing beyond it.
    site.up.blocked.clear()
    reading = asyncio.create_task(site.up.ends[1].receive())
    await asyncio.sleep(0.2)
    assert site.relay.held <= WINDOW + PIECE
    sending.cancel()
    reading.cancel()


async def test_a_peer_that_sends_more_than_its_window_loses_the_circuit(site):
    site.up.answers = False
    near = CircuitChannel(1, site.way.say, lambda: None)
    site.detour._open[site.way, 1] = near
    await until(lambda: site.heard(OpenCircuit), why="an open circuit")
    site.relay.hear_coordinator(CircuitWindow(-1, WINDOW))
    site.up.blocked.clear()
    for _ in range(WINDOW // PIECE + 1):
        await site.way.say(CircuitData(1, bytes(PIECE)))
    with pytest.raises(LinkClosed, match="window"):
        await near.receive()
    assert site.way.key in site.far.peers.links  # the link itself stands
    assert not site.relay.circuits


async def test_a_peer_that_reads_nothing_makes_the_relay_hold_one_window(site):
    near = await site.open()
    near.hear = lambda message: None  # it grants nothing more
    end = site.up.ends[1]
    sending = asyncio.create_task(end.send(bytes(1 << 20)))
    await asyncio.sleep(0.3)
    assert not sending.done()
    assert site.relay.held <= WINDOW
    sending.cancel()


@pytest.mark.parametrize(
    "lie",
    [
        CircuitData(-1, bytes(PIECE + 1)),
        CircuitData(-1, b""),
        CircuitWindow(-1, WINDOW + 1),
        CircuitWindow(-1, 0),
    ],
)
async def test_a_coordinator_that_breaks_the_rules_loses_the_circuit_alone(site, lie):
    near, other = await site.open(), await site.open()
    site.relay.hear_coordinator(lie)
    with pytest.raises(LinkClosed):
        await near.receive()
    await other.send(b"still here")
    assert await site.up.ends[2].receive() == b"still here"


async def test_strange_numbers_and_windows_are_refused(site):
    theirs = site.mid.peers.links[site.far.key]
    for asked in (OpenCircuit(5, 0), OpenCircuit(5, WINDOW + 1), OpenCircuit(5, -1)):
        await site.relay.hear(theirs, asked)
    assert not site.relay.circuits
    assert not site.heard(OpenCircuit)
    # Of circuits that are not there nothing is passed on.
    await site.relay.hear(theirs, CircuitData(77, b"x"))
    site.relay.hear_coordinator(CircuitData(-77, b"x"))
    assert not site.up.said


async def test_who_asks_again_and_again_loses_the_link(site):
    site.relay.left()
    way = site.way
    with contextlib.suppress(ProtocolError):
        for number in range(1, 200):
            await way.say(OpenCircuit(number, WINDOW))
            await asyncio.sleep(0.002)
    await until(lambda: way.key not in site.far.peers.links, why="it has had enough")


async def test_who_goes_on_about_circuits_that_are_over_loses_the_link(site):
    near, way = await site.open(), site.way
    await near.close()
    theirs = site.mid.peers.links[site.far.key]
    for _ in range(17):  # what was on its way when the circuit ended
        await site.relay.hear(theirs, CircuitData(1, bytes(PIECE)))
        await site.detour.hear(way, CircuitData(-1, bytes(PIECE)))
    for hear, peer, number in (
        (site.relay.hear, theirs, 1),
        (site.detour.hear, way, -1),
    ):
        with pytest.raises(ProtocolError, match="goes on about"):
            await flood(hear, peer, number)


async def flood(hear, peer, number):
    for _ in range(20 * WINDOW // PIECE + 1):
        await hear(peer, CircuitData(number, bytes(PIECE)))


async def test_a_circuit_that_nobody_uses_is_given_up(site, monkeypatch):
    monkeypatch.setattr(relay_module, "LOOK_S", 0.02)
    monkeypatch.setattr(relay_module, "IDLE_S", 0.1)
    running = asyncio.create_task(site.relay.run())
    near = await site.open()
    with pytest.raises(LinkClosed, match="idle"):
        async with asyncio.timeout(20):
            await near.receive()
    running.cancel()


async def test_no_circuit_is_older_than_a_day(site, monkeypatch):
    monkeypatch.setattr(relay_module, "LOOK_S", 0.02)
    monkeypatch.setattr(relay_module, "LIFE_S", 0.1)
    running = asyncio.create_task(site.relay.run())
    near = await site.open()
    with pytest.raises(LinkClosed, match="a day old"):
        async with asyncio.timeout(20):
            await near.receive()
    running.cancel()


async def test_a_peer_is_slowed_to_its_rate(site, monkeypatch):
    monkeypatch.setattr(relay_module, "RATE", 400_000)
    monkeypatch.setattr(relay_module, "BURST", PIECE)
    near, begun = await site.open(), CLOCK.monotonic()
    sending = asyncio.create_task(near.send(bytes(100_000)))
    await site.up.ends[1].receive()
    await sending
    assert CLOCK.monotonic() - begun > 0.12


async def test_nobody_is_asked_before_there_is_need(site):
    assert site.detour.ways() == []
    for _ in range(3):
        site.detour.failed()
    assert [peer.key for peer in site.detour.ways()] == [site.mid.key]
    site.detour.direct()
    assert site.detour.ways() == []


async def test_a_worker_that_never_joined_asks_for_no_detour(site):
    fresh = Detour(site.far.peers, site.far.roster, site.far.key, lambda: False)
    for _ in range(9):
        fresh.failed()
    assert fresh.ways() == []


async def test_workers_that_are_no_neighbours_are_dialled_when_none_helps(site):
    others = await site.mesh.start(*(f"w{n}" for n in range(9)))
    await site.mesh.issue()
    await until(lambda: len(site.far.peers._wanted) >= 2, why="neighbours")
    before = set(site.far.peers._wanted)
    for _ in range(3):
        site.detour.failed()
    site.detour.none_helped()
    await until(lambda: len(set(site.far.peers._wanted) - before) > 0, why="others")
    site.detour.direct()
    await until(lambda: set(site.far.peers._wanted) == before, why="as it was")
    assert others


async def test_closing_says_so_once(site):
    near = await site.open()
    await near.close()
    await near.close()
    await asyncio.sleep(0.05)
    assert len(site.heard(CloseCircuit)) == 1
    assert circuits.CLOSE_S < 5
