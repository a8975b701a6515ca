"""Incidents with their timeline and members, and the notes of people.

``body`` is the incident as the program has it, packed; the columns beside it are
what is searched for. Members keep the names of jobs that are gone.
"""

from typing import Any

STATEMENTS = (
    """CREATE TABLE incident (
        id TEXT PRIMARY KEY,
        org INTEGER NOT NULL,
        opened_us INTEGER NOT NULL,
        closed_us INTEGER NOT NULL,
        merged_into TEXT NOT NULL,
        body BLOB NOT NULL) WITHOUT ROWID""",
    "CREATE INDEX incident_by_time ON incident (org, opened_us, id)",
    "CREATE INDEX incident_open ON incident (org, id) WHERE closed_us = 0",
    """CREATE TABLE incident_event (
        id INTEGER PRIMARY KEY,
        incident TEXT NOT NULL,
        at_us INTEGER NOT NULL,
        kind TEXT NOT NULL,
        who TEXT NOT NULL,
        text TEXT NOT NULL,
        data BLOB NOT NULL)""",
    "CREATE INDEX incident_event_of ON incident_event (incident, at_us)",
    """CREATE TABLE incident_member (
        incident TEXT NOT NULL,
        job INTEGER NOT NULL,
        name TEXT NOT NULL,
        joined_us INTEGER NOT NULL,
        bad_us INTEGER NOT NULL,
        recovered_us INTEGER NOT NULL,
        verdict TEXT NOT NULL,
        reason TEXT NOT NULL,
        PRIMARY KEY (incident, job)) WITHOUT ROWID""",
    "CREATE INDEX incident_member_of ON incident_member (job, incident)",
    """CREATE TABLE note (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        org INTEGER NOT NULL,
        at_us INTEGER NOT NULL,
        added_us INTEGER NOT NULL,
        who TEXT NOT NULL,
        text TEXT NOT NULL,
        labels BLOB NOT NULL)""",
    "CREATE INDEX note_by_time ON note (org, at_us)",
)


def up(migrator: Any, db: Any) -> None:
    """Make the tables; what was down before opens its incident at the next start."""
    for statement in STATEMENTS:
        db.execute_sql(statement)
