"""An agent that loses the direct way: by a peer, and back as soon as it can."""

import asyncio
import contextlib
from types import SimpleNamespace

import pytest

from pangea.core.errors import LinkClosed, ProtocolError
from pangea.mesh.circuit import RELAY, CircuitChannel
from pangea.mesh.circuit_messages import OpenCircuit
from pangea.mesh.dial import parse_join
from pangea.mesh.identity import load_or_create
from pangea.mesh.info import NodeInfo
from pangea.mesh.link import respond
from pangea.mesh.messages import Introduce, Welcome
from pangea.mesh.replay import ReplayCache
from pangea.worker import agent as agent_module
from pangea.worker import detour as detour_module
from tests.worker.mesh import CLOCK, until
from tests.worker.stub import SECRET, StubCoordinator, make_agent


class FakePeer:
    """A link to a peer that carries circuits to a coordinator, if it wants to."""

    def __init__(self, name, serve=None, key=None):
        self.name, self.key = name, name.encode() * 8
        self.link = self
        self.asked = 0
        self._serve, self._coordinator = serve, key
        self._end = None
        self._tasks = []
        self.detour = None

    def speaks(self, kind):
        return True

    async def say(self, message):
        if isinstance(message, OpenCircuit):
            self.asked += 1
            if self._serve is None:
                raise LinkClosed("it carries nothing")
            self._end = CircuitChannel(
                -message.circuit, self._back, lambda: None, asked=message.window
            )
            self._tasks.append(asyncio.create_task(self._meet(self._end)))
        else:
            self._end.hear(message)

    async def _back(self, message):
        await self.detour.hear(self, message)

    async def _meet(self, channel):
        info = NodeInfo(role="coordinator", name="c", boot="0" * 32)
        with contextlib.suppress(ProtocolError):
            link = await respond(
                channel, self._coordinator, [SECRET], info, lambda *_: None,
                ReplayCache(), clock=CLOCK, prologue=RELAY,
            )  # fmt: skip
            await self._serve(link)

    async def close(self):
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class FakePeers:
    def __init__(self, *peers):
        self.links = {peer.key: peer for peer in peers}
        self.asked_also = []

    def states(self):
        return []

    def also(self, keys):
        self.asked_also.append(keys)


class FakeMesh:
    """What an agent needs of its part of the mesh."""

    def __init__(self, detour):
        self.detour, self.calls = detour, None

    def completed(self, introduce):
        return introduce

    async def serve(self, link):
        await asyncio.sleep(3600)

    async def hear(self, link, message):
        return False


@pytest.fixture
async def lonely(tmp_path, monkeypatch):
    """Return an agent whose coordinator can be switched off, and two peers."""
    monkeypatch.setattr(detour_module, "AFTER_ROUNDS", 1)
    monkeypatch.setattr(detour_module, "AGAIN_S", (0.05, 0.1))
    monkeypatch.setattr(agent_module, "LOOK_S", 0.05)
    met = []

    async def serve(link):
        met.append(link.prologue)
        await link.send(Welcome("approved", b"", 1, "w", {}))
        assert isinstance(await link.receive(), Introduce)
        while True:
            await link.receive()

    coordinator = StubCoordinator(tmp_path, serve)
    useless, helpful = FakePeer("no"), FakePeer("yes", serve, coordinator._key)
    peers = FakePeers(useless, helpful)
    agent = await make_agent(tmp_path, 1)
    detour = detour_module.Detour(
        peers, SimpleNamespace(body=SimpleNamespace(nodes=())), b"own", lambda: True
    )
    useless.detour = helpful.detour = detour
    agent._mesh, agent._detour = FakeMesh(detour), detour
    agent._trust.keep(coordinator._key.public_key)
    agent._redial.delay = lambda: 0.02
    running = asyncio.create_task(agent.run())
    yield agent, coordinator, (useless, helpful), met
    await agent.stop(patience_s=0.1)
    running.cancel()
    await asyncio.wait([running])
    for peer in (useless, helpful):
        await peer.close()


async def test_peers_are_asked_in_turn_until_one_helps(lonely):
    agent, _, (useless, helpful), met = lonely
    await until(lambda: met, why="a way")
    assert met == [RELAY]
    assert useless.asked == 1
    assert helpful.asked == 1
    # What is remembered is where the coordinator is, not by whom we go.
    assert agent._trust.addresses == ()


async def test_the_direct_way_is_taken_again(lonely):
    agent, coordinator, (_, helpful), met = lonely
    await until(lambda: met, why="a way")
    await coordinator.start()
    agent._finder._join = [parse_join(f"127.0.0.1:{coordinator.port}")]
    await until(lambda: met[-1] == b"tcp", why="the direct way")
    assert agent._session is not None
    await until(lambda: helpful._end.reason, why="the circuit is closed")
    assert agent._trust.addresses == (f"127.0.0.1:{coordinator.port}",)
    await coordinator.stop()


async def test_the_direct_way_is_tried_right_before_a_peer_is_asked(
    tmp_path, monkeypatch
):
    met = []

    async def serve(link):
        met.append(link.prologue)
        await link.send(Welcome("approved", b"", 1, "w", {}))
        await asyncio.sleep(3600)

    coordinator = await StubCoordinator(tmp_path, serve).start()
    peer = FakePeer("yes", serve, coordinator._key)
    body = SimpleNamespace(body=SimpleNamespace(nodes=()))
    detour = detour_module.Detour(FakePeers(peer), body, b"own", lambda: True)
    peer.detour = detour
    agent = await make_agent(tmp_path, coordinator.port)
    agent._trust.keep(coordinator._key.public_key)
    for _ in range(detour_module.AFTER_ROUNDS):
        detour.failed()
    assert detour.ways() == [peer]
    going = asyncio.create_task(agent._go_round(detour))
    await until(lambda: met, why="a way")
    assert met == [b"tcp"]
    assert not peer.asked
    going.cancel()
    await asyncio.wait([going])
    await agent.stop(patience_s=0.1)
    await coordinator.stop()


def test_the_direct_way_is_tried_soon_at_first_and_then_more_seldom():
    detour = detour_module.Detour(FakePeers(), None, b"own", lambda: True)
    least, most = detour_module.AGAIN_S
    for share in (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 1):
        assert share * least <= detour.retry_s() <= share * most
    detour.direct()
    assert detour.retry_s() < 5


async def test_a_relay_that_is_lost_is_asked_anew(lonely):
    _, _, (_, helpful), met = lonely
    await until(lambda: met, why="a way")
    helpful._end.break_off("gone")
    await until(lambda: len(met) == 2, why="a way again")


async def test_what_is_no_coordinator_of_ours_at_the_end_is_refused(lonely, tmp_path):
    agent, _, (_, helpful), met = lonely
    helpful._coordinator = load_or_create(tmp_path / "thief.key")
    if helpful._end:
        helpful._end.break_off("gone")
    before = len(met)
    asked = helpful.asked
    await until(lambda: helpful.asked >= asked + 2, why="tries")
    assert len(met) == before
    assert agent._trust.coordinator != helpful._coordinator.public_key
