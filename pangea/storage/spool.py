"""The worker's spool: every result is here before it is sent, until it is safe."""

import asyncio
import logging
import secrets
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from pangea.core.errors import ConfigError, StorageError

from .connection import refusal
from .files import claim, release
from .spool_file import SpoolFile
from .spool_tables import Bounds, Lost, Run

__all__ = ["Bounds", "Counts", "Lost", "Run", "Spool"]

log = logging.getLogger(__name__)

T = TypeVar("T")


class Counts(Struct, frozen=True):
    """What the spool holds: rows and bytes in all, and how many numbers wait.

    ``gaps`` wait too; ``dropped`` rows became gaps since the start.
    """

    rows: int
    bytes: int
    waiting: int
    gaps: int
    dropped: int


class Spool:
    """An open spool with a thread of its own; its rows survive ``kill -9``.

    Rows carry the random ``epoch`` of this opening and a number. The last of what
    was written may be lost with the power, never with the process. ``message``
    says what a person should know of the opening, or is "".
    """

    def __init__(self, path: Path, bounds: Bounds, clock: Callable[[], float]) -> None:
        self.path = path
        self.epoch = secrets.token_hex(16)
        self.message = ""
        self._bounds = bounds
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, "spool")
        self._sent: Mapping[str, int] = {}
        self._lock = -1
        self._file: SpoolFile | None = None
        self._opened = clock()

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        bounds: Bounds | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> "Spool":
        """Open or make the spool at *path*.

        A damaged one is set aside. Raises ConfigError if the file cannot be
        written or another process has it.
        """
        spool = cls(path, bounds or Bounds(), clock)
        await asyncio.get_running_loop().run_in_executor(spool._thread, spool._open)
        return spool

    async def add(
        self, rows: Sequence[tuple[int, int, bytes]], lost: Lost | None = None
    ) -> tuple[int, int]:
        """Store (job, started_us, packed result); return the first and last number.

        What was *lost* before them becomes a gap with numbers of its own. What no
        longer fits is dropped, oldest first, and becomes a gap as well.
        """
        return await self._run(lambda f: f.add(rows, self._age(f), self._sent, lost))

    async def pending(self, after: Mapping[str, int], limit: int) -> list[Run]:
        """Return up to *limit* rows that are not acknowledged, oldest first.

        *after* has the last number of each epoch that was sent already.
        """
        self._sent = dict(after)
        return await self._run(lambda f: f.pending(self._sent, limit))

    async def ack(self, epoch: str, upto: int) -> None:
        """Note that the coordinator has all of *epoch* up to *upto*."""
        await self._run(lambda f: f.ack(epoch, upto))

    async def rewind(self, watermarks: Mapping[str, int]) -> None:
        """Follow the coordinator's word on what it has, also backwards.

        Rows it lost are pending again; those that are gone here become a gap.
        """
        self._sent = {}
        await self._run(lambda f: f.rewind(watermarks))

    async def waiting(self) -> int:
        """Return how many numbers are not acknowledged."""
        return sum(e.last - e.acked for e in self._open_file().epochs)

    async def counts(self) -> Counts:
        """Return what the spool holds."""
        waiting = await self.waiting()
        return await self._run(
            lambda f: Counts(f.rows, f.bytes, waiting, f.gap_count(), f.dropped)
        )

    async def save_assignments(self, version: int, body: bytes) -> None:
        """Keep the last assignments, packed by the caller."""
        await self._run(lambda f: f.save_assignments(version, body))

    async def load_assignments(self) -> tuple[int, bytes]:
        """Return what was saved last; (0, b"") if nothing was."""
        return await self._run(SpoolFile.load_assignments)

    async def close(self) -> None:
        """Close the file; again is harmless."""
        if self._file is None:
            return
        file, self._file = self._file, None
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, file.close)
        self._thread.shutdown()
        release(self._lock)

    def _age(self, file: SpoolFile) -> int:
        return file.age + int(self._clock() - self._opened)

    def _open_file(self) -> SpoolFile:
        if self._file is None:
            raise StorageError("the spool is closed")
        return self._file

    async def _run(self, step: Callable[[SpoolFile], T]) -> T:
        file = self._open_file()
        loop = asyncio.get_running_loop()
        try:
            done: T = await loop.run_in_executor(self._thread, step, file)
            return done
        except sqlite3.Error as error:
            raise refusal(error, "the spool refused") from error

    def _open(self) -> None:
        self._lock = claim(self.path)
        try:
            self._file = SpoolFile(self.path, self.epoch, self._bounds)
        except sqlite3.OperationalError as error:
            release(self._lock)
            told = refusal(error, f"{self.path} cannot be opened")
            raise ConfigError(str(told), hint=told.hint) from error
        except sqlite3.DatabaseError as error:
            aside = _set_aside(self.path)
            self.message = f"the spool was damaged ({error}); it is kept as {aside}"
            log.warning("%s", self.message)
            self._file = SpoolFile(self.path, self.epoch, self._bounds)


def _set_aside(path: Path) -> Path:
    """Rename a damaged file with its journal; a new one can take its place."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    for end in ("", "-wal", "-shm"):
        part = path.with_name(path.name + end)
        if part.exists():
            part.rename(aside.with_name(aside.name + end))
    path.touch(0o600)
    return aside
