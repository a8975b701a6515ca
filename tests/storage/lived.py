"""A SQLite database that has lived: no table is empty, and odd values are in each."""

import asyncio
import contextlib
import sqlite3

from pangea.core.model import Outcome, Worker
from pangea.core.uptime import Span
from pangea.storage import history, ingest, jobs, percentiles, results, sealing, workers
from pangea.storage.database import Store
from pangea.storage.rollups import OpenBuckets, fold, recover
from tests.engines import begun
from tests.storage.made import SECOND, T0, job, result

HOUR = 3600
#: What each kind of column holds in the rows that are added to empty tables.
ODD = {
    "INTEGER": (-(1 << 63), 0, (1 << 63) - 1),
    "REAL": (0.1, -0.0, 1.7976931348623157e308),
    "TEXT": ("a\tb\\N\n☃ 'x' \x7f", "", "\U0001f9ed"),
    "BLOB": (b"\x00\xff\\x", b"", bytes(range(256))),
}


async def live(path):
    """Make the database: measured, folded, partly sealed, a job gone again."""
    store, buckets = await Store.open(begun(path)), OpenBuckets()
    await recover(store, buckets)
    for name in ("web", "router", "gone"):
        await store.write(lambda name=name: jobs.add(job(name)))
    for name in ("hel", "lon"):
        made = Worker(id=0, name=name, key=name.encode() * 10)
        await store.write(lambda made=made: workers.register(made))
    for number, hours in enumerate((range(30, 12, -1), range(12, 0, -1))):
        await _measured(store, buckets, number, hours)
        await fold(store, buckets)
        if not number:
            await sealing.seal(store, T0 + 100 * HOUR * SECOND)
    await store.write(lambda: jobs.remove(3))
    await store.close()
    await asyncio.to_thread(_fill, path)


async def _measured(store, buckets, number, hours):
    for worker in (1, 2):
        rows = [
            result(
                -hour * HOUR + n * 60,
                job=1 + n % 2,
                worker=worker,
                ms=5.0 + n + hour / 7,
                outcome=Outcome.FAILED if (n + hour) % 9 == 0 else Outcome.OK,
            )
            for hour in hours
            for n in range(60)
        ]
        batch = ingest.Intake(worker=worker, epoch=f"e{number}", first=1, rows=rows)
        now = T0 - hours[-1] * HOUR * SECOND
        await store.write(lambda b=batch, n=now: ingest.commit([b], n, buckets=buckets))


def _fill(path):
    """Put three odd rows into each table that is empty."""
    with contextlib.closing(sqlite3.connect(path)) as link, link:
        for table in tables(link):
            if link.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone() is None:
                found = link.execute(f"PRAGMA table_info({table})").fetchall()
                marks = ", ".join("?" * len(found))
                for n in range(3):
                    row = [_odd(column, n) for column in found]
                    link.execute(f"INSERT INTO {table} VALUES ({marks})", row)


def _odd(column, n):
    _, name, kind, required, _, key = column
    if (name, kind) == ("id", "INTEGER"):
        return 7 + n
    if name == "account":
        return 7 + n
    if not required and not key and n == 1:
        return None
    return ODD[kind][n] if not key or kind != "REAL" else n / 3


def tables(link):
    return [
        name
        for (name,) in link.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name"
            " NOT LIKE 'sqlite%' AND name <> 'schema_migration' ORDER BY name"
        )
    ]


def content(path):
    """Return all rows of all tables, exactly, and the ids that were given."""
    with contextlib.closing(sqlite3.connect(path)) as link:
        names = [*tables(link), "sqlite_sequence"]
        return {
            name: sorted(map(repr, link.execute(f"SELECT * FROM {name}")))
            for name in names
        }


async def answers(place):
    """Return what people are told of it."""
    store = await Store.open(place)
    try:
        return await store.read(_answers)
    finally:
        await store.close()


def _answers():
    span = Span(T0 - 30 * HOUR * SECOND, T0)
    told = []
    for one in jobs.all():
        found = percentiles.sums(one, span, points=24, now_us=T0)
        quantiles = {
            worker: [bucket.histogram.quantile(q) for q in (0.5, 0.95, 0.99)]
            for worker, bucket in found.whole.items()
        }
        whole = history.history(one, span.begin_us, span.end_us, 50, workers=2)
        page = results.query(one.id, limit=5_000)
        told.append((one, quantiles, whole, len(page.items), page.items[:50]))
    return told, workers.all(), results.last_id()
