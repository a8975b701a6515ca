"""The spool's file and what stands in for it while the disk fails.

Results that a full disk refuses go to a ring in memory, with numbers of their own,
and are sent from there. A file that is damaged, or gives only errors, is set aside
and a new one begun; what could not be saved of it is a gap.
"""

import logging
import secrets
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

from .spool_file import Life, SpoolFile
from .spool_head import Head
from .spool_journal import Row
from .spool_owed import held
from .spool_rescue import put_in_place
from .spool_salvage import carry, go_on, salvage
from .spool_words import Bounds, Epoch, Lost, Run

log = logging.getLogger(__name__)

#: The ring holds about ten thousand rows of a common size.
RING = Bounds(most_bytes=10_000 * 400)
#: Rows that are saved out of a damaged file, as far as it can be read.
SAVED_ROWS = 10_000
#: A file that gives errors of input and output is set aside after so many.
PATIENCE = 3
MEMORY = Path(":memory:")


class SpoolFiles:
    """The ``disk``, and beside it the ``ring`` while and after it refuses.

    ``trouble`` says why results are only in memory now, or is "". Raises
    sqlite3.Error for refusals that no ring can help.
    """

    def __init__(self, path: Path, life: Life, bounds: Bounds, disk: SpoolFile) -> None:
        self._path = path
        self._life = life
        self._bounds = bounds
        self._errors = 0
        self._gone = 0
        self._diskless = False
        self.disk = disk
        self.ring: SpoolFile | None = None
        self.trouble = ""
        self.head = Head(path)
        self.note_head()

    @property
    def all(self) -> list[SpoolFile]:
        """What there is, the disk first."""
        return [self.disk, self.ring] if self.ring else [self.disk]

    def parts(self, *, backlog: bool | None = None) -> list[Epoch]:
        """Return all epochs, or those that are backlog, or those that are not."""
        ring = self.ring.epochs if self.ring else []
        *before, current = self.disk.epochs
        parts = {None: [*before, *ring, current], True: before, False: [*ring, current]}
        return parts[backlog]

    @property
    def dropped(self) -> int:
        """How many rows became gaps since the start."""
        return self._gone + sum(file.dropped for file in self.all)

    def add(
        self,
        rows: Sequence[Row],
        age: int,
        sent: Mapping[str, int],
        lost: Lost | None = None,
    ) -> tuple[str, int, int]:
        """Store *rows* where they can be; return their epoch, first and last."""
        try:
            added = self._add_to_disk(rows, age, sent, lost)
        except sqlite3.Error as error:
            if not _is_failing(error):
                raise
            return self._add_to_ring(rows, age, sent, lost, error)
        self._errors = 0
        self._leave_ring()
        if rows:
            self.head.came(
                self.disk.epochs[-1], rows[0].started_us, rows[-1].started_us
            )
        self.note_head()
        return self.disk.epochs[-1].epoch, *added

    def pending(
        self, sent: Mapping[str, int], limit: int, *, backlog: bool | None = None
    ) -> list[Run]:
        """Return what follows *sent*, in order, *limit* rows."""
        runs = self.ring.pending(sent, limit) if self.ring and not backlog else []
        left = limit - sum(len(run.rows) for run in runs)
        if left <= 0:
            return runs
        try:
            return [*runs, *self.disk.pending(sent, left, backlog=backlog)]
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise
            self._replace(error)
            return runs

    def rewind(self, watermarks: Mapping[str, int]) -> None:
        """Make pending again what the coordinator lacks."""
        for file in self.all:
            file.rewind(watermarks)
        self.note_head()

    def begin_epoch(self, epoch: str) -> None:
        """Give what is added from now on numbers of its own."""
        self.disk.begin_epoch(epoch)
        self.note_head()

    def note_head(self) -> None:
        """Write down beside the disk which numbers it has given."""
        self.head.note(self.disk.epochs, self.disk.lives, self.disk.upto)

    def load_assignments(self) -> tuple[int, bytes]:
        """Return what was saved last; (0, b"") if nothing was, or it is damaged."""
        try:
            return self.disk.load_assignments()
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise
            self._replace(error)
            return self.disk.load_assignments()

    def only_in_memory(self) -> Lost | None:
        """Return what waits, and would be gone with this process."""
        files = [file for file in self.all if file is self.ring or self._diskless]
        return held(files)

    def latest(self, chunk: int) -> list[Run]:
        """Return the last row of each job that waits."""
        return [run for file in self.all for run in file.latest(chunk)]

    def close(self) -> None:
        """Close all; what only the ring had is lost, and said to be."""
        left = sum(e.last - e.acked for e in self.ring.epochs) if self.ring else 0
        if left:
            log.error("%d results are lost: %s", left, self.trouble)
        for file in self.all:
            file.close()
        self.note_head()
        self.head.close()

    def _add_to_disk(
        self, rows: Sequence[Row], age: int, sent: Mapping[str, int], lost: Lost | None
    ) -> tuple[int, int]:
        try:
            return self.disk.add(rows, age, sent, lost)
        except sqlite3.DatabaseError as error:
            self._errors += _code(error) == sqlite3.SQLITE_IOERR
            if not _is_damage(error) and self._errors < PATIENCE:
                raise
            self._replace(error)
        return self.disk.add(rows, age, sent, lost)

    def _add_to_ring(
        self,
        rows: Sequence[Row],
        age: int,
        sent: Mapping[str, int],
        lost: Lost | None,
        error: sqlite3.Error,
    ) -> tuple[str, int, int]:
        if self.ring is None:
            log.error("results are kept in memory: %s", error)
            life = Life(secrets.token_hex(16), self._life.boot)
            self.ring = SpoolFile(MEMORY, life, RING)
        self.trouble = str(error)
        added = self.ring.add(rows, age, sent, lost)
        return self.ring.epochs[-1].epoch, *added

    def _leave_ring(self) -> None:
        if self.ring is None:
            return
        if self.trouble:
            log.warning("the disk takes results again")
            self.trouble = ""
        if all(epoch.acked == epoch.last for epoch in self.ring.epochs):
            self._gone += self.ring.dropped
            self.ring.close()
            self.ring = None

    def _replace(self, why: sqlite3.Error) -> None:
        """Put what can be saved in place of the damaged file, at worst in memory."""
        old, reason = self.disk, f"spool damaged: {why}"
        saved, assignments = salvage(old, SAVED_ROWS), _assignments(old)
        said = self.head.said(old.epochs, old.lives, old.upto)
        old.link.close()
        try:
            aside, lost = put_in_place(self._path, reason, said)
            new = self._fresh(self._path, self._bounds, [lost] if lost else [])
            go_on(new, old)
            log.error("the spool is damaged (%s); it is kept as %s", why, aside)
        except (OSError, sqlite3.Error) as error:
            log.error("the spool lies in memory from now on: %s", error)
            self.trouble = str(why)
            new = self._fresh(MEMORY, RING)
            carry(new, old, saved, reason)
            self._diskless = True
        if assignments[1]:
            new.save_assignments(*assignments)
        self._gone += old.dropped
        self._errors, self.disk = 0, new
        self.note_head()

    def _fresh(
        self, path: Path, bounds: Bounds, debts: Sequence[Lost] = ()
    ) -> SpoolFile:
        life = Life(secrets.token_hex(16), self._life.boot)
        return SpoolFile(path, life, bounds, debts=debts)


def _assignments(file: SpoolFile) -> tuple[int, bytes]:
    try:
        return file.load_assignments()
    except sqlite3.Error:
        return 0, b""


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _is_damage(error: sqlite3.Error) -> bool:
    return _code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _is_failing(error: sqlite3.Error) -> bool:
    return _is_damage(error) or _code(error) in (
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
    )
