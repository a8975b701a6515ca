"""History: what was said then and what holds now, pauses, seats, late results.

A correction writes transitions beside those that were said at the time: these keep
their row, and ``superseded_us`` says since when another holds. ``corrected_us`` is
when a correction wrote a row, 0 if it was said at the time.
"""

from typing import Any

STATEMENTS = (
    "ALTER TABLE transition ADD COLUMN corrected_us INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE transition ADD COLUMN superseded_us INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX vote_change_of_voter ON vote_change (job, worker, at_us)",
    """CREATE TABLE pause (
        id INTEGER PRIMARY KEY,
        org INTEGER NOT NULL,
        job INTEGER NOT NULL,
        at_us INTEGER NOT NULL,
        paused INTEGER NOT NULL)""",
    "CREATE INDEX pause_of_job ON pause (job, at_us)",
    """CREATE TABLE seat_change (
        id INTEGER PRIMARY KEY,
        org INTEGER NOT NULL,
        job INTEGER NOT NULL,
        at_us INTEGER NOT NULL,
        electorate BLOB NOT NULL)""",
    "CREATE INDEX seat_change_of_job ON seat_change (job, at_us)",
    """CREATE TABLE late_stretch (
        job INTEGER PRIMARY KEY,
        from_us INTEGER NOT NULL,
        to_us INTEGER NOT NULL)""",
)


def up(migrator: Any, db: Any) -> None:
    """What is in the log so far was said at the time, and holds."""
    for statement in STATEMENTS:
        db.execute_sql(statement)
