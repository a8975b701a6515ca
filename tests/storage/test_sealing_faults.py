"""Sealing that is killed, or runs on a full disk, loses and doubles nothing."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from functools import partial

import pytest

from pangea.storage import results, sealing
from pangea.storage.database import Store
from pangea.storage.folded import SHARDS, put_folded
from tests.needs import need
from tests.storage.made import SECOND, T0, result, stored
from tests.storage.small_disk import on_small_disk

JOBS, ROWS = 12, 240
H0 = T0 // sealing.HOUR_US * sealing.HOUR_US

SEALS = """
import asyncio, sys
from pathlib import Path
from pangea.storage import sealing
from pangea.storage.database import Store

sealing.PASS_ROWS, sealing.STEP_ROWS, sealing.DROP_ROWS = 500, 100, 100

async def main():
    store = await Store.open(Path(sys.argv[1]))
    print("open", flush=True)
    await sealing.seal(store, 1 << 60)
    print("sealed", flush=True)
    await store.close()

asyncio.run(main())
"""


async def fill(store):
    """Store some hours of results, each with a time of its own, and fold them."""
    for at in range(0, ROWS, 60):
        rows = [result(at * 60 + n * 60 + j, job=j) for n in range(60) for j in jobs()]
        now = H0 + at * 60 * SECOND
        await store.write(partial(results.append, rows, now))
    await store.write(lambda: put_folded([results.last_id()] * SHARDS))


def jobs():
    return range(1, JOBS + 1)


async def times(store):
    """Return how often each result is found."""
    found = Counter()
    for job in jobs():
        page = await store.read(partial(results.query, job, limit=10_000))
        found.update((r.job, r.started_at_us) for r in page.items)
    return found


@pytest.mark.slow
async def test_sealing_that_is_killed_again_and_again_loses_and_doubles_nothing(
    tmp_path,
):
    path, chance = tmp_path / "pangea.db", random.Random(11)
    store = await Store.open(path)
    await fill(store)
    before = await times(store)
    assert len(before) == JOBS * ROWS
    await store.close()
    kills, said = 0, b""
    while b"sealed" not in said and kills < 60:
        with subprocess.Popen(
            [sys.executable, "-c", SEALS, str(path)], stdout=subprocess.PIPE
        ) as run:
            run.stdout.readline()
            # Longer and longer, so that it gets to the end in the end.
            time.sleep(chance.uniform(0, 0.02 + kills * 0.005))
            os.kill(run.pid, signal.SIGKILL)
            said = run.stdout.read()
        kills += 1
        store = await Store.open(path)
        assert await times(store) == before
        await store.close()
    assert kills > 5, "it was done before it could be killed"
    store = await Store.open(path)
    await sealing.seal(store, 1 << 60)
    assert await times(store) == before
    assert await store.read(stored) == 0
    await store.close()


ON_A_FULL_DISK = """
from pangea.core.errors import StorageError
from pangea.storage import sealing
from pangea.storage.database import Store
from tests.storage import test_sealing_faults as made
from tests.storage.made import stored

made.ROWS, sealing.STEP_ROWS, sealing.DROP_ROWS = 120, 60, 200

class Filling(Store):
    writes, full_at = 0, None

    async def write(self, fn):
        self.writes += 1
        if self.writes == self.full_at:
            fill()
        return await super().write(fn)

async def main():
    store = await Filling.open(folder / "pangea.db")
    await made.fill(store)
    before = await made.times(store)
    refused = 0
    for step in range(1, 60):
        store.writes, store.full_at = 0, step
        try:
            await sealing.seal(store, 1 << 60)
        except StorageError as error:
            refused += 1
            said = str(error)
        if store.writes < step:
            break
        make_room()
        assert await made.times(store) == before, step
    left = await store.read(stored)
    assert await made.times(store) == before
    print(refused, left, said)
    await store.close()

asyncio.run(main())
"""


@pytest.mark.netns
def test_a_disk_that_fills_up_at_any_step_costs_nothing_but_time(tmp_path):
    need("root")
    refused, left, said = on_small_disk(tmp_path, ON_A_FULL_DISK)[0].split(" ", 2)
    assert int(refused) > 3
    assert int(left) == 0
    assert "full" in said
