"""What is planned: maintenance, and the stretches in which jobs were in it."""

from typing import Any

STATEMENTS = (
    """CREATE TABLE maintenance (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        org INTEGER NOT NULL,
        ended_us INTEGER NOT NULL DEFAULT 0,
        plan BLOB NOT NULL)""",
    # Of drills too: both are left out when uptime is counted.
    """CREATE TABLE span (
        job INTEGER NOT NULL,
        kind TEXT NOT NULL,
        from_us INTEGER NOT NULL,
        until_us INTEGER NOT NULL,
        why TEXT NOT NULL,
        PRIMARY KEY (job, kind, from_us)) WITHOUT ROWID""",
)


def up(migrator: Any, db: Any) -> None:
    """Make both tables."""
    for statement in STATEMENTS:
        db.execute_sql(statement)
