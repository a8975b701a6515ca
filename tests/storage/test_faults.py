"""Kills lose nothing, and count nothing twice.

What is killed is a process that does one deed on a real file, at one statement of SQL
after the other. Sealing has tests of its own, and so has the way here from a worker.
"""

import asyncio
import shutil
import subprocess
import sys
from collections import Counter
from functools import partial

import pytest

from pangea.core.rollup import DAY, HOUR, TEN_MINUTES
from pangea.storage import ingest, integrity, jobs, results, rollups
from pangea.storage.connection import connection
from pangea.storage.database import Store
from pangea.storage.rollups import OpenBuckets, recover
from tests.storage.made import T0, job, result, stored

JOBS, BATCH = 3, 30


def batch(first):
    """Return the next rows of a worker, of which no two are alike."""
    rows = [result(first + n, job=1 + n % JOBS) for n in range(BATCH)]
    return ingest.Intake(worker=1, epoch="e", first=first, rows=rows)


async def take(store, buckets, first):
    await store.write(
        lambda: ingest.commit([batch(first)], T0 + first, buckets=buckets)
    )


async def opened(path):
    store, buckets = await Store.open(path), OpenBuckets()
    await recover(store, buckets)
    return store, buckets


async def filled(path, batches=6):
    """Make a database with jobs and results, of which half are folded."""
    store, buckets = await opened(path)
    for n in range(JOBS):
        await store.write(partial(jobs.add, job(f"job-{n}")))
    for n in range(batches):
        await take(store, buckets, 1 + n * BATCH)
        if n == batches // 2:
            await rollups.fold(store, buckets)
    return store, buckets


async def account(path):
    """Return the watermark, after seeing that all up to it counts once everywhere."""
    store, buckets = await opened(path)
    mark = (await store.read(partial(ingest.watermarks, 1)))["e"]
    found = Counter()
    for number in range(1, JOBS + 1):
        page = await store.read(partial(results.query, number, limit=10_000))
        found.update(r.started_at_us for r in page.items)
    assert set(found.values()) == {1}, "a result is there twice"
    assert len(found) == mark, "what was acknowledged is not what is there"
    await rollups.fold(store, buckets)
    assert await store.read(sums) == dict.fromkeys((TEN_MINUTES, HOUR, DAY, 0), mark)
    assert await store.read(integrity.check) == []
    await store.close()
    return mark


def sums():
    """Return how many results the sums of each step hold, and under 0 those of days."""
    count = "sum(ok + failed + error)"
    rows = connection().execute(f"SELECT step, {count} FROM rollup GROUP BY step")
    (days,) = connection().execute(f"SELECT {count} FROM day_total").fetchone()
    return dict(rows.fetchall()) | {0: days}


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from pangea.storage import rollups, room
from pangea.storage.connection import connection
from tests.storage import test_faults as made

path, deed, stop = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])

def arm():
    def seen(statement):
        global stop
        stop -= 1
        if not stop:
            os.kill(os.getpid(), signal.SIGKILL)
    connection().set_trace_callback(seen)

async def main():
    store, buckets = await made.opened(path)
    await store.write(arm)
    if deed == "commit":
        for n in range(6, 9):
            await made.take(store, buckets, 1 + n * made.BATCH)
            print((n + 1) * made.BATCH, flush=True)
    elif deed == "fold":
        await rollups.fold(store, buckets)
    else:
        room._SPARE_BYTES, room.PAGES = 0, 40
        while await store.write(room.give_back):
            pass
    print("done", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.parametrize("deed", ["commit", "fold", "vacuum"])
async def test_a_kill_at_any_statement_loses_and_doubles_nothing(tmp_path, deed):
    whole = tmp_path / "whole.db"
    store, _ = await filled(whole)
    if deed == "vacuum":
        await make_holes(store)
    await store.close()
    step = {"commit": 5, "fold": 7, "vacuum": 120}[deed]
    for stop in range(1, 2000, step):
        path = tmp_path / f"{stop}.db"
        shutil.copy(whole, path)
        ran = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", KILLED, str(path), deed, str(stop)],
            capture_output=True, text=True, timeout=50, check=False,
        )  # fmt: skip
        assert ran.returncode == -9, ran.stderr
        *acked, last = ["0", *ran.stdout.split()]
        mark = await account(path)
        assert mark >= max(int(n) for n in [*acked, last] if n.isdigit())
        assert mark % BATCH == 0, "half a batch is stored"
        if last == "done":
            break
        path.unlink()
    assert last == "done"
    assert stop > 3 * step, "it was done before it could be killed"


async def make_holes(store):
    """Leave many pages free."""

    def fill():
        connection().execute("CREATE TABLE hole (a BLOB)")
        connection().executemany("INSERT INTO hole VALUES (?)", [(bytes(9000),)] * 60)

    await store.write(fill)
    await store.write(lambda: connection().execute("DROP TABLE hole"))


async def test_a_kill_leaves_what_was_counted_to_be_counted_once(tmp_path):
    path = tmp_path / "pangea.db"
    store, _ = await filled(path)
    copy = tmp_path / "copy.db"
    # As after a kill: what is in memory is lost, what was committed is in the journal.
    for name in ("", "-wal"):
        shutil.copy(f"{path}{name}", f"{copy}{name}")
    await store.close()
    assert await account(copy) == 6 * BATCH
    assert await read_stored(copy) == 6 * BATCH


async def read_stored(path):
    store = await Store.open(path)
    found = await store.read(stored)
    await store.close()
    return found
