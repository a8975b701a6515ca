"""What has to go when the spool is full or its rows are old, and what is said of it.

First what the coordinator has, then routine, oldest first. A tenth of the room is
kept for what verdicts turn on; beyond that such rows are as old as they are.
Whatever was not acknowledged becomes a gap, in the same transaction.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from typing import TypeVar

from pangea.core.model import Gap

from .spool_journal import Row
from .spool_tables import (
    gap_before,
    put_gap,
)
from .spool_words import Bounds, Epoch, Old

T = TypeVar("T")

#: What a row costs beside its bytes.
ROW_BYTES = 24
#: The share of the room that is kept for what verdicts turn on.
RESERVE = 0.1
#: Rows looked at in one step when room is made, and seconds between two steps.
STEP = 500
LOOK_EVERY_S = 10
OVERFLOW, TOO_OLD = "buffer overflow", "too old"
ANY, ROUTINE, RANKED = "", " AND rank = 0", " AND rank > 0"


class Room:
    """Makes room in one spool file, in the transaction of the caller.

    ``ranked_bytes`` is what the rows take that verdicts turn on; ``dropped`` counts
    what became gaps.
    """

    def __init__(self, link: sqlite3.Connection, bounds: Bounds, age: int) -> None:
        self._link = link
        self._bounds = bounds
        self._looked = age
        # Below this id no routine waits: to look for it again would take long.
        self._routine_after = 0
        self.dropped = 0
        self.ranked_bytes: int = link.execute(
            "SELECT coalesce(sum(length(body) + ?), 0) FROM row WHERE rank > 0",
            (ROW_BYTES,),
        ).fetchone()[0]

    def take_in(self, rows: Iterable[Row]) -> None:
        """Count what comes in."""
        self.ranked_bytes += sum(len(r.body) + ROW_BYTES for r in rows if r.rank)

    @contextmanager
    def undone_by(self, *errors: type[Exception]) -> Iterator[None]:
        """Count as before if the transaction ends in one of *errors*."""
        before = self.ranked_bytes, self.dropped
        try:
            yield
        except errors:
            self.ranked_bytes, self.dropped = before
            self._routine_after = 0
            raise

    def look_anew(self) -> None:
        """Take note that rows wait again which were acknowledged."""
        self._routine_after = 0

    def make(
        self, epochs: list[Epoch], size: int, age: int, sent: Mapping[str, int]
    ) -> list[Old]:
        """Delete what must go of *size* bytes at *age*; return it.

        *sent* has the last number of each epoch that was handed out: a gap up to
        it must not grow any more.
        """
        bounds = self._bounds
        if size <= bounds.most_bytes and age - self._looked < LOOK_EVERY_S:
            return []
        self._looked = age
        gone: list[Old] = []
        acked = chain.from_iterable(
            self._scan(e.base, e.base + e.acked, ANY) for e in epochs
        )
        for phase, keep_s in (
            (acked, bounds.acked_s),
            (self._due(epochs), bounds.keep_s),
        ):
            for old in phase:
                if size <= bounds.most_bytes and age - old.age <= keep_s:
                    break
                size -= old.size
                self.ranked_bytes -= old.size if old.rank else 0
                gone.append(old)
        self._link.executemany(
            "DELETE FROM row WHERE id = ?", [(old.id,) for old in gone]
        )
        reason = TOO_OLD if size < bounds.most_bytes // 2 else OVERFLOW
        self._note_lost(epochs, gone, reason, sent)
        return gone

    def _due(self, epochs: list[Epoch]) -> Iterator[Old]:
        """Yield the rows that wait, in the order in which they have to go."""
        routine = self._waiting(epochs, ROUTINE, self._routine_after)
        ranked = self._waiting(epochs, RANKED, 0)
        reserve = self._bounds.most_bytes * RESERVE
        plain, dear = next(routine, None), next(ranked, None)
        while plain or dear:
            spared = self.ranked_bytes <= reserve
            if plain and (dear is None or spared or plain.id < dear.id):
                yield plain
                self._routine_after = plain.id
                plain = next(routine, None)
            elif dear:
                yield dear
                dear = next(ranked, None)

    def _waiting(self, epochs: list[Epoch], which: str, after: int) -> Iterator[Old]:
        for epoch in epochs:
            yield from self._scan(
                max(epoch.base + epoch.acked, after), epoch.end, which
            )

    def _scan(self, after: int, upto: int, which: str) -> Iterator[Old]:
        while after < upto:
            rows = self._link.execute(
                "SELECT id, job, started_us, age, length(body) + ?, rank FROM row"
                f" WHERE id > ? AND id <= ?{which} ORDER BY id LIMIT ?",
                (ROW_BYTES, after, upto, STEP),
            ).fetchall()
            if not rows:
                return
            for row in rows:
                yield Old(*row)
            after = rows[-1][0]

    def _note_lost(
        self,
        epochs: list[Epoch],
        gone: Iterable[Old],
        reason: str,
        sent: Mapping[str, int],
    ) -> None:
        for epoch in epochs:
            low = epoch.base + epoch.acked
            lost = sorted(
                (old for old in gone if low < old.id <= epoch.end), key=lambda o: o.id
            )
            self.dropped += len(lost)
            for _, olds in stretches([(old.id, old) for old in lost]):
                gap = Gap(
                    olds[0].id - epoch.base,
                    olds[-1].id - epoch.base,
                    min(old.started_us for old in olds),
                    max(old.started_us for old in olds),
                    reason,
                    dict(Counter(old.job for old in olds)),
                )
                put_gap(self._link, epoch.epoch, self._grown(epoch, gap, sent))

    def _grown(self, epoch: Epoch, gap: Gap, sent: Mapping[str, int]) -> Gap:
        """Return *gap* joined to the one before it, if that was not sent yet."""
        before = gap_before(self._link, epoch.epoch, gap.first)
        if (
            before is None
            or before.last <= sent.get(epoch.epoch, 0)
            or before.last + 1 != gap.first
            or before.reason != gap.reason
        ):
            return gap
        return Gap(
            before.first,
            gap.last,
            min(before.from_us, gap.from_us),
            max(before.to_us, gap.to_us),
            gap.reason,
            dict(Counter(before.counts) + Counter(gap.counts)),
        )


def stretches(numbered: list[tuple[int, T]]) -> list[tuple[int, list[T]]]:
    """Cut what is numbered where numbers are missing; give each part's first."""
    parts: list[tuple[int, list[T]]] = []
    expected = 0
    for number, item in numbered:
        if not parts or number != expected:
            parts.append((number, []))
        parts[-1][1].append(item)
        expected = number + 1
    return parts
