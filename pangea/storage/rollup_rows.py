"""Buckets to rows of ``rollup`` and back."""

from collections.abc import Mapping
from operator import itemgetter
from typing import Any

from pangea.core.histogram import Histogram
from pangea.core.rollup import Bucket

from .connection import connection

#: (step, start, job, worker), as the table is ordered
Key = tuple[int, int, int, int]

COLUMNS = "ok, failed, error, warn, sum_us, min_us, max_us, histogram"
_FIND = (
    f"SELECT {COLUMNS} FROM rollup"
    " WHERE step = ? AND start = ? AND job = ? AND worker = ?"
)
_PUT = "INSERT OR REPLACE INTO rollup VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


def bucket_of(row: tuple[Any, ...]) -> Bucket:
    """Return a row of ``COLUMNS`` as a bucket."""
    bucket = Bucket()
    bucket.ok, bucket.failed, bucket.error, bucket.warn = row[:4]
    bucket.sum_us, bucket.min_us, bucket.max_us = row[4:7]
    bucket.histogram = Histogram.unpack(row[7])
    return bucket


def merge_stored(sums: Mapping[Key, Bucket]) -> None:
    """Add to each bucket what is stored under its key."""
    find = connection().execute
    for key in sorted(sums):
        row = find(_FIND, key).fetchone()
        if row is not None:
            sums[key].merge(bucket_of(row))


def put(sums: Mapping[Key, Bucket]) -> None:
    """Store buckets in key order, in place of what was there."""
    rows = (
        (
            *key,
            b.ok,
            b.failed,
            b.error,
            b.warn,
            b.sum_us,
            b.min_us,
            b.max_us,
            b.histogram.pack(),
        )
        for key, b in sorted(sums.items(), key=itemgetter(0))
    )
    connection().executemany(_PUT, rows)


def oldest(step: int) -> int | None:
    """Return the start of the oldest stretch of a step that is kept."""
    row = connection().execute("SELECT min(start) FROM rollup WHERE step = ?", (step,))
    found: int | None = row.fetchone()[0]
    return found


def expire(step: int, before: int, at_most: int = 20_000) -> int:
    """Delete up to *at_most* rows of a step that begin before (UTC seconds)."""
    return (
        connection()
        .execute(
            "DELETE FROM rollup WHERE (step, start, job, worker) IN (SELECT step,"
            " start, job, worker FROM rollup WHERE step = ? AND start < ? LIMIT ?)",
            (step, before, at_most),
        )
        .rowcount
    )
