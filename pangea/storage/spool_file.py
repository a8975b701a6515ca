"""The spool's file: what is kept, what waits, what had to go.

Row ids rise for ever; the sequence number of a row in its epoch is its id less
the epoch's ``base``. Rows leave oldest first, and what was lost before it came
here is followed by a row, so what is left of an epoch always reaches to its end.
Ages count the seconds that the spool was open: a wall clock that jumps from 1970
to today makes nothing old.
"""

import logging
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from pangea.core.worker_time import BootTime

from .spool_journal import Found, Row
from .spool_recovery import fill_holes, take_in, tell_debts
from .spool_room import ROW_BYTES, Room, stretches
from .spool_tables import (
    PRAGMAS,
    SCHEMA,
    add_columns,
    add_epoch,
    begin_epoch,
    gaps_of,
    insert_rows,
    load_boots,
    note_boot,
    note_journal,
    put_gap,
    set_acked,
    transaction,
)
from .spool_words import Bounds, Epoch, Lost, Run

log = logging.getLogger(__name__)

#: An offset that changed by less is not written down again.
OFFSET_NEWS_US = 1000


class Life(Struct, frozen=True):
    """One opening: its first epoch, which names it, and the boot it happens in."""

    epoch: str
    boot: str = ""


class SpoolFile:
    """The open file with its totals. Raises sqlite3.Error, and is then unchanged.

    What earlier lives *left* in the journal is taken in first; their *debts*, results
    that are known to be lost, become gaps.
    """

    def __init__(
        self,
        path: Path,
        life: Life,
        bounds: Bounds,
        left: Sequence[Found] = (),
        debts: Sequence[Lost] = (),
    ) -> None:
        self._life = life
        #: The names under which this process has written to the journal.
        self.lives = [life.epoch]
        self._lost = self.upto = 0
        self.rows = self.bytes = self.age = 0
        self.link = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            self.link.executescript(PRAGMAS + SCHEMA)
            add_columns(self.link)
            self.boots = load_boots(self.link)
            self.count()
            with transaction(self.link):
                homeless = take_in(self.link, left, self.age)
                tell_debts(self.link, debts, life.boot)
                self.epochs = begin_epoch(self.link, life.epoch, life.boot)
                note_journal(self.link, life.epoch, 0)
                self._house(homeless)
            self._make_durable()
            if left:
                self.count()
            self._room = Room(self.link, bounds, self.age)
        except (sqlite3.Error, UnicodeDecodeError) as error:
            self.link.close()
            if isinstance(error, sqlite3.Error):
                raise
            # SQLite quotes a damaged schema as it is, and Python cannot read it.
            raise sqlite3.DatabaseError("malformed database schema") from error
        #: How far our boot clock is off, as it is known now and as it was noted.
        self.boot_time: BootTime | None = None
        self._boot_noted = self.boots.get(life.boot)

    def add(
        self,
        rows: Sequence[Row],
        age: int,
        sent: Mapping[str, int],
        lost: Lost | None = None,
    ) -> tuple[int, int]:
        """Append *rows*; return their first and last number.

        What was *lost* before them takes the numbers before theirs. Makes room
        for them, and notes the acks, in the same transaction. *sent* has the last
        number of each epoch that was handed out: a gap up to it must not grow.
        """
        current = self.epochs[-1]
        missing = lost.total if lost and rows else 0
        first = current.end + 1 + missing
        size = self.bytes + sum(len(row.body) + ROW_BYTES for row in rows)
        end = current.end + missing + len(rows)
        with self._room.undone_by(sqlite3.Error), transaction(self.link):
            acked = self._set_acks()
            self._note_boot()
            insert_rows(self.link, enumerate(rows, first), age)
            if rows and rows[-1].serial:
                for life in self.lives:
                    note_journal(self.link, life, rows[-1].serial)
            if lost and missing:
                before = first - current.base
                put_gap(self.link, current.epoch, lost.gap(before - missing))
            self._room.take_in(rows)
            epochs = [*self.epochs[:-1], replace(current, end=end)]
            gone = self._room.make(epochs, size, age, sent)
        for epoch, upto in acked:
            epoch.noted = upto
        current.end = end
        if rows:
            self.upto = rows[-1].serial
        self.bytes = size - sum(old.size for old in gone)
        self.rows += len(rows) - len(gone)
        self._lost += missing
        return first - current.base, current.last

    @property
    def dropped(self) -> int:
        """How many rows became gaps since the file was opened."""
        return self._lost + self._room.dropped

    def begin_epoch(self, epoch: str) -> None:
        """Give what is added from now on numbers of its own."""
        current = self.epochs[-1]
        with transaction(self.link):
            new = Epoch(
                epoch=epoch,
                base=current.end,
                acked=0,
                noted=0,
                end=current.end,
                boot=current.boot,
            )
            add_epoch(self.link, new)
        self._make_durable()
        self.epochs = [e for e in self.epochs if e.end > e.base] + [new]

    def pending(
        self,
        sent: Mapping[str, int],
        limit: int,
        *,
        backlog: bool | None = None,
    ) -> list[Run]:
        """Return what follows *sent* (or else the acks), in order, *limit* rows.

        With *backlog* only that of earlier epochs, or with False of the current.
        """
        runs: list[Run] = []
        parts = {None: self.epochs, True: self.epochs[:-1], False: self.epochs[-1:]}
        for epoch in parts[backlog]:
            start = max(epoch.acked, sent.get(epoch.epoch, 0))
            if limit <= 0:
                break
            if start < epoch.last:
                found = self._runs_of(epoch, start, limit)
                runs += found
                limit -= sum(len(run.rows) for run in found)
        return runs

    def latest(self, chunk: int) -> list[Run]:
        """Return the last row of each job that waits, in runs without numbers."""
        waiting = [e for e in self.epochs if e.acked < e.last]
        if not waiting:
            return []
        found = self.link.execute(
            "SELECT max(id), body, boot_ns FROM row WHERE id > ? GROUP BY job",
            (min(e.base + e.acked for e in waiting),),
        ).fetchall()
        runs = []
        for epoch in waiting:
            rows = [r for r in found if epoch.base + epoch.acked < r[0] <= epoch.end]
            for start in range(0, len(rows), chunk):
                part = rows[start : start + chunk]
                bodies, at = [r[1] for r in part], tuple(r[2] for r in part)
                runs.append(Run("", 0, bodies, [], epoch.boot, at))
        return runs

    def ack(self, epoch: str, upto: int) -> None:
        """Take note, in memory, that all up to *upto* is safe.

        More than was given is not believed. The next transaction writes it down;
        until then a new life would send those rows again, and be told.
        """
        for known in self.epochs:
            if known.epoch == epoch:
                known.acked = max(known.acked, min(upto, known.last))

    @property
    def has_acks(self) -> bool:
        """Whether there are acks that only memory knows."""
        return any(epoch.acked > epoch.noted for epoch in self.epochs)

    def note_acks(self) -> None:
        """Write down what only memory knows of acks."""
        with transaction(self.link):
            acked = self._set_acks()
        for epoch, upto in acked:
            epoch.noted = upto

    def rewind(self, watermarks: Mapping[str, int]) -> None:
        """Make pending again what the coordinator lacks; what is gone is a gap.

        What it has beyond our acks is one more ack: that needs no room on the disk.
        """
        for epoch in self.epochs:
            mark = min(max(watermarks.get(epoch.epoch, 0), 0), epoch.last)
            if mark < epoch.acked:
                with transaction(self.link):
                    set_acked(self.link, epoch.epoch, mark)
                    fill_holes(self.link, epoch, mark)
                    self._room.look_anew()
                epoch.acked = epoch.noted = mark
            self.ack(epoch.epoch, mark)

    def save_assignments(self, version: int, body: bytes) -> None:
        """Keep what this worker was told last."""
        self.link.execute(
            "INSERT OR REPLACE INTO assignments VALUES (1, ?, ?)", (version, body)
        )

    def load_assignments(self) -> tuple[int, bytes]:
        """Return what was saved last; (0, b"") if nothing was."""
        row = self.link.execute("SELECT version, body FROM assignments").fetchone()
        return row or (0, b"")

    def gap_count(self) -> int:
        """Return how many gaps wait."""
        found: int = self.link.execute("SELECT count(*) FROM gap").fetchone()[0]
        return found

    def close(self) -> None:
        """Checkpoint, if the disk has room for it, and close."""
        # Without room SQLite's own journal stays; the next opening reads it.
        with suppress(sqlite3.OperationalError):
            self.note_acks()
            self.link.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.link.close()

    def _make_durable(self) -> None:
        """Write to the disk which epoch it is.

        A loss of power must not give its numbers to the one before, nor tell debts
        in other words than those that were sent.
        """
        with suppress(sqlite3.OperationalError):
            self.link.execute("PRAGMA wal_checkpoint(FULL)")

    def _set_acks(self) -> list[tuple[Epoch, int]]:
        news = [(e, e.acked) for e in self.epochs if e.acked > e.noted]
        for epoch, upto in news:
            set_acked(self.link, epoch.epoch, upto)
        return news

    def _note_boot(self) -> None:
        known, noted = self.boot_time, self._boot_noted
        if known is None or not self._life.boot:
            return
        if noted is None or abs(known.offset_us - noted.offset_us) > OFFSET_NEWS_US:
            note_boot(self.link, self._life.boot, known)
            self._boot_noted = known

    def count(self) -> None:
        """Take stock. This reads every page, so a damaged file is found now."""
        self.rows, self.bytes, self.age = self.link.execute(
            "SELECT count(*), coalesce(sum(length(body)), 0),"
            " coalesce(max(age), 0) FROM row"
        ).fetchone()
        self.bytes += self.rows * ROW_BYTES

    def _house(self, rows: Sequence[Row]) -> None:
        """Store *rows* first of all in the epoch that begins."""
        current = self.epochs[-1]
        insert_rows(self.link, enumerate(rows, current.end + 1), self.age)
        current.end += len(rows)

    def _runs_of(self, epoch: Epoch, start: int, limit: int) -> list[Run]:
        rows = self.link.execute(
            "SELECT id, body, boot_ns FROM row"
            " WHERE id > ? AND id <= ? ORDER BY id LIMIT ?",
            (epoch.base + start, epoch.end, limit),
        ).fetchall()
        upto = rows[-1][0] - epoch.base if len(rows) == limit else epoch.last
        gaps = gaps_of(self.link, epoch.epoch, start, upto)
        if not rows and not gaps:
            return []
        if not rows:
            return [Run(epoch.epoch, gaps[-1].last + 1, [], gaps, epoch.boot)]
        told, runs = start, []
        numbered = [(i - epoch.base, (body, at)) for i, body, at in rows]
        for first, found in stretches(numbered):
            before = [gap for gap in gaps if told < gap.last and gap.first < first]
            bodies, at = [body for body, _ in found], tuple(at for _, at in found)
            runs.append(Run(epoch.epoch, first, bodies, before, epoch.boot, at))
            told = first + len(bodies) - 1
        return runs
