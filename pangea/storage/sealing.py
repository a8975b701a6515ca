"""Sealing: an hour of results as they came becomes chunks, job by job, in steps.

They lie in sheaves in the order of arrival, so those of one series are scattered over
the whole hour, and each sheaf goes only when all that is in it is sealed. So a step
writes the chunks of some jobs and, in the same transaction, that they are sealed
(``sealed``): from then on their rows are read from the chunks. When all jobs are
done, the sheaves go from front to back. A crash at any point
leaves each row readable at exactly one of both places, and the next run goes on.

Readers gather and pack; the writer has only a few milliseconds of work at a time.
"""

import asyncio
import logging
from collections.abc import Iterable, Iterator
from functools import partial

from pangea.core.chunk import Row, decode, encode
from pangea.core.errors import StorageError
from pangea.core.rollup import DAY, HOUR

from . import arrivals, chunks, sheaves
from .chunks import SELDOM, Place
from .database import Store
from .folded import folded_to
from .sealed import Sealed, put_sealed, sealed

log = logging.getLogger(__name__)

HOUR_US = HOUR * 1_000_000
#: So long after its end an hour of arrivals is sealed: the rollups contain it, and
#: most of what was on its way has come.
SETTLE_US = 900 * 1_000_000
#: Rows that one look gathers: each looks at the whole hour, so there must not be
#: many, and holds its rows in memory, so these must not be many either.
PASS_ROWS, PASSES = 50_000, 64
#: Rows that are packed and written in one step, and that are deleted in one.
STEP_ROWS, DROP_ROWS = 8_000, 20_000
PAUSE_S = 0.01

#: The rows of a job, each with its worker.
Gathered = dict[int, list[tuple[int, Row]]]
Made = list[tuple[Place, int, bytes]]


async def seal(store: Store, now_us: int) -> int:
    """Seal all that is due at *now_us*; return how many chunks were written.

    Raises StorageError, as when the disk is full; what is done stays done.
    """
    written = 0
    await drop(store)
    while await store.write(partial(begin, now_us)):
        written += await _seal_stretch(store)
        await store.write(finish)
        await drop(store)
    return written


async def drop(store: Store) -> None:
    """Delete the rows that chunks hold."""
    gone = 1
    while gone:
        gone = await store.write(drop_some)
        await asyncio.sleep(PAUSE_S)


async def _seal_stretch(store: Store) -> int:
    written = 0
    for first, last in _passes(await store.read(_counts)):
        rows = await store.read(partial(gather, first, last))
        for jobs in steps(rows):
            made = await store.read(partial(packed, jobs))
            await store.write(partial(put, made, max(jobs)))
            written += len(made)
            await asyncio.sleep(PAUSE_S)
    return written


def begin(now_us: int) -> bool:
    """Choose the next stretch that is due, unless one is begun; tell if there is one.

    The hour of its arrival is over, or lies in the future by a clock that was wrong.
    """
    state = sealed()
    if state.goal > state.upto:
        return True
    found = arrivals.of_one_hour(state.upto)
    if found is None:
        return False
    hour, last = found
    if hour in (now_us // HOUR_US, (now_us - SETTLE_US) // HOUR_US):
        return False
    goal = min(last, folded_to())
    if goal <= state.upto:
        return False
    put_sealed(Sealed(state.upto, goal))
    return True


def finish() -> None:
    """Note that of all jobs the stretch is sealed."""
    state = sealed()
    put_sealed(Sealed(state.goal, state.goal))


def _counts() -> list[tuple[int, int]]:
    """Return the jobs that are left and how many rows each has."""
    state = sealed()
    return sheaves.counts(state.upto + 1, state.goal, state.job)


def _passes(counts: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield the first and last job of each look."""
    most = max(PASS_ROWS, sum(count for _, count in counts) // PASSES)
    first, rows = None, 0
    for n, (job, count) in enumerate(counts):
        first = job if first is None else first
        rows += count
        if rows >= most or n == len(counts) - 1:
            yield first, job
            first, rows = None, 0


def gather(first: int, last: int) -> Gathered:
    """Return the rows of these jobs in the stretch, in the order of arrival."""
    state, found = sealed(), dict[int, list[tuple[int, Row]]]()
    ids = state.upto + 1, state.goal
    for _, job, worker, row in sheaves.find(ids, (first, last), bodies=True):
        found.setdefault(job, []).append((worker, row))
    return found


def steps(rows: Gathered) -> Iterator[Gathered]:
    """Yield whole jobs, some thousand rows at a time, in their order."""
    step: Gathered = {}
    size = 0
    for job in sorted(rows):
        step[job] = rows[job]
        size += len(rows[job])
        if size >= STEP_ROWS:
            yield step
            step, size = {}, 0
    if step:
        yield step


def packed(jobs: Gathered) -> Made:
    """Return the chunks of these rows, joined with what is sealed, in their order."""
    made: Made = []
    for job, rows in jobs.items():
        for place, mine in _placed(job, rows).items():
            whole = [*_sealed_before(place), *mine]
            made.append((place, len(whole), encode(whole)))
    return sorted(made)


def _placed(job: int, rows: Iterable[tuple[int, Row]]) -> dict[Place, list[Row]]:
    hours: dict[Place, list[Row]] = {}
    for worker, row in rows:
        start = row.started_us // HOUR_US * HOUR
        hours.setdefault(Place(HOUR, start, job, worker), []).append(row)
    found: dict[Place, list[Row]] = {}
    for place, mine in hours.items():
        if len(mine) <= SELDOM and chunks.find(place) is None:
            day = place._replace(span=DAY, start=place.start // DAY * DAY)
            found.setdefault(day, []).extend(mine)
        else:
            found[place] = mine
    return found


def _sealed_before(place: Place) -> list[Row]:
    data = chunks.find(place)
    if data is None:
        return []
    try:
        return decode(data)
    except StorageError as error:
        # Nobody can read it any more, and what came late must not wait for that.
        log.error("what was sealed as %s is lost: %s", place, error)
        return []


def put(made: Made, job: int) -> None:
    """Store chunks; of the jobs up to *job* the stretch is sealed from now on."""
    chunks.put(made)
    put_sealed(sealed()._replace(job=job))


def drop_some() -> int:
    """Delete some of the oldest rows, if they are sealed; return how many."""
    upto = sealed().upto
    for first, last in arrivals.oldest(upto):
        return arrivals.delete(first, min(last, upto, first + DROP_ROWS - 1), last)
    return 0
