"""Disks that are full, broken or lie, while the spool is in use."""

import sqlite3

import pytest

from pangea.storage.files import release
from pangea.storage.spool import Bounds, Spool
from tests.storage.small_disk import on_small_disk


def keep(spool, first, count, job=1):
    return [
        spool.keep(job, 1000 + i, b"%010d" % i) for i in range(first, first + count)
    ]


async def said(spool):
    """Return what would be sent: rows as numbers, gaps as their ends, by epoch."""
    epochs = {}
    for run in await spool.pending({}, 100_000):
        rows, gaps = epochs.setdefault(run.epoch, ([], []))
        rows.extend((run.first + i, int(row)) for i, row in enumerate(run.rows))
        gaps.extend((gap.first, gap.last, gap.reason) for gap in run.gaps)
    return epochs


async def all_acked(spool):
    for run in await spool.pending({}, 100_000):
        spool.ack(run.epoch, run.last)


class Failing:
    """A connection to SQLite that fails with *code* while it is told to."""

    def __init__(self, link, code):
        self.link, self.code, self.failing = link, code, True

    def __getattr__(self, name):
        return getattr(self.link, name)

    def executemany(self, sql, rows):
        if self.failing and sql.startswith("INSERT INTO row"):
            error = sqlite3.OperationalError("the disk fails")
            error.sqlite_errorcode = self.code
            raise error
        return self.link.executemany(sql, rows)


def fail(spool, code):
    disk = spool._open_file().disk
    disk.link = Failing(disk.link, code)
    return disk.link


@pytest.fixture
async def spool(tmp_path):
    opened = await Spool.open(tmp_path / "spool.db")
    yield opened
    await opened.close()


async def test_what_a_full_disk_refuses_is_sent_from_memory(spool, caplog):
    await spool.add(keep(spool, 1, 3))
    link = fail(spool, sqlite3.SQLITE_FULL)
    assert await spool.add(keep(spool, 4, 2)) == (1, 2)
    assert await spool.add(keep(spool, 6, 1)) == (3, 3)
    assert spool.trouble == "the disk fails"
    assert caplog.text.count("kept in memory") == 1
    assert await spool.waiting() == 6

    link.failing = False
    assert await spool.add(keep(spool, 7, 2)) == (4, 5)
    assert spool.trouble == ""
    epochs = list((await said(spool)).values())
    assert sorted(epochs) == [
        ([(1, 1), (2, 2), (3, 3), (4, 7), (5, 8)], []),
        ([(1, 4), (2, 5), (3, 6)], []),
    ]
    await all_acked(spool)
    await spool.add(keep(spool, 9, 1))
    assert spool._open_file().ring is None
    assert len(await said(spool)) == 1


async def test_the_ring_is_bounded_and_what_it_drops_is_a_gap(spool):
    fail(spool, sqlite3.SQLITE_FULL)
    big = [spool.keep(1, i, b"x" * 4000) for i in range(1500)]
    await spool.add(big)
    (run,) = await spool.pending({}, 100_000)
    (gap,) = run.gaps
    assert (gap.first, gap.last + 1, gap.reason) == (1, run.first, "buffer overflow")
    assert run.last == 1500
    assert spool.dropped == gap.last


async def test_a_death_while_the_ring_is_used_calls_nothing_lost_that_was_sent(
    tmp_path,
):
    spool = await Spool.open(tmp_path / "spool.db")
    await spool.add(keep(spool, 1, 2))
    link = fail(spool, sqlite3.SQLITE_FULL)
    await spool.add(keep(spool, 3, 2))
    await all_acked(spool)
    link.failing = False
    kept = keep(spool, 5, 1)
    await spool.add(kept)
    keep(spool, 6, 1)
    first = spool.epoch
    await spool.note_acks()
    spool._file.disk.link.close()
    spool._thread.shutdown()
    spool._journal.close()
    release(spool._lock)

    again = await Spool.open(tmp_path / "spool.db")
    assert (await said(again))[first] == ([(3, 5), (4, 6)], [])
    await again.close()


@pytest.mark.parametrize("code", [sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB])
async def test_a_file_that_is_damaged_is_set_aside_and_saved_from(
    spool, tmp_path, caplog, code
):
    await spool.save_assignments(3, b"three")
    await spool.add(keep(spool, 1, 4))
    spool.ack(spool.epoch, 2)
    before = spool.epoch
    fail(spool, code)
    await spool.add(keep(spool, 5, 2))

    assert len(list(tmp_path.glob("spool.db.damaged-*"))) >= 1
    assert "damaged" in caplog.text
    epochs = await said(spool)
    assert epochs.pop(before) == ([(3, 3), (4, 4)], [])
    assert epochs == {spool.epoch: ([(1, 5), (2, 6)], [])}
    assert await spool.load_assignments() == (3, b"three")
    await all_acked(spool)
    assert await spool.waiting() == 0


async def test_what_cannot_be_saved_of_a_damaged_file_is_a_gap(tmp_path):
    path = tmp_path / "spool.db"
    spool = await Spool.open(path)
    rows = [spool.keep(1, i, b"%d" % i + b" " * 900) for i in range(4000)]
    await spool.add(rows)
    spool.ack(spool.epoch, 10)
    disk = spool._open_file().disk
    disk.link.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    disk.link.execute("PRAGMA cache_size = 1")
    with path.open("r+b") as file:
        file.seek(200 * 4096)
        file.write(b"\xff" * 4096 * 900)
    first = spool.epoch
    fail(spool, sqlite3.SQLITE_CORRUPT)
    await spool.add(keep(spool, 1, 1))

    epochs = await said(spool)
    old_rows, old_gaps = epochs[first]
    told = {number for number, _ in old_rows}
    for low, high, reason in old_gaps:
        assert reason == "spool damaged: the disk fails"
        told.update(range(low, high + 1))
    assert told == set(range(11, 4001))
    assert old_gaps
    assert epochs[spool.epoch] == ([(1, 1)], [])
    await spool.close()
    again = await Spool.open(path)
    assert again.message == ""
    assert set(await said(again)) == {first, spool.epoch}
    await again.close()


async def test_errors_of_input_and_output_that_last_set_the_file_aside(spool, tmp_path):
    await spool.add(keep(spool, 1, 1))
    fail(spool, sqlite3.SQLITE_IOERR)
    for number in range(2, 5):
        assert spool._open_file().disk is not None
        await spool.add(keep(spool, number, 1))
    assert len(list(tmp_path.glob("spool.db.damaged-*"))) >= 1
    rows = sorted(row for rows, _ in (await said(spool)).values() for _, row in rows)
    assert rows == [1, 2, 3, 4]


FULL = """
from pangea.storage.spool import Spool

def keep(spool, first, count):
    numbers = range(first, first + count)
    return [spool.keep(1, i, b"%08d" % i + b"x" * 2000) for i in numbers]

async def main():
    spool = await Spool.open(folder / "spool.db")
    await spool.add(keep(spool, 0, 10))
    fill()
    for group in range(1, 30):
        await spool.add(keep(spool, group * 10, 10))
    print(bool(spool.trouble), spool._open_file().ring is not None)
    make_room()
    await spool.add(keep(spool, 300, 10))
    print(spool.trouble == "")
    rows = []
    for run in await spool.pending({}, 10_000):
        rows += [int(row[:8]) for row in run.rows]
        assert not run.gaps
        spool.ack(run.epoch, run.last)
    print(sorted(rows) == list(range(310)))
    await spool.add(keep(spool, 310, 1))
    print(spool._open_file().ring is None)
    await spool.close()

asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.netns
def test_a_disk_that_is_really_full_loses_nothing(tmp_path):
    assert on_small_disk(tmp_path, FULL) == ["True True", "True", "True", "True"]


async def test_what_a_damaged_file_had_acknowledged_is_a_gap_if_it_is_asked_for(spool):
    await spool.add(keep(spool, 1, 3))
    await all_acked(spool)
    first = spool.epoch
    await spool.begin_epoch()
    link = fail(spool, sqlite3.SQLITE_CORRUPT)
    await spool.add(keep(spool, 4, 1))
    assert spool._open_file().disk.link is not link
    await spool.rewind({})

    assert (await said(spool))[first] == ([], [(1, 3, "coordinator restored")])


async def test_all_that_can_be_read_of_a_damaged_file_stays_under_its_number(spool):
    for group in range(25):
        await spool.add(keep(spool, group * 500 + 1, 500))
    spool.ack(spool.epoch, 7)
    first = spool.epoch
    age = spool._open_file().disk.age = 3600
    fail(spool, sqlite3.SQLITE_CORRUPT)
    await spool.add(keep(spool, 12_501, 1))

    rows, gaps = (await said(spool))[first]
    assert (rows[0], rows[-1], len(rows), gaps) == ((8, 8), (12_500,) * 2, 12_493, [])
    assert spool._open_file().disk.age == age


async def test_without_room_for_a_new_file_the_damaged_one_stays_and_memory_goes_on(
    spool, tmp_path, monkeypatch
):
    from pangea.storage import spool_rescue

    def refuse(*_):
        raise sqlite3.OperationalError("database or disk is full")

    await spool.add(keep(spool, 1, 3))
    first = spool.epoch
    fail(spool, sqlite3.SQLITE_CORRUPT)
    monkeypatch.setattr(spool_rescue, "transaction", refuse)
    await spool.add(keep(spool, 4, 1))

    assert not list(tmp_path.glob("spool.db.damaged-*"))
    assert spool.trouble == "the disk fails"
    assert (await said(spool))[first] == ([(1, 1), (2, 2), (3, 3)], [])
    assert await spool.waiting() == 4


async def test_bounds_hold_for_the_file_that_takes_the_place_of_a_damaged_one(tmp_path):
    spool = await Spool.open(tmp_path / "s.db", bounds=Bounds(most_bytes=34 * 10))
    await spool.add(keep(spool, 1, 8))
    fail(spool, sqlite3.SQLITE_CORRUPT)
    await spool.add(keep(spool, 9, 8))
    assert (await spool.counts()).rows == 10
    await spool.close()


async def test_a_link_begins_although_the_disk_takes_nothing(tmp_path):
    spool = await Spool.open(tmp_path / "spool.db")
    await spool.add(keep(spool, 1, 3))
    spool._file.disk.link.execute("PRAGMA query_only = on")
    await spool.rewind({spool.epoch: 2})
    assert await spool.waiting() == 1

    spool._file.disk.link.execute("PRAGMA query_only = off")
    await spool.add(keep(spool, 4, 1))
    assert await said(spool) == {spool.epoch: ([(3, 3), (4, 4)], [])}
    await spool.close()
    again = await Spool.open(tmp_path / "spool.db")
    assert await again.waiting() == 2
    await again.close()
