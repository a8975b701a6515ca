"""The link of each thread, and what its errors mean.

Each thread of a store has a link of its own; a query in any other thread is an
error, because nothing may reach the database but through the store.
"""

import sqlite3
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from pangea.core.errors import StorageError

from .light_peewee import peewee
from .link import Link
from .refusal import told
from .sqlite_link import SqliteLink

#: What the drivers raise; that of PostgreSQL is turned into peewee's.
REFUSALS = (sqlite3.Error, peewee.PeeweeException)
BUSY_S = 5

WRITER = {
    # First of all, and only of a database without tables: it could not shrink later.
    "auto_vacuum": 2,
    # Some systems build SQLite to write zeros over each page that becomes free, which
    # tripled what is written for a result. What is secret lies sealed or hashed here.
    "secure_delete": "fast",
    "journal_mode": "wal",
    "synchronous": "full",
    "foreign_keys": 1,
    "cache_size": -32_000,
    "wal_autocheckpoint": 4_000,
    "journal_size_limit": 64 * 1024 * 1024,
}
READER = {"query_only": 1, "cache_size": -16_000}

_here = threading.local()


class _ThreadDatabase:
    """Stands for the database of the thread that asks, as the models need one."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(bound(), name)

    @property
    def deferred(self) -> bool:
        """Whether this thread has no database."""
        return not hasattr(_here, "database")


db: Any = _ThreadDatabase()


def bind(database: Any, link: Link) -> None:
    """Let this thread use *link*, and its models peewee's *database* on it."""
    _here.database, _here.link = database, link


def unbind() -> None:
    """Let this thread use none again."""
    _here.__dict__.clear()


def bound() -> Any:
    """Return peewee's database of this thread."""
    try:
        return _here.database
    except AttributeError:
        raise peewee.InterfaceError("no database is open in this thread") from None


def connection() -> Link:
    """Return the link of this thread."""
    try:
        return cast(Link, _here.link)
    except AttributeError:
        raise peewee.InterfaceError("no database is open in this thread") from None


def connect(path: Path, pragmas: Mapping[str, object]) -> SqliteLink:
    """Bind this thread to the file *path*."""
    database: Any = peewee.SqliteDatabase(
        str(path),
        pragmas=dict(pragmas),
        timeout=BUSY_S,
        check_same_thread=False,
        autoconnect=False,
        factory=SqliteLink,
    )
    database.connect()
    link: SqliteLink = database.connection()
    bind(database, link)
    return link


def refusal(
    error: BaseException,
    doing: str = "the database refused",
    place: Path | None = None,
) -> StorageError:
    """Return what SQLite raised as the error to tell; *place* is the file."""
    return told(error, doing, REFUSALS, place)
