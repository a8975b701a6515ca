"""What workers lost, as it is read: newest first, in pages."""

import msgspec

from pangea.core.errors import UsageError
from pangea.core.model import Gap

from .connection import connection


def page(worker: int, limit: int, cursor: str | None) -> tuple[list[Gap], str | None]:
    """Return up to *limit* gaps of a worker after *cursor*, and the next cursor.

    Raises UsageError for a cursor that is none.
    """
    if cursor is not None and not (cursor.isascii() and cursor.isdigit()):
        raise _wrong(cursor)
    below = int(cursor) if cursor and len(cursor) < 19 else 1 << 62
    if cursor and below == 1 << 62:
        raise _wrong(cursor)
    rows = (
        connection()
        .execute(
            "SELECT id, first, last, from_us, to_us, reason, counts FROM gap"
            " WHERE worker = ? AND id < ? ORDER BY id DESC LIMIT ?",
            (worker, below, limit + 1),
        )
        .fetchall()
    )
    found = [
        Gap(first, last, from_us, to_us, reason, _counts(packed))
        for _, first, last, from_us, to_us, reason, packed in rows[:limit]
    ]
    return found, str(rows[limit - 1][0]) if len(rows) > limit else None


def newest() -> int:
    """Return the number of the last gap that is stored, 0 if there is none."""
    (number,) = connection().execute("SELECT max(id) FROM gap").fetchone()
    return int(number or 0)


def after(number: int, limit: int = 100) -> list[tuple[int, int, Gap]]:
    """Return gaps that were stored after that one, with their numbers and workers."""
    rows = connection().execute(
        "SELECT id, worker, first, last, from_us, to_us, reason, counts FROM gap"
        " WHERE id > ? ORDER BY id LIMIT ?",
        (number, limit),
    )
    return [
        (id_, worker, Gap(first, last, from_us, to_us, reason, _counts(packed)))
        for id_, worker, first, last, from_us, to_us, reason, packed in rows.fetchall()
    ]


def _counts(packed: bytes) -> dict[int, int]:
    counts: dict[int, int] = msgspec.msgpack.decode(packed, type=dict[int, int])
    return counts


def _wrong(cursor: str) -> UsageError:
    return UsageError(
        f"{cursor[:40]!r} is no cursor", hint="use the `next` of the page before"
    )
