"""What raw results cost on disk: written, at rest, and after a week of retention.

    python -m tests.bench.storage [--series 100000] [--minutes 20]
                  [--peer-minutes 3] [--rich-series 10000] [--week-series 20] [--days 9]

Series of one result a minute arrive shuffled while a dashboard reads; they are folded
and sealed as the coordinator does it. First pings of one packet, and as a peer the same
in a plain table by series and time; then, *rich*, half pings of five packets and half
pages over TLS with all that is told of certificates.
"""

import argparse
import asyncio
import sqlite3
import tempfile
import time
from contextlib import closing
from functools import partial
from pathlib import Path

from pangea.coordinator.retention import expire
from pangea.core.retention_table import RetentionTable
from pangea.node import tune_collector
from pangea.storage import ingest, jobs, rollups, sealing
from pangea.storage.database import Store
from pangea.storage.result_rows import row_of
from pangea.storage.rollups import OpenBuckets

from .database import written
from .figures import Figures, quantile, tell
from .ingest import page
from .made_results import INTERVAL_US, Series, all_series, shuffled

T0_US = 1_790_000_000_000_000 // sealing.HOUR_US * sealing.HOUR_US
BATCH = 5_000
WORKERS = 5
FOLD_MINUTES = 10


class Site:
    """A database that simulated minutes go by in."""

    def __init__(self, store: Store, series: list[Series]) -> None:
        self.store, self.series = store, series
        self.buckets = OpenBuckets()
        self.now_us, self.rows, self.sealing_s = T0_US, 0, 0.0

    async def minute(self) -> None:
        """Take in what all series measure in a minute; fold and seal what is due."""
        for batch in shuffled(self.series, self.now_us, BATCH):
            await self.store.write(partial(self._take, batch))
        self.now_us += INTERVAL_US
        minutes = (self.now_us - T0_US) // INTERVAL_US
        if minutes % FOLD_MINUTES == 0:
            await rollups.fold(self.store, self.buckets)

    def _take(self, batch: list) -> None:
        taken = intakes(batch, f"e{self.rows}")
        ingest.commit(taken, self.now_us, buckets=self.buckets)
        self.rows += len(batch)

    async def seal(self, now_us: int) -> None:
        """Fold and seal what is due by then."""
        begun = time.perf_counter()
        await rollups.fold(self.store, self.buckets)
        await sealing.seal(self.store, now_us)
        self.sealing_s += time.perf_counter() - begun


def intakes(batch: list, epoch: str) -> list[ingest.Intake]:
    """Return results as batches of their workers, each in an epoch of its own."""
    by: dict[int, list] = {}
    for row in batch:
        by.setdefault(row.worker, []).append(row)
    return [
        ingest.Intake(worker=worker, epoch=epoch, first=1, rows=rows)
        for worker, rows in by.items()
    ]


async def open_site(path: Path, count: int, *, plain: bool = False) -> Site:
    """Return a site of *count* series in a new database."""
    store = await Store.open(path)
    site = Site(store, all_series(count, WORKERS, plain=plain))
    await store.write(partial(add_jobs, -(-count // WORKERS)))
    await rollups.recover(store, site.buckets)
    return site


def add_jobs(count: int) -> None:
    """Store jobs that are probed every minute."""
    for n in range(count):
        jobs.add(job(f"job-{n}"))


def job(name: str, number: int = 0) -> jobs.Job:
    """Return a job that is probed every minute."""
    return jobs.Job(
        id=number, name=name, type="icmp", target="192.0.2.1", interval_s=60.0,
        timeout_s=5.0,
    )  # fmt: skip


async def look(site: Site, took: list[float]) -> None:
    """Read what a job's page shows, of one job after the other, for ever."""
    asked = 0
    while True:
        asked += 1
        one = job("", 1 + asked % (len(site.series) // WORKERS))
        begun = time.perf_counter()
        await site.store.read(partial(page, one, site.now_us, site.buckets))
        took.append(time.perf_counter() - begun)
        await asyncio.sleep(0.1)


async def arrive(path: Path, count: int, minutes: int, *, plain: bool) -> Figures:
    """Return what some minutes of many series cost."""
    site = await open_site(path, count, plain=plain)
    before, took = written(), list[float]()
    looking = asyncio.create_task(look(site, took))
    for _ in range(minutes):
        await site.minute()
    hot_bytes = size_of(path)
    await site.seal(site.now_us + sealing.HOUR_US + sealing.SETTLE_US)
    looking.cancel()
    await site.store.close()
    wrote = written() - before
    return {
        "results": site.rows,
        "hot_bytes_per_result": hot_bytes / site.rows,
        "sealed_bytes_per_result": chunk_bytes(path) / site.rows,
        "written_bytes_per_result": wrote / site.rows,
        "seal_us_per_result": site.sealing_s / site.rows * 1e6,
        "page_p95_ms": quantile(took, 0.95) * 1000,
    }


def bare(path: Path, count: int, minutes: int) -> Figures:
    """Return what the same costs in a table by series and time, a row a result.

    Without any sums; they would cost as much again.
    """
    link = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "cache_size = -32000"):
        link.execute(f"PRAGMA {pragma}")
    link.execute(
        "CREATE TABLE r (job, worker, at, took, outcome, flags, body,"
        " PRIMARY KEY (job, worker, at)) WITHOUT ROWID"
    )
    series, before, rows = all_series(count, WORKERS, plain=True), written(), 0
    for minute in range(minutes):
        for batch in shuffled(series, T0_US + minute * INTERVAL_US, BATCH):
            link.execute("BEGIN")
            link.executemany(
                "INSERT INTO r VALUES (?, ?, ?, ?, ?, ?, ?)", map(row_of, batch)
            )
            link.execute("COMMIT")
            rows += len(batch)
    link.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    link.close()
    return {
        "peer_bytes_per_result": path.stat().st_size / rows,
        "peer_written_bytes_per_result": (written() - before) / rows,
    }


async def a_week(place: Path, count: int, days: int) -> Figures:
    """Return how large the files are while retention drops a day for a day."""
    site = await open_site(place / "week.db", count)
    wal, biggest = place / "week.db-wal", 0
    for minute in range(days * 1440):
        await site.minute()
        biggest = max(biggest, wal.stat().st_size)
        if minute % 60 == 20:
            await site.seal(site.now_us)
            await expire(
                site.store, site.now_us / 1e6, lambda epochs: None, RetentionTable()
            )
    await site.store.close()
    kept = min(days, 7) * 1440 * count
    return {
        "week_file_mb": (place / "week.db").stat().st_size / 1e6,
        "week_wal_mb": biggest / 1e6,
        "week_file_bytes_per_result_kept": (place / "week.db").stat().st_size / kept,
    }


def size_of(path: Path) -> int:
    """Return the bytes of the database's pages that hold something."""
    with closing(sqlite3.connect(path)) as link:
        pages, free, size = (
            link.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
    return (pages - free) * size


def chunk_bytes(path: Path) -> int:
    """Return what the chunks and their index take, page for page as they lie."""
    with closing(sqlite3.connect(path, isolation_level=None)) as link:
        before = size_of(path)
        link.execute("PRAGMA secure_delete = 0")
        link.execute("DROP TABLE chunk")
        link.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return before - size_of(path)


async def measure() -> Figures:
    """Return all figures."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--series", type=int, default=100_000)
    asked.add_argument("--minutes", type=int, default=20)
    asked.add_argument("--peer-minutes", type=int, default=3)
    asked.add_argument("--rich-series", type=int, default=10_000)
    asked.add_argument("--week-series", type=int, default=20)
    asked.add_argument("--days", type=int, default=9)
    given = asked.parse_args()
    tune_collector()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        found = await arrive(place / "a.db", given.series, given.minutes, plain=True)
        if given.peer_minutes:
            found |= bare(place / "peer.db", given.series, given.peer_minutes)
        if given.rich_series:
            rich = await arrive(place / "b.db", given.rich_series, 60, plain=False)
            found |= {f"rich_{name}": value for name, value in rich.items()}
        return found | await a_week(place, given.week_series, given.days)


if __name__ == "__main__":
    tell(measure)
