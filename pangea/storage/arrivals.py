"""Which ids of results arrived when, and which times are in them.

``minute`` says for each stretch of ids that arrived in the same minute which
times of measurement are in it (``oldest_us`` to ``newest_us``), so a query reads
only stretches that can hold what it seeks, and results that arrived days late are
found as well. A stretch begins anew whenever the minute changes, also backwards, so
a stepping clock mixes up nothing.
"""

from . import sheaves
from .connection import connection

MINUTE_US = 60_000_000


def note(ids: range, minute: int, oldest_us: int, newest_us: int) -> None:
    """Note that the results *ids* arrived in *minute*, with times between those."""
    link = connection()
    latest = link.execute(
        "SELECT first_id, arrived, oldest_us, newest_us FROM minute"
        " ORDER BY first_id DESC LIMIT 1"
    ).fetchone()
    if latest is not None and latest[1] == minute:
        first, _, oldest, newest = latest
        link.execute(
            "UPDATE minute SET last_id = ?, oldest_us = ?, newest_us = ?"
            " WHERE first_id = ?",
            (ids[-1], min(oldest, oldest_us), max(newest, newest_us), first),
        )
    else:
        link.execute(
            "INSERT INTO minute (first_id, last_id, arrived, oldest_us, newest_us)"
            " VALUES (?, ?, ?, ?, ?)",
            (ids[0], ids[-1], minute, oldest_us, newest_us),
        )


def stretches(
    since_us: int, until_us: int, above: int = 0
) -> list[tuple[int, int, int]]:
    """Return (first, last, newest_us) of what can hold such rows, newest first.

    Results up to *above* are left out.
    """
    rows = connection().execute(
        "SELECT first_id, last_id, newest_us FROM minute"
        " WHERE newest_us >= ? AND oldest_us <= ? AND last_id > ?"
        " ORDER BY newest_us DESC",
        (since_us, until_us, above),
    )
    return [(max(first, above + 1), last, newest) for first, last, newest in rows]


def newest() -> int | None:
    """Return when the newest row arrived, to the minute; None if there is no row."""
    row = (
        connection()
        .execute("SELECT arrived FROM minute ORDER BY first_id DESC LIMIT 1")
        .fetchone()
    )
    return row[0] * MINUTE_US if row else None


def of_one_hour(above: int) -> tuple[int, int] | None:
    """Return in which hour the first row after *above* arrived, and the last row
    that arrived in it without a break; None if there is no row.
    """
    rows = connection().execute(
        "SELECT arrived, last_id FROM minute WHERE last_id > ? ORDER BY first_id",
        (above,),
    )
    found: tuple[int, int] | None = None
    for minute, last in rows:
        hour = minute // 60
        if found is not None and hour != found[0]:
            break
        found = (hour, last)
    return found


def oldest(upto: int) -> list[tuple[int, int]]:
    """Return (first, last) of the oldest stretch that begins no later than *upto*."""
    rows = connection().execute(
        "SELECT first_id, last_id FROM minute WHERE first_id <= ?"
        " ORDER BY first_id LIMIT 1",
        (upto,),
    )
    return rows.fetchall()


def before(minute: int, upto: int) -> list[tuple[int, int]]:
    """Return (first, last) of the oldest stretches that arrived before *minute*.

    None of them begins after row *upto*.
    """
    rows = connection().execute(
        "SELECT first_id, last_id FROM minute WHERE arrived < ? AND first_id <= ?"
        " ORDER BY first_id LIMIT 1000",
        (minute, upto),
    )
    return rows.fetchall()


def delete(first: int, upto: int, last: int) -> int:
    """Delete the results *first* to *upto* of the stretch that ends at *last*.

    Return how many that is. Those in a sheaf with others stay in it, out of reach.
    """
    link = connection()
    if upto == last:
        link.execute("DELETE FROM minute WHERE first_id = ?", (first,))
    else:
        link.execute(
            "UPDATE minute SET first_id = ? WHERE first_id = ?", (upto + 1, first)
        )
    (kept,) = link.execute("SELECT min(first_id) FROM minute").fetchone()
    sheaves.delete(first, upto, upto + 1 if kept is None else kept)
    return upto - first + 1
