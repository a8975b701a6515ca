"""A database that stalls holds results back, and ends no link for that."""

import asyncio
from contextlib import suppress

import pytest

from pangea.coordinator import descriptions
from pangea.coordinator import intake as intake_module
from pangea.core.errors import ProtocolError, StorageError
from pangea.mesh.messages import WINDOW, Goodbye, Heartbeat, HeartbeatAck
from pangea.storage import workers as stored_workers
from tests.coordinator.conftest import World, row
from tests.coordinator.test_coordinator import add, stored


class Stall:
    """Lets the writes of a world wait, or fail, until it is over."""

    def __init__(self, world):
        self.world, self.real = world, world.store.write
        self.over = asyncio.Event()

    def begin(self):
        self.world.store.write = self._wait

    def refuse(self):
        self.world.store.write = self._refuse

    def end(self):
        self.world.store.write = self.real
        self.over.set()

    async def _wait(self, fn):
        await self.over.wait()
        return await self.real(fn)

    async def _refuse(self, fn):
        raise StorageError("the disk is full")


@pytest.fixture
async def narrow(store, tmp_path, monkeypatch):
    """A world whose intake takes one batch while one more waits."""
    monkeypatch.setattr(intake_module, "QUEUE", 1)
    monkeypatch.setattr(intake_module, "GROUP", 1)
    made = World(store, tmp_path)
    await made.start()
    yield made
    await made.close()


@pytest.fixture
async def stall(narrow):
    made = Stall(narrow)
    yield made
    made.end()


def ended(far):
    return bool(far.heard) and isinstance(far.heard[-1], ProtocolError)


async def test_heartbeats_are_answered_while_the_intake_is_full(narrow, stall):
    far = await narrow.join("hel")
    job = await add(narrow)
    stall.begin()
    for number in range(1, WINDOW + 1):
        await far.report([row(job, number / 10)], first=number)
    await far.link.send(Heartbeat(7))
    await far.until(
        lambda f: any(isinstance(m, HeartbeatAck) and m.sent_us == 7 for m in f.heard)
    )

    assert far.acks == {}
    stall.end()
    await far.until(lambda f: f.acks.get("e") == WINDOW)
    assert len(await stored(narrow)) == WINDOW


async def test_who_sends_more_than_its_window_loses_its_link(narrow, stall, caplog):
    caplog.set_level("INFO")
    far = await narrow.join("hel")
    job = await add(narrow)
    stall.begin()
    with suppress(ProtocolError):
        for number in range(1, WINDOW + 6):
            await far.report([row(job, number / 10)], first=number)
    await far.until(ended)

    assert "it sends more batches than it may without an ack" in caplog.text


async def test_what_was_sent_before_a_goodbye_is_taken_in(narrow, stall):
    far = await narrow.join("hel")
    job = await add(narrow)
    stall.begin()
    for number in range(1, WINDOW + 1):
        await far.report([row(job, number / 10)], first=number)
    await far.link.send(Goodbye("over"))
    await asyncio.sleep(0.05)
    stall.end()
    await far.until(ended)
    await narrow.coordinator.intake.drain()

    assert len(await stored(narrow)) == WINDOW


async def test_a_worker_that_is_known_comes_back_while_nothing_is_written(
    narrow, stall
):
    far = await narrow.join("hel")
    await far.leave()
    while narrow.coordinator.board.connected:
        await asyncio.sleep(0.01)
    stall.begin()
    async with asyncio.timeout(20):
        await narrow.join("hel")

    assert narrow.coordinator.reception.links


@pytest.mark.parametrize("how", ["begin", "refuse"], ids=["stalls", "refuses"])
async def test_what_a_worker_says_of_itself_is_stored_when_it_can_be(
    narrow, stall, monkeypatch, how
):
    monkeypatch.setattr(descriptions, "PATIENCE_S", 0.05)
    far = await narrow.join("hel")
    await far.leave()
    while narrow.coordinator.board.connected:
        await asyncio.sleep(0.01)
    getattr(stall, how)()
    await narrow.join("hel", tags={"rack": "7"})
    told = narrow.coordinator.board.worker("hel").tags
    stall.end()
    await narrow.coordinator.reception.descriptions.keep_owed()
    found = await narrow.store.read(stored_workers.all)

    assert told == {"rack": "7"}
    assert [worker.tags for worker in found] == [{"rack": "7"}]
