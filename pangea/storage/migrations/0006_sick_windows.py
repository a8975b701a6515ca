"""When workers were unwell themselves: what they failed then says nothing."""

from typing import Any

STATEMENT = """CREATE TABLE sick_window (
    worker INTEGER NOT NULL,
    from_us INTEGER NOT NULL,
    until_us INTEGER NOT NULL,
    cause TEXT NOT NULL,
    PRIMARY KEY (worker, from_us)) WITHOUT ROWID"""


def up(migrator: Any, db: Any) -> None:
    """Make the table."""
    db.execute_sql(STATEMENT)
