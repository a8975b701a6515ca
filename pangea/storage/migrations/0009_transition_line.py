"""Which line of the rule decided a change of verdict."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Of changes so far it is not known."""
    db.execute_sql("ALTER TABLE transition ADD COLUMN line TEXT NOT NULL DEFAULT ''")
