"""Sealed results: those of one series over an hour or a day, packed.

The index is ordered by time, so that what is sealed together lies together, and
what is forgotten together as well.
"""

from typing import Any

STATEMENTS = (
    """CREATE TABLE chunk (
        id INTEGER PRIMARY KEY,
        span INTEGER NOT NULL,
        start INTEGER NOT NULL,
        job INTEGER NOT NULL,
        worker INTEGER NOT NULL,
        count INTEGER NOT NULL,
        packed BLOB NOT NULL)""",
    "CREATE UNIQUE INDEX chunk_of ON chunk (span, start, job, worker)",
    # What an earlier version deleted is not kept; it noted minutes of arrival.
    """INSERT INTO setting (key, value)
        SELECT 'raw_from_us', CAST((arrived + 1) * 60000000 AS TEXT) FROM minute
        WHERE first_id > 1 ORDER BY first_id LIMIT 1""",
)


def up(migrator: Any, db: Any) -> None:
    """What is stored stays where it is until it is sealed."""
    for statement in STATEMENTS:
        db.execute_sql(statement)
