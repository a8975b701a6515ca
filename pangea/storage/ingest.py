"""Results in, exactly once: rows, watermarks and verdicts in one transaction.

A worker numbers its rows within an epoch, and the watermark of (worker, epoch) is
the last number that is safe here. Rows up to it were stored before and are
skipped; the next must follow it without a hole, unless a gap record fills it.
"""

import logging
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from pangea.core.errors import Conflict, NotFound, ProtocolError, UsageError
from pangea.core.model import Gap, Result
from pangea.core.text import safe_text
from pangea.core.verdict import Transition, VoteChange

from . import results, verdicts
from .connection import connection
from .light_peewee import peewee
from .rollups import OpenBuckets
from .writer import after_commit, attempt

log = logging.getLogger(__name__)

#: Sequence numbers beyond this are nonsense, and SQLite could not hold them.
MOST_SEQ = 1 << 60
HEAD_BYTES = 512
#: A worker that starts again and again has many; all must fit into one Welcome.
MOST_EPOCHS = 5_000
#: What a write that follows from a verdict may raise by a fault of its own: to try it
#: again for ever would hold up all results.
ODD = (
    NotFound,
    Conflict,
    UsageError,
    ProtocolError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    sqlite3.IntegrityError,
    peewee.IntegrityError,
)
#: Rows set aside are kept for a person to look at, the newest of them.
BAD_ROWS_KEPT = 10_000


class Intake(Struct, frozen=True, kw_only=True):
    """A batch of a worker: row *i* has the number ``first + i`` of ``epoch``.

    A row of None was beyond repair; ``bad`` has its number, the reason and the
    head of its bytes.
    """

    worker: int
    epoch: str
    first: int
    rows: Sequence[Result | None]
    gaps: Sequence[Gap] = ()
    bad: Sequence[tuple[int, str, bytes]] = ()


Marks = dict[tuple[int, str], int]


def commit(
    intakes: Iterable[Intake],
    now_us: int,
    *,
    vote_changes: Iterable[VoteChange] = (),
    transitions: Iterable[Transition] = (),
    states: Mapping[int, bytes] | None = None,
    buckets: OpenBuckets | None = None,
    writes: Iterable[Callable[[], None]] = (),
) -> Marks:
    """Store what arrived and what was decided; return the watermarks to acknowledge.

    From a hole on, a batch is refused: its watermark stays where the hole begins,
    and ``watermark + 1`` is what is expected next. *buckets* learn of the new rows
    once they are durable; *writes* belong to the same transaction, and one that fails
    for another reason than the disk is left out. Raises ProtocolError for numbers that
    cannot be.
    """
    marks: Marks = {}
    fresh: list[Result] = []
    for intake in intakes:
        key = (intake.worker, intake.epoch)
        mark = marks[key] if key in marks else _mark(key)
        marks[key] = _take(intake, mark, fresh)
    ids = results.append(fresh, now_us)
    _raise_marks(marks, now_us)
    verdicts.log_vote_changes(vote_changes)
    verdicts.log_transitions(transitions)
    verdicts.save_states(states or {})
    for error in attempt(tuple(writes), ODD):
        log.error("what follows from a verdict is not written", exc_info=error)
    if buckets is not None and fresh:
        known = buckets
        after_commit(lambda: known.extend(fresh, ids))
    return marks


def watermarks(worker: int) -> dict[str, int]:
    """Return the watermarks of a worker: of the epochs heard of last, if too many.

    Rows of the others may be sent again, and are skipped.
    """
    return dict(
        connection().execute(
            "SELECT epoch, seq FROM watermark WHERE worker = ?"
            " ORDER BY raised_us DESC LIMIT ?",
            (worker, MOST_EPOCHS),
        )
    )


def gaps(worker: int) -> list[tuple[str, Gap]]:
    """Return what a worker could not deliver, each with its epoch, oldest first."""
    rows = connection().execute(
        "SELECT epoch, first, last, from_us, to_us, reason, counts FROM gap"
        " WHERE worker = ? ORDER BY id",
        (worker,),
    )
    return [
        (epoch, Gap(first, last, from_us, to_us, reason, _counts(packed)))
        for epoch, first, last, from_us, to_us, reason, packed in rows
    ]


def expire_watermarks(older_than_us: int) -> list[tuple[int, str]]:
    """Forget epochs that were last heard of before; return them, by their workers.

    Only what is far older than any spool keeps may go: an epoch that is forgotten
    would be taken in again.
    """
    return list(
        connection().execute(
            "DELETE FROM watermark WHERE raised_us < ? RETURNING worker, epoch",
            (older_than_us,),
        )
    )


def _take(intake: Intake, mark: int, fresh: list[Result]) -> int:
    """Take in what follows *mark* without a hole; return the new watermark."""
    last = intake.first + len(intake.rows) - 1
    ends = [intake.first, last, *(n for g in intake.gaps for n in (g.first, g.last))]
    if not all(0 <= n <= MOST_SEQ for n in ends):
        raise ProtocolError(f"sequence number out of range in epoch {intake.epoch!r}")
    before = mark
    parts: list[tuple[int, int, Gap | None]] = [(intake.first, last, None)]
    parts += [(gap.first, gap.last, gap) for gap in intake.gaps]
    for first, end, gap in sorted(parts, key=lambda part: part[:2]):
        if end <= mark:
            continue
        if first > mark + 1:
            break
        if gap is None:
            fresh.extend(_rows(intake, mark))
        else:
            _store_gap(intake, gap, mark + 1)
        mark = end
    _store_bad(intake, before, mark)
    return mark


def _rows(intake: Intake, mark: int) -> list[Result]:
    worker = intake.worker
    rows = intake.rows[max(0, mark + 1 - intake.first) :]
    return [
        row if row.worker == worker else replace(row, worker=worker)
        for row in rows
        if row is not None
    ]


def _store_gap(intake: Intake, gap: Gap, first: int) -> None:
    """Store a gap from *first* on; its counts may include rows that came after all."""
    counts = dict(list(gap.counts.items())[:10_000])
    connection().execute(
        "INSERT INTO gap (worker, epoch, first, last, from_us, to_us, reason, counts)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            intake.worker,
            intake.epoch,
            first,
            gap.last,
            min(max(gap.from_us, 0), results.FOREVER_US),
            min(max(gap.to_us, 0), results.FOREVER_US),
            safe_text(gap.reason),
            msgspec.msgpack.encode(counts),
        ),
    )


def _store_bad(intake: Intake, before: int, mark: int) -> None:
    """Set aside what could not be read among the rows after *before*."""
    if not intake.bad:
        return
    link = connection()
    link.executemany(
        "INSERT INTO bad_row (worker, epoch, seq, reason, head) VALUES (?, ?, ?, ?, ?)",
        [
            (intake.worker, intake.epoch, seq, safe_text(reason), head[:HEAD_BYTES])
            for seq, reason, head in intake.bad
            if before < seq <= mark
        ],
    )
    link.execute(
        "DELETE FROM bad_row WHERE id <= (SELECT max(id) FROM bad_row) - ?",
        (BAD_ROWS_KEPT,),
    )


def _mark(key: tuple[int, str]) -> int:
    row = (
        connection()
        .execute("SELECT seq FROM watermark WHERE worker = ? AND epoch = ?", key)
        .fetchone()
    )
    return row[0] if row else 0


def _raise_marks(marks: Marks, now_us: int) -> None:
    connection().executemany(
        "INSERT INTO watermark (worker, epoch, seq, raised_us) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (worker, epoch) DO UPDATE"
        " SET seq = excluded.seq, raised_us = excluded.raised_us",
        [(*key, mark, now_us) for key, mark in marks.items() if mark],
    )


def _counts(packed: bytes) -> dict[int, int]:
    counts: dict[int, int] = msgspec.msgpack.decode(packed, type=dict[int, int])
    return counts
