"""Raw results: appended in the order of arrival, sealed into chunks an hour later.

They come in sheaves, and ``arrivals`` tells which of them a query has to read. What
is sealed is read from its chunks, as one with the
rest: newest first by the time a result began, then by worker; those of one worker
that began at once stay in the order of arrival. So a page does not mind if what it
goes on with has been sealed meanwhile.
"""

import heapq
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from operator import itemgetter
from typing import Any

from msgspec import Struct

from pangea.core.beside import PACKETS
from pangea.core.chunk import Row as Sealed
from pangea.core.chunk import decode_numbers
from pangea.core.errors import ProtocolError, UsageError
from pangea.core.model import Result

from . import arrivals, chunks, settings, sheaves
from .arrivals import MINUTE_US
from .folded import folded_to
from .result_rows import (
    FOREVER_US,
    NOTHING,
    OUTCOMES,
    clip,
    micros,
    opened,
    read_body,
    row_of,
)
from .result_sources import Key, hot, sources
from .sealed import sealed

__all__ = ["FOREVER_US", "MINUTE_US", "OUTCOMES", "micros"]

#: What a query or a warm start returns at most.
MOST = 10_000
WARM_ROWS = 150_000
#: Of so many results that began in one microsecond not all are found.
_MOST_AT_ONCE = 100_000
_RAW_FROM = "raw_from_us"
#: How reading a sealed result compares with looking at one in a sheaf.
_OPENING = 16


class Page(Struct, frozen=True):
    """Results, newest first, and where to go on (None at the end)."""

    items: list[Result]
    next: str | None


def append(rows: Sequence[Result], now_us: int) -> range:
    """Store *rows*, which arrived at *now_us*; return their ids.

    The ids are those of all of them: which has which is not said, but of those of one
    job the first come first. Raises ProtocolError for a number too large.
    """
    first = last_id() + 1
    ids = range(first, first + len(rows))
    if rows:
        try:
            arrived = sorted(map(row_of, rows), key=itemgetter(0))
        except OverflowError as error:
            raise ProtocolError(f"a result holds a number too large: {error}") from None
        sheaves.put(first, arrived)
        times = [row.started_at_us for row in rows]
        arrivals.note(ids, now_us // MINUTE_US, clip(min(times)), clip(max(times)))
    return ids


def last_id() -> int:
    """Return the newest id ever given; nothing past ``folded_to`` is deleted."""
    return max(sheaves.last_id(), folded_to())


def query(
    job: int,
    *,
    worker: int | None = None,
    since_us: int | None = None,
    until_us: int | None = None,
    limit: int = 100,
    before: str | None = None,
) -> Page:
    """Return results of a job by the time they began, newest first.

    *since_us* is included, *until_us* is not. *before* is the ``next`` of the page
    before. Raises UsageError if that is not one.
    """
    limit = min(max(limit, 1), MOST)
    since = -FOREVER_US if since_us is None else since_us
    until = (FOREVER_US if until_us is None else until_us - 1, FOREVER_US)
    given = (0, 0, 0) if before is None else _cursor(before)
    if before is not None:
        until = min(until, given[:2])
    # Of those that began at once, so many were on the pages before.
    skip = given[2] if until == given[:2] else 0
    found = _newest(job, worker, since, until, limit + skip + 1)[skip:]
    page = found[:limit]
    cursor = None
    if len(found) > limit:
        last = page[-1][0][:2]
        same = sum(1 for _ in takewhile(lambda e: e[0][:2] == last, reversed(page)))
        cursor = f"{last[0]}.{last[1]}.{same + (skip if last == given[:2] else 0)}"
    return Page([opened(job, key[1], row) for key, row in page], cursor)


def _newest(
    job: int, worker: int | None, since: int, until: tuple[int, int], limit: int
) -> list[tuple[Key, Sealed]]:
    """Return the *limit* newest results until then, newest first."""
    best: list[tuple[Key, Sealed]] = []
    for newest, rows in sources(job, worker, since, until):
        if len(best) == limit and best[0][0][0] > newest:
            break
        for entry in rows:
            if len(best) < limit:
                heapq.heappush(best, entry)
            else:
                heapq.heappushpop(best, entry)
    return sorted(best, reverse=True)


def since(started_us: int, at_most: int = WARM_ROWS) -> list[Result]:
    """Return what was measured since then, the newest rows alone if too many.

    They come without reason, phases and readings, what is sealed by its time and
    the rest in the order of arrival, to fill ``Recent`` when the coordinator starts.
    """
    state = sealed()
    floor = max(last_id() - at_most, state.upto)
    found: list[Result] = []
    for first, last, _ in sorted(arrivals.stretches(started_us, FOREVER_US, floor)):
        found += [
            opened(job, worker, row)
            for rowid, job, worker, row in sheaves.find(
                (first, last), sheaves.EVERY, bodies=False
            )
            if row[0] >= started_us and (rowid > state.goal or job > state.job)
        ]
    return _sealed_since(started_us, at_most - len(found)) + found


def _sealed_since(started_us: int, at_most: int) -> list[Result]:
    found: list[Result] = []
    for span in chunks.SPANS:
        for start in chunks.starts(span, started_us, FOREVER_US):
            if len(found) >= at_most:
                break
            for place, rows in chunks.at(span, start):
                found += [
                    opened(place.job, place.worker, row)
                    for row in rows
                    if row.started_us >= started_us
                ]
    found.sort(key=lambda result: result.started_at_us)
    return found[-at_most:] if at_most > 0 else []


def stored_as(ids: range) -> list[tuple[int, Result]]:
    """Return the results with these ids in order.

    Only those that are not yet folded are sure to be there.
    """
    return [
        (rowid, opened(job, worker, row))
        for rowid, job, worker, row in sheaves.find(
            (ids.start, ids.stop - 1), sheaves.EVERY, bodies=True
        )
    ]


def measured(
    job: int, worker: int | None, since_us: int, until_us: int
) -> Iterator[tuple[Sealed, Mapping[str, float], Mapping[str, Any]]]:
    """Yield a job's results, with their phases and their packets, in any order."""
    until = (until_us - 1, FOREVER_US)
    for _, rows in hot(job, worker, since_us, until):
        for _, row in rows:
            _, _, phases, readings = read_body(row.body) if row.body else NOTHING
            yield row, phases, readings
    for span in chunks.SPANS:
        for _, packed in chunks.of_job(span, job, worker, since_us, until_us - 1):
            for told in decode_numbers(packed, PACKETS):
                if since_us <= told[0].started_us < until_us:
                    yield told


def kept_from() -> int:
    """Return since when no result that was measured has been deleted."""
    text = settings.get(_RAW_FROM)
    return int(text) if text else -FOREVER_US


def reaches(since_us: int) -> bool:
    """Return whether no result that was measured since then has been deleted."""
    return kept_from() <= since_us


def newest_arrival() -> int | None:
    """Return about when the newest result arrived; None if there is none."""
    found = arrivals.newest()
    return chunks.newest() if found is None else found


def effort(job: int, since_us: int, until_us: int) -> int:
    """Return what reading a job's results costs, in results that are looked at."""
    hot = arrivals.stretches(since_us, until_us, sealed().floor(job))
    rows = sum(last - first + 1 for first, last, _ in hot)
    return rows + _OPENING * chunks.count(job, since_us, until_us)


def expire(older_than_us: int, at_most: int = 20_000) -> int:
    """Delete up to *at_most* results or chunks of what came before; return how many.

    Chunks go by the time of their results, others by that of their arrival, and only
    those that the rollups contain. Call again until it returns 0.
    """
    gone = chunks.expire(older_than_us, at_most // 10 or 1)
    safe = folded_to()
    for first, last in arrivals.before(older_than_us // MINUTE_US, safe):
        if gone >= at_most:
            break
        upto = min(last, safe, first + at_most - gone - 1)
        gone += arrivals.delete(first, upto, last)
    if gone:
        settings.put(_RAW_FROM, str(max(kept_from(), older_than_us)))
    return gone


def _cursor(text: str) -> tuple[int, int, int]:
    try:
        started, worker, same = map(int, text.split("."))
    except ValueError as error:
        raise UsageError(
            f"{text[:40]!r} is no cursor", hint="use the `next` of the page before"
        ) from error
    if max(abs(started), abs(worker)) > FOREVER_US or not 0 < same <= _MOST_AT_ONCE:
        raise UsageError("the cursor is out of range")
    return started, worker, same
