"""Channels: configured ways to reach people.

``options`` is packed; what is secret in it is sealed, bound to the channel.
"""

from typing import Any

STATEMENTS = (
    """CREATE TABLE channel (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        org INTEGER NOT NULL,
        name TEXT NOT NULL,
        type TEXT NOT NULL,
        options BLOB NOT NULL,
        enabled INTEGER NOT NULL,
        per_minute INTEGER NOT NULL,
        created_us INTEGER NOT NULL)""",
    "CREATE UNIQUE INDEX channel_name ON channel (org, name)",
)


def up(migrator: Any, db: Any) -> None:
    """Make the table."""
    for statement in STATEMENTS:
        db.execute_sql(statement)
