"""A restored backup gives no job the id of one that it does not know of."""

import asyncio
import shutil

from pangea.storage.database import Store
from tests.coordinator.conftest import World, row
from tests.coordinator.test_coordinator import add, stored


async def test_results_of_a_job_that_a_restore_has_lost_are_of_no_other_job(tmp_path):
    path, copy = tmp_path / "pangea.db", tmp_path / "backup.db"
    store = await Store.open(path)
    world = World(store, tmp_path)
    await world.start()
    await world.join("hel")
    first = await add(world, world.spec(name="first"))
    await world.close()
    await store.close()
    shutil.copy(path, copy)

    store = await Store.open(path)
    world = World(store, tmp_path)
    await world.start()
    await world.join("hel")
    lost = await add(world, world.spec(name="lost"))
    await asyncio.sleep(0.2)
    await world.close()
    await store.close()

    path.with_name("pangea.db-wal").unlink(missing_ok=True)
    shutil.copy(copy, path)
    store = await Store.open(path)
    world = World(store, tmp_path)
    await world.start()
    far = await world.join("hel")
    other = await add(world, world.spec(name="other"))
    await far.report([row(lost), row(other, 0.1)])
    await far.until(lambda f: f.acks.get("e") == 2)
    results = await stored(world, "other")
    await world.close()
    await store.close()

    assert len({first, lost, other}) == 3
    assert len(results) == 1
