"""Notes: what people, or their programs, say happened, and when."""

from collections.abc import Mapping

import msgspec
from msgspec import Struct, field

from pangea.core.errors import UsageError

from .connection import connection

#: Notes that one page looks at, at most.
MOST_LOOKED = 10_000


class Note(Struct, frozen=True, kw_only=True):
    """A note; its labels say which jobs it is about, none: all of them."""

    id: int = 0
    org: int
    at_us: int
    added_us: int
    who: str
    text: str
    labels: dict[str, str] = field(default_factory=dict)


def add(note: Note) -> int:
    """Store a note and return its number."""
    made = connection().execute(
        "INSERT INTO note (org, at_us, added_us, who, text, labels)"
        " VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
        (
            note.org,
            note.at_us,
            note.added_us,
            note.who,
            note.text,
            msgspec.msgpack.encode(note.labels),
        ),
    )
    return int(made.fetchone()[0])


def page(
    org: int,
    *,
    since_us: int = 0,
    until_us: int = 1 << 62,
    labels: Mapping[str, str] | None = None,
    about: Mapping[str, str] | None = None,
    limit: int = 100,
    cursor: str | None = None,
) -> tuple[list[Note], str | None]:
    """Return notes with all *labels*, newest first, and the next cursor.

    With *about*, the labels of a job, those with no others than it has. After
    MOST_LOOKED notes the page ends, however few were found.

    Raises UsageError for a cursor that is none.
    """
    at_us, id_ = (1 << 62, 0) if cursor is None else _place(cursor)
    rows = connection().execute(
        "SELECT id, org, at_us, added_us, who, text, labels FROM note"
        " WHERE org = ? AND at_us >= ? AND at_us <= ? AND (at_us, id) < (?, ?)"
        " ORDER BY at_us DESC, id DESC LIMIT ?",
        (org, since_us, until_us, at_us, id_, MOST_LOOKED),
    )
    wanted = (labels or {}).items()
    found: list[Note] = []
    for looked, row in enumerate(rows, 1):
        note = _note(row)
        is_about = about is None or note.labels.items() <= about.items()
        if is_about and wanted <= note.labels.items():
            found.append(note)
        if len(found) > limit:
            last = found[limit - 1]
            return found[:limit], f"{last.at_us}.{last.id}"
        if looked >= MOST_LOOKED:
            return found, f"{note.at_us}.{note.id}"
    return found, None


def _note(row: tuple[int, int, int, int, str, str, bytes]) -> Note:
    id_, org, at_us, added_us, who, text, packed = row
    labels = msgspec.msgpack.decode(packed, type=dict[str, str])
    return Note(
        id=id_,
        org=org,
        at_us=at_us,
        added_us=added_us,
        who=who,
        text=text,
        labels=labels,
    )


def _place(cursor: str) -> tuple[int, int]:
    """Return where the page before ended."""
    parts = cursor.split(".")
    good = all(p.isascii() and p.isdigit() and len(p) < 19 for p in parts)
    if len(parts) != 2 or not good:
        raise UsageError(
            f"{cursor[:40]!r} is no cursor", hint="use the `next` of the page before"
        )
    return int(parts[0]), int(parts[1])
