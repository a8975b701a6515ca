"""Rollups: each result counted exactly once, without a write per result.

The sums of what is not yet folded live in memory (``OpenBuckets``), divided into
parts by rowid. A fold closes the growing part, merges it with the stored rows of
its stretches, and raises ``folded_to`` to the part's last rowid in the same
transaction. So the stored rows hold exactly the results up to ``folded_to``,
memory holds the rest, and after a crash the rest is read again (``recover``).
"""

import logging
from collections.abc import Iterable, Sequence
from functools import partial

from pangea.core.model import Result
from pangea.core.rollup import DAY, HOUR, MINUTE, QUICK_S, TEN_MINUTES, Bucket, Tally

from . import results, settings
from .connection import connection
from .database import Store
from .history import History, Point, history
from .open_part import Part
from .rollup_rows import Key, merge_stored, put
from .writer import after_commit

__all__ = ["History", "OpenBuckets", "Part", "Point", "history", "recover"]

log = logging.getLogger(__name__)

RECOVER_ROWS = 5_000


class OpenBuckets:
    """What the rollups do not hold yet.

    Rows are added and folded in the writer thread; readers look on. Until
    ``recover`` has read what a crash left over, nothing is folded.
    """

    def __init__(self) -> None:
        self.parts = [Part()]
        self.quick: frozenset[int] = frozenset()
        self.left = range(0)
        self._last = 0
        self._live_from: int | None = None
        self._recovered = False

    @property
    def rows(self) -> int:
        """How many results wait to be folded."""
        return sum(part.rows for part in self.parts)

    def extend(self, added: Sequence[Result], ids: range) -> None:
        """Count results that were stored as *ids*."""
        if self._live_from is None:
            self._live_from = ids[0]
        for result in added:
            self.add(result)
        self._last = max(self._last, ids[-1])

    def add(self, result: Result) -> None:
        """Count one result."""
        part = self.parts[-1]
        step = MINUTE if result.job in self.quick else TEN_MINUTES
        start = result.started_at_us // 1_000_000
        key = (step, start - start % step, result.job, result.worker)
        tally = part.tallies.get(key)
        if tally is None:
            tally = part.tallies[key] = Tally()
            part.stretches.add(key[:2])
            part.workers.add(result.worker)
        tally.add(result.outcome, result.flags, results.micros(result.duration_ms))
        part.rows += 1

    def begin(self) -> None:
        """Find the rows that were stored but neither folded nor added: ``left``.

        Runs as one write of the store.
        """
        self.quick = _quick_jobs()
        first, last = settings.folded_to() + 1, results.last_id()

        def note() -> None:
            # Rows of the same commit were added just before this.
            self._last = max(self._last, last)
            self.left = range(first, self._live_from or last + 1)

        after_commit(note)

    def recovered(self) -> None:
        """Allow folds: nothing is missing here any more."""
        self._recovered = True

    def fold(self) -> int:
        """Write what is open to the rollups; return how many rows were written.

        Runs as one write of the store. If that fails, all stays open.
        """
        if not self._recovered or not self.rows:
            return 0
        growing = self.parts[-1]
        if growing.rows:
            growing.upto = self._last
            self.parts.append(Part())
        closed = self.parts[:-1]
        sums = _sums(closed)
        merge_stored(sums)
        put(sums)
        settings.put(settings.FOLDED_TO, str(closed[-1].upto))
        self.quick = _quick_jobs()
        after_commit(lambda: self._drop(len(closed)))
        return len(sums)

    def _drop(self, parts: int) -> None:
        self.parts = self.parts[parts:]


async def recover(store: Store, buckets: OpenBuckets) -> int:
    """Count the rows that a stop left unfolded; return how many."""
    await store.write(buckets.begin)
    left = buckets.left
    for first in range(left.start, left.stop, RECOVER_ROWS):
        ids = range(first, min(first + RECOVER_ROWS, left.stop))
        rows = await store.read(partial(results.stored_as, ids))
        # In the writer thread, as all additions are.
        await store.write(partial(_add_all, buckets, rows))
    count = len(left)
    buckets.recovered()
    if count:
        log.info("summed up %d results that a stop had left over", count)
    return count


def _add_all(buckets: OpenBuckets, rows: Iterable[Result]) -> None:
    def add() -> None:
        for result in rows:
            buckets.add(result)

    after_commit(add)


def _quick_jobs() -> frozenset[int]:
    rows = connection().execute("SELECT id FROM job WHERE interval_s < ?", (QUICK_S,))
    return frozenset(row[0] for row in rows)


def _sums(parts: Iterable[Part]) -> dict[Key, Bucket]:
    """Return what *parts* add to each stretch of each step."""
    sums: dict[Key, Bucket] = {}
    for part in parts:
        for (step, start, job, worker), tally in part.tallies.items():
            closed = tally.close()
            for wider in (MINUTE, TEN_MINUTES, HOUR, DAY):
                if wider < step:
                    continue
                key = (wider, start - start % wider, job, worker)
                if key in sums:
                    sums[key].merge(closed)
                else:
                    sums[key] = tally.close() if wider > step else closed
    return sums
