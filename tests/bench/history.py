"""How fast history answers with many raw results, and a coordinator starts.

    python -m tests.bench.history [--rows 10000000]

Jobs of five workers with a result a minute fill a day with so many rows: the last hour
as it arrives, the others sealed; and a year of rollups. The chunks of an hour are the
same for all jobs, so that the database is there within a minute.
"""

import argparse
import asyncio
import random
import secrets
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from pangea.coordinator.coordinator import Coordinator
from pangea.core.chunk import Row, encode
from pangea.core.rollup import DAY, HOUR, STEPS, TEN_MINUTES, Bucket, Tally
from pangea.mesh import identity
from pangea.mesh.info import NodeInfo
from pangea.node import tune_collector
from pangea.storage import chunks, history, ingest, jobs, rollup_rows, rollups
from pangea.storage.chunks import Place
from pangea.storage.connection import connection
from pangea.storage.database import Store
from pangea.storage.result_rows import row_of
from pangea.storage.rollups import OpenBuckets
from pangea.system_clock import SystemClock
from pangea.vault import Vault
from pangea.web.events import Hub

from .database import asked_for, database
from .figures import Figures, quantile, tell
from .made_results import Series, all_series
from .storage import WORKERS, add_jobs, intakes, job, page

CLOCK = SystemClock()
A_MINUTE_US = 60_000_000
ASKED, PER_S = 200, 1_000


async def measure() -> Figures:
    """Build the database once, and return all figures."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rows", type=int, default=10_000_000)
    asked_for(asked)
    given = asked.parse_args()
    tune_collector()
    with (
        tempfile.TemporaryDirectory() as folder,
        database(Path(folder), given.postgres) as where,
    ):
        place = where.place
        count = max(1, given.rows // (1440 * WORKERS))
        begun = time.perf_counter()
        await build(place, count)
        figures = {"rows": count * 1440 * WORKERS, "jobs": count}
        figures["build_s"] = time.perf_counter() - begun
        figures["file_mb"] = where.bytes() / 1e6
        figures |= await start(place, Path(folder))
        return figures | await pages(place, count)


async def build(place: Path | str, count: int) -> None:
    """Make a database of *count* jobs."""
    store, buckets = await Store.open(place), OpenBuckets()
    now = int(CLOCK.wall()) // HOUR * HOUR
    series = all_series(count * WORKERS, WORKERS, plain=True)
    await store.write(partial(add_jobs, count))
    for hour in range(24):
        start = now - (24 - hour) * HOUR
        await store.write(partial(seal_hour, series, count, start))
    for step in STEPS:
        first = now - (365 if step == DAY else 2) * DAY
        for start in range(first - first % step, now - HOUR, step):
            if step >= TEN_MINUTES:
                await store.write(partial(sum_up, step, start, count))
    await rollups.recover(store, buckets)
    for minute in range(60):
        batch = [one.result((now + minute * 60) * 1_000_000) for one in series]
        await store.write(partial(take, batch, minute, buckets))
    await rollups.fold(store, buckets)
    await store.close()


def seal_hour(series: list[Series], count: int, start: int) -> None:
    """Store the chunks of an hour for all jobs."""
    made = {}
    for one in series[:WORKERS]:
        rows = [one.result((start + n * 60) * 1_000_000) for n in range(60)]
        made[one.worker] = encode([Row(*row_of(row)[2:]) for row in rows])
    chunks.put(
        (Place(HOUR, start, number, worker), 60, packed)
        for number in range(1, count + 1)
        for worker, packed in made.items()
    )


def sum_up(step: int, start: int, count: int) -> None:
    """Store the sums of a stretch for all jobs, the same for each."""
    bucket = sums(step // 60)
    keys = (
        (step, start, number, worker)
        for number in range(1, count + 1)
        for worker in range(1, WORKERS + 1)
    )
    rollup_rows.put(dict.fromkeys(keys, bucket))
    if step == DAY:
        whole = Bucket()
        for _ in range(WORKERS):
            whole.merge(bucket)
        days = ((start, number) for number in range(1, count + 1))
        rollup_rows.add_days(dict.fromkeys(days, whole))


async def grow(path: Path, count: int, gigabytes: float) -> None:
    """Add sealed hours, ever older, until the file is so large."""
    store, start = await Store.open(path), int(CLOCK.wall()) // HOUR * HOUR - DAY
    series = all_series(count * WORKERS, WORKERS, plain=True)
    while path.stat().st_size < gigabytes * 1e9:
        start -= HOUR
        await store.write(partial(seal_hour, series, count, start))
    await store.close()


def sums(results: int) -> Bucket:
    """Return the sums of so many results."""
    tally, chance = Tally(), random.Random(5)
    one = Series(1, 1, chance, plain=True)
    for n in range(min(results, 200)):
        found = one.result(n * A_MINUTE_US)
        tally.add(found.outcome, 0, round(found.duration_ms * 1000))
    return tally.close()


def take(batch: list, serial: int, buckets: OpenBuckets) -> None:
    """Take in a batch as the coordinator does, without judging it."""
    ingest.commit(
        intakes(batch, f"e{serial}"), round(CLOCK.wall() * 1e6), buckets=buckets
    )


async def start(place: Path | str, folder: Path) -> Figures:
    """Return how long a coordinator takes until it can serve."""
    begun = time.perf_counter()
    store = await Store.open(place)
    own = identity.load_or_create(folder / "node.key")
    info = NodeInfo(role="coordinator", name="c", boot="0" * 32)
    coordinator = Coordinator(
        store, Hub(), own, lambda: [secrets.token_bytes(32)], info, CLOCK,
        Vault(bytes(32)),
    )  # fmt: skip
    await coordinator.start()
    took = time.perf_counter() - begun
    await store.close()
    return {"start_s": took}


async def pages(place: Path | str, count: int) -> Figures:
    """Return how long pages and years take while results come in."""
    store, buckets = await Store.open(place), OpenBuckets()
    await rollups.recover(store, buckets)
    coming = asyncio.create_task(come(store, count, buckets))
    now_us = round(CLOCK.wall() * 1e6)
    year_us = 365 * DAY * 1_000_000
    figures = await timed(store, count, lambda one: page(one, now_us, buckets), "page")
    figures |= await timed(
        store,
        count,
        lambda one: history.history(
            one, now_us - year_us, now_us, 365, workers=WORKERS, buckets=buckets
        ),
        "year",
    )
    figures |= await timed(store, count, lambda one: bare(one, now_us), "floor_year")
    assert not coming.done()
    coming.cancel()
    await store.close()
    return figures


def bare(one: jobs.Job, now_us: int) -> None:
    """Fetch the days of a year of a job, and make nothing of them: the floor."""
    today = now_us // 1_000_000 // DAY * DAY
    starts = range(today - 364 * DAY, today + 1, DAY)
    sql = "SELECT * FROM day_total WHERE start = ? AND job = ?"
    for start in starts:
        connection().execute(sql, (start, one.id)).fetchall()


async def timed(store: Store, count: int, look: Callable, name: str) -> Figures:
    """Return how long looks at a job took, evenly over some seconds, and their CPU."""
    took, cpu, chance = [], [], random.Random(3)

    def clocked(one: jobs.Job) -> float:
        begun = time.thread_time()
        look(one)
        return time.thread_time() - begun

    for _ in range(ASKED):
        one = job("", chance.randint(1, count))
        begun = time.perf_counter()
        cpu.append(await store.read(partial(clocked, one)))
        took.append(time.perf_counter() - begun)
        await asyncio.sleep(0.02)
    return {
        f"{name}_p50_ms": quantile(took, 0.5) * 1000,
        f"{name}_p95_ms": quantile(took, 0.95) * 1000,
        f"{name}_cpu_p50_ms": quantile(cpu, 0.5) * 1000,
    }


async def come(store: Store, count: int, buckets: OpenBuckets) -> None:
    """Take in so many results a second, for ever."""
    series = all_series(count * WORKERS, WORKERS, plain=True)
    serial = 1_000
    while True:
        now_us = round(CLOCK.wall() * 1e6)
        batch = [one.result(now_us) for one in random.choices(series, k=PER_S // 4)]
        serial += 1
        await store.write(partial(take, batch, serial, buckets))
        await asyncio.sleep(0.25)


if __name__ == "__main__":
    tell(measure)
