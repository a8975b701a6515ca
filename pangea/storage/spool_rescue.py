"""A spool that is found damaged: what can be read goes into a new file.

What waited and cannot be read becomes gaps under its own numbers, as far as the
damaged file or the head beside it knows them. The new file then looks as the old one
did, so the journal goes on with it, and nothing is doubled.
"""

import logging
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from pangea.core.model import Gap

from .spool_aside import set_aside
from .spool_head import Noted, noted
from .spool_tables import (
    PRAGMAS,
    SCHEMA,
    add_columns,
    add_epoch,
    gaps_of,
    note_journal,
    put_gap,
    set_top_id,
    top_id,
    transaction,
)
from .spool_words import Epoch, Lost

log = logging.getLogger(__name__)

T = TypeVar("T")

#: Rows that are read at once; where that fails, each of them alone.
BLOCK = 100
_ROW = "id, job, started_us, age, body, boot_ns, rank"
_KINDS = (int, int, int, int, bytes, int, int)
_MOST = 1 << 60


class Ruin(Struct):
    """What is known of a damaged spool; ``spans`` are times of what waits."""

    epochs: list[Epoch]
    marks: dict[str, int]
    spans: dict[str, tuple[int, int]]


def put_in_place(
    path: Path, why: str, said: Noted | None = None
) -> tuple[Path, Lost | None]:
    """Put in place of the damaged *path* what can be saved of it.

    *said* is what is known of its numbers; without it the head is asked. Return where
    it lies now, and what is lost under numbers that nobody knows. Raises
    sqlite3.Error, and changes nothing, if the new file cannot be written.
    """
    draft = path.with_name(f"{path.name}.saved")
    for end in ("", "-wal", "-shm", "-journal"):
        path.with_name(draft.name + end).unlink(missing_ok=True)
    draft.touch(0o600)
    lost = rescue(path, draft, said or noted(path), why)
    aside = set_aside(path)
    draft.replace(path)
    return aside, lost


def rescue(aside: Path, path: Path, said: Noted | None, why: str) -> Lost | None:
    """Make the file *path* of what can be read of *aside*, and of its head.

    Return and raise as `put_in_place` does; what is lost leaves the file empty.
    """
    source = sqlite3.connect(f"{aside.absolute().as_uri()}?mode=ro", uri=True)
    with closing(source) as old:
        ruin = _survey(old, said)
        if not ruin.epochs:
            now_us = time.time_ns() // 1000
            return Lost(f"{why}, number unknown", {0: 1}, _written_us(aside), now_us)
        with closing(sqlite3.connect(path, isolation_level=None)) as new:
            new.executescript(PRAGMAS + SCHEMA)
            add_columns(new)
            try:
                saved, lost = _move(old, new, ruin, why)
            except sqlite3.OperationalError as error:
                log.error("nothing can be saved of the damaged spool: %s", error)
                saved, lost = _move(None, new, ruin, why)
    log.warning("of the damaged spool %d results are saved, %d lost", saved, lost)
    return None


def _survey(old: sqlite3.Connection, said: Noted | None) -> Ruin:
    """Return what file and head know together; whichever is further is right."""
    ruin = Ruin(_tried(lambda: _epochs(old), []), _tried(lambda: _marks(old), {}), {})
    if said:
        _join(ruin, said)
    return ruin


def _marks(old: sqlite3.Connection) -> dict[str, int]:
    found = old.execute("SELECT life, upto FROM journal ORDER BY rowid")
    return {
        life: upto
        for life, upto in found.fetchall()
        if isinstance(life, str) and isinstance(upto, int)
    }


def _epochs(old: sqlite3.Connection) -> list[Epoch]:
    """Return the epochs of a file; none if they cannot be true."""
    found = old.execute(
        "SELECT epoch, base, acked, boot FROM epoch ORDER BY rowid"
    ).fetchall()
    kinds = (str, int, int, str)
    if not all(
        isinstance(value, kind)
        for row in found
        for value, kind in zip(row, kinds, strict=True)
    ):
        return []
    bases = [row[1] for row in found]
    top = max(
        _tried(lambda: top_id(old), 0),
        _tried(lambda: old.execute("SELECT max(id) FROM row").fetchone()[0] or 0, 0),
        *bases,
        0,
    )
    if bases != sorted(bases) or min(bases, default=0) < 0 or top > _MOST:
        return []
    return [
        _epoch(name, base, acked, end, boot)
        for (name, base, acked, boot), end in zip(found, [*bases[1:], top], strict=True)
    ]


def _epoch(name: str, base: int, acked: int, end: int, boot: str) -> Epoch:
    acked = min(max(acked, 0), end - base)
    return Epoch(epoch=name, base=base, acked=acked, noted=acked, end=end, boot=boot)


def _join(ruin: Ruin, said: Noted) -> None:
    """Add what the head knows better, or alone."""
    known = {epoch.epoch: epoch for epoch in ruin.epochs}
    for part in said.parts:
        ruin.spans[part.epoch] = (part.from_us, part.to_us)
        epoch = known.get(part.epoch)
        if epoch is not None:
            epoch.acked = max(epoch.acked, min(part.acked, epoch.last))
            if epoch is ruin.epochs[-1] and epoch.base == part.base:
                epoch.end = max(epoch.end, part.end)
        elif not ruin.epochs or part.base >= ruin.epochs[-1].end:
            ruin.epochs.append(
                _epoch(part.epoch, part.base, part.acked, part.end, part.boot)
            )
    for life in said.lives:
        upto = max(ruin.marks.pop(life, 0), said.upto)
        ruin.marks[life] = upto


def _move(
    old: sqlite3.Connection | None, new: sqlite3.Connection, ruin: Ruin, why: str
) -> tuple[int, int]:
    """Fill the new file; return how many rows were saved, and how many are lost."""
    saved = lost = 0
    with transaction(new):
        for epoch in ruin.epochs:
            add_epoch(new, epoch)
            if epoch.acked == epoch.last:
                continue
            span = ruin.spans.get(epoch.epoch, (0, 0))
            hole = _Holes(epoch, span, why)
            for gap in _gaps(old, epoch):
                hole.tell(gap)
                put_gap(new, epoch.epoch, gap)
            for rows in _blocks(old, epoch):
                new.executemany(
                    f"INSERT INTO row ({_ROW}) VALUES (?, ?, ?, ?, ?, ?, ?)", rows
                )
                hole.see(rows)
                saved += len(rows)
            for gap in hole.gaps():
                put_gap(new, epoch.epoch, gap)
                lost += gap.last - gap.first + 1
        for life, upto in ruin.marks.items():
            note_journal(new, life, upto)
        set_top_id(new, ruin.epochs[-1].end)
        if old:
            _keep_words(old, new)
    return saved, lost


class _Holes:
    """Finds the numbers of an epoch that neither a row nor a gap speaks of."""

    def __init__(self, epoch: Epoch, span: tuple[int, int], why: str) -> None:
        now_us = time.time_ns() // 1000
        self._epoch = epoch
        self._why = why
        self._from_us, self._to_us = span[0] or now_us, span[1] or now_us
        # What is spoken of: first, last, and when the results there were made.
        self._known: list[tuple[int, int, int, int]] = []

    def tell(self, gap: Gap) -> None:
        self._known.append((gap.first, gap.last, gap.from_us, gap.to_us))

    def see(self, rows: Sequence[tuple[Any, ...]]) -> None:
        base = self._epoch.base
        for row in rows:
            number, at_us = row[0] - base, row[2]
            if self._known and self._known[-1][1] == number - 1:
                first, _, from_us, _ = self._known.pop()
                self._known.append((first, number, from_us, at_us))
            else:
                self._known.append((number, number, at_us, at_us))

    def gaps(self) -> Iterator[Gap]:
        told, after_us = self._epoch.acked, self._from_us
        end = self._epoch.last + 1
        for first, last, from_us, to_us in sorted(
            [*self._known, (end, end, self._to_us, self._to_us)]
        ):
            if first > told + 1:
                low, high = sorted((after_us, from_us))
                yield Gap(told + 1, first - 1, low, high, self._why, {})
            if last > told:
                told, after_us = last, to_us


def _gaps(old: sqlite3.Connection | None, epoch: Epoch) -> list[Gap]:
    nothing: list[Gap] = []
    if old is None:
        return nothing
    link = old
    found = _tried(lambda: gaps_of(link, epoch.epoch, epoch.acked, epoch.last), nothing)
    return [
        replace(gap, last=min(gap.last, epoch.last))
        for gap in found
        if 0 < gap.first <= gap.last
    ]


def _blocks(
    old: sqlite3.Connection | None, epoch: Epoch
) -> Iterator[list[tuple[Any, ...]]]:
    """Yield the rows that wait in *epoch*, as far as they can be read, in order."""
    if old is None:
        return
    for low in range(epoch.base + epoch.acked, epoch.end, BLOCK):
        high = min(low + BLOCK, epoch.end)
        try:
            rows = _rows(old, low, high)
        except (sqlite3.Error, ValueError, OverflowError):
            rows = [r for n in range(low, high) for r in _row_after(old, n)]
        good = [row for row in rows if _is_row(row) and low < row[0] <= high]
        if good:
            yield good


def _row_after(old: sqlite3.Connection, low: int) -> list[tuple[Any, ...]]:
    nothing: list[tuple[Any, ...]] = []
    return _tried(lambda: _rows(old, low, low + 1), nothing)


def _rows(old: sqlite3.Connection, low: int, high: int) -> list[tuple[Any, ...]]:
    asked = f"SELECT {_ROW} FROM row WHERE id > ? AND id <= ? ORDER BY id"
    return old.execute(asked, (low, high)).fetchall()


def _is_row(row: tuple[Any, ...]) -> bool:
    return all(isinstance(v, kind) for v, kind in zip(row, _KINDS, strict=True))


def _keep_words(old: sqlite3.Connection, new: sqlite3.Connection) -> None:
    """Keep the assignments, and how earlier clocks were off, if they can be read."""
    for table, holes in (("assignments", "?, ?, ?"), ("boot", "?, ?, ?")):
        with suppress(sqlite3.Error, ValueError):
            rows = old.execute(f"SELECT * FROM {table}").fetchall()
            new.executemany(f"INSERT OR IGNORE INTO {table} VALUES ({holes})", rows)


def _written_us(aside: Path) -> int:
    try:
        return aside.stat().st_mtime_ns // 1000
    except OSError:
        return time.time_ns() // 1000


def _tried(read: Callable[[], T], instead: T) -> T:
    """Return what can be read, or what is *instead* of it."""
    try:
        return read()
    except (sqlite3.Error, ValueError, OverflowError) as error:
        log.debug("the damaged spool: %s", error)
        return instead
