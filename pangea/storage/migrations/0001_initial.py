"""The first schema.

``result`` has no index but its rowid, and its ids are given by the writer: they
never go back, so ``folded_to`` and ``minute`` may speak of them. ``rollup`` is
ordered by time first, so that a fold writes neighbouring pages. Ids of jobs,
workers and accounts are never used again.
"""

from typing import Any

APPLICATION_ID = 0x50414E47  # "PANG"

STATEMENTS = (
    f"PRAGMA application_id = {APPLICATION_ID}",
    """CREATE TABLE job (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        org INTEGER NOT NULL,
        name TEXT NOT NULL,
        type TEXT NOT NULL,
        target TEXT NOT NULL,
        interval_s REAL NOT NULL,
        timeout_s REAL NOT NULL,
        places TEXT NOT NULL,
        rule TEXT NOT NULL,
        options BLOB NOT NULL,
        labels BLOB NOT NULL,
        enabled INTEGER NOT NULL,
        stopped_on BLOB NOT NULL,
        created_at_us INTEGER NOT NULL,
        UNIQUE (org, name))""",
    """CREATE TABLE worker (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        org INTEGER NOT NULL,
        key BLOB NOT NULL UNIQUE,
        name TEXT NOT NULL,
        state TEXT NOT NULL,
        region TEXT NOT NULL,
        position BLOB NOT NULL,
        tags BLOB NOT NULL,
        version TEXT NOT NULL,
        probes BLOB NOT NULL,
        lacks BLOB NOT NULL,
        last_seen_us INTEGER NOT NULL,
        UNIQUE (org, name))""",
    """CREATE TABLE result (
        id INTEGER PRIMARY KEY,
        job INTEGER NOT NULL,
        worker INTEGER NOT NULL,
        started_us INTEGER NOT NULL,
        duration_us INTEGER NOT NULL,
        outcome INTEGER NOT NULL,
        flags INTEGER NOT NULL,
        body BLOB)""",
    """CREATE TABLE minute (
        first_id INTEGER PRIMARY KEY,
        last_id INTEGER NOT NULL,
        arrived INTEGER NOT NULL,
        oldest_us INTEGER NOT NULL,
        newest_us INTEGER NOT NULL)""",
    """CREATE TABLE watermark (
        worker INTEGER NOT NULL,
        epoch TEXT NOT NULL,
        seq INTEGER NOT NULL,
        raised_us INTEGER NOT NULL,
        PRIMARY KEY (worker, epoch)) WITHOUT ROWID""",
    """CREATE TABLE gap (
        id INTEGER PRIMARY KEY,
        worker INTEGER NOT NULL,
        epoch TEXT NOT NULL,
        first INTEGER NOT NULL,
        last INTEGER NOT NULL,
        from_us INTEGER NOT NULL,
        to_us INTEGER NOT NULL,
        reason TEXT NOT NULL,
        counts BLOB NOT NULL)""",
    """CREATE TABLE bad_row (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        worker INTEGER NOT NULL,
        epoch TEXT NOT NULL,
        seq INTEGER NOT NULL,
        reason TEXT NOT NULL,
        head BLOB NOT NULL)""",
    """CREATE TABLE vote_change (
        id INTEGER PRIMARY KEY,
        org INTEGER NOT NULL,
        job INTEGER NOT NULL,
        worker INTEGER NOT NULL,
        at_us INTEGER NOT NULL,
        before TEXT,
        after TEXT,
        cause TEXT NOT NULL)""",
    "CREATE INDEX vote_change_of_job ON vote_change (job, at_us)",
    """CREATE TABLE transition (
        id INTEGER PRIMARY KEY,
        org INTEGER NOT NULL,
        job INTEGER NOT NULL,
        at_us INTEGER NOT NULL,
        before TEXT NOT NULL,
        after TEXT NOT NULL,
        reason TEXT NOT NULL)""",
    "CREATE INDEX transition_of_job ON transition (job, at_us)",
    """CREATE TABLE job_state (
        job INTEGER PRIMARY KEY,
        state BLOB NOT NULL)""",
    """CREATE TABLE rollup (
        step INTEGER NOT NULL,
        start INTEGER NOT NULL,
        job INTEGER NOT NULL,
        worker INTEGER NOT NULL,
        ok INTEGER NOT NULL,
        failed INTEGER NOT NULL,
        error INTEGER NOT NULL,
        warn INTEGER NOT NULL,
        sum_us INTEGER NOT NULL,
        min_us INTEGER NOT NULL,
        max_us INTEGER NOT NULL,
        histogram BLOB NOT NULL,
        PRIMARY KEY (step, start, job, worker)) WITHOUT ROWID""",
    """CREATE TABLE account (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        org INTEGER NOT NULL,
        name TEXT NOT NULL,
        role TEXT NOT NULL,
        prefix TEXT NOT NULL,
        code_hash TEXT NOT NULL,
        UNIQUE (org, name))""",
    "CREATE INDEX account_prefix ON account (prefix)",
    """CREATE TABLE session (
        hash BLOB PRIMARY KEY,
        account INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
        org INTEGER NOT NULL,
        created REAL NOT NULL,
        last_seen REAL NOT NULL,
        expires REAL NOT NULL,
        ip TEXT NOT NULL,
        agent TEXT NOT NULL) WITHOUT ROWID""",
    "CREATE INDEX session_of_account ON session (account)",
    """CREATE TABLE setting (
        key TEXT PRIMARY KEY,
        value TEXT NOT NULL) WITHOUT ROWID""",
)


def up(migrator: Any, db: Any) -> None:
    """Make every table."""
    for statement in STATEMENTS:
        db.execute_sql(statement)
