"""A link to SQLite is its connection, with the few words that links add."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from .link import InDoubt, Key, Name


class SqliteLink(sqlite3.Connection):
    """A connection to a file."""

    engine: Name = "sqlite"

    def find_each(self, sql: str, keys: Iterable[Sequence[Any]]) -> Iterator[Any]:
        """Ask for one after the other."""
        execute = self.execute
        for key in keys:
            yield execute(sql, key).fetchone()

    def copy(self, table: str, columns: str, rows: Iterable[Sequence[Any]]) -> None:
        """Append rows."""
        marks = ", ".join("?" * (columns.count(",") + 1))
        self.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)

    def make_parts(self, table: str, keys: Iterable[Key]) -> None:
        """Do nothing: tables have no parts."""

    def drop_parts(self, table: str, before: Key) -> int | None:
        """Return None: rows are deleted one by one."""
        return None

    def snapshot(self) -> None:
        """Begin to read; the moment is that of the first statement."""
        self.execute("BEGIN")

    def let_go(self) -> None:
        """End the snapshot; an error may have ended it."""
        if self.in_transaction:
            self.execute("COMMIT")

    def begin(self) -> None:
        """Begin to write, as the only one."""
        self.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Commit; a transaction that is gone, as when the disk is full, is an error."""
        self.execute("COMMIT")

    def rollback(self) -> None:
        """Undo what is left to be undone."""
        if self.in_transaction:
            self.execute("ROLLBACK")

    def was_committed(self, doubt: InDoubt) -> bool:
        """Raise: of a file it is always known."""
        raise doubt.error

    def tidy(self) -> None:
        """Move the journal into the file."""
        self.execute("PRAGMA wal_checkpoint(TRUNCATE)")
