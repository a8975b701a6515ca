"""Scheduled backups: made while all goes on, read back, and only so many kept.

An old one goes only after a new one was read back. What fails is tried again soon,
and told in the status until one succeeds.
"""

import asyncio
import logging
import re
import threading
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from pangea.backup.keys import read_key
from pangea.backup.make import Source, back_up
from pangea.core.clock import Clock
from pangea.core.config import BackupTable
from pangea.core.durations import format_duration
from pangea.core.errors import Conflict, PangeaError, StorageError
from pangea.web.schema import moment
from pangea.web.schema_backups import BackupAnswer, BackupBegun, BackupsStatus

log = logging.getLogger(__name__)

#: Not while the workers come back.
START_S = 30.0
RETRY_S = 600.0
STAMP = "%Y%m%dT%H%M%SZ"


class Kept(Struct, frozen=True):
    """One backup in the directory: its file, when it is of (UTC), its bytes."""

    path: Path
    at: float
    size: int


class Stopped(PangeaError):
    """The coordinator stops, so the backup that is being made does, too."""


class Backups:
    """Makes them when they are due, or at once: ``run`` until cancelled."""

    def __init__(self, table: BackupTable, source: Source, clock: Clock) -> None:
        self._table, self._source, self._clock = table, source, clock
        self._place = Path(table.dir)
        stem = re.escape(source.name)
        self._names = re.compile(rf"\.?{stem}-(\d{{8}}T\d{{6}}Z)\.backup(\.part)?")
        self._wanted = asyncio.Event()
        self._stopping = threading.Event()
        self._at = ""
        self._kept: list[Kept] = []
        self._due = clock.monotonic()
        self.trouble = ""

    async def run(self) -> None:
        """Make a backup whenever one is due; stop the one under way at the end."""
        with suppress(OSError):
            await asyncio.to_thread(self._look)
        self._due = self._clock.monotonic() + max(self._wait_s(), START_S)
        try:
            while True:
                await self._until_due()
                await self._make()
        finally:
            self._stopping.set()

    def begin(self) -> BackupBegun:
        """Make one now; Conflict while one is being made."""
        if self._at:
            raise Conflict(
                "a backup is being made already", hint="pangea status tells when it is"
            )
        self._at = self._name()
        self._wanted.set()
        return BackupBegun(name=self._at)

    async def backups(self) -> list[BackupAnswer]:
        """Return those that are kept."""
        try:
            await asyncio.to_thread(self._look)
        except OSError as error:
            raise self._refusing(error) from error
        return [
            BackupAnswer(name=k.path.name, made_at=_moment(k.at), bytes=k.size)
            for k in self._kept
        ]

    def status(self) -> BackupsStatus:
        """Return when there was one, and when there is the next."""
        last = self._kept[-1] if self._kept else None
        left_s = max(self._due - self._clock.monotonic(), 0.0)
        return BackupsStatus(
            every_s=float(self._table.every),
            kept=len(self._kept),
            running=bool(self._at),
            last_at=_moment(last.at) if last else None,
            last_bytes=last.size if last else None,
            next_at=None if self._at else _moment(self._clock.wall() + left_s),
        )

    def troubles(self) -> list[str]:
        """Return what a person must mend, if the last one failed."""
        if not self.trouble:
            return []
        last = self._kept[-1] if self._kept else None
        ago_s = max(self._clock.wall() - last.at, 0.0) if last else 0.0
        since = (
            f"the last one is {format_duration(round(ago_s))} old"
            if last
            else "there is none yet"
        )
        return [f"the backup failed, and {since}: {self.trouble}"]

    async def _until_due(self) -> None:
        left_s = self._due - self._clock.monotonic()
        with suppress(TimeoutError):
            async with asyncio.timeout(max(left_s, 0.0)):
                await self._wanted.wait()
        self._wanted.clear()

    async def _make(self) -> None:
        """Make one, and look after the old ones; never raises what may happen."""
        self._at = self._at or self._name()
        wait_s = float(self._table.every)
        try:
            await asyncio.to_thread(self._back_up, self._place / self._at)
            self.trouble = ""
        except (PangeaError, OSError) as found:
            error = self._refusing(found) if isinstance(found, OSError) else found
            self.trouble = f"{error} ({error.hint})" if error.hint else str(error)
            wait_s = min(wait_s, RETRY_S)
            log.error("the backup failed: %s", self.trouble)
        finally:
            self._at = ""
        self._due = self._clock.monotonic() + wait_s

    def _back_up(self, path: Path) -> None:
        self._place.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._look()
        given = read_key(Path(self._table.key_file))
        made = back_up(self._source, path, given, tell=self._tell)
        log.info("backed up to %s: %s, %d bytes", path, made.facts.words, made.size)
        self._forget(path)
        self._look()

    def _tell(self, doing: str, done: int, of: int) -> None:
        if self._stopping.is_set():
            raise Stopped("the coordinator stops")

    def _look(self) -> None:
        """See what is in the directory, the oldest first."""
        found = []
        for path in self._place.iterdir():
            named = self._names.fullmatch(path.name)
            if named and not path.name.endswith(".part"):
                at = datetime.strptime(named[1], STAMP).replace(tzinfo=UTC)
                found.append(Kept(path, at.timestamp(), path.stat().st_size))
        self._kept = sorted(found, key=lambda kept: kept.at)

    def _forget(self, made: Path) -> None:
        """Delete the oldest beyond those that are kept, and what a kill left."""
        self._look()
        old = [kept.path for kept in self._kept if kept.path != made]
        left = [
            path
            for path in self._place.iterdir()
            if self._names.fullmatch(path.name) and path.name.endswith(".part")
        ]
        too_many = max(len(old) + 1 - self._table.keep, 0)
        for path in [*old[:too_many], *left]:
            path.unlink()

    def _name(self) -> str:
        now = datetime.fromtimestamp(self._clock.wall(), UTC)
        return f"{self._source.name}-{now.strftime(STAMP)}.backup"

    def _wait_s(self) -> float:
        """Return how long the last backup is young enough, in seconds."""
        since = self._clock.wall() - self._kept[-1].at if self._kept else -1.0
        # Not if it is of the future: then a clock was wrong.
        return self._table.every - since if since >= 0 else 0.0

    def _refusing(self, error: OSError) -> PangeaError:
        why = (error.strerror or str(error)).lower()
        return StorageError(f"{self._place} cannot be used: {why}")


def _moment(at: float) -> str:
    return moment(round(at * 1e6))
