"""What an earlier life left behind, or a coordinator lost: rows and gaps come back."""

import secrets
import sqlite3
import zlib
from collections.abc import Iterable, Sequence
from itertools import chain

import msgspec

from pangea.core.model import Gap

from .spool_journal import Found, Row
from .spool_tables import (
    add_epoch,
    insert_rows,
    note_journal,
    put_gap,
    set_top_id,
    top_id,
)
from .spool_words import Epoch, Lost

#: Why numbers are missing that the journal goes on after.
POWER = "lost with the power"
#: Lives of the worker whose place in the journal is remembered.
LIVES_KEPT = 16
#: Stands among the lives for the last debt that was told.
DEBT = "owed"
RESTORED = "coordinator restored"


def take_in(link: sqlite3.Connection, found: Sequence[Found], age: int) -> list[Row]:
    """Store what earlier lives left in the journal; return what has no place yet.

    The rows of the life that wrote this file last go on with its numbers; those of
    another one, whose file is gone, must be numbered anew. The caller has begun
    the transaction.
    """
    marks = dict(link.execute("SELECT life, upto FROM journal ORDER BY rowid"))
    latest = next(reversed(marks), "")
    homeless: list[Row] = []
    for left in found:
        mark = marks.get(left.life, 0)
        rows = [row for row in left.rows if row.serial > mark]
        if not rows:
            continue
        if left.life == latest:
            _go_on(link, rows, mark, age)
        else:
            homeless += [row._replace(boot_ns=0) for row in rows]
        note_journal(link, left.life, rows[-1].serial)
    link.execute(
        "DELETE FROM journal WHERE rowid <= (SELECT max(rowid) FROM journal) - ?",
        (LIVES_KEPT,),
    )
    return homeless


def _go_on(link: sqlite3.Connection, rows: list[Row], mark: int, age: int) -> None:
    """Give *rows* the numbers that they had, or would have had.

    Numbers and serials rise together. Where serials are missing, groups that were
    stored, and perhaps sent, went with the power.
    """
    top = top_id(link)
    insert_rows(link, [(top + row.serial - mark, row) for row in rows], age)
    epoch, base = link.execute(
        "SELECT epoch, base FROM epoch ORDER BY rowid DESC LIMIT 1"
    ).fetchone()
    before = mark
    for row in rows:
        if row.serial > before + 1:
            first, last = (top - base + n - mark for n in (before + 1, row.serial - 1))
            at = row.started_us
            put_gap(link, epoch, Gap(first, last, at, at, POWER, {}))
        before = row.serial


def tell_debts(link: sqlite3.Connection, debts: Iterable[Lost], boot: str) -> None:
    """Give what an earlier life lost numbers of its own; the last of them only once.

    The caller has begun the transaction.
    """
    found = link.execute("SELECT upto FROM journal WHERE life = ?", (DEBT,)).fetchone()
    for lost in debts:
        mark, total = zlib.crc32(msgspec.msgpack.encode(lost)), lost.total
        if total <= 0 or (found and found[0] == mark):
            continue
        base = top_id(link)
        epoch = Epoch(
            epoch=secrets.token_hex(16),
            base=base,
            acked=0,
            noted=0,
            end=base + total,
            boot=boot,
        )
        add_epoch(link, epoch)
        put_gap(link, epoch.epoch, lost.gap(1))
        set_top_id(link, epoch.end)
        note_journal(link, DEBT, mark)


def fill_holes(link: sqlite3.Connection, epoch: Epoch, mark: int) -> None:
    """Put gaps where rows that the coordinator lost are gone here as well."""
    rows = link.execute(
        "SELECT id, started_us FROM row WHERE id > ? AND id <= ? ORDER BY id",
        (epoch.base + mark, epoch.base + epoch.acked),
    )
    holes, expected = [], mark + 1
    for row, to_us in chain(rows, [(epoch.base + epoch.acked + 1, 0)]):
        number = row - epoch.base
        if number > expected:
            holes.append(Gap(expected, number - 1, 0, to_us, RESTORED, {}))
        expected = number + 1
    for gap in holes:
        put_gap(link, epoch.epoch, gap)
