"""The table of chunks: sealed results, found by time, then job, then worker.

A chunk spans an hour. A series that has few results an hour (``SELDOM`` or fewer)
gets one for a day instead, because every chunk costs some fifty bytes of its own,
as much as a handful of results; so a result an hour takes a sixth of the room, and
the chunk that is written anew each hour is small.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, repeat
from typing import NamedTuple

from pangea.core.chunk import Row, decode
from pangea.core.rollup import DAY, HOUR

from .connection import connection

SELDOM = 4
SPANS = (HOUR, DAY)
#: So many beginnings are asked for at once: first few, because the newest are often
#: enough, then more; and to count what is there.
ASKED, COUNTED = (8, 64, 128), (512,)


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
    before: int | None = until_us // 1_000_000 + 1
    least = since_us // 1_000_000 - span
    while before is not None:
        before = _latest(span, before, least)
        if before is not None:
            yield before


def of_job(
    span: int, job: int, worker: int | None, since_us: int, until_us: int
) -> Iterator[Chunk]:
    """Yield the chunks of a job that can hold what is between, the newest first.

    *until_us* is included. However long that is, few questions are asked: each seeks
    many beginnings in the index.
    """
    also, values = ("", []) if worker is None else (" AND worker = ?", [worker])
    for begins in _begins(span, since_us, until_us, ASKED):
        rows = connection().execute(
            f"SELECT start, worker, packed FROM chunk WHERE {_among(begins)}{also}"
            " ORDER BY start DESC",
            [span, job, *begins, *values],
        )
        for start, by, packed in rows.fetchall():
            yield Place(span, start, job, by), packed


def _begins(
    span: int, since_us: int, until_us: int, asked: Sequence[int]
) -> Iterator[list[int]]:
    """Yield when chunks can begin that hold what is between, the newest first.

    They come in lists as long as *asked* says, the last as often as need be: there are
    few lengths, so that there are few statements. Where there is nothing is skipped.
    """
    before, least = until_us // 1_000_000 + 1, since_us // 1_000_000 - span
    for count in chain(asked, repeat(asked[-1])):
        latest = _latest(span, before, least) if before - 1 > least else None
        if latest is None:
            return
        before = max(latest - (count - 1) * span, least + 1)
        some = list(range(latest, before - 1, -span))
        yield some + [latest] * (count - len(some))


def _latest(span: int, before: int, least: int) -> int | None:
    """Return the last beginning of a chunk between, both excluded."""
    row = (
        connection()
        .execute(
            "SELECT start FROM chunk WHERE span = ? AND start < ? AND start > ?"
            " ORDER BY start DESC LIMIT 1",
            (span, before, least),
        )
        .fetchone()
    )
    return row[0] if row else None


def _among(begins: Sequence[int]) -> str:
    return f"span = ? AND job = ? AND start IN ({', '.join('?' * len(begins))})"


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
        for begins in _begins(span, since_us, until_us, COUNTED):
            row = connection().execute(
                f"SELECT sum(count) FROM chunk WHERE {_among(begins)}",
                [span, job, *begins],
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
