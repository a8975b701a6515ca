"""Raw results: appended in the order of arrival, found again by the minute.

The table has no index but its rowid. ``minute`` says for each stretch of rowids
that arrived in the same minute which times of measurement are in it (``oldest_us``
to ``newest_us``), so a query reads only stretches that can hold what it seeks,
and rows that arrived days late are found as well. A stretch begins anew whenever
the minute changes, also backwards, so a stepping clock mixes up nothing.
"""

import heapq
import sqlite3
from collections.abc import Iterable, Iterator, Sequence

import msgspec
from msgspec import Struct

from pangea.core.errors import ProtocolError, UsageError
from pangea.core.model import Outcome, Result

from .connection import connection
from .folded import folded_to

MINUTE_US = 60_000_000
FOREVER_US = 1 << 62
#: What a query or a warm start returns at most.
MOST = 10_000
WARM_ROWS = 500_000

OUTCOMES = (Outcome.OK, Outcome.FAILED, Outcome.ERROR)
_CODES = {outcome: code for code, outcome in enumerate(OUTCOMES)}
_OK = Outcome.OK
_COLUMNS = "id, job, worker, started_us, duration_us, outcome, flags, body"
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder().decode

Row = tuple[int, int, int, int, int, int, int, bytes | None]


class Page(Struct, frozen=True):
    """Results, newest first, and where to go on (None at the end)."""

    items: list[Result]
    next: str | None


def append(rows: Sequence[Result], now_us: int) -> range:
    """Store *rows*, which arrived at *now_us*; return their rowids.

    Raises ProtocolError for a number that SQLite or MessagePack cannot hold.
    """
    first = last_id() + 1
    ids = range(first, first + len(rows))
    if rows:
        _insert(map(_row, ids, rows))
        times = [row.started_at_us for row in rows]
        _note_minute(ids, now_us // MINUTE_US, _clip(min(times)), _clip(max(times)))
    return ids


def _insert(rows: Iterable[Row]) -> None:
    try:
        connection().executemany(
            f"INSERT INTO result ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows
        )
    except OverflowError as error:
        raise ProtocolError(f"a result holds a number too large: {error}") from error


def last_id() -> int:
    """Return the newest rowid ever given; expiry never goes past ``folded_to``."""
    found = connection().execute("SELECT max(id) FROM result").fetchone()[0]
    return max(found or 0, folded_to())


def query(
    job: int,
    *,
    worker: int | None = None,
    since_us: int | None = None,
    until_us: int | None = None,
    limit: int = 100,
    before: str | None = None,
) -> Page:
    """Return results of a job by the time they began, newest first.

    *since_us* is included, *until_us* is not. *before* is the ``next`` of the page
    before. Raises UsageError if that is not one.
    """
    limit = min(max(limit, 1), MOST)
    since = -FOREVER_US if since_us is None else since_us
    until = (FOREVER_US if until_us is None else until_us, 0)
    if before is not None:
        until = min(until, _cursor(before))
    best: list[tuple[int, int, Row]] = []
    for first, last, newest in _stretches(since, until[0]):
        if len(best) > limit and best[0][0] > newest:
            break
        for row in _scan(first, last, job, worker, since, until):
            entry = (row[3], row[0], row)
            if len(best) <= limit:
                heapq.heappush(best, entry)
            else:
                heapq.heappushpop(best, entry)
    found = [row for _, _, row in sorted(best, reverse=True)]
    more = len(found) > limit
    found = found[:limit]
    cursor = f"{found[-1][3]}.{found[-1][0]}" if more else None
    return Page([result_of(row) for row in found], cursor)


def since(started_us: int, at_most: int = WARM_ROWS) -> list[Result]:
    """Return what was measured since then, the newest rows alone if too many.

    They come in the order of arrival and without reason, phases and readings,
    to fill ``Recent`` when the coordinator starts.
    """
    floor = last_id() - at_most + 1
    stretches = sorted(_stretches(started_us, FOREVER_US))
    found: list[Result] = []
    for first, last, _ in stretches:
        rows = connection().execute(
            "SELECT id, job, worker, started_us, duration_us, outcome, flags, NULL"
            " FROM result WHERE id BETWEEN ? AND ? AND started_us >= ?",
            (max(first, floor), last, started_us),
        )
        found.extend(map(result_of, rows))
    return found


def stored_as(ids: range) -> list[tuple[int, Result]]:
    """Return the rows with these rowids in order, without their bodies."""
    rows = connection().execute(
        "SELECT id, job, worker, started_us, duration_us, outcome, flags, NULL"
        " FROM result WHERE id BETWEEN ? AND ? ORDER BY id",
        (ids.start, ids.stop - 1),
    )
    return [(row[0], result_of(row)) for row in rows]


def measured(
    job: int, worker: int | None, since_us: int, until_us: int
) -> Iterator[tuple[int, int, int, int]]:
    """Yield (started_us, duration_us, outcome, flags) of a job's results."""
    for first, last, _ in _stretches(since_us, until_us):
        for row in _scan(first, last, job, worker, since_us, (until_us, 0)):
            yield row[3], row[4], row[5], row[6]


def reaches(since_us: int) -> bool:
    """Return whether no row that arrived since then has been deleted."""
    row = (
        connection()
        .execute("SELECT first_id, arrived FROM minute ORDER BY first_id LIMIT 1")
        .fetchone()
    )
    return row is not None and (row[0] == 1 or row[1] * MINUTE_US <= since_us)


def newest_arrival() -> int | None:
    """Return when the newest row arrived, to the minute; None if there is no row."""
    found = connection().execute(
        "SELECT arrived FROM minute ORDER BY first_id DESC LIMIT 1"
    )
    row = found.fetchone()
    return row[0] * MINUTE_US if row else None


def rows_between(since_us: int, until_us: int) -> int:
    """Return how many rows a query of that time would have to read."""
    return sum(last - first + 1 for first, last, _ in _stretches(since_us, until_us))


def expire(older_than_us: int, at_most: int = 20_000) -> int:
    """Delete up to *at_most* rows that arrived before; return how many.

    Only rows that the rollups contain go. Call again until it returns 0.
    """
    safe = folded_to()
    gone = 0
    stretches = connection().execute(
        "SELECT first_id, last_id FROM minute WHERE arrived < ? AND first_id <= ?"
        " ORDER BY first_id LIMIT 1000",
        (older_than_us // MINUTE_US, safe),
    )
    for first, last in stretches.fetchall():
        if gone >= at_most:
            break
        upto = min(last, safe, first + at_most - gone - 1)
        gone += _delete(first, upto, last)
    return gone


def _delete(first: int, upto: int, last: int) -> int:
    """Delete the rows *first* to *upto* of the stretch that ends at *last*."""
    link = connection()
    link.execute("DELETE FROM result WHERE id BETWEEN ? AND ?", (first, upto))
    if upto == last:
        link.execute("DELETE FROM minute WHERE first_id = ?", (first,))
    else:
        link.execute(
            "UPDATE minute SET first_id = ? WHERE first_id = ?", (upto + 1, first)
        )
    return upto - first + 1


def result_of(row: Row) -> Result:
    """Return a stored row as a result."""
    _, job, worker, started_us, duration_us, outcome, flags, body = row
    reason, detail, phases, readings = _unpack(body) if body else ("", "", {}, {})
    return Result(
        job=job,
        worker=worker,
        started_at_us=started_us,
        duration_ms=duration_us / 1000,
        outcome=OUTCOMES[outcome],
        flags=flags,
        reason=reason,
        detail=detail,
        phases=phases,
        readings=readings,
    )


def _row(rowid: int, result: Result) -> Row:
    body, outcome = None, result.outcome
    at_us = result.started_at_us
    if result.phases or result.reason or result.detail or result.readings:
        body = _pack((result.reason, result.detail, result.phases, result.readings))
    return (
        rowid,
        result.job,
        result.worker,
        at_us if -FOREVER_US <= at_us <= FOREVER_US else _clip(at_us),
        micros(result.duration_ms),
        # A StrEnum is slow as a key.
        0 if outcome is _OK else _CODES[outcome],
        result.flags & 0x7FFFFFFF,
        body,
    )


def micros(duration_ms: float) -> int:
    """Return whole microseconds; what is no duration at all (NaN) is 0."""
    us = duration_ms * 1000.0
    return round(us if 0.0 <= us <= 1e15 else min(max(0.0, us), 1e15))


def _clip(at_us: int) -> int:
    return min(max(at_us, -FOREVER_US), FOREVER_US)


def _note_minute(ids: range, minute: int, oldest_us: int, newest_us: int) -> None:
    link = connection()
    latest = link.execute(
        "SELECT first_id, arrived FROM minute ORDER BY first_id DESC LIMIT 1"
    ).fetchone()
    if latest is not None and latest[1] == minute:
        link.execute(
            "UPDATE minute SET last_id = ?, oldest_us = min(oldest_us, ?),"
            " newest_us = max(newest_us, ?) WHERE first_id = ?",
            (ids[-1], oldest_us, newest_us, latest[0]),
        )
    else:
        link.execute(
            "INSERT INTO minute (first_id, last_id, arrived, oldest_us, newest_us)"
            " VALUES (?, ?, ?, ?, ?)",
            (ids[0], ids[-1], minute, oldest_us, newest_us),
        )


def _stretches(since_us: int, until_us: int) -> list[tuple[int, int, int]]:
    """Return (first, last, newest_us) of what can hold such rows, newest first."""
    return (
        connection()
        .execute(
            "SELECT first_id, last_id, newest_us FROM minute"
            " WHERE newest_us >= ? AND oldest_us <= ? ORDER BY newest_us DESC",
            (since_us, until_us),
        )
        .fetchall()
    )


def _scan(
    first: int,
    last: int,
    job: int,
    worker: int | None,
    since_us: int,
    until: tuple[int, int],
) -> Iterable[Row]:
    sql = (
        f"SELECT {_COLUMNS} FROM result WHERE id BETWEEN ? AND ? AND job = ?"
        " AND started_us >= ? AND (started_us, id) < (?, ?)"
    )
    values = [first, last, job, since_us, *until]
    if worker is not None:
        sql += " AND worker = ?"
        values.append(worker)
    rows: sqlite3.Cursor = connection().execute(sql, values)
    return rows


def _cursor(text: str) -> tuple[int, int]:
    started, _, rowid = text.partition(".")
    try:
        at = (int(started), int(rowid))
    except ValueError as error:
        raise UsageError(
            f"{text[:40]!r} is no cursor", hint="use the `next` of the page before"
        ) from error
    if max(map(abs, at)) > FOREVER_US:
        raise UsageError("the cursor is out of range")
    return at
