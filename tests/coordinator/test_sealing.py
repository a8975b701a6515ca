"""The coordinator seals by itself, and says when it cannot and what it will take."""

import pytest

from pangea.coordinator.sealing import Sealing
from pangea.core.errors import StorageError
from pangea.core.retention_table import RetentionTable
from pangea.storage import results
from pangea.storage.connection import connection
from pangea.storage.database import Store
from pangea.storage.folded import SHARDS, put_folded
from tests.coordinator.test_clock_set import Settable
from tests.storage.made import T0, result, stored


def counts():
    rows = connection().execute("SELECT count(*) FROM chunk")
    return [stored(), rows.fetchone()[0]]


@pytest.fixture
def clock():
    return Settable(T0 / 1e6)


async def fill(store):
    await store.write(lambda: results.append([result(n) for n in range(30)], T0))
    await store.write(lambda: put_folded([30] * SHARDS))


async def test_an_hour_is_sealed_when_it_is_over(store, clock):
    await fill(store)
    sealing = Sealing(store, clock)
    await sealing.look()
    assert await store.read(counts) == [30, 0]
    clock.now += 7200
    await sealing.look()
    assert await store.read(counts) == [0, 1]
    assert sealing.trouble() == []
    assert sealing.room.told.bytes > 0


class Full(Store):
    """A store whose disk is full."""

    async def write(self, fn):
        raise StorageError("the database refused: database or disk is full")


async def test_a_disk_that_refuses_is_told_and_asked_again(tmp_path, clock, caplog):
    store = await Full.open(tmp_path / "pangea.db")
    sealing = Sealing(store, clock)
    await sealing.look()
    await sealing.look()
    assert caplog.text.count("results are not sealed for now") == 1
    (told,) = sealing.trouble()
    assert told.startswith("results are not sealed: the database refused")
    await store.close()


async def test_a_disk_that_will_not_do_is_told_in_time(store, clock):
    sealing = Sealing(store, clock)
    await sealing.look()
    told = sealing.room.told
    assert sealing.trouble() == []
    short = {"bytes_per_day": 10**9, "forecast_bytes": 5 * 10**9, "free_bytes": 10**9}
    sealing.room.told = type(told)(bytes=0, shrinks=True, **short)
    (said,) = sealing.trouble()
    assert said.startswith("the disk will be full in about 1 days")
    assert sealing.kept == RetentionTable()
