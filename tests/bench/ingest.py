"""How many results a coordinator takes in, wire to durable commit with rollups.

    python -m tests.bench.ingest [--results 200000] [--series 100000] [--postgres]

Meanwhile pages of jobs are read, ten a second. Beside it, in the same run, the floor:
the same rows by one bare executemany into a table without an index, one commit per
batch group.
"""

import argparse
import asyncio
import json
import random
import secrets
import sqlite3
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from msgspec import Raw

from pangea.coordinator.coordinator import Coordinator
from pangea.coordinator.intake import GROUP
from pangea.coordinator.parcel import Parcel
from pangea.core.model import Job, Outcome, Result, Worker
from pangea.mesh import identity
from pangea.mesh.info import NodeInfo
from pangea.mesh.messages import BATCH_ROWS, Batch, decode, encode, encode_row
from pangea.mesh.stream import Opener, Sealer
from pangea.node import tune_collector
from pangea.storage import history, jobs, results, rollups, workers
from pangea.storage.database import Store
from pangea.storage.rollups import OpenBuckets
from pangea.system_clock import SystemClock
from pangea.vault import Vault
from pangea.web.events import Hub

from .database import Database, asked_for, database
from .joining import Empty

CLOCK = SystemClock()
WORKERS = 10


async def main() -> None:
    """Measure and print a table on standard error and JSON on standard output."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--results", type=int, default=200_000)
    asked.add_argument("--series", type=int, default=100_000)
    asked_for(asked)
    given = asked.parse_args()
    tune_collector()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        with database(place, given.postgres) as measured_on:
            measured = await measure(measured_on, place, given.results, given.series)
        measured |= floor(place, given.results)
    for name, value in measured.items():
        print(f"{name:28} {value:>14,.2f}", file=sys.stderr)
    print(json.dumps(measured))


async def measure(
    where: Database, place: Path, count: int, series: int
) -> dict[str, float]:
    """Return rates and costs of the whole way in."""
    store = await Store.open(where.place)
    info = NodeInfo(role="coordinator", name="c", boot="0" * 32)
    own = identity.load_or_create(place / "node.key")
    coordinator = Coordinator(
        store, Hub(), own, lambda: [bytes(32)], info, CLOCK, Vault(bytes(32))
    )
    await fill(store, series // WORKERS)
    await coordinator.start()
    await rollups.recover(store, coordinator.buckets)
    coordinator.board.place_all()
    board = coordinator.board
    for worker in board.workers:
        await coordinator.dispatch.link(worker, Empty())
    coordinator.judging.seat(board.jobs)
    # Every series votes once before, as after the first interval of a cluster.
    series = [(job, worker) for job in board.jobs for worker in board.workers]
    await take_all(coordinator, *make_frames(series, "warm"))
    chosen = random.Random(7).choices(series, k=count)
    frames, opener = make_frames(chosen, "epoch")
    looks = asyncio.create_task(look(coordinator))
    wal_before, served = where.written(), where.cpu_s()
    cpu, begun = time.process_time(), time.perf_counter()
    await take_all(coordinator, frames, opener)
    spent, cpu = time.perf_counter() - begun, time.process_time() - cpu
    served = where.cpu_s() - served
    looks.cancel()
    folding = time.process_time()
    sums = await rollups.fold(store, coordinator.buckets)
    folding = time.process_time() - folding
    bytes_written = where.written() - wal_before
    await store.close()
    return {
        "results_per_s": count / spent,
        "cpu_us_per_result": cpu / count * 1e6,
        "results_per_core_s": count / cpu,
        "server_cpu_us_per_result": served / count * 1e6,
        "fold_us_per_sum": folding / sums * 1e6,
        "written_bytes_per_result": bytes_written / count,
        "database_bytes_per_result": where.bytes() / count,
    }


async def look(coordinator: Coordinator) -> None:
    """Read what pages of jobs show, ten a second, for ever; their CPU counts too."""
    jobs_, buckets = list(coordinator.board.jobs.values()), coordinator.buckets
    while True:
        one, now_us = random.choice(jobs_), round(CLOCK.wall() * 1e6)
        await coordinator.store.read(partial(page, one, now_us, buckets))
        await asyncio.sleep(0.1)


def page(one: Job, now_us: int, buckets: OpenBuckets) -> None:
    """Read the points of a day and the newest results of a job."""
    day_us = 86_400_000_000
    history.history(one, now_us - day_us, now_us, 288, workers=WORKERS, buckets=buckets)
    results.query(one.id, limit=20)


async def fill(store: Store, count: int) -> None:
    """Store *count* jobs and the workers that probe them."""

    def add() -> None:
        for n in range(count):
            jobs.add(
                Job(
                    id=0,
                    name=f"job-{n}",
                    type="icmp",
                    target="192.0.2.1",
                    interval_s=30.0,
                    timeout_s=5.0,
                )
            )
        for n in range(WORKERS):
            key = secrets.token_bytes(32)
            workers.register(Worker(id=0, key=key, name=f"w{n}", probes=("icmp",)))

    await store.write(add)


Frames = list[tuple[int, bytes]]


async def take_all(coordinator: Coordinator, frames: Frames, opener: Opener) -> None:
    """Unseal, unpack, judge and commit *frames* in groups."""
    board, group = coordinator.board, []
    for worker_id, frame in frames:
        batch = decode(opener.open(frame))
        worker = board.workers[worker_id]
        group.append(Parcel(worker, batch, lambda ack: None, print, 0.0))
        if len(group) == GROUP:
            await coordinator.intake.take(group)
            group = []
    if group:
        await coordinator.intake.take(group)


def make_frames(series: Sequence[tuple[int, int]], epoch: str) -> tuple[Frames, Opener]:
    """Return sealed batches with a result of each of *series*, and what opens them."""
    key, chance = secrets.token_bytes(32), random.Random(7)
    sealer = Sealer(key, 0.0)
    opener = Opener(key, sealer.header)
    jobs_of: dict[int, list[int]] = {}
    for job, worker in chance.sample(series, len(series)):
        jobs_of.setdefault(worker, []).append(job)
    frames: Frames = []
    for start in range(0, max(map(len, jobs_of.values())), BATCH_ROWS):
        for worker, mine in jobs_of.items():
            rows = tuple(
                Raw(encode_row(result(job, chance)))
                for job in mine[start : start + BATCH_ROWS]
            )
            batch = encode(Batch(epoch, start + 1, rows))
            frames.append((worker, sealer.seal(batch, 0.0)))
    return frames, opener


def result(job: int, chance: random.Random) -> Result:
    """Return a result as a ping makes it, without the readings of each packet.

    Those of one series are in order, as a worker makes them.
    """
    took = chance.lognormvariate(1, 0.5)
    return Result(
        job=job,
        started_at_us=round(CLOCK.wall() * 1e6),
        duration_ms=took,
        outcome=Outcome.OK,
        phases={"rtt": took},
    )


def floor(place: Path, results: int) -> dict[str, float]:
    """Return the rate of the bare inserts."""
    link = sqlite3.connect(place / "floor.db", isolation_level=None)
    link.execute("PRAGMA journal_mode=WAL")
    link.execute("PRAGMA synchronous=FULL")
    link.execute("CREATE TABLE r (id INTEGER PRIMARY KEY, a, b, c, d, e, f, g)")
    rows = [(n, n, 1, n, n, 0, 0, b"x" * 12) for n in range(results)]
    step, cpu, begun = GROUP * BATCH_ROWS, time.process_time(), time.perf_counter()
    for start in range(0, results, step):
        link.execute("BEGIN")
        link.executemany(
            "INSERT INTO r VALUES (?,?,?,?,?,?,?,?)", rows[start : start + step]
        )
        link.execute("COMMIT")
    spent, cpu = time.perf_counter() - begun, time.process_time() - cpu
    link.close()
    return {
        "floor_rows_per_s": results / spent,
        "floor_cpu_us_per_row": cpu / results * 1e6,
    }


if __name__ == "__main__":
    asyncio.run(main())
