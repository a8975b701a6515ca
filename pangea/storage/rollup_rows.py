"""Buckets to rows of ``rollup`` and ``day_total`` and back.

``day_total`` holds the sums of a day over all workers of a job, so that years are
drawn from a row a day.
"""

from collections.abc import Iterable, Iterator, Mapping
from operator import itemgetter
from typing import Any

from pangea.core.beside import Beside
from pangea.core.histogram import Histogram
from pangea.core.rollup import DAY, Bucket

from .connection import connection

#: (step, start, job, worker), as the table is ordered
Key = tuple[int, int, int, int]
#: (start, job)
DayKey = tuple[int, int]

_NAMES = ("ok", "failed", "error", "warn", "sum_us", "min_us", "max_us")
COLUMNS = ", ".join((*_NAMES, "histogram", "beside"))
_SET = ", ".join(f"{name} = excluded.{name}" for name in COLUMNS.split(", "))
_KEY, _DAY_KEY = "step, start, job, worker", "start, job"
_FIND = (
    f"SELECT {COLUMNS} FROM rollup"
    " WHERE step = ? AND start = ? AND job = ? AND worker = ?"
)
_FIND_DAY = f"SELECT {COLUMNS} FROM day_total WHERE start = ? AND job = ?"
_PUT = (
    f"INSERT INTO rollup ({_KEY}, {COLUMNS})"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    f" ON CONFLICT ({_KEY}) DO UPDATE SET {_SET}"
)
_PUT_DAY = (
    f"INSERT INTO day_total ({_DAY_KEY}, {COLUMNS})"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    f" ON CONFLICT ({_DAY_KEY}) DO UPDATE SET {_SET}"
)
#: Stretches asked for in one statement.
_MOST_ASKED = 500


def bucket_of(row: tuple[Any, ...]) -> Bucket:
    """Return a row of ``COLUMNS`` as a bucket."""
    bucket = Bucket()
    (
        bucket.ok,
        bucket.failed,
        bucket.error,
        bucket.warn,
        bucket.sum_us,
        bucket.min_us,
        bucket.max_us,
        histogram,
        beside,
    ) = row
    bucket.histogram = Histogram.unpack(histogram)
    if beside is not None:
        bucket.beside = Beside.unpack(beside)
    return bucket


def row_of(bucket: Bucket, *, quick: bool = False) -> tuple[Any, ...]:
    """Return a bucket as a row of ``COLUMNS``, that is *quick* to read if need be."""
    histogram = bucket.histogram
    return (
        bucket.ok,
        bucket.failed,
        bucket.error,
        bucket.warn,
        bucket.sum_us,
        bucket.min_us,
        bucket.max_us,
        histogram.pack_quick() if quick else histogram.pack(),
        None if bucket.beside is None else bucket.beside.pack(),
    )


def merge_stored(sums: Mapping[Key, Bucket]) -> None:
    """Add to each bucket what is stored under its key."""
    _merge(_FIND, sums)


def put(sums: Mapping[Key, Bucket]) -> None:
    """Store buckets in key order, in place of what was there."""
    connection().make_parts("rollup", {key[:2] for key in sums})
    _put(_PUT, sums, quick=False)


def add_days(sums: Mapping[DayKey, Bucket]) -> None:
    """Add these sums to what is stored of whole days."""
    _merge(_FIND_DAY, sums)
    _put(_PUT_DAY, sums, quick=True)


def _merge(sql: str, sums: Mapping[Any, Bucket]) -> None:
    keys = sorted(sums)
    for key, row in zip(keys, connection().find_each(sql, keys), strict=True):
        if row is not None:
            sums[key].merge(bucket_of(row))


def _put(sql: str, sums: Mapping[Any, Bucket], *, quick: bool) -> None:
    ordered = sorted(sums.items(), key=itemgetter(0))
    rows = ((*key, *row_of(bucket, quick=quick)) for key, bucket in ordered)
    connection().executemany(sql, rows)


def of_job(
    job: int, worker: int | None, starts: range, step: int
) -> Iterator[tuple[int, Bucket]]:
    """Yield what is stored of a job in the stretches that begin then.

    Each is sought: the table is ordered by time, so a job lies scattered. Those of
    several workers come one by one, but of whole days together.
    """
    for at in range(0, len(starts), _MOST_ASKED):
        some = starts[at : at + _MOST_ASKED]
        for start, *row in connection().execute(*_asked(job, worker, some, step)):
            yield start, bucket_of(tuple(row))


def _asked(
    job: int, worker: int | None, starts: Iterable[int], step: int
) -> tuple[str, list[int]]:
    begins = list(starts)
    among = f"start IN ({', '.join('?' * len(begins))}) AND job = ?"
    if step == DAY and worker is None:
        sql = f"SELECT start, {COLUMNS} FROM day_total WHERE {among}"
        return sql, [*begins, job]
    sql = f"SELECT start, {COLUMNS} FROM rollup WHERE step = ? AND {among}"
    if worker is None:
        return sql, [step, *begins, job]
    return f"{sql} AND worker = ?", [step, *begins, job, worker]


def oldest(step: int) -> int | None:
    """Return the start of the oldest stretch of a step that is kept."""
    row = connection().execute("SELECT min(start) FROM rollup WHERE step = ?", (step,))
    found: int | None = row.fetchone()[0]
    return found


def expire(step: int, before: int, at_most: int = 20_000) -> int:
    """Delete up to *at_most* rows of a step that begin before (UTC seconds).

    Where they lie in parts by time, whole parts are dropped.
    """
    gone = _expire(step, before, at_most)
    if step == DAY and gone < at_most:
        connection().execute("DELETE FROM day_total WHERE start < ?", (before,))
    return gone


def _expire(step: int, before: int, at_most: int) -> int:
    link = connection()
    dropped = link.drop_parts("rollup", (step, before))
    if dropped is not None:
        return dropped
    deleted = link.execute(
        "DELETE FROM rollup WHERE (step, start, job, worker) IN (SELECT step,"
        " start, job, worker FROM rollup WHERE step = ? AND start < ? LIMIT ?)",
        (step, before, at_most),
    )
    return deleted.rowcount
