"""The connections of this process and what their errors mean.

``db`` is bound when a ``Store`` opens. Each thread of a store has a connection
of its own; a query in any other thread is an error, because nothing may reach
the database but through the store.
"""

import sqlite3
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import peewee

from pangea.core.errors import StorageError

from .refusal import told

db: Any = peewee.SqliteDatabase(None, autoconnect=False)

#: What the drivers raise.
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

_binding = threading.Lock()


def connect(path: Path, pragmas: Mapping[str, object]) -> sqlite3.Connection:
    """Bind ``db`` in this thread to *path*."""
    with _binding:
        db.init(
            str(path), pragmas=dict(pragmas), timeout=BUSY_S, check_same_thread=False
        )
        db.connect()
    return connection()


def connection() -> sqlite3.Connection:
    """Return this thread's connection, for ``executemany``."""
    found: sqlite3.Connection = db.connection()
    return found


def refusal(
    error: BaseException,
    doing: str = "the database refused",
    place: Path | None = None,
) -> StorageError:
    """Return what a driver raised as the error to tell; *place* is the file."""
    return told(error, doing, REFUSALS, place)
