"""A worker that dies while its disk is full says later what it took along."""

import asyncio
import sqlite3

import pytest

from pangea.storage.spool import Lost, Spool
from pangea.storage.spool_owed import MANY, REASON, ROOM, Owed, joined, path_of
from tests.storage.small_disk import on_small_disk
from tests.storage.test_spool_faults import fail, keep


def dead(spool):
    """Leave *spool* as a process that is killed does: nothing more is written."""
    file = spool._open_file()
    for one in file.all:
        one.link.close()
    spool._journal.close()
    spool._owed.close()
    from pangea.storage.files import release

    release(spool._lock)


async def gaps_of(spool):
    """Return counts and reason of each gap that waits."""
    return [
        (gap.counts, gap.reason)
        for run in await spool.pending({}, 1000)
        for gap in run.gaps
    ]


async def test_what_only_memory_had_is_a_gap_of_the_next_life(tmp_path):
    spool = await Spool.open(tmp_path / "spool.db")
    await spool.add(keep(spool, 1, 2))
    fail(spool, sqlite3.SQLITE_FULL)
    spool._journal.well = False
    await spool.add([spool.keep(5, 100, b"a"), spool.keep(6, 200, b"b")])
    dead(spool)
    again = await Spool.open(tmp_path / "spool.db")
    assert await gaps_of(again) == [({5: 1, 6: 1}, REASON)]
    assert Owed(tmp_path / "spool.db").lost is None
    await again.add(keep(again, 3, 1))
    assert await gaps_of(again) == [({5: 1, 6: 1}, REASON)]
    await again.close()
    third = await Spool.open(tmp_path / "spool.db")
    assert third._owed.lost is None
    await third.close()


async def test_rows_are_added_once_even_if_they_cannot_be_counted(
    tmp_path, monkeypatch
):
    def refuse():
        raise sqlite3.OperationalError("disk I/O error")

    spool = await Spool.open(tmp_path / "spool.db")
    fail(spool, sqlite3.SQLITE_FULL)
    monkeypatch.setattr(spool._open_file(), "only_in_memory", refuse)
    assert await spool.add(keep(spool, 1, 2)) == (1, 2)
    assert await spool.waiting() == 2
    await spool.close()


@pytest.mark.parametrize("room", [True, False], ids=["room", "no room"])
async def test_what_comes_while_memory_takes_a_group_survives_as_well(tmp_path, room):
    spool = await Spool.open(tmp_path / "spool.db")
    fail(spool, sqlite3.SQLITE_FULL)
    group = keep(spool, 1, 2)
    storing = asyncio.create_task(spool.add(group))
    await asyncio.sleep(0)
    spool.keep(7, 99, b"late")
    if not room:
        spool._journal._write = lambda fd, record: setattr(
            spool._journal, "well", False
        )
    await storing
    dead(spool)

    again = await Spool.open(tmp_path / "spool.db")
    rows = [row for run in await again.pending({}, 10) for row in run.rows]
    owed = {1: 2} if room else {1: 2, 7: 1}
    assert rows == ([b"late"] if room else [])
    assert await gaps_of(again) == [(owed, REASON)]
    await again.close()


async def test_a_debt_whose_note_comes_back_is_told_once(tmp_path):
    path = tmp_path / "spool.db"
    owed = Owed(path)
    owed.hold(Lost("", {5: 2}, 10, 20), 0)
    note = path_of(path).read_bytes()
    owed.close()
    dead(await Spool.open(path))
    path_of(path).write_bytes(note)
    again = await Spool.open(path)
    assert await gaps_of(again) == [({5: 2}, REASON)]
    await again.close()


async def test_what_was_acknowledged_from_memory_is_not_owed(tmp_path):
    spool = await Spool.open(tmp_path / "spool.db")
    fail(spool, sqlite3.SQLITE_FULL)
    await spool.add([spool.keep(5, 100, b"a")])
    (run,) = await spool.pending({}, 10)
    spool.ack(run.epoch, run.last)
    await spool.add([spool.keep(6, 200, b"b")])
    dead(spool)
    assert Owed(tmp_path / "spool.db").lost.counts == {6: 1}


async def test_a_disk_that_recovers_still_owes_what_memory_has(tmp_path):
    spool = await Spool.open(tmp_path / "spool.db")
    link = fail(spool, sqlite3.SQLITE_FULL)
    await spool.add([spool.keep(5, 100, b"a")])
    link.failing = False
    await spool.add([spool.keep(6, 200, b"b")])
    assert spool.trouble == ""
    dead(spool)
    assert Owed(tmp_path / "spool.db").lost.counts == {5: 1}


async def test_a_healthy_spool_owes_nothing(tmp_path):
    spool = await Spool.open(tmp_path / "spool.db")
    await spool.add(keep(spool, 1, 3))
    dead(spool)
    assert Owed(tmp_path / "spool.db").lost is None


def test_damage_in_the_file_is_no_debt(tmp_path):
    spool = tmp_path / "spool.db"
    owed = Owed(spool)
    owed.hold(Lost("", {1: 2}, 10, 20), 0)
    owed.close()
    data = bytearray(path_of(spool).read_bytes())
    assert len(data) == ROOM
    data[9] ^= 0xFF
    path_of(spool).write_bytes(data)
    assert Owed(spool).lost is None


def test_too_many_jobs_are_counted_together(tmp_path):
    owed = Owed(tmp_path / "spool.db")
    owed.hold(Lost("", {n << 32: 1 for n in range(20_000)}, 10, 20), 0)
    owed.close()
    assert Owed(tmp_path / "spool.db").lost.counts == {MANY: 20_000}


def test_joining_changes_neither():
    one, other = Lost("a", {1: 1}, 5, 6), Lost("b", {1: 2, 2: 1}, 1, 9)
    assert joined(one, other) == Lost("a", {1: 3, 2: 1}, 1, 9)
    assert (one.counts, other.counts) == ({1: 1}, {1: 2, 2: 1})
    assert joined(None, None) is None


DIES = """
from pangea.storage.spool import Spool
from pangea.storage.spool_owed import Owed

async def main():
    spool = await Spool.open(folder / "spool.db")
    await spool.add([spool.keep(1, 1, b"before")])
    fill()
    await spool.add([spool.keep(n, n, b"x" * 3000) for n in range(2, 40)])
    kept = [spool.keep(50, 50, b"x" * 9000), spool.keep(50, 51, b"x" * 9000)]
    print(bool(spool.trouble), Owed(folder / "spool.db").lost.total)

asyncio.run(main())
"""


@pytest.mark.netns
@pytest.mark.slow
def test_a_disk_that_is_really_full_takes_the_count(tmp_path):
    assert on_small_disk(tmp_path, DIES) == ["True 40"]
