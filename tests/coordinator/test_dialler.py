"""Workers that are dialled: by the same rules as those that call."""

import asyncio
import contextlib

import pytest

from pangea.coordinator import dialler as dialler_module
from pangea.coordinator.dial_service import DialService
from pangea.coordinator.dialler import Dialler, address_of
from pangea.core.config import NodeConfig, NodeTable, ServerTable
from pangea.core.errors import (
    Conflict,
    NotFound,
    PangeaError,
    Unreachable,
    UsageError,
)
from pangea.mesh import identity
from pangea.mesh.info import NodeInfo
from pangea.mesh.link import respond
from pangea.mesh.messages import Desired, Introduce, Welcome
from pangea.mesh.replay import ReplayCache
from pangea.worker.listener import listen
from tests.coordinator.conftest import BOOT, CLOCK, SECRET, Far

ORG = 1


class Waiting:
    """A worker that listens, and answers who dials it."""

    def __init__(self, world, name, *, role="worker", secret=SECRET):
        self.world, self.role, self.secret = world, role, secret
        self.name = name
        self.far = None
        self.met = 0
        self.heard = []
        self.running = None
        self._stop = asyncio.Event()

    async def start(self, where="127.0.0.1:0"):
        config = NodeConfig(
            node=NodeTable(role="worker"), server=ServerTable(listen=where)
        )
        self.running = await listen(config, self._accept)
        self.address = f"127.0.0.1:{self.running.port}"
        return self

    async def stop(self):
        self._stop.set()
        await self.running.stop()

    async def _accept(self, channel, address, admitted):
        link = await respond(
            channel,
            identity.load_or_create(self.world.place / f"{self.name}.key"),
            [self.secret],
            NodeInfo(role=self.role, name=self.name, boot=BOOT),
            lambda key, info: self.heard.append(info.role),
            ReplayCache(),
            clock=CLOCK,
        )
        admitted()
        self.met += 1
        far = self.far = Far(link, await link.receive())
        if far.welcome.status == "approved":
            await link.send(Introduce("b", "1", probes=("http",)))
            await far.until(lambda f: any(isinstance(m, Desired) for m in f.heard))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(20):
                await asyncio.wait(
                    {far.listening, asyncio.create_task(self._stop.wait())},
                    return_when=asyncio.FIRST_COMPLETED,
                )
        far.listening.cancel()
        await link.close()


@pytest.fixture
async def waiting(world, monkeypatch):
    monkeypatch.setattr(dialler_module, "LOOK_S", 0.02)
    made = []

    async def start(name="far", where="127.0.0.1:0", **more):
        made.append(await Waiting(world, name, **more).start(where))
        return made[-1]

    yield start
    for one in made:
        await one.stop()


def dialler(world):
    return world.coordinator.dialler


async def until(what, seconds=20.0):
    async with asyncio.timeout(seconds):
        while not what():
            await asyncio.sleep(0.01)


async def test_a_worker_is_dialled_and_in(world, waiting):
    far = await waiting()
    answer = await DialService(world.coordinator).dial(ORG, "ada", far.address)
    assert (answer.worker, answer.state, answer.connected) == ("far", "approved", True)
    assert isinstance(far.far.welcome, Welcome)
    assert far.heard == ["coordinator"]
    shown = await world.members.worker(ORG, "far")
    assert (shown.path, shown.dialled) == ("direct", far.address)


async def test_what_waits_for_approval_waits_when_dialled_too(world, waiting):
    world.coordinator.admission_mode.configured = "approve"
    far = await waiting()
    answer = await DialService(world.coordinator).dial(ORG, "ada", far.address)
    assert answer.state == "pending"
    assert far.far.welcome.status == "pending"


async def test_a_lost_link_is_dialled_again(world, waiting):
    far = await waiting()
    await dialler(world).dial(far.address, "ada")
    await far.far.leave()
    await until(lambda: far.met == 2)


async def test_while_there_is_a_link_nobody_dials(world, waiting):
    far = await waiting()
    await dialler(world).dial(far.address, "ada")
    await asyncio.sleep(0.5)
    assert far.met == 1


async def test_a_restart_forgets_no_address(world, waiting):
    far = await waiting()
    await dialler(world).dial(far.address, "ada")
    c = world.coordinator
    again = Dialler(c.reception, c.admission, world.store, CLOCK)
    await again.load()
    assert again.dials == dialler(world).dials
    assert again.dials[far.address].by == "ada"


async def test_what_is_forgotten_is_dialled_no_more(world, waiting):
    far = await waiting()
    await dialler(world).dial(far.address, "ada")
    await far.far.leave()
    await until(lambda: far.met == 2)
    await dialler(world).forget(far.address)
    await asyncio.sleep(0.2)
    assert (await world.members.worker(ORG, "far")).connected  # the link stands
    await far.far.leave()
    await asyncio.sleep(1.5)
    assert far.met == 2
    with pytest.raises(NotFound):
        await dialler(world).forget(far.address)


@pytest.mark.parametrize("more", [{"role": "coordinator"}, {"secret": bytes(32)}])
async def test_what_is_no_worker_of_ours_is_not_remembered(world, waiting, more):
    far = await waiting(**more)
    with pytest.raises(Conflict):
        await dialler(world).dial(far.address, "ada")
    assert not dialler(world).dials
    assert not world.coordinator.board.workers


async def test_where_nobody_listens_is_not_remembered(world, waiting):
    far = await waiting()
    await far.stop()
    with pytest.raises(Unreachable):
        await dialler(world).dial(far.address, "ada")
    assert not dialler(world).dials


async def test_another_node_at_that_address_is_refused(world, waiting):
    far = await waiting()
    await dialler(world).dial(far.address, "ada")
    await far.stop()
    other = await waiting("other", far.address)
    await until(lambda: "another node answers" in str(dialler(world).trouble))
    with pytest.raises(Conflict, match="another node answers"):
        await dialler(world).dial(other.address, "ada")
    assert other.far is None
    await dialler(world).forget(other.address)
    await dialler(world).dial(other.address, "ada")


async def test_a_revoked_worker_is_dialled_no_more(world, waiting):
    far = await waiting()
    await dialler(world).dial(far.address, "ada")
    members = world.coordinator.members
    await members.revoke(members.find("far", ORG), "ada", "")
    await until(lambda: not dialler(world).dials)
    with pytest.raises(Conflict, match="revoked"):
        await dialler(world).dial(far.address, "ada")
    assert not dialler(world).dials


async def test_only_so_many_are_remembered(world, waiting, monkeypatch):
    monkeypatch.setattr(dialler_module, "MOST", 0)
    far = await waiting()
    with pytest.raises(Conflict):
        await dialler(world).dial(far.address, "ada")


@pytest.mark.parametrize("text", ["https://a", "", "a b", "a:99999", "a/b", "[::1"])
def test_what_is_no_address_of_a_worker_is_refused(text):
    with pytest.raises(UsageError):
        address_of(text)


async def test_a_damaged_list_is_no_reason_not_to_start(world, store):
    from pangea.storage import settings

    await store.write(lambda: settings.put(dialler_module.SETTING, "{"))
    c = world.coordinator
    again = Dialler(c.reception, c.admission, store, CLOCK)
    with contextlib.suppress(PangeaError):
        await again.load()
    assert again.dials == {}
