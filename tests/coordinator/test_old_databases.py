"""Today's coordinator takes up where that of any earlier schema stopped."""

import asyncio

import pytest

from pangea.core.model import Verdict
from pangea.storage.database import Store
from tests.coordinator.conftest import World, row
from tests.coordinator.test_coordinator import stored
from tests.storage.test_migrations import NUMBERS, SAID, put


@pytest.mark.parametrize("number", NUMBERS)
async def test_it_knows_its_jobs_workers_and_verdicts(tmp_path, number):
    tmp_path.chmod(0o700)
    store = await Store.open(put(number, tmp_path))
    world = World(store, tmp_path)
    await world.coordinator.start()
    board = world.coordinator.board
    assert {job.name for job in board.jobs.values()} == {j["name"] for j in SAID.JOBS}
    assert {w.name for w in board.workers.values()} == {w["name"] for w in SAID.WORKERS}
    assert board.states[1].verdict is Verdict.DOWN
    assert board.states[1].reason == SAID.STATE["reason"]

    world.running = asyncio.create_task(world.coordinator.run())
    far = await world.join("new")
    await far.report([row(1)])
    await far.until(lambda f: f.acks.get("e") == 1)
    found = await stored(world)
    await world.close()
    await store.close()
    assert found[0].worker == "new"
