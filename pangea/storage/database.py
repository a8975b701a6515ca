"""The coordinator's database as the event loop sees it."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from pangea.core.database_url import is_postgres
from pangea.core.errors import ConfigError, StorageError

from .connection import REFUSALS
from .link import Engine, Link
from .sqlite import SqliteEngine
from .writer import Turn, Writer

T = TypeVar("T")

#: Writes that may wait; more make their callers wait.
QUEUE = 1_000
READERS = 2


class Store:
    """An open database. ``Store.open`` makes one; ``close`` ends it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._writer = Writer(engine)
        self._room = asyncio.Semaphore(QUEUE)
        self._readers = ThreadPoolExecutor(READERS, "reader")
        self._reader = threading.local()
        self._links: list[Link] = []
        self._closed = False

    @property
    def path(self) -> Path | None:
        """The file, if it is one."""
        return self.engine.path

    @classmethod
    async def open(cls, place: Path | str) -> "Store":
        """Open the database at *place*, made and migrated if need be.

        *place* is a file, or the URL of PostgreSQL. Raises ConfigError, with the way
        out, if it cannot be used: not writable, in use, damaged, of a newer version,
        or no database of Pangea; StorageError if its server is not reached.
        """
        store = cls(engine_of(place))
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
        return await loop.run_in_executor(self._readers, self._on_snapshot, fn)

    async def close(self) -> None:
        """Finish what waits, checkpoint and close; again is harmless."""
        if not self._closed:
            self._closed = True
            await asyncio.to_thread(self._close)

    def _open(self) -> None:
        engine = self.engine
        engine.claim()
        try:
            self._writer.start()
        except REFUSALS as error:
            engine.release()
            told = engine.told(error, f"{engine.place} cannot be opened")
            raise ConfigError(str(told), hint=told.hint) from error
        except (ConfigError, StorageError):
            engine.release()
            raise

    def _on_snapshot(self, fn: Callable[[], T]) -> T:
        try:
            link = self._link()
            link.snapshot()
            try:
                return fn()
            finally:
                link.let_go()
        except REFUSALS as error:
            raise self.engine.told(error, "the database refused") from error

    def _link(self) -> Link:
        """Return the link of this reader, made when it is first needed."""
        link: Link | None = getattr(self._reader, "link", None)
        if link is None:
            link = self._reader.link = self.engine.open_reader()
            self._links.append(link)
        return link

    def _close(self) -> None:
        self._readers.shutdown()
        for link in self._links:
            link.close()
        self._writer.stop()
        self.engine.release()


def engine_of(place: Path | str) -> Engine:
    """Return the engine of a file or URL; ConfigError without its driver."""
    if isinstance(place, str) and is_postgres(place):
        try:
            from .postgres import PostgresEngine
        except ImportError as error:
            raise ConfigError(
                f"PostgreSQL needs a driver that is not installed: {error}",
                hint="pip install 'pangea[postgres]'",
            ) from error
        return PostgresEngine(place)
    return SqliteEngine(Path(place))
