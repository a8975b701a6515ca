"""The journal: what a worker had finished when it died is not lost, nor doubled."""

import os
import signal
import stat
import subprocess
import sys

import pytest

from pangea.storage import spool_journal
from pangea.storage.files import release
from pangea.storage.spool import Lost, Spool
from pangea.storage.spool_journal import journal_paths, left_behind
from tests.storage.small_disk import on_small_disk


def die(spool):
    """End *spool* as ``kill -9`` does."""
    spool._file.disk.link.close()
    spool._thread.shutdown()
    spool._journal.close()
    release(spool._lock)


def keep(spool, first, count):
    return [
        spool.keep(1, i, b"%010d" % i, 5_000 + i) for i in range(first, first + count)
    ]


async def everything(spool):
    return await spool.pending({}, 10_000)


async def bodies(spool):
    runs = await everything(spool)
    return [(run.epoch, run.first, [int(row) for row in run.rows]) for run in runs]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "spool.db"


async def test_what_was_kept_but_not_stored_is_in_the_next_life(path):
    spool = await Spool.open(path, boot="monday")
    await spool.add(keep(spool, 1, 3))
    keep(spool, 4, 2)
    die(spool)

    again = await Spool.open(path, boot="tuesday")
    (run,) = await everything(again)
    assert (run.epoch, run.first, len(run.rows)) == (spool.epoch, 1, 5)
    assert (run.boot, run.boot_ns[3:]) == ("monday", (5004, 5005))
    assert left_behind(path) == []
    assert await again.add(keep(again, 9, 1)) == (1, 1)
    await again.close()


async def test_a_death_between_the_commit_and_the_emptying_doubles_nothing(path):
    spool = await Spool.open(path)
    rows = keep(spool, 1, 3)
    before = {file: file.read_bytes() for file in journal_paths(path)}
    await spool.add(rows)
    die(spool)
    for _ in range(2):
        # Nor does a second death, before the next life has emptied it.
        for file, data in before.items():
            file.write_bytes(data)
        again = await Spool.open(path)
        assert await bodies(again) == [(spool.epoch, 1, [1, 2, 3])]
        die(again)


async def test_results_that_come_during_a_commit_go_to_the_other_file(path):
    spool = await Spool.open(path)
    first = keep(spool, 1, 2)
    writing = spool.add(first)
    one, other = journal_paths(path)
    spool._journal.turn()
    late = keep(spool, 3, 1)
    await writing
    assert (one.stat().st_size, other.stat().st_size > 0) == (0, True)
    await spool.add(late)
    assert left_behind(path) == []
    await spool.close()


@pytest.mark.parametrize("cut", [1, 9, 30, 60])
async def test_a_torn_tail_costs_only_the_record_that_was_torn(path, cut):
    spool = await Spool.open(path)
    keep(spool, 1, 4)
    die(spool)
    file = journal_paths(path)[0]
    whole = file.stat().st_size
    os.truncate(file, whole - cut)

    again = await Spool.open(path)
    ((_, first, numbers),) = await bodies(again)
    size = (whole - 24) // 4
    assert (first, numbers) == (1, list(range(1, 5 - -(-cut // size))))
    await again.close()


async def test_a_damaged_record_is_not_believed_nor_what_follows(path):
    spool = await Spool.open(path)
    keep(spool, 1, 4)
    die(spool)
    file = journal_paths(path)[0]
    data = bytearray(file.read_bytes())
    data[24 + (len(data) - 24) // 2 + 20] ^= 1
    file.write_bytes(data)

    again = await Spool.open(path)
    assert await bodies(again) == [(spool.epoch, 1, [1, 2])]
    await again.close()


@pytest.mark.parametrize(
    "junk",
    [b"", b"PANGEA", b"PANGEAJ1short", os.urandom(5000), b"PANGEAJ1" + b"\xff" * 99],
)
async def test_a_journal_that_is_none_is_as_an_empty_one(path, junk):
    for file in journal_paths(path):
        file.write_bytes(junk)
    spool = await Spool.open(path)
    assert await everything(spool) == []
    await spool.close()


async def test_groups_that_went_with_the_power_are_a_gap_before_what_is_left(path):
    spool = await Spool.open(path)
    await spool.add(keep(spool, 1, 2))
    spool._file.disk.link.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    stored = path.read_bytes()
    await spool.add(keep(spool, 3, 3))
    keep(spool, 6, 2)
    die(spool)
    path.write_bytes(stored)
    path.with_name("spool.db-wal").unlink(missing_ok=True)

    again = await Spool.open(path)
    first, second = await everything(again)
    assert [int(row) for row in first.rows] == [1, 2]
    assert (second.first, [int(row) for row in second.rows]) == (6, [6, 7])
    (gap,) = second.gaps
    assert (gap.first, gap.last, gap.reason) == (3, 5, "lost with the power")
    await again.close()


async def test_numbers_follow_the_serials_over_what_was_lost_before_it_came(path):
    spool = await Spool.open(path)
    await spool.add(keep(spool, 1, 2))
    keep(spool, 3, 2)
    lost = Lost("slow disk", {1: 2}, 3, 4)
    await spool.add(keep(spool, 5, 1), lost)
    keep(spool, 6, 1)
    die(spool)

    again = await Spool.open(path)
    last = (await everything(again))[-1]
    assert (last.first, [int(row) for row in last.rows]) == (5, [5, 6])
    await again.close()


async def test_the_journal_of_a_spool_that_is_gone_is_numbered_anew(path):
    spool = await Spool.open(path, boot="monday")
    await spool.add(keep(spool, 1, 2))
    keep(spool, 3, 2)
    die(spool)
    path.unlink()
    path.with_name("spool.db-wal").unlink(missing_ok=True)

    again = await Spool.open(path, boot="tuesday")
    (run,) = await everything(again)
    assert (run.epoch, run.first) == (again.epoch, 1)
    assert [int(row) for row in run.rows] == [3, 4]
    assert set(run.boot_ns) == {0}, "of which boot they are is not known"
    die(again)
    third = await Spool.open(path)
    assert [numbers for _, _, numbers in await bodies(third)] == [[3, 4]]
    await third.close()


async def test_the_journals_files_are_private_and_stop_growing(path, monkeypatch):
    monkeypatch.setattr(spool_journal, "MOST_BYTES", 1000)
    spool = await Spool.open(path)
    keep(spool, 1, 100)
    assert not spool.keeps
    sizes = [file.stat().st_size for file in journal_paths(path)]
    assert sum(sizes) < 1100
    assert {stat.S_IMODE(f.stat().st_mode) for f in journal_paths(path)} == {0o600}
    rows = keep(spool, 101, 1)
    await spool.add(rows)
    keep(spool, 102, 1)
    assert spool.keeps
    await spool.close()


async def test_a_journal_that_cannot_be_made_costs_only_its_safety(tmp_path, caplog):
    (tmp_path / "spool.db.journal-0").mkdir()
    spool = await Spool.open(tmp_path / "spool.db")
    assert await spool.add(keep(spool, 1, 2)) == (1, 2)
    assert "journal-0" in caplog.text
    await spool.close()


FILLS_THE_JOURNAL = """
from pangea.storage.spool_journal import Journal, left_behind

path = folder / "spool.db"
journal = Journal(path, "00" * 16)
journal.open()
fill()
last = 0
while journal.append(1, 1, b"x" * 5000, 0, 0) and journal.well:
    last += 1
for _ in range(3):
    journal.append(1, 1, b"x" * 5000, 0, 0)
print(sum(len(found.rows) for found in left_behind(path)) == last)
make_room()
journal.settled(last + 4)
journal.append(1, 1, b"after", 0, 0)
rows = [row.body for found in left_behind(path) for row in found.rows]
print(journal.well, rows[-1:])
"""


@pytest.mark.slow
@pytest.mark.netns
def test_a_full_disk_leaves_no_half_record(tmp_path):
    assert on_small_disk(tmp_path, FILLS_THE_JOURNAL) == ["True", "True [b'after']"]


KEEPS_UNTIL_KILLED = """
import asyncio, os, sys
from pathlib import Path
from pangea.storage.spool import Spool

async def main():
    spool = await Spool.open(Path(sys.argv[1]))
    number, held = 0, []
    while True:
        for _ in range(7):
            number += 1
            held.append(spool.keep(1, number, b"%d" % number))
            os.write(1, b"%d\\n" % number)
        if number % 3:
            rows, held = held, []
            writing = asyncio.create_task(spool.add(rows))
            await asyncio.sleep(0)
            number += 1
            held.append(spool.keep(1, number, b"%d" % number))
            os.write(1, b"%d\\n" % number)
            await writing

asyncio.run(main())
"""


@pytest.mark.slow
async def test_every_finished_result_survives_kill_9_once(path):
    for _ in range(10):
        worker = subprocess.Popen(
            [sys.executable, "-c", KEEPS_UNTIL_KILLED, str(path)],
            stdout=subprocess.PIPE,
        )
        said = [worker.stdout.readline() for _ in range(300)]
        os.kill(worker.pid, signal.SIGKILL)
        said += worker.stdout.read().split(b"\n")[:-1]
        worker.stdout.close()
        worker.wait()
        spool = await Spool.open(path)
        got = [numbers for _, _, numbers in await bodies(spool)][-1]
        assert got == list(range(1, len(got) + 1))
        assert len(got) >= int(said[-1])
        await spool.close()
