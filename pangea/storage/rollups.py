"""Rollups: each result counted exactly once, without a write per result.

The sums of what is not yet folded live in memory (``OpenBuckets``), divided into
parts by rowid. A fold closes the growing part, merges it with the stored rows of
its stretches, and raises ``folded_to`` to the part's last rowid in the same
transaction, one shard of jobs after the other. So the stored rows of a shard hold
exactly the results up to its ``folded_to``, memory holds the rest, and after a
crash the rest is read again (``recover``).
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from pangea.core.beside import tells
from pangea.core.model import Flag, Job, Result
from pangea.core.rollup import DAY, MINUTE, QUICK_S, STEPS, TEN_MINUTES, Bucket, Tally

from . import results
from .connection import connection
from .database import Store
from .folded import SHARDS, folded, folded_to, put_folded, shard_of
from .history import History, Point, history
from .open_part import Part
from .rollup_rows import DayKey, Key, add_days, merge_stored, put
from .writer import after_commit

__all__ = ["History", "OpenBuckets", "Part", "Point", "fold", "history", "recover"]

log = logging.getLogger(__name__)

RECOVER_ROWS = 5_000
_DRILL = int(Flag.DRILL)
#: Sums written in one step of a fold.
FOLD_STEP = 2_000


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
        self._count(added)
        self._last = max(self._last, ids[-1])

    def add(self, result: Result) -> None:
        """Count one result."""
        self._count((result,))

    def _count(self, added: Sequence[Result]) -> None:
        part, quick, micros = self.parts[-1], self.quick, results.micros
        tally = part.tally
        for result in added:
            job = result.job
            if result.flags & _DRILL:
                continue  # it says nothing of the target
            step = MINUTE if job in quick else TEN_MINUTES
            start = result.started_at_us // (step * 1_000_000) * step
            growing = tally((step, start, job, result.worker))
            outcome, flags = result.outcome, result.flags
            growing.add(outcome, flags, micros(result.duration_ms))
            if tells(result):
                growing.tell(outcome, flags, result.phases, result.readings)
        part.rows += len(added)

    def know(self, job: Job) -> None:
        """Sum *job* up as its interval asks, from when it is durable.

        Runs in the write that stores it.
        """
        number, quick = job.id, job.interval_s < QUICK_S
        after_commit(lambda: self._know(number, quick=quick))

    def forget(self, job: int) -> None:
        """Forget how a job is summed up, in the write that removes it."""
        after_commit(lambda: self._know(job, quick=False))

    def _know(self, job: int, *, quick: bool) -> None:
        self.quick = self.quick | {job} if quick else self.quick - {job}

    def begin(self) -> None:
        """Find the rows that were stored but neither folded nor added: ``left``.

        Runs as one write of the store.
        """
        self.quick = _quick_jobs()
        first, last = folded_to() + 1, results.last_id()

        def note() -> None:
            # Rows of the same commit were added just before this.
            self._last = max(self._last, last)
            self.left = range(first, self._live_from or last + 1)

        after_commit(note)

    def recovered(self) -> None:
        """Allow folds: nothing is missing here any more."""
        self._recovered = True

    def fold(self, most: int | None = None) -> int:
        """Write what is open to the rollups; return how many sums were written.

        Runs as one write of the store; if that fails, all stays open. With *most*
        it stops after the shard that makes it as many, and is to be called again
        until it returns 0 (``rollups.fold`` does).
        """
        closed = self._closed(most is None) if self._recovered else []
        if not closed:
            return 0
        upto, rows, done = closed[-1].upto or 0, folded(), []
        count = 0
        for shard in range(SHARDS):
            tallies = [part.shards[shard] for part in closed]
            if any(tallies):
                if most is not None and count >= most:
                    continue
                count += _fold(tallies)
            rows[shard] = upto
            done.append(shard)
        put_folded(rows)
        self.quick = _quick_jobs()
        after_commit(lambda: self._drop(closed, done))
        return count

    def _closed(self, all_: bool) -> list[Part]:
        """Return the parts to fold; what grows is closed when it is its turn."""
        growing = self.parts[-1]
        if growing.rows and (all_ or len(self.parts) == 1):
            growing.upto = self._last
            self.parts.append(Part())
        return self.parts[:-1]

    def _drop(self, closed: Sequence[Part], shards: Sequence[int]) -> None:
        for part in closed:
            for shard in shards:
                part.shards[shard] = {}
        self.parts = [
            part for part in self.parts if part.upto is None or any(part.shards)
        ]


async def fold(store: Store, buckets: OpenBuckets) -> int:
    """Fold in steps that leave room for other writes; return how many sums."""
    whole = 0
    while count := await store.write(partial(buckets.fold, FOLD_STEP)):
        whole += count
    return whole


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


def _add_all(buckets: OpenBuckets, rows: Iterable[tuple[int, Result]]) -> None:
    """Add what its shard does not contain: a fold may have been cut short."""
    known = folded()

    def add() -> None:
        for rowid, result in rows:
            if rowid > known[shard_of(result.job)]:
                buckets.add(result)

    after_commit(add)


def _quick_jobs() -> frozenset[int]:
    rows = connection().execute("SELECT id FROM job WHERE interval_s < ?", (QUICK_S,))
    return frozenset(row[0] for row in rows)


def _fold(shard: Iterable[dict[Key, Tally]]) -> int:
    """Add the sums of a shard to what is stored; return how many."""
    sums: dict[Key, Bucket] = {}
    for tallies in shard:
        for key, tally in tallies.items():
            _widen(sums, key, tally)
    add_days(_days(sums))
    merge_stored(sums)
    put(sums)
    return len(sums)


def _days(sums: Mapping[Key, Bucket]) -> dict[DayKey, Bucket]:
    """Return the sums of days over all workers."""
    days: dict[DayKey, Bucket] = {}
    for (step, start, job, _), bucket in sums.items():
        if step == DAY:
            days.setdefault((start, job), Bucket()).merge(bucket)
    return days


def _widen(sums: dict[Key, Bucket], key: Key, tally: Tally) -> None:
    """Add a tally to the stretch of each step that it lies in."""
    step, start, job, worker = key
    closed = tally.close()
    for wider in STEPS:
        if wider >= step:
            place = (wider, start - start % wider, job, worker)
            if place not in sums:
                sums[place] = Bucket()
            sums[place].merge(closed)
