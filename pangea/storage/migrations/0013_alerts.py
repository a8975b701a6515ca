"""Who is told of what: rules, alerts, the outbox and the log of deliveries.

``body`` is the thing as the program has it, packed; the columns beside it are what
is searched for, and what changes on its way out. A row of ``notification`` is claimed
by whoever sends it until ``claimed_until_us``.
"""

from typing import Any

STATEMENTS = (
    """CREATE TABLE alert_rule (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        org INTEGER NOT NULL,
        name TEXT NOT NULL,
        body BLOB NOT NULL)""",
    "CREATE UNIQUE INDEX alert_rule_name ON alert_rule (org, name)",
    """CREATE TABLE alert (
        id TEXT PRIMARY KEY,
        org INTEGER NOT NULL,
        finished_us INTEGER NOT NULL,
        body BLOB NOT NULL) WITHOUT ROWID""",
    "CREATE INDEX alert_finished ON alert (finished_us)",
    """CREATE TABLE notification (
        id TEXT PRIMARY KEY,
        org INTEGER NOT NULL,
        alert TEXT NOT NULL,
        incident TEXT NOT NULL,
        channel INTEGER NOT NULL,
        state TEXT NOT NULL,
        made_us INTEGER NOT NULL,
        next_us INTEGER NOT NULL,
        tries INTEGER NOT NULL,
        message TEXT NOT NULL,
        thread TEXT NOT NULL,
        answer TEXT NOT NULL,
        sent_us INTEGER NOT NULL,
        claimed_by TEXT NOT NULL,
        claimed_until_us INTEGER NOT NULL,
        body BLOB NOT NULL) WITHOUT ROWID""",
    "CREATE INDEX notification_by_time ON notification (org, made_us, id)",
    "CREATE INDEX notification_of ON notification (incident)",
    "CREATE INDEX notification_alert ON notification (alert)",
    """CREATE INDEX notification_open ON notification (channel, made_us)
        WHERE state IN ('waiting', 'sending')""",
    "CREATE INDEX notification_message ON notification (message)",
    """CREATE TABLE delivery (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        org INTEGER NOT NULL,
        message TEXT NOT NULL,
        channel INTEGER NOT NULL,
        at_us INTEGER NOT NULL,
        took_ms REAL NOT NULL,
        outcome TEXT NOT NULL,
        answer TEXT NOT NULL)""",
    "CREATE INDEX delivery_of ON delivery (message, at_us)",
    "CREATE INDEX delivery_by_time ON delivery (at_us)",
)


def up(migrator: Any, db: Any) -> None:
    """Make the tables; what is wrong already is told like anything else."""
    for statement in STATEMENTS:
        db.execute_sql(statement)
