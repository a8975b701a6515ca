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

from pangea.core.errors import ConfigError, StorageError
from pangea.core.worker_time import BootTime

from .files import claim, release
from .refusal import told
from .spool_file import Life, SpoolFile
from .spool_files import SpoolFiles
from .spool_fresh import Fresh
from .spool_journal import Found, Journal, Row, left_behind
from .spool_owed import Owed
from .spool_rescue import put_in_place
from .spool_words import Bounds, Counts, Epoch, Lost, Run

__all__ = ["Bounds", "Counts", "Lost", "Row", "Run", "Spool"]

log = logging.getLogger(__name__)

T = TypeVar("T")
#: Rows in one run of the latest.
LATEST_ROWS = 500


class Spool:
    """An open spool with a thread of its own; its rows survive ``kill -9``.

    Rows carry the random ``epoch`` of this opening and a number. The last of what
    was written may be lost with the power, never with the process. ``message``
    says what a person should know of the opening, or is "".
    """

    def __init__(
        self,
        path: Path,
        bounds: Bounds,
        clock: Callable[[], float],
        boot: str = "",
    ) -> None:
        self.path = path
        self.epoch = secrets.token_hex(16)
        self.message = ""
        self._bounds = bounds
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, "spool")
        self.boot = boot
        self._life = Life(self.epoch, boot)
        self._journal = Journal(path, self.epoch)
        self._fresh = Fresh(boot)
        self._sent: Mapping[str, int] = {}
        self._lock = -1
        self._file: SpoolFiles | None = None
        self._opened = clock()
        self._quiet, self._aside = False, ""

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        bounds: Bounds | None = None,
        clock: Callable[[], float] = time.monotonic,
        boot: str = "",
    ) -> "Spool":
        """Open or make the spool at *path*; *boot* names this boot of the machine.

        What an earlier life left in the journal is taken in. A damaged spool is set
        aside. Raises ConfigError if it cannot be written or another process has it.
        """
        spool = cls(path, bounds or Bounds(), clock, boot)
        await asyncio.get_running_loop().run_in_executor(spool._thread, spool._open)
        return spool

    def keep(
        self, job: int, started_us: int, body: bytes, boot_ns: int = 0, rank: int = 0
    ) -> Row:
        """Keep a result at once; return the row for the `add` that follows.

        It outlives this process from now on. *rank* is 1 for what a verdict may
        turn on. Never fails, and never waits for the disk.
        """
        row = self._journal.append(job, started_us, body, boot_ns, rank)
        if not self._journal.well:
            self._owed.more(row)
        return row

    @property
    def keeps(self) -> bool:
        """Whether what `keep` was given last is on the disk already."""
        return self._journal.well

    async def add(
        self, rows: Sequence[Row], lost: Lost | None = None
    ) -> tuple[int, int]:
        """Store *rows* in order; return the first and last number.

        What was *lost* before them becomes a gap with numbers of its own. What no
        longer fits is dropped, oldest first, and becomes a gap as well.
        """
        self._journal.turn()
        self._quiet, file = False, self._open_file()
        dropped = file.dropped
        epoch, first, last = await self._run(
            lambda f: f.add(rows, self._age(f), self._sent, lost)
        )
        self._follow(file, rows[-1].serial if rows else 0)
        if rows:
            self._journal.settled(rows[-1].serial)
            await self._count_owed(file, rows[-1].serial)
        self.epoch = file.disk.epochs[-1].epoch
        if file.dropped == dropped and epoch == self.epoch:
            self._fresh.hold(self.epoch, first, rows)
        else:
            self._fresh.clear()
        return first, last

    @property
    def trouble(self) -> str:
        """Why results are kept only in memory now, or ""."""
        return self._open_file().trouble

    async def begin_epoch(self) -> None:
        """Give new results numbers of their own: they need not wait for old ones."""
        epoch = secrets.token_hex(16)
        await self._run(lambda f: f.begin_epoch(epoch))
        self.epoch = epoch
        self._fresh.clear()

    @property
    def boots(self) -> Mapping[str, BootTime]:
        """How the clocks of earlier boots were off, by the name of the boot."""
        return self._open_file().disk.boots

    def know_boot(self, time: BootTime | None) -> None:
        """Take note of how the clock of this boot is off; kept with the next group."""
        self._open_file().disk.boot_time = time

    @property
    def has_backlog(self) -> bool:
        """Whether something of earlier epochs waits to be sent."""
        return bool(self._behind(self._sent, backlog=True))

    async def latest(self) -> list[Run]:
        """Return the last row of each job that waits, in runs without numbers."""
        return await self._run(lambda f: f.latest(LATEST_ROWS))

    async def pending(
        self, after: Mapping[str, int], limit: int, *, backlog: bool | None = None
    ) -> list[Run]:
        """Return up to *limit* rows that are not acknowledged, oldest first.

        *after* has the last number of each epoch that was sent already. What was
        added just now comes from memory, the rest from the file. With *backlog*
        only what waits of earlier epochs, or with False only what does not.
        """
        self._sent = dict(after)
        behind = self._behind(after, backlog=backlog)
        if not behind:
            return []
        if behind[0].epoch == self.epoch:
            done = max(behind[0].acked, after.get(self.epoch, 0))
            fresh = self._fresh.after(done, behind[0].last, limit)
            if fresh:
                return [fresh]
        return await self._run(lambda f: f.pending(self._sent, limit, backlog=backlog))

    def ack(self, epoch: str, upto: int) -> None:
        """Note that the coordinator has all of *epoch* up to *upto*.

        The file learns of it with the next group, or by `note_acks`.
        """
        for file in self._open_file().all:
            file.ack(epoch, upto)

    async def note_acks(self) -> None:
        """Write down the acks that no group takes along: none came since asked."""
        quiet, self._quiet = self._quiet, True
        if quiet and self._open_file().disk.has_acks:
            await self._run(lambda f: f.disk.note_acks())

    @property
    def dropped(self) -> int:
        """How many results had to go, and became gaps, since the start."""
        return self._open_file().dropped

    async def rewind(self, watermarks: Mapping[str, int]) -> None:
        """Follow the coordinator's word on what it has, also backwards.

        Rows it lost are pending again; those that are gone here become a gap.
        """
        self._sent = {}
        self._fresh.clear()
        await self._run(lambda f: f.rewind(watermarks))

    async def waiting(self) -> int:
        """Return how many numbers are not acknowledged."""
        return sum(e.last - e.acked for e in self._open_file().parts())

    async def counts(self) -> Counts:
        """Return what the spool holds."""
        waiting = await self.waiting()
        return await self._run(
            lambda f: Counts(
                sum(file.rows for file in f.all),
                sum(file.bytes for file in f.all),
                waiting,
                sum(file.gap_count() for file in f.all),
                f.dropped,
            )
        )

    async def save_assignments(self, version: int, body: bytes) -> None:
        """Keep the last assignments, packed by the caller."""
        await self._run(lambda f: f.disk.save_assignments(version, body))

    async def load_assignments(self) -> tuple[int, bytes]:
        """Return what was saved last; (0, b"") if nothing was."""
        return await self._run(lambda f: f.load_assignments())

    async def close(self) -> None:
        """Close the file; again is harmless."""
        if self._file is None:
            return
        file, self._file = self._file, None
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, file.close)
        self._thread.shutdown()
        self._journal.close()
        self._owed.close()
        release(self._lock)

    async def _count_owed(self, file: SpoolFiles, upto: int) -> None:
        """Note on the disk what only memory has, now that *upto* is stored."""
        if not (file.trouble or file.ring or self._owed.noted):
            return
        try:
            self._owed.hold(await self._run(lambda f: f.only_in_memory()), upto)
        except StorageError as error:  # the rows are in: it is not to add them again
            log.debug("counted with the next group: %s", error)

    def _follow(self, file: SpoolFiles, upto: int) -> None:
        """Let the journal begin anew under another name while memory has its rows.

        A later life must not take what is missing in the file for lost. What came
        after *upto* no memory has yet, so it stays in the journal.
        """
        if not file.trouble:
            self._aside = ""
            return
        if not self._aside:
            self._aside = secrets.token_hex(16)
            file.disk.lives.append(self._aside)
        for row in self._journal.restart(self._aside, upto):
            self._owed.more(row)

    def _behind(
        self, sent: Mapping[str, int], *, backlog: bool | None = None
    ) -> list[Epoch]:
        epochs = self._open_file().parts(backlog=backlog)
        return [e for e in epochs if max(e.acked, sent.get(e.epoch, 0)) < e.last]

    def _age(self, file: SpoolFiles) -> int:
        return file.disk.age + int(self._clock() - self._opened)

    def _open_file(self) -> SpoolFiles:
        if self._file is None:
            raise StorageError("the spool is closed")
        return self._file

    async def _run(self, step: Callable[[SpoolFiles], T]) -> T:
        file = self._open_file()
        loop = asyncio.get_running_loop()
        try:
            done: T = await loop.run_in_executor(self._thread, step, file)
            return done
        except sqlite3.Error as error:
            raise told(error, "the spool refused") from error

    def _open(self) -> None:
        self._lock = claim(self.path)
        left = left_behind(self.path)
        self._owed = Owed(self.path)
        try:
            disk = self._open_disk(left)
        except sqlite3.Error as error:
            release(self._lock)
            said = told(error, f"{self.path} cannot be opened", place=self.path)
            raise ConfigError(str(said), hint=said.hint) from error
        self._owed.settle()
        self.epoch = disk.epochs[-1].epoch
        self._file = SpoolFiles(self.path, self._life, self._bounds, disk)
        found = sum(len(one.rows) for one in left)
        if found:
            log.info("the journal held the last %d results", found)
        self._journal.open()

    def _open_disk(self, left: Sequence[Found]) -> SpoolFile:
        """Open the file; in place of one that is damaged, what can be saved of it."""
        debts = [self._owed.lost] if self._owed.lost else []
        try:
            return SpoolFile(self.path, self._life, self._bounds, left, debts)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            damage = str(error)
        aside, lost = put_in_place(self.path, f"spool damaged: {damage}")
        self.message = f"the spool was damaged ({damage}); it is kept as {aside}"
        log.warning("%s", self.message)
        debts = [lost, *debts] if lost else debts
        return SpoolFile(self.path, self._life, self._bounds, left, debts)
