"""A decision of a person that crosses a worker on its way in, step by step."""

import asyncio

import pytest

from pangea.core.errors import ProtocolError
from pangea.mesh.messages import Goodbye, Welcome
from pangea.web.schema import RevokeBody
from tests.coordinator.conftest import World
from tests.coordinator.knocking import ORG, come, id_of, introduce, knock, listed, mint


class Held:
    """Holds back the answer of the next write of a store, which is committed."""

    def __init__(self, store, monkeypatch):
        self.written, self.go_on = asyncio.Event(), asyncio.Event()
        self._write = store.write
        monkeypatch.setattr(store, "write", self._hold)

    async def _hold(self, fn):
        done = await self._write(fn)
        if not self.written.is_set():
            self.written.set()
            await self.go_on.wait()
        return done


async def revoke(world, name):
    await world.members.revoke(ORG, name, "ada", RevokeBody())


async def test_who_is_revoked_while_a_token_lets_it_in_stays_out(world, monkeypatch):
    await come(world, "hel")
    token = await mint(world, approve=True)
    held = Held(world.store, monkeypatch)
    link = await knock(world, "hel", token=token)
    await held.written.wait()
    await revoke(world, "hel")
    held.go_on.set()

    with pytest.raises(ProtocolError):
        await link.receive()
    assert (await listed(world))["hel"].state == "revoked"
    assert not (await listed(world))["hel"].trusted


async def test_who_comes_back_while_it_is_removed_is_cut(world, monkeypatch):
    far = await world.join("hel")
    await far.leave()
    while world.coordinator.board.connected:
        await asyncio.sleep(0.01)
    held = Held(world.store, monkeypatch)
    removing = asyncio.create_task(world.members.remove(ORG, "hel"))
    await held.written.wait()
    back = await world.join("hel")
    held.go_on.set()
    await removing
    await back.until(lambda f: isinstance(f.heard[-1], ProtocolError))
    assert await listed(world) == {}


@pytest.fixture
async def guarded(store, tmp_path):
    world = World(store, tmp_path, admission="approve")
    await world.start()
    yield world
    await world.close()


@pytest.fixture
def slow_word(guarded, monkeypatch):
    """Hold back the word to the next worker that it has to wait."""
    waiting = guarded.coordinator.reception.waiting
    said, go_on = asyncio.Event(), asyncio.Event()
    wait = waiting.wait

    async def slowly(link, worker):
        send = link.send

        async def held(message):
            if message == Welcome("pending", link.sid):
                said.set()
                await go_on.wait()
            await send(message)

        link.send = held
        return await wait(link, worker)

    monkeypatch.setattr(waiting, "wait", slowly)
    return said, go_on


async def test_who_is_approved_before_it_hears_that_it_waits_is_in(guarded, slow_word):
    said, go_on = slow_word
    link = await knock(guarded, "hel")
    await said.wait()
    await guarded.members.approve(ORG, id_of(guarded, "hel"), "ada")
    go_on.set()
    async with asyncio.timeout(20):
        words = [(await link.receive()).status for _ in range(2)]

    assert words == ["pending", "approved"]
    await introduce(link)


async def test_who_is_revoked_before_it_hears_that_it_waits_is_out(guarded, slow_word):
    said, go_on = slow_word
    link = await knock(guarded, "hel")
    await said.wait()
    await revoke(guarded, "hel")
    go_on.set()
    async with asyncio.timeout(20):
        words = [await link.receive() for _ in range(2)]

    assert isinstance(words[1], Goodbye)
    assert guarded.coordinator.reception.waiting.inside == set()
