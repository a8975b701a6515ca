"""Small texts under a key, such as the id of this installation."""

from .connection import db


def get(key: str) -> str | None:
    """Return the text, or None."""
    row = db.execute_sql("SELECT value FROM setting WHERE key = ?", (key,)).fetchone()
    return None if row is None else str(row[0])


def put(key: str, value: str) -> None:
    """Store a text."""
    db.execute_sql(
        "INSERT INTO setting (key, value) VALUES (?, ?)"
        " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (key, value),
    )


#: Results up to this row are summed up in the rollups.
FOLDED_TO = "folded_to"


def folded_to() -> int:
    """Return the last row of ``result`` that the rollups contain."""
    return int(get(FOLDED_TO) or 0)
