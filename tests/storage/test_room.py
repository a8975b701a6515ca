"""The database tells how large it is and will be, gives room back, and is checked."""

from functools import partial

import pytest

from pangea.core.retention_table import RetentionTable
from pangea.storage import integrity, results, room, sealing
from pangea.storage.connection import connection
from pangea.storage.folded import SHARDS, put_folded
from pangea.storage.forecast import forecast
from tests.storage.made import SECOND, T0, result

HOUR_US = sealing.HOUR_US
H0 = T0 // HOUR_US * HOUR_US


async def filled(store, minutes=60, series=20):
    """Store an hour of results that are sealed, and a minute that is not."""
    for minute in range(minutes):
        rows = [result(minute * 60, job=j, ms=j + minute) for j in range(1, series + 1)]
        now = H0 + minute * 60 * SECOND
        await store.write(partial(results.append, rows, now))
    rows = [result(3600, job=j) for j in range(1, series + 1)]
    await store.write(lambda: put_folded([minutes * series] * SHARDS))
    await store.write(partial(results.append, rows, H0 + 5 * HOUR_US))
    await sealing.seal(store, H0 + 4 * HOUR_US)


@pytest.mark.engines("sqlite")
async def test_a_new_database_shrinks_when_much_was_deleted(store, monkeypatch):
    monkeypatch.setattr(room, "_SPARE_BYTES", 4096)
    await store.write(
        lambda: connection().execute("CREATE TABLE junk AS SELECT zeroblob(9000000)")
    )
    await store.write(lambda: connection().execute("DROP TABLE junk"))
    before = await store.read(lambda: room.room(store.path))
    assert before.shrinks
    assert before.spare > 9_000_000
    gone = []
    while not gone or gone[-1]:
        gone.append(await store.write(room.give_back))
    after = await store.read(lambda: room.room(store.path))
    assert max(gone) <= room.PAGES
    assert after.file < before.file - 8_000_000


async def test_the_forecast_is_what_comes_a_day_for_as_long_as_it_is_kept(store):
    await filled(store)
    kept = RetentionTable()
    told = await store.read(lambda: forecast(kept, 0))
    # Twenty results a minute, of which the last one alone is not sealed.
    per_result = told.bytes_per_day / (20 * 1440)
    assert 2 < per_result < 12
    assert told.forecast_bytes > 7 * told.bytes_per_day
    shorter = RetentionTable(raw=kept.raw / 7)
    less = await store.read(lambda: forecast(shorter, 0))
    assert less.forecast_bytes < told.forecast_bytes / 3
    assert (await store.read(lambda: forecast(kept, 1 << 50))).forecast_bytes == 1 << 50


async def test_a_sound_database_has_nothing_wrong(store):
    await filled(store)
    assert await store.read(integrity.check) == []


async def test_a_chunk_that_is_damaged_is_told(store):
    await filled(store, series=3)
    await store.write(
        lambda: connection().execute(
            "UPDATE chunk SET packed = ? WHERE job = 1", (b"\1\2",)
        )
    )
    await store.write(
        lambda: connection().execute("UPDATE chunk SET count = 9 WHERE job = 2")
    )
    wrong = await store.read(integrity.check)
    assert len(wrong) == 4
    assert any("job=1" in line and "damaged" in line for line in wrong)
    assert any("holds" in line and "instead of 9" in line for line in wrong)


@pytest.mark.engines("sqlite")
async def test_pages_that_were_overwritten_are_told(store, tmp_path):
    await filled(store)
    await store.close()
    with (tmp_path / "pangea.db").open("r+b") as file:
        file.seek(4096 * 8)
        file.write(b"\xa5" * 4096 * 20)
    from pangea.storage.connection import READER, connect, db

    connect(tmp_path / "pangea.db", READER)
    try:
        wrong = integrity.check()
    finally:
        db.close()
    assert wrong
    assert all("damaged" in line or "cannot be read" in line for line in wrong)
