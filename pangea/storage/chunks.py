"""The table of chunks: sealed results, found by time, then job, then worker.

A chunk spans an hour. A series that has few results an hour (``SELDOM`` or fewer)
gets one for a day instead, because every chunk costs some fifty bytes of its own,
as much as a handful of results; so a result an hour takes a sixth of the room, and
the chunk that is written anew each hour is small.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from pangea.core.chunk import Row, decode
from pangea.core.rollup import DAY, HOUR

from .connection import connection

SELDOM = 4
SPANS = (HOUR, DAY)


class Place(NamedTuple):
    """Which chunk: ``span`` and ``start`` in seconds (UTC), job and worker."""

    span: int
    start: int
    job: int
    worker: int

    @property
    def end_us(self) -> int:
        """When it ends, in microseconds."""
        return (self.start + self.span) * 1_000_000


Chunk = tuple[Place, bytes]


def find(place: Place) -> bytes | None:
    """Return the chunk at *place*."""
    row = connection().execute(
        "SELECT packed FROM chunk WHERE span = ? AND start = ? AND job = ?"
        " AND worker = ?",
        place,
    )
    found = row.fetchone()
    return found[0] if found else None


def put(chunks: Iterable[tuple[Place, int, bytes]]) -> None:
    """Store chunks with their counts of results, in place of what was there."""
    link, made = connection(), list(chunks)
    link.make_parts("chunk", {(place.start,) for place, _, _ in made})
    link.executemany(
        "INSERT INTO chunk (span, start, job, worker, count, packed)"
        " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (span, start, job, worker)"
        " DO UPDATE SET count = excluded.count, packed = excluded.packed",
        [(*place, count, packed) for place, count, packed in made],
    )


def starts(span: int, since_us: int, until_us: int) -> Iterator[int]:
    """Yield when chunks begin that can hold what is between, the newest first.

    Each is a seek in the index; *until_us* is included.
    """
    step = connection().execute
    before = until_us // 1_000_000 + 1
    least = since_us // 1_000_000 - span
    while True:
        row = step(
            "SELECT start FROM chunk WHERE span = ? AND start < ? AND start > ?"
            " ORDER BY start DESC LIMIT 1",
            (span, before, least),
        ).fetchone()
        if row is None:
            return
        before = row[0]
        yield before


def of_job(span: int, start: int, job: int, worker: int | None) -> list[Chunk]:
    """Return the chunks of a job that begin then."""
    sql = "SELECT worker, packed FROM chunk WHERE span = ? AND start = ? AND job = ?"
    values = [span, start, job]
    if worker is not None:
        sql += " AND worker = ?"
        values.append(worker)
    rows = connection().execute(sql, values)
    return [(Place(span, start, job, by), packed) for by, packed in rows]


def at(span: int, start: int) -> Iterator[tuple[Place, list[Row]]]:
    """Yield the rows of all series that begin then, without bodies."""
    rows = connection().execute(
        "SELECT job, worker, packed FROM chunk WHERE span = ? AND start = ?"
        " ORDER BY job, worker",
        (span, start),
    )
    for job, worker, packed in rows:
        yield Place(span, start, job, worker), decode(packed, bodies=False)


def count(job: int, since_us: int, until_us: int) -> int:
    """Return how many sealed results of a job a look at that time has to read."""
    found = 0
    for span in SPANS:
        for start in starts(span, since_us, until_us):
            row = connection().execute(
                "SELECT sum(count) FROM chunk WHERE span = ? AND start = ? AND job = ?",
                (span, start, job),
            )
            found += int(row.fetchone()[0] or 0)
    return found


def expire(older_than_us: int, at_most: int) -> int:
    """Delete up to *at_most* chunks that ended before; return how many.

    Where they lie in parts by the day, whole days are dropped.
    """
    link = connection()
    dropped = link.drop_parts("chunk", (older_than_us // 1_000_000,))
    if dropped is not None:
        return dropped
    gone = 0
    for span in SPANS:
        deleted = link.execute(
            "DELETE FROM chunk WHERE id IN (SELECT id FROM chunk WHERE span = ?"
            " AND start <= ? ORDER BY start LIMIT ?)",
            (span, older_than_us // 1_000_000 - span, at_most - gone),
        )
        gone += deleted.rowcount
    return gone


def newest() -> int | None:
    """Return when the newest chunk of an hour ends, in microseconds."""
    row = connection().execute("SELECT max(start) FROM chunk WHERE span = ?", (HOUR,))
    start = row.fetchone()[0]
    return None if start is None else (start + HOUR) * 1_000_000
