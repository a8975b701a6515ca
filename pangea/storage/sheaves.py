"""The table of sheaves: results as they came, packed by the hundred.

A row of it holds results with ids one after the other, in the order of their jobs.
It has no index but the first of these ids. To delete a sheaf writes hardly more than
to forget it: its pages become free without being written once more, as they would be
if each result were a row.
"""

import struct
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from pangea.core.chunk import Row
from pangea.core.errors import ProtocolError
from pangea.core.sheaf import MOST_ROWS, Arrived, Opened, all_jobs, pack, places

from .connection import connection

#: Tells by its worker and its beginning whether a result is wanted.
Wanted = Callable[[int, int], bool]
#: A result: its id, job and worker, and the rest.
Found = tuple[int, int, int, Row]
#: From the first job that can be to the last.
EVERY = (-(1 << 63), (1 << 63) - 1)
#: So many are opened at once.
_AT_ONCE = 100
_AMONG = " FROM sheaf WHERE first_id BETWEEN ? AND ? AND last_id >= ?"


def put(first: int, rows: Sequence[Arrived]) -> None:
    """Store results under the ids from *first* on; they are in the order of jobs.

    Raises ProtocolError for a number too large.
    """
    made = []
    for at in range(0, len(rows), MOST_ROWS):
        some = rows[at : at + MOST_ROWS]
        ids = (first + at, first + at + len(some) - 1)
        try:
            made.append((*ids, some[0][0], some[-1][0], *pack(some)))
        except struct.error as error:
            raise ProtocolError(f"a result holds a number too large: {error}") from None
    link = connection()
    link.make_parts("sheaf", {(ids[0],) for ids in made})
    link.executemany(
        "INSERT INTO sheaf (first_id, last_id, first_job, last_job, jobs, heads,"
        " bodies) VALUES (?, ?, ?, ?, ?, ?, ?)",
        made,
    )


def find(
    ids: tuple[int, int],
    jobs: tuple[int, int],
    wanted: Wanted | None = None,
    *,
    bodies: bool,
) -> Iterator[Found]:
    """Yield the results with these *ids* (the last included) of these *jobs*.

    They come in the order of ids, without their bodies unless these are asked for.
    Raises StorageError for a sheaf that is damaged.
    """
    first, last = ids
    rows = connection().execute(
        f"SELECT first_id, last_id, jobs{_AMONG} AND first_job <= ? AND last_job >= ?"
        " ORDER BY first_id",
        (first - MOST_ROWS, last, first, jobs[1], jobs[0]),
    )
    closed: list[_Closed] = []
    for begin, end, packed in rows:
        there = places(packed, end - begin + 1, *jobs)
        there = range(
            max(there.start, first - begin), min(there.stop, last - begin + 1)
        )
        if there:
            closed.append(_Closed(begin, end, packed, there))
        if len(closed) == _AT_ONCE:
            yield from _opened(closed, wanted, bodies)
            closed = []
    yield from _opened(closed, wanted, bodies)


class _Closed(NamedTuple):
    """A sheaf with ids from ``begin`` to ``end``; ``there`` is what is sought."""

    begin: int
    end: int
    jobs: bytes
    there: range


def _opened(
    closed: list[_Closed], wanted: Wanted | None, bodies: bool
) -> Iterator[Found]:
    """Yield what is sought in sheaves, which are asked for all at once."""
    what = "heads, bodies" if bodies else "heads"
    sql = f"SELECT {what} FROM sheaf WHERE first_id = ?"
    rows = connection().find_each(sql, [(each.begin,) for each in closed])
    for (begin, end, jobs, there), row in zip(closed, rows, strict=True):
        sheaf, numbers = Opened(end - begin + 1, *row), all_jobs(jobs, end - begin + 1)
        for n in there:
            worker = sheaf.workers[n]
            if wanted is None or wanted(worker, sheaf.started(n)):
                yield begin + n, numbers[n], worker, sheaf.row(n, body=bodies)


def counts(first: int, last: int, after: int) -> list[tuple[int, int]]:
    """Return the jobs above *after* with results of these ids, and how many each."""
    found: Counter[int] = Counter()
    rows = connection().execute(
        f"SELECT first_id, last_id, jobs{_AMONG} AND last_job > ?",
        (first - MOST_ROWS, last, first, after),
    )
    for begin, end, packed in rows:
        numbers = all_jobs(packed, end - begin + 1)
        found.update(numbers[max(0, first - begin) : last - begin + 1])
    return sorted((job, count) for job, count in found.items() if job > after)


def last_id() -> int:
    """Return the newest id that is stored; 0 if none is."""
    row = connection().execute(
        "SELECT last_id FROM sheaf ORDER BY first_id DESC LIMIT 1"
    )
    found = row.fetchone()
    return found[0] if found else 0


def delete(first: int, last: int, kept_from: int) -> None:
    """Delete the sheaves that end within these ids (the last included).

    Where they lie in blocks of ids, whole blocks are dropped when nothing in them is
    kept: that is so of all ids before *kept_from*.
    """
    link = connection()
    if link.drop_parts("sheaf", (kept_from - MOST_ROWS,)) is not None:
        return
    link.execute(
        "DELETE FROM sheaf WHERE first_id BETWEEN ? AND ? AND last_id BETWEEN ? AND ?",
        (first - MOST_ROWS, last, first, last),
    )
