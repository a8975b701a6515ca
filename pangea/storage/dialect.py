"""What has no form that all databases understand."""

from .connection import connection


def skip(table: str, count: int) -> None:
    """Leave out the next *count* ids of *table*."""
    link = connection()
    if link.engine == "postgres":
        (name,) = link.execute(
            "SELECT pg_get_serial_sequence(?, 'id')", (table,)
        ).fetchone()
        link.execute(
            f"SELECT setval(?, CASE WHEN is_called THEN last_value ELSE 0 END + ?)"
            f" FROM {name}",
            (name, count),
        )
        return
    raised = link.execute(
        "UPDATE sqlite_sequence SET seq = seq + ? WHERE name = ?", (count, table)
    )
    if not raised.rowcount:
        link.execute("INSERT INTO sqlite_sequence VALUES (?, ?)", (table, count))


def follow(table: str) -> None:
    """Give ids above those of rows that were inserted with theirs, as in a copy."""
    link = connection()
    if link.engine == "postgres":
        (name,) = link.execute(
            "SELECT pg_get_serial_sequence(?, 'id')", (table,)
        ).fetchone()
        link.execute(
            f"SELECT setval(?, (SELECT max(id) FROM {table})) FROM {name}"
            f" WHERE last_value < (SELECT max(id) FROM {table})",
            (name,),
        )


def bytes_taken() -> tuple[int, int]:
    """Return the bytes of the database, and how many of them are free in it."""
    link = connection()
    if link.engine == "postgres":
        sql = "SELECT pg_database_size(current_database())"
        return link.execute(sql).fetchone()[0], 0
    pages, free, size = (
        pragma(n) for n in ("page_count", "freelist_count", "page_size")
    )
    return pages * size, free * size


def shrinks() -> bool:
    """Return whether the database gives room back to the disk while it is in use."""
    return connection().engine == "postgres" or pragma("auto_vacuum") == 2


def pragma(name: str) -> int:
    """Return a number that SQLite tells of its file."""
    found: int = connection().execute(f"PRAGMA {name}").fetchone()[0]
    return found
