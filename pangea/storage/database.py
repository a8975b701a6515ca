"""The coordinator's database as the event loop sees it."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from pangea.core.errors import ConfigError, StorageError

from .connection import READER, REFUSALS, connect, db, refusal
from .files import claim, release
from .writer import Turn, Writer

T = TypeVar("T")

#: Writes that may wait; more make their callers wait.
QUEUE = 1_000
READERS = 2


class Store:
    """An open database. ``Store.open`` makes one; ``close`` ends it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = -1
        self._writer = Writer(path)
        self._room = asyncio.Semaphore(QUEUE)
        self._readers = ThreadPoolExecutor(READERS, "reader", self._join_readers)
        self._connections: list[sqlite3.Connection] = []
        self._closed = False

    @classmethod
    async def open(cls, path: Path) -> "Store":
        """Open the database at *path*, made and migrated if need be.

        Raises ConfigError, with the way out, if the file cannot be used: not
        writable, in use, damaged, of a newer version, or no database of Pangea.
        """
        store = cls(path)
        await asyncio.to_thread(store._open)
        return store

    async def write(self, fn: Callable[[], T]) -> T:
        """Run *fn* in the writer thread; return when it is durable.

        What *fn* raises is raised here, and its work is undone. A cancelled
        caller does not stop it. Raises StorageError when the database refuses.
        """
        async with self._room:
            if self._closed:
                raise StorageError("the database is closed")
            turn = Turn(fn)
            self._writer.put(turn)
            value: T = await turn.future
            return value

    async def read(self, fn: Callable[[], T]) -> T:
        """Run *fn* in a reader thread, on one snapshot; it cannot write."""
        if self._closed:
            raise StorageError("the database is closed")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, _on_snapshot, fn)

    async def close(self) -> None:
        """Finish what waits, checkpoint and close; again is harmless."""
        if not self._closed:
            self._closed = True
            await asyncio.to_thread(self._close)

    def _open(self) -> None:
        self._lock = claim(self.path)
        try:
            self._writer.start()
        except REFUSALS as error:
            release(self._lock)
            told = refusal(error, f"{self.path} cannot be opened", self.path)
            raise ConfigError(str(told), hint=told.hint) from error
        except ConfigError:
            release(self._lock)
            raise

    def _join_readers(self) -> None:
        self._connections.append(connect(self.path, READER))

    def _close(self) -> None:
        self._readers.shutdown()
        for connection in self._connections:
            connection.close()
        self._writer.stop()
        release(self._lock)


def _on_snapshot(fn: Callable[[], T]) -> T:
    try:
        with db.transaction():
            return fn()
    except REFUSALS as error:
        raise refusal(error) from error
