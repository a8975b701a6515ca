"""The spool's tables: epochs, rows, gaps, assignments."""

import secrets
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import msgspec

from pangea.core.model import Gap
from pangea.core.worker_time import BootTime

from .spool_journal import Row
from .spool_words import Epoch

#: Epochs that are remembered after all their rows are gone.
EPOCHS_KEPT = 50

PRAGMAS = """
PRAGMA journal_mode = wal;
PRAGMA synchronous = normal;
PRAGMA journal_size_limit = 16777216;
"""
SCHEMA = """
CREATE TABLE IF NOT EXISTS epoch (
    epoch TEXT NOT NULL UNIQUE, base INTEGER NOT NULL, acked INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS row (
    id INTEGER PRIMARY KEY AUTOINCREMENT, job INTEGER NOT NULL,
    started_us INTEGER NOT NULL, age INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS gap (
    epoch TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    from_us INTEGER NOT NULL, to_us INTEGER NOT NULL, reason TEXT NOT NULL,
    counts BLOB NOT NULL, PRIMARY KEY (epoch, first));
CREATE TABLE IF NOT EXISTS assignments (
    one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL,
    body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS boot (
    boot TEXT PRIMARY KEY, offset_us INTEGER NOT NULL, error_us INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS journal (life TEXT PRIMARY KEY, upto INTEGER NOT NULL);
"""
#: What needs the columns below.
INDEXES = "CREATE INDEX IF NOT EXISTS row_ranked ON row (id) WHERE rank > 0"
#: What spools of earlier versions lack.
COLUMNS = (
    ("epoch", "boot", "TEXT NOT NULL DEFAULT ''"),
    ("row", "boot_ns", "INTEGER NOT NULL DEFAULT 0"),
    ("row", "rank", "INTEGER NOT NULL DEFAULT 0"),
)
#: Boots of the machine whose offset is remembered.
BOOTS_KEPT = 50


@contextmanager
def transaction(link: sqlite3.Connection) -> Iterator[None]:
    """Commit what the block does, or undo it."""
    link.execute("BEGIN IMMEDIATE")
    try:
        yield
        link.execute("COMMIT")
    finally:
        if link.in_transaction:
            link.execute("ROLLBACK")


def add_columns(link: sqlite3.Connection) -> None:
    """Bring a spool of an earlier version up to date."""
    for table, column, kind in COLUMNS:
        known = [row[1] for row in link.execute(f"PRAGMA table_info({table})")]
        if column not in known:
            link.execute(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")
    link.execute(INDEXES)


def top_id(link: sqlite3.Connection) -> int:
    """Return the last row id that was given."""
    top = link.execute(
        "SELECT max(seq) FROM (SELECT seq FROM sqlite_sequence UNION ALL"
        " SELECT max(base) FROM epoch)"
    ).fetchone()[0]
    return top or 0


def set_top_id(link: sqlite3.Connection, top: int) -> None:
    """Let the next row have the id above *top*."""
    link.execute("DELETE FROM sqlite_sequence WHERE name = 'row'")
    link.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('row', ?)", (top,))


def begin_epoch(link: sqlite3.Connection, epoch: str, boot: str) -> list[Epoch]:
    """Begin a new epoch; return all that matter, the new one last.

    It has another name if an opening that failed has taken this one. The caller has
    begun the transaction.
    """
    base = top_id(link)
    if link.execute("SELECT 1 FROM epoch WHERE epoch = ?", (epoch,)).fetchone():
        epoch = secrets.token_hex(16)
    link.execute(
        "INSERT INTO epoch (epoch, base, acked, boot) VALUES (?, ?, 0, ?)",
        (epoch, base, boot),
    )
    found = link.execute(
        "SELECT epoch, base, acked, boot FROM epoch ORDER BY rowid"
    ).fetchall()
    ends = [*(row[1] for row in found[1:]), base]
    epochs = [
        Epoch(epoch=e, base=b, acked=acked, noted=acked, end=end, boot=boot)
        for (e, b, acked, boot), end in zip(found, ends, strict=True)
    ]
    kept = _worth_keeping(link, epochs)
    link.executemany(
        "DELETE FROM epoch WHERE epoch = ?",
        [(e.epoch,) for e in epochs if e not in kept],
    )
    return kept


def add_epoch(link: sqlite3.Connection, epoch: Epoch) -> None:
    """Store an epoch after those that are there."""
    link.execute(
        "INSERT INTO epoch (epoch, base, acked, boot) VALUES (?, ?, ?, ?)",
        (epoch.epoch, epoch.base, epoch.acked, epoch.boot),
    )


def numbered_rows(
    link: sqlite3.Connection, after: int, upto: int, limit: int, base: int
) -> list[tuple[int, Row]]:
    """Return rows by their ids, each with its id less *base*."""
    rows = link.execute(
        "SELECT id, job, started_us, body, boot_ns, rank FROM row"
        " WHERE id > ? AND id <= ? ORDER BY id LIMIT ?",
        (after, upto, limit),
    ).fetchall()
    return [(i - base, Row(*fields)) for i, *fields in rows]


def insert_rows(
    link: sqlite3.Connection, rows: Iterable[tuple[int, Row]], age: int
) -> None:
    """Store rows, each with its id."""
    link.executemany(
        "INSERT INTO row (id, job, started_us, age, body, boot_ns, rank)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (i, row.job, row.started_us, age, row.body, row.boot_ns, row.rank)
            for i, row in rows
        ],
    )


def load_boots(link: sqlite3.Connection) -> dict[str, BootTime]:
    """Return how the boot clocks of this machine were off, as links measured."""
    rows = link.execute("SELECT boot, offset_us, error_us FROM boot")
    return {boot: BootTime(offset_us, error_us) for boot, offset_us, error_us in rows}


def note_boot(link: sqlite3.Connection, boot: str, time: BootTime) -> None:
    """Remember how the clock of *boot* is off."""
    link.execute(
        "INSERT OR REPLACE INTO boot VALUES (?, ?, ?)",
        (boot, time.offset_us, time.error_us),
    )
    link.execute(
        "DELETE FROM boot WHERE rowid NOT IN"
        " (SELECT rowid FROM boot ORDER BY rowid DESC LIMIT ?)",
        (BOOTS_KEPT,),
    )


def note_journal(link: sqlite3.Connection, life: str, upto: int) -> None:
    """Note that the journal's serials of *life* up to *upto* are stored."""
    link.execute("INSERT OR REPLACE INTO journal VALUES (?, ?)", (life, upto))


def _worth_keeping(link: sqlite3.Connection, epochs: list[Epoch]) -> list[Epoch]:
    """Leave out empty epochs, and old ones of which nothing is left to say."""
    lowest = link.execute("SELECT min(id) FROM row").fetchone()[0]
    *before, current = epochs
    used = [e for e in before if e.end > e.base]
    recent = used[-EPOCHS_KEPT:]
    return [
        e
        for e in used
        if e in recent or e.acked < e.last or (lowest is not None and e.end >= lowest)
    ] + [current]


def gaps_of(link: sqlite3.Connection, epoch: str, after: int, upto: int) -> list[Gap]:
    """Return the gaps of an epoch that reach into a stretch of numbers, in order."""
    rows = link.execute(
        "SELECT first, last, from_us, to_us, reason, counts FROM gap"
        " WHERE epoch = ? AND last > ? AND first <= ? ORDER BY first",
        (epoch, after, upto),
    )
    return [_gap(*row) for row in rows]


def gap_before(link: sqlite3.Connection, epoch: str, number: int) -> Gap | None:
    """Return the last gap of an epoch that begins before *number*."""
    row = link.execute(
        "SELECT first, last, from_us, to_us, reason, counts FROM gap"
        " WHERE epoch = ? AND first < ? ORDER BY first DESC LIMIT 1",
        (epoch, number),
    ).fetchone()
    return _gap(*row) if row else None


def _gap(
    first: int, last: int, from_us: int, to_us: int, reason: str, packed: bytes
) -> Gap:
    return Gap(first, last, from_us, to_us, reason, _counts(packed))


def waiting_by_job(
    link: sqlite3.Connection, after: int, upto: int
) -> list[tuple[int, int, int, int]]:
    """Return of each job how many rows there are, and when first and last."""
    return link.execute(
        "SELECT job, count(*), min(started_us), max(started_us) FROM row"
        " WHERE id > ? AND id <= ? GROUP BY job",
        (after, upto),
    ).fetchall()


def set_acked(link: sqlite3.Connection, epoch: str, upto: int) -> None:
    """Note how far an epoch is safe; gaps up to there are told."""
    link.execute("UPDATE epoch SET acked = ? WHERE epoch = ?", (upto, epoch))
    link.execute("DELETE FROM gap WHERE epoch = ? AND last <= ?", (epoch, upto))


def put_gap(link: sqlite3.Connection, epoch: str, gap: Gap) -> None:
    """Store a gap, in place of one that begins with the same number."""
    link.execute(
        "INSERT OR REPLACE INTO gap VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            epoch,
            gap.first,
            gap.last,
            gap.from_us,
            gap.to_us,
            gap.reason,
            msgspec.msgpack.encode(gap.counts),
        ),
    )


def _counts(packed: bytes) -> dict[int, int]:
    counts: dict[int, int] = msgspec.msgpack.decode(packed, type=dict[int, int])
    return counts
