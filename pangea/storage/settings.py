"""Small texts under a key, such as the id of this installation."""

from .connection import connection

#: The name of the coordinator whose database it is.
NAME = "name"


def get(key: str) -> str | None:
    """Return the text, or None."""
    row = (
        connection()
        .execute("SELECT value FROM setting WHERE key = ?", (key,))
        .fetchone()
    )
    return None if row is None else str(row[0])


def put(key: str, value: str) -> None:
    """Store a text."""
    connection().execute(
        "INSERT INTO setting (key, value) VALUES (?, ?)"
        " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (key, value),
    )
