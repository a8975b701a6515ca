"""Where the results of a job are: sheaves and chunks, alike.

Each has a key that stays the same when a row is sealed: when it began, the worker,
and its turn among those of that worker which began at once. What is in the chunk of
a day came before what is in that of an hour, and this before what is not sealed.
"""

import heapq
from collections.abc import Iterable, Iterator

from pangea.core.chunk import Row as Sealed
from pangea.core.chunk import decode
from pangea.core.rollup import DAY, HOUR

from . import arrivals, chunks, sheaves
from .sealed import sealed

#: (started_us, worker, -turn): the newest is the greatest.
Key = tuple[int, int, int]
_TURNS = {DAY: 0, HOUR: 1 << 60}
_HOT_TURN = 1 << 61
#: Results that are looked through at once, of several minutes.
_TOGETHER = 20_000

#: The latest time that can be in it, and what is in it.
Source = tuple[int, Iterator[tuple[Key, Sealed]]]


def sources(
    job: int, worker: int | None, since: int, until: tuple[int, int]
) -> Iterator[Source]:
    """Yield what holds results of a job, and the latest time in it, latest first."""
    parts = [hot(job, worker, since, until)]
    parts += [_sealed(span, job, worker, since, until) for span in chunks.SPANS]
    return heapq.merge(*parts, key=lambda source: source[0], reverse=True)


def hot(
    job: int, worker: int | None, since: int, until: tuple[int, int]
) -> Iterator[Source]:
    """Yield what came minute by minute alike, without what is sealed."""
    floor = sealed().floor(job)

    def wanted(by: int, at_us: int) -> bool:
        return worker in (None, by) and since <= at_us and (at_us, by) <= until

    for first, last, newest in _joined(arrivals.stretches(since, until[0], floor)):
        found = sheaves.find((first, last), (job, job), wanted, bodies=True)
        yield newest, _keyed(found)


def _joined(
    stretches: Iterable[tuple[int, int, int]],
) -> Iterator[tuple[int, int, int]]:
    """Yield stretches, those that follow each other as one: few at first, then more.

    The newest are often enough; and one of very many results stays alone.
    """
    held: tuple[int, int, int] | None = None
    many, most = 0, 1
    for first, last, newest in stretches:
        if held and last + 1 == held[0] and many < most and held[1] - first < _TOGETHER:
            held, many = (first, *held[1:]), many + 1
            continue
        if held:
            yield held
            most *= 2
        held, many = (first, last, newest), 1
    if held:
        yield held


def _keyed(found: Iterator[sheaves.Found]) -> Iterator[tuple[Key, Sealed]]:
    for rowid, _, by, row in found:
        yield (row[0], by, -_HOT_TURN - rowid), row


def _sealed(
    span: int, job: int, worker: int | None, since: int, until: tuple[int, int]
) -> Iterator[Source]:
    for place, packed in chunks.of_job(span, job, worker, since, until[0]):
        yield place.end_us - 1, _opened(place, packed, since, until)


def _opened(
    place: chunks.Place, packed: bytes, since: int, until: tuple[int, int]
) -> Iterator[tuple[Key, Sealed]]:
    turn, by = _TURNS[place.span], place.worker
    for n, row in enumerate(decode(packed)):
        if since <= row[0] and (row[0], by) <= until:
            yield (row[0], by, -turn - n), row
