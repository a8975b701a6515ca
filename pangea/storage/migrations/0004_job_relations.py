"""What a job depends on, and how much of the time it promises to be up."""

from typing import Any

#: An empty list, packed.
NONE = "x'90'"


def up(migrator: Any, db: Any) -> None:
    """Jobs so far depend on nothing and promise nothing."""
    db.execute_sql(
        f"ALTER TABLE job ADD COLUMN depends_on BLOB NOT NULL DEFAULT {NONE}"
    )
    db.execute_sql("ALTER TABLE job ADD COLUMN slo REAL NOT NULL DEFAULT 0")
