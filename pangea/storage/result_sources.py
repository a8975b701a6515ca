"""Where the results of a job are: rows of the table and chunks, alike.

Each has a key that stays the same when a row is sealed: when it began, the worker,
and its turn among those of that worker which began at once. What is in the chunk of
a day came before what is in that of an hour, and this before what is not sealed.
"""

import heapq
from collections.abc import Iterator

from pangea.core.chunk import Row as Sealed
from pangea.core.chunk import decode
from pangea.core.rollup import DAY, HOUR

from . import arrivals, chunks
from .connection import connection
from .result_rows import COLUMNS
from .sealed import sealed

#: (started_us, worker, -turn): the newest is the greatest.
Key = tuple[int, int, int]
_TURNS = {DAY: 0, HOUR: 1 << 60}
_HOT_TURN = 1 << 61

#: The latest time that can be in it, and what is in it.
Source = tuple[int, Iterator[tuple[Key, Sealed]]]


def sources(
    job: int, worker: int | None, since: int, until: tuple[int, int]
) -> Iterator[Source]:
    """Yield what holds results of a job, and the latest time in it, latest first."""
    parts = [hot(job, worker, since, until)]
    parts += [_sealed(span, job, worker, since, until) for span in chunks.SPANS]
    return heapq.merge(*parts, key=lambda source: source[0], reverse=True)


def hot(
    job: int, worker: int | None, since: int, until: tuple[int, int]
) -> Iterator[Source]:
    """Yield the stretches of the table alike, without what is sealed."""
    floor = sealed().floor(job)
    for first, last, newest in arrivals.stretches(since, until[0], floor):
        yield newest, _scan(first, last, job, worker, since, until)


def _scan(
    first: int,
    last: int,
    job: int,
    worker: int | None,
    since: int,
    until: tuple[int, int],
) -> Iterator[tuple[Key, Sealed]]:
    sql = (
        f"SELECT {COLUMNS} FROM result WHERE id BETWEEN ? AND ? AND job = ?"
        " AND started_us >= ? AND (started_us, worker) <= (?, ?)"
    )
    values = [first, last, job, since, *until]
    if worker is not None:
        sql += " AND worker = ?"
        values.append(worker)
    for rowid, _, by, *row in connection().execute(sql, values):
        yield (row[0], by, -_HOT_TURN - rowid), Sealed(*row)


def _sealed(
    span: int, job: int, worker: int | None, since: int, until: tuple[int, int]
) -> Iterator[Source]:
    for start in chunks.starts(span, since, until[0]):
        for place, packed in chunks.of_job(span, start, job, worker):
            yield place.end_us - 1, _opened(place, packed, since, until)


def _opened(
    place: chunks.Place, packed: bytes, since: int, until: tuple[int, int]
) -> Iterator[tuple[Key, Sealed]]:
    turn, by = _TURNS[place.span], place.worker
    for n, row in enumerate(decode(packed)):
        if since <= row[0] and (row[0], by) <= until:
            yield (row[0], by, -turn - n), row
