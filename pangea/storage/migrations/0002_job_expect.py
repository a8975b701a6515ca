"""Jobs that must fail: what a job expects, ``ok`` or ``fail``."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Every job so far expects an answer."""
    db.execute_sql("ALTER TABLE job ADD COLUMN expect TEXT NOT NULL DEFAULT 'ok'")
