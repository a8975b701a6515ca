"""The results of one series over an hour or a day, column by column, in few bytes.

What a chunk keeps of a result: when it began and how long it took (to the
microsecond), its outcome and its flags; of its body each phase and each reading
that is a number, to a thousandth (of a millisecond: a microsecond). What is no
number (reason, detail, readings of text, lists and tables) is kept

- of a result that failed, erred, warned or saw a change,
- of the first result of the chunk,
- of any other if it occurs twice in the chunk: what is said but once by a result
  with which all is well is left out.

So an address or an answer that stays costs nothing, and the times of single packets
are forgotten.
"""

from collections.abc import Container, Sequence
from itertools import pairwise, repeat
from statistics import median_low
from typing import NamedTuple

from .chunk_body import pack_bodies, unpack_bodies, unpack_numbers
from .columns import (
    Cursor,
    damaged,
    pack,
    pack_runs,
    unpack,
    unpack_runs,
    varint,
)
from .model import Flag

#: Nothing measures one series so often; bytes that say so are damaged.
MOST_ROWS = 1 << 22
_VERSION = 1
_OUTCOMES = 3
_REMARKABLE = int(Flag.WARN | Flag.CHANGED)


class Row(NamedTuple):
    """A result: ``outcome`` is its code (0: ok), ``body`` its packed rest."""

    started_us: int
    duration_us: int
    outcome: int
    flags: int
    body: bytes | None


def encode(rows: Sequence[Row]) -> bytes:
    """Return at least one row as a chunk, in the order of their beginning.

    Those that began at once stay in the order given.
    """
    rows = sorted(rows, key=lambda row: row.started_us)
    took = [row.duration_us for row in rows]
    codes = [row.flags << 2 | row.outcome for row in rows]
    told = [n == 0 or _is_remarkable(row) for n, row in enumerate(rows)]
    return b"".join(
        [
            bytes([_VERSION]),
            varint(len(rows)),
            _moments([row.started_us for row in rows]),
            pack(took),
            pack_runs(codes),
            pack_bodies([row.body for row in rows], told, took),
        ]
    )


def decode(data: bytes, *, bodies: bool = True) -> list[Row]:
    """Return the rows of a chunk, oldest first; without *bodies* it is quicker.

    Raises StorageError for what is no chunk.
    """
    rows, took, cursor = _heads(data)
    if not bodies:
        return rows
    packed = unpack_bodies(cursor, took)
    return [row._replace(body=body) for row, body in zip(rows, packed, strict=True)]


def decode_numbers(
    data: bytes, wanted: Container[str]
) -> list[tuple[Row, dict[str, float], dict[str, int]]]:
    """Return the rows without bodies, each with its phases and readings *wanted*.

    Of these only whole numbers are told. Raises StorageError for what is no chunk.
    """
    rows, took, cursor = _heads(data)
    numbers = unpack_numbers(cursor, took, wanted)
    return [(row, *told) for row, told in zip(rows, numbers, strict=True)]


def _heads(data: bytes) -> tuple[list[Row], list[int], Cursor]:
    """Return the rows without bodies, their durations, and where the bodies begin."""
    cursor = Cursor(data)
    if cursor.take(1)[0] != _VERSION:
        raise damaged(f"its version is {data[0]}, known is {_VERSION}")
    count = cursor.count(MOST_ROWS)
    if not count:
        raise damaged("it is empty")
    started = _read_moments(cursor, count)
    took = unpack(cursor, count)
    codes = unpack_runs(cursor, count)
    outcomes = [code & 3 for code in codes]
    if max(outcomes) >= _OUTCOMES:
        raise damaged("there is no such outcome")
    flags = [code >> 2 for code in codes]
    return list(map(Row, started, took, outcomes, flags, repeat(None))), took, cursor


def _is_remarkable(row: Row) -> bool:
    return bool(row.outcome or row.flags & _REMARKABLE)


def _moments(started: Sequence[int]) -> bytes:
    """Pack times as how far they are from a regular beat."""
    steps = [b - a for a, b in pairwise(started)]
    beat = median_low(steps) if steps else 0
    return varint(beat) + pack([at - n * beat for n, at in enumerate(started)])


def _read_moments(cursor: Cursor, count: int) -> list[int]:
    beat = cursor.varint()
    return [at + n * beat for n, at in enumerate(unpack(cursor, count))]
