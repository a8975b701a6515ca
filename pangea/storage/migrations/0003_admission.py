"""Admission: who let a worker in, keys that never come back, join tokens.

A worker that is gone for good keeps its row, because history names it; so only
the names of those that are in, or wait, are unique. Workers of before have had
every credential already and stay trusted.
"""

from typing import Any

STATEMENTS = (
    """CREATE TABLE worker_new (
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
        trusted INTEGER NOT NULL DEFAULT 0,
        draining INTEGER NOT NULL DEFAULT 0,
        added_at_us INTEGER NOT NULL DEFAULT 0,
        approved_by TEXT NOT NULL DEFAULT '',
        wanted_name TEXT NOT NULL DEFAULT '',
        site TEXT NOT NULL DEFAULT '')""",
    """INSERT INTO worker_new (id, org, key, name, state, region, position, tags,
        version, probes, lacks, last_seen_us, trusted, approved_by)
        SELECT id, org, key, name, state, region, position, tags, version, probes,
            lacks, last_seen_us, CASE WHEN state = 'approved' THEN 1 ELSE 0 END,
            'an older version'
        FROM worker""",
    # Ids are never used again, also those of rows that are gone by now.
    """UPDATE sqlite_sequence SET seq = max(seq,
        (SELECT seq FROM sqlite_sequence WHERE name = 'worker'))
        WHERE name = 'worker_new'""",
    "DROP TABLE worker",
    "ALTER TABLE worker_new RENAME TO worker",
    """CREATE UNIQUE INDEX worker_name ON worker (org, name)
        WHERE state IN ('approved', 'pending')""",
    """CREATE TABLE revoked_key (
        key BLOB PRIMARY KEY,
        org INTEGER NOT NULL,
        name TEXT NOT NULL,
        revoked_us INTEGER NOT NULL,
        revoked_by TEXT NOT NULL,
        reason TEXT NOT NULL) WITHOUT ROWID""",
    # A worker that an older version revoked by hand stays out.
    """INSERT INTO revoked_key (key, org, name, revoked_us, revoked_by, reason)
        SELECT key, org, name, 0, 'an older version', '' FROM worker
        WHERE state = 'revoked'""",
    """CREATE TABLE join_token (
        id BLOB PRIMARY KEY,
        org INTEGER NOT NULL,
        secret BLOB NOT NULL,
        state TEXT NOT NULL,
        approve INTEGER NOT NULL,
        site TEXT NOT NULL,
        created_us INTEGER NOT NULL,
        created_by TEXT NOT NULL,
        expires_us INTEGER NOT NULL,
        used_us INTEGER NOT NULL DEFAULT 0,
        used_by BLOB) WITHOUT ROWID""",
)


def up(migrator: Any, db: Any) -> None:
    """Build the table of workers anew, and make the other two."""
    for statement in STATEMENTS:
        db.execute_sql(statement)
