"""SQLite: a database is a file, used by one process at a time."""

import contextlib
import logging
import os
import sqlite3
from pathlib import Path

from pangea.core.errors import StorageError

from .connection import READER, WRITER, connect, connection, refusal
from .files import claim, release
from .link import Link
from .sqlite_link import SqliteLink

log = logging.getLogger(__name__)


class SqliteEngine:
    """The database in the file *path*."""

    elsewhere = "move it away, or choose another directory with --state-dir"

    def __init__(self, path: Path) -> None:
        self.path: Path | None = path
        self.place = str(path)
        self._path = path
        self._lock = -1

    def claim(self) -> None:
        """Make the file, private, and lock it."""
        self._lock = claim(self._path)

    def release(self) -> None:
        """Give up the lock."""
        release(self._lock)

    def open_writer(self) -> Link:
        """Open the file to write."""
        return connect(self._path, WRITER)

    def open_reader(self) -> Link:
        """Open the file to read."""
        return connect(self._path, READER)

    def keep_copy(self, number: str) -> None:
        """Copy the file; a copy that was cut short never carries the final name."""
        link = connection()
        assert isinstance(link, SqliteLink)
        copy = self._path.with_name(f"{self._path.name}.before-{number}")
        draft = copy.with_name(copy.name + ".part")
        draft.unlink(missing_ok=True)
        os.close(os.open(draft, os.O_RDWR | os.O_CREAT, 0o600))
        with contextlib.ExitStack() as stack:
            # On a disk without room it would keep what little there is.
            stack.callback(draft.unlink, missing_ok=True)
            with contextlib.closing(sqlite3.connect(draft)) as target:
                link.backup(target)
            draft.replace(copy)
        log.info("copied the database to %s before migrating it", copy)

    def way_back(self, number: str) -> str:
        """Name the copy that was kept."""
        copy = f"{self._path.name}.before-{number}"
        return f"run the newer Pangea again, or put back the copy {copy}"

    def told(self, error: BaseException, doing: str) -> StorageError:
        """Return what SQLite raised as the error to tell."""
        return refusal(error, doing, self.path)
