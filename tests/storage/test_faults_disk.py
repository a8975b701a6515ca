"""A full disk and a locked database refuse in words, and lose nothing."""

import contextlib
import sqlite3
from functools import partial

import pytest

from pangea.core.errors import ConfigError, StorageError
from pangea.storage import connection as connections
from pangea.storage import results, rollups
from pangea.storage.database import Store
from tests.needs import need
from tests.storage.small_disk import on_small_disk
from tests.storage.test_faults import BATCH, account, filled, take

FULL = """
from pangea.core.errors import PangeaError
from pangea.storage import rollups, room
from tests.storage import test_faults as made

path = folder / "pangea.db"

async def refused(what):
    fill()
    try:
        await what()
        print("-", "nothing was refused")
    except PangeaError as error:
        print(error, "|", error.hint)
    make_room()

async def shrunk(store):
    while await store.write(room.give_back):
        pass

async def main():
    store, buckets = await made.filled(path)
    await made.make_holes(store)
    first = 1 + 6 * made.BATCH
    await refused(lambda: made.take(store, buckets, first))
    await made.take(store, buckets, first)
    await refused(lambda: rollups.fold(store, buckets))
    await rollups.fold(store, buckets)
    room._SPARE_BYTES, room.PAGES = 0, 40
    before = (await store.read(lambda: room.room(path))).file
    await refused(lambda: shrunk(store))
    await shrunk(store)
    after = (await store.read(lambda: room.room(path))).file
    await store.close()
    print(after < before, await made.account(path))

asyncio.run(main())
"""


@pytest.mark.netns
def test_a_disk_that_is_full_refuses_in_words_and_goes_on_where_it_was(tmp_path):
    need("root")
    commit, fold, vacuum, end = on_small_disk(tmp_path, FULL, megabytes=12)
    for line in (commit, fold, vacuum):
        assert "full" in line
        assert "| make room on the disk; what was acknowledged is safe" in line
    assert end == f"True {7 * BATCH}"


MIGRATED = """
from pangea.core.errors import PangeaError
from pangea.storage import results
from pangea.storage.database import Store
from tests.storage.test_migrations import put

async def main():
    path = put("0004", folder)
    before = path.read_bytes()
    for room in (0, 60, 120, 160):
        fill(room * 1024)
        try:
            store = await Store.open(path)
            await store.close()
            print("migrated")
        except PangeaError as error:
            print(error, "|", error.hint)
        make_room()
    store = await Store.open(path)
    page = await store.read(lambda: results.query(1, limit=1000))
    print(len(page.items), len(list(folder.glob("*.part"))))
    await store.close()

asyncio.run(main())
"""


@pytest.mark.netns
def test_a_migration_on_a_full_disk_is_refused_and_done_when_there_is_room(tmp_path):
    need("root")
    *tried, end = on_small_disk(tmp_path, MIGRATED)
    refused = [line for line in tried if line != "migrated"]
    assert len(refused) >= 2
    assert all("full" in line and "| make room" in line for line in refused), refused
    assert end == "120 0"


@contextlib.contextmanager
def held(path):
    """Hold the write lock of a database as another program."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


async def test_a_database_that_another_program_locks_waits_and_loses_nothing(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(connections, "BUSY_S", 0.1)
    path = tmp_path / "pangea.db"
    store, buckets = await filled(path)
    first = 1 + 6 * BATCH
    with held(path):
        for refused in (
            partial(take, store, buckets, first),
            partial(fold, store, buckets),
        ):
            with pytest.raises(StorageError, match="locked") as told:
                await refused()
            assert "another program holds the database" in told.value.hint
        page = await store.read(partial(results.query, 1))
        assert page.items, "what is there is read meanwhile"
    await take(store, buckets, first)
    await fold(store, buckets)
    await store.close()
    assert await account(path) == 7 * BATCH


async def fold(store, buckets):
    await rollups.fold(store, buckets)


async def test_a_start_while_another_program_locks_the_database_says_so(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(connections, "BUSY_S", 0.1)
    path = tmp_path / "pangea.db"
    await (await filled(path))[0].close()
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ConfigError, match="locked") as told:
            await Store.open(path)
        assert "another program holds the database" in told.value.hint
        other.execute("ROLLBACK")
    assert await account(path) == 6 * BATCH
