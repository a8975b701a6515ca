"""What is saved out of a damaged spool, and how a new one goes on from there."""

import logging
import sqlite3
import time
from collections.abc import Iterator

from msgspec import Struct, field
from msgspec.structs import replace

from pangea.core.model import Gap

from .spool_file import SpoolFile
from .spool_journal import Row
from .spool_tables import (
    add_epoch,
    gaps_of,
    insert_rows,
    note_journal,
    numbered_rows,
    put_gap,
    transaction,
)
from .spool_words import Epoch

log = logging.getLogger(__name__)


class Saved(Struct):
    """What could be read of a damaged file, by epoch.

    ``epochs`` are all that gave numbers: what was acknowledged in them may be asked
    for again.
    """

    epochs: list[Epoch] = field(default_factory=list)
    rows: dict[str, list[tuple[int, Row]]] = field(default_factory=dict)
    gaps: dict[str, list[Gap]] = field(default_factory=dict)

    def all_gaps(self, epoch: Epoch, why: str) -> Iterator[Gap]:
        """Yield the gaps of *epoch*, and for what is missing new ones that say why."""
        now_us = time.time_ns() // 1000
        told = epoch.acked
        known: list[tuple[int, int, Gap | None]] = [
            (number, number, None) for number, _ in self.rows.get(epoch.epoch, [])
        ]
        known += [(g.first, g.last, g) for g in self.gaps.get(epoch.epoch, [])]
        known.append((epoch.last + 1, epoch.last + 1, None))
        for first, last, gap in sorted(known, key=lambda part: part[:2]):
            if first > told + 1:
                yield Gap(told + 1, first - 1, now_us, now_us, why, {})
            if gap:
                yield gap
            told = max(told, last)


def salvage(file: SpoolFile, limit: int) -> Saved:
    """Return *limit* rows of each epoch that waits, as far as they can be read."""
    saved = Saved()
    for epoch in file.epochs:
        if epoch.last:
            saved.epochs.append(epoch)
        if epoch.acked == epoch.last:
            continue
        low = epoch.base + epoch.acked
        try:
            saved.gaps[epoch.epoch] = gaps_of(
                file.link, epoch.epoch, epoch.acked, epoch.last
            )
            saved.rows[epoch.epoch] = numbered_rows(
                file.link, low, epoch.end, limit, epoch.base
            )
        except sqlite3.Error as error:
            log.warning("the spool cannot be read to its end: %s", error)
    return saved


def go_on(new: SpoolFile, old: SpoolFile) -> None:
    """Let *new*, made of what could be read of *old*, go on in its place."""
    _take_over(new, old)
    with transaction(new.link):
        for life in new.lives:
            note_journal(new.link, life, new.upto)
    for epoch in old.epochs:
        new.ack(epoch.epoch, epoch.acked)


def carry(new: SpoolFile, old: SpoolFile, saved: Saved, why: str) -> None:
    """Let *new*, which is empty, go on with what was *saved* of *old*.

    What waited there and is not saved becomes gaps, which say *why*.
    """
    link, current, base, carried = new.link, new.epochs[-1], 0, []
    _take_over(new, old)
    with transaction(link):
        link.execute("DELETE FROM epoch")
        for epoch in saved.epochs:
            moved = replace(epoch, base=base, end=base + epoch.last)
            add_epoch(link, moved)
            rows = saved.rows.get(epoch.epoch, [])
            insert_rows(link, [(base + n, row) for n, row in rows], new.age)
            for gap in saved.all_gaps(epoch, why):
                put_gap(link, epoch.epoch, gap)
            carried.append(moved)
            base = moved.end
        last = replace(current, base=base, end=base)
        add_epoch(link, last)
        for life in new.lives:
            note_journal(link, life, new.upto)
    new.epochs = [*carried, last]
    new.count()
    new.age = old.age


def _take_over(new: SpoolFile, old: SpoolFile) -> None:
    """Give *new* what this process knows beside the file."""
    new.lives, new.upto, new.age = old.lives, old.upto, old.age
    new.boot_time, new.boots = old.boot_time, {**old.boots, **new.boots}
