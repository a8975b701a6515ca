"""The spool: bounded, in order, and honest about what it had to drop."""

import asyncio
import os
import signal
import stat
import subprocess
import sys

import pytest

from pangea.core.errors import ConfigError, StorageError
from pangea.storage.spool import Bounds, Lost, Row, Spool

#: A row of ten bytes costs 34.
ROW = b"0123456789"


def rows(first, count, job=1):
    return [Row(job, 1000 + i, b"%010d" % i) for i in range(first, first + count)]


async def everything(spool):
    return await spool.pending({}, 10_000)


def numbers(runs):
    return [(r.first, len(r.rows), [(g.first, g.last) for g in r.gaps]) for r in runs]


@pytest.fixture
async def spool(tmp_path):
    opened = await Spool.open(tmp_path / "spool.db")
    yield opened
    await opened.close()


async def test_rows_are_numbered_from_one_and_handed_out_in_order(spool):
    assert await spool.add(rows(0, 3)) == (1, 3)
    assert await spool.add(rows(3, 2)) == (4, 5)
    (run,) = await spool.pending({}, 100)
    assert (run.epoch, run.first, run.gaps) == (spool.epoch, 1, [])
    assert run.rows == [row[2] for row in rows(0, 5)]
    (rest,) = await spool.pending({spool.epoch: 3}, 1)
    assert (rest.first, rest.rows) == (4, [b"0000000003"])
    assert await spool.waiting() == 5


async def test_what_is_acknowledged_is_not_handed_out_again(spool):
    await spool.add(rows(0, 5))
    spool.ack(spool.epoch, 3)
    assert numbers(await everything(spool)) == [(4, 2, [])]
    spool.ack(spool.epoch, 2)
    spool.ack("unknown", 9)
    assert await spool.waiting() == 2
    spool.ack(spool.epoch, 10**9)
    assert await spool.waiting() == 0
    assert await spool.add(rows(5, 1)) == (6, 6)


async def test_a_new_life_has_its_own_epoch_and_sends_the_old_rows_first(tmp_path):
    epochs = []
    for _ in range(3):
        spool = await Spool.open(tmp_path / "spool.db")
        await spool.add(rows(0, 2))
        epochs.append(spool.epoch)
        await spool.close()
    spool = await Spool.open(tmp_path / "spool.db")
    runs = await everything(spool)
    assert [(r.epoch, r.first, len(r.rows)) for r in runs] == [
        (epoch, 1, 2) for epoch in epochs
    ]
    await spool.close()


async def test_the_bound_is_kept_by_dropping_the_oldest_as_a_gap(tmp_path):
    spool = await Spool.open(tmp_path / "s.db", bounds=Bounds(most_bytes=34 * 10))
    for first in range(0, 50, 5):
        await spool.add(rows(first, 5, job=first % 2 + 1))
    counts = await spool.counts()
    assert (counts.rows, counts.bytes, counts.dropped) == (10, 340, 40)
    (run,) = await everything(spool)
    assert (run.first, len(run.rows)) == (41, 10)
    (gap,) = run.gaps
    assert (gap.first, gap.last, gap.from_us, gap.to_us) == (1, 40, 1000, 1039)
    assert (gap.reason, gap.counts) == ("buffer overflow", {1: 20, 2: 20})
    await spool.close()


def ranked(first, count):
    return [row._replace(rank=1) for row in rows(first, count)]


async def test_routine_goes_before_what_verdicts_turn_on(tmp_path):
    spool = await Spool.open(tmp_path / "s.db", bounds=Bounds(most_bytes=34 * 40))
    await spool.add(rows(0, 5))
    await spool.add(ranked(5, 3))
    await spool.add(rows(8, 60))
    assert numbers(await everything(spool)) == [(6, 3, [(1, 5)]), (32, 37, [(9, 31)])]
    await spool.close()

    spool = await Spool.open(tmp_path / "s.db", bounds=Bounds(most_bytes=34 * 40))
    await spool.add(rows(0, 39))
    old, new = await everything(spool)
    assert (old.first, len(old.rows), new.first, len(new.rows)) == (6, 3, 3, 37)
    spool.ack(old.epoch, 68)
    await spool.add(rows(39, 3))
    (run,) = await everything(spool)
    assert (run.first, len(run.rows)) == (3, 40)
    await spool.close()


async def test_beyond_a_tenth_what_verdicts_turn_on_goes_by_its_age(tmp_path):
    spool = await Spool.open(tmp_path / "s.db", bounds=Bounds(most_bytes=34 * 40))
    await spool.add(ranked(0, 30))
    await spool.add(rows(30, 20))
    assert numbers(await everything(spool)) == [(11, 40, [(1, 10)])]
    await spool.add(rows(50, 40))
    first, second = await everything(spool)
    assert [(g.first, g.last) for g in [*first.gaps, *second.gaps]] == [
        (1, 26), (31, 54),
    ]  # fmt: skip
    assert (first.first, len(first.rows), second.first) == (27, 4, 55)
    await spool.close()


async def test_a_gap_that_was_sent_does_not_grow(tmp_path):
    spool = await Spool.open(tmp_path / "s.db", bounds=Bounds(most_bytes=34 * 10))
    await spool.add(rows(0, 15))
    assert numbers(await everything(spool)) == [(6, 10, [(1, 5)])]
    await spool.pending({spool.epoch: 15}, 100)
    await spool.add(rows(15, 5))
    assert numbers(await everything(spool)) == [(11, 10, [(1, 5), (6, 10)])]
    spool.ack(spool.epoch, 5)
    assert numbers(await everything(spool)) == [(11, 10, [(6, 10)])]
    await spool.close()


async def test_acknowledged_rows_leave_without_a_gap(tmp_path):
    spool = await Spool.open(tmp_path / "s.db", bounds=Bounds(most_bytes=34 * 10))
    await spool.add(rows(0, 10))
    spool.ack(spool.epoch, 8)
    await spool.add(rows(10, 8))
    assert numbers(await everything(spool)) == [(9, 10, [])]
    await spool.close()


async def test_age_counts_while_open_and_acknowledged_rows_age_sooner(tmp_path):
    now = [0.0]
    spool = await Spool.open(tmp_path / "s.db", clock=lambda: now[0])
    await spool.add(rows(0, 4))
    spool.ack(spool.epoch, 2)
    now[0] = 86_500.0
    await spool.add(rows(4, 1))
    assert (await spool.counts()).rows == 3
    now[0] = 9 * 86_400.0
    await spool.add(rows(5, 1))
    (run,) = await everything(spool)
    assert (run.first, [g.reason for g in run.gaps]) == (6, ["too old"])
    await spool.close()


async def test_a_restored_coordinator_gets_again_what_it_lacks(spool):
    await spool.add(rows(0, 10))
    spool.ack(spool.epoch, 10)
    await spool.rewind({spool.epoch: 4})
    assert numbers(await everything(spool)) == [(5, 6, [])]
    await spool.rewind({spool.epoch: 9})
    assert numbers(await everything(spool)) == [(10, 1, [])]
    await spool.rewind({spool.epoch: 99})
    assert await everything(spool) == []


async def test_what_a_restored_coordinator_lacks_and_is_gone_here_is_a_gap(tmp_path):
    spool = await Spool.open(tmp_path / "s.db", bounds=Bounds(most_bytes=34 * 10))
    await spool.add(rows(0, 10))
    spool.ack(spool.epoch, 10)
    await spool.add(rows(10, 6))
    await spool.rewind({spool.epoch: 3})
    (run,) = await everything(spool)
    assert (run.first, len(run.rows)) == (7, 10)
    assert [(g.first, g.last, g.reason) for g in run.gaps] == [
        (4, 6, "coordinator restored")
    ]
    await spool.close()


async def test_an_epoch_of_which_nothing_is_left_is_one_gap(tmp_path):
    path = tmp_path / "s.db"
    old = await Spool.open(path)
    await old.add(rows(0, 5))
    await old.close()
    spool = await Spool.open(path, bounds=Bounds(most_bytes=34 * 4))
    await spool.add(rows(5, 4))
    runs = await everything(spool)
    assert [(r.epoch, *n) for r, n in zip(runs, numbers(runs), strict=True)] == [
        (old.epoch, 6, 0, [(1, 5)]),
        (spool.epoch, 1, 4, []),
    ]
    spool.ack(old.epoch, 5)
    assert [r.epoch for r in await everything(spool)] == [spool.epoch]
    await spool.close()


async def test_assignments_are_remembered_by_the_next_life(tmp_path):
    spool = await Spool.open(tmp_path / "s.db")
    assert await spool.load_assignments() == (0, b"")
    await spool.save_assignments(3, b"three")
    await spool.save_assignments(4, b"four")
    await spool.close()
    spool = await Spool.open(tmp_path / "s.db")
    assert await spool.load_assignments() == (4, b"four")
    await spool.close()


async def test_a_damaged_spool_is_set_aside_and_a_new_one_begun(tmp_path, caplog):
    path = tmp_path / "spool.db"
    path.write_bytes(b"no database" * 1000)
    spool = await Spool.open(path)
    (run,) = await everything(spool)
    (gap,) = run.gaps
    assert gap.reason == ("spool damaged: file is not a database, number unknown")
    assert await spool.add(rows(0, 1)) == (1, 1)
    await spool.close()
    (aside,) = tmp_path.glob("spool.db.damaged-*")
    assert aside.read_bytes().startswith(b"no database")
    assert str(aside) in spool.message
    assert spool.message in caplog.text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_pages_that_were_overwritten_are_found_at_the_start(tmp_path):
    path = tmp_path / "spool.db"
    spool = await Spool.open(path)
    await spool.add(rows(0, 5000))
    await spool.close()
    with path.open("r+b") as file:
        for page in range(20, 60):
            file.seek(page * 4096)
            file.write(b"\xff" * 4096)
    before, spool = spool.epoch, await Spool.open(path)
    assert "damaged" in spool.message
    assert await spool.waiting() == 5000
    told = await everything(spool)
    told += await spool.pending({before: told[-1].last}, 10_000)
    assert {run.epoch for run in told} == {before}
    saved = {n for run in told for n in range(run.first, run.first + len(run.rows))}
    gaps = [gap for run in told for gap in run.gaps]
    lost = {n for gap in gaps for n in range(gap.first, gap.last + 1)}
    assert len(saved) > 500
    assert not saved & lost
    assert saved | lost == set(range(1, 5001))
    assert {gap.reason for gap in gaps} == {
        "spool damaged: database disk image is malformed"
    }
    await spool.close()


async def test_a_spool_in_use_or_not_writable_is_refused(spool, tmp_path):
    with pytest.raises(ConfigError, match="in use"):
        await Spool.open(spool.path)
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        await Spool.open(tmp_path / "file" / "spool.db")


async def test_a_closed_spool_says_so(tmp_path):
    spool = await Spool.open(tmp_path / "s.db")
    await spool.close()
    await spool.close()
    with pytest.raises(StorageError, match="closed"):
        await spool.add(rows(0, 1))


SPOOLS_UNTIL_KILLED = """
import asyncio, sys
from pathlib import Path
from pangea.storage.spool import Row, Spool

async def main():
    spool = await Spool.open(Path(sys.argv[1]))
    while True:
        first, last = await spool.add([Row(1, 1, b"x" * 100)] * 5)
        print(last, flush=True)

asyncio.run(main())
"""


@pytest.mark.slow
async def test_what_was_spooled_survives_kill_9(tmp_path):
    path = tmp_path / "spool.db"
    writer = subprocess.Popen(
        [sys.executable, "-c", SPOOLS_UNTIL_KILLED, str(path)], stdout=subprocess.PIPE
    )
    spooled = [int(writer.stdout.readline()) for _ in range(100)]
    os.kill(writer.pid, signal.SIGKILL)
    spooled += [int(line) for line in writer.stdout.read().split(b"\n")[:-1]]
    writer.stdout.close()
    writer.wait()
    spool = await Spool.open(path)
    (run,) = await everything(spool)
    assert run.first == 1
    assert len(run.rows) >= spooled[-1]
    await spool.close()


async def test_many_callers_at_once_get_numbers_without_overlap(spool):
    given = await asyncio.gather(*(spool.add(rows(i, 3)) for i in range(50)))
    numbers_ = [n for first, last in given for n in range(first, last + 1)]
    assert sorted(numbers_) == list(range(1, 151))


def lost(count, job=1):
    made = Lost("the disk was full", {}, 5000, 5000)
    for number in range(count):
        made.note(job, 4000 + number)
    return made


async def test_what_never_came_in_is_a_gap_between_the_rows_around_it(spool):
    await spool.add(rows(0, 2))
    assert await spool.add(rows(5, 2), lost(3)) == (6, 7)
    await spool.add(rows(7, 1))

    runs = await everything(spool)
    assert numbers(runs) == [(1, 2, []), (6, 3, [(3, 5)])]
    (gap,) = runs[1].gaps
    assert (gap.reason, gap.counts) == ("the disk was full", {1: 3})
    assert (gap.from_us, gap.to_us) == (4000, 5000)
    assert await spool.waiting() == 8
    assert (await spool.counts()).dropped == 3
    (rest,) = await spool.pending({spool.epoch: 5}, 100)
    assert (rest.first, rest.gaps) == (6, [])


async def test_such_a_gap_outlives_a_restart_and_the_rows_around_it(tmp_path):
    spool = await Spool.open(tmp_path / "s.db", bounds=Bounds(most_bytes=34 * 10))
    await spool.add(rows(0, 6))
    await spool.add(rows(9, 6), lost(3))
    await spool.close()
    spool = await Spool.open(tmp_path / "s.db", bounds=Bounds(most_bytes=34 * 10))
    await spool.add(rows(15, 8))

    old, new = await everything(spool)
    assert [(g.first, g.last, sum(g.counts.values())) for g in old.gaps] == [
        (1, 6, 6), (7, 9, 3), (10, 13, 4),
    ]  # fmt: skip
    assert (old.first, len(old.rows), new.first, len(new.rows)) == (14, 2, 1, 8)
    await spool.close()


@pytest.mark.parametrize("acked", [5, 6, 7])
async def test_a_restored_coordinator_is_told_of_such_a_gap_again(spool, acked):
    await spool.add(rows(0, 2))
    await spool.add(rows(5, 2), lost(4))
    spool.ack(spool.epoch, acked + 1)
    await spool.rewind({spool.epoch: 1})

    runs = await everything(spool)
    covered = set()
    for run in runs:
        covered.update(range(run.first, run.first + len(run.rows)))
        for gap in run.gaps:
            covered.update(range(gap.first, gap.last + 1))
    assert covered == set(range(2, 9))
    assert [run.first for run in runs] == [2, 7]
