"""Results that arrived together, packed: quick to make, and to look through.

A disk is asked for few bytes, and the one who seeks the results of a job for few
steps: the jobs are a column of their own, in their order; times, durations and
outcomes are another, opened where the job is found; and bodies lie in blocks, of
which only those are opened that are wanted. Unlike a chunk it leaves nothing out.
"""

import struct
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, NamedTuple, cast

from .chunk import Row
from .errors import StorageError

#: Results in one; a look at any of them costs no more than so many.
MOST_ROWS = 512
#: A block of bodies is closed when it is so long, in bytes.
BLOCK = 32 * 1024
_MOST_BLOCK = 1 << 28
_VERSION = 1
_OUTCOMES = 3
#: Columns of four bytes a number, or of eight.
_NARROW, _WIDE = "I", "q"
_SIZES = {_NARROW: 4, _WIDE: 8}
_IS_LITTLE = struct.pack("=H", 1) == b"\1\0"

#: A result: job, worker, started_us, duration_us, outcome, flags, body.
Arrived = tuple[int, int, int, int, int, int, bytes | None]


class Sheaf(NamedTuple):
    """Packed results: the column of jobs, the other columns, and the bodies."""

    jobs: bytes
    heads: bytes
    bodies: bytes | None


def pack(rows: Sequence[Arrived]) -> Sheaf:
    """Return up to ``MOST_ROWS`` results, which are in the order of their jobs.

    Raises struct.error for numbers of more than 63 bits.
    """
    jobs, workers, started, took, outcomes, flags, bodies = zip(*rows, strict=True)
    base = max(min(started), 0)
    columns = [
        _column(workers),
        _column([at - base for at in started]),
        _column(took),
        _column([f << 2 | o for f, o in zip(flags, outcomes, strict=True)]),
    ]
    heads = struct.pack("<Bq", _VERSION, base) + b"".join(columns)
    packed = _bodies(bodies) if any(bodies) else None
    return Sheaf(_deflated(_column(jobs)), _deflated(heads), packed)


def places(jobs: bytes, count: int, first: int, last: int) -> range:
    """Return which of *count* results belong to the jobs *first* to *last*."""
    plain = _inflated(jobs, 1 + 8 * count)
    if first == last and plain[:1] == _NARROW.encode() and 0 <= first < 1 << 32:
        return _aligned(plain[1:], struct.pack(f"<{_NARROW}", first))
    numbers = _Columns(plain, 0).take(count)
    return range(bisect_left(numbers, first), bisect_right(numbers, last))


def _aligned(column: bytes, number: bytes) -> range:
    """Return where an ordered column holds a number, without unpacking it."""
    size = len(number)
    at = column.find(number)
    while at % size and at >= 0:
        at = column.find(number, at + 1)
    if at < 0:
        return range(0)
    end = at + size
    while column.startswith(number, end):
        end += size
    return range(at // size, end // size)


def all_jobs(jobs: bytes, count: int) -> Sequence[int]:
    """Return the job of each of *count* results.

    Raises StorageError for what is no column of jobs.
    """
    plain = _inflated(jobs, 1 + 8 * count)
    return _Columns(plain, 0).take(count)


class Opened:
    """The rest of a sheaf of *count* results, read as it is asked for.

    Raises StorageError for what is none.
    """

    def __init__(self, count: int, heads: bytes, bodies: bytes | None = None) -> None:
        plain = _inflated(heads, 9 + 4 * (1 + 8 * count))
        if len(plain) < struct.calcsize("<Bq") or plain[0] != _VERSION:
            raise damaged("they are of another version")
        self._base: int = struct.unpack_from("<q", plain, 1)[0]
        columns = _Columns(plain, struct.calcsize("<Bq"))
        self.workers, self._after = columns.take(count), columns.take(count)
        self._took, self._codes = columns.take(count), columns.take(count)
        self._packed = bodies
        self._count = count
        self._blocks: dict[int, tuple[bytes, list[int]]] = {}
        self._table: list[tuple[int, int, int]] = []
        self._firsts: list[int] = []

    def row(self, n: int, *, body: bool = False) -> Row:
        """Return result number *n*, with its *body* if it is wanted."""
        code = self._codes[n]
        outcome = code & 3
        if outcome >= _OUTCOMES:
            raise damaged("there is no such outcome")
        at_us = self._base + self._after[n]
        return Row(at_us, self._took[n], outcome, code >> 2, self.body(n, body))

    def started(self, n: int) -> int:
        """Return when result number *n* began."""
        return self._base + self._after[n]

    def body(self, n: int, wanted: bool = True) -> bytes | None:
        """Return the body of number *n*; None if it is not *wanted*."""
        if self._packed is None or not wanted:
            return None
        if not self._table:
            self._table = _table(self._packed, self._count)
            self._firsts = [first for first, _, _ in self._table]
        block = bisect_right(self._firsts, n) - 1
        first, at, end = self._table[block]
        held = self._blocks.get(block)
        if held is None:
            ends = [*self._firsts, self._count][block + 1]
            held = self._blocks[block] = _block(self._packed[at:end], ends - first)
        plain, begins = held
        return plain[begins[n - first] : begins[n - first + 1]] or None


def _column(numbers: Sequence[int]) -> bytes:
    narrow = min(numbers) >= 0 and max(numbers) < 1 << 32
    code = _NARROW if narrow else _WIDE
    return code.encode() + struct.pack(f"<{len(numbers)}{code}", *numbers)


class _Columns:
    """Reads one column after the other."""

    def __init__(self, plain: bytes, at: int) -> None:
        self._plain, self._at = plain, at

    def take(self, count: int) -> Sequence[int]:
        code = chr(self._plain[self._at]) if self._at < len(self._plain) else ""
        end = self._at + 1 + _SIZES.get(code, 0) * count
        if code not in _SIZES or end > len(self._plain):
            raise damaged("a column ends too early")
        column = memoryview(self._plain)[self._at + 1 : end]
        self._at = end
        if _IS_LITTLE:
            # Nothing is unpacked but what is asked for.
            view: Any = column
            return cast("Sequence[int]", view.cast(code))
        return struct.unpack(f"<{count}{code}", column)


def _bodies(bodies: Sequence[bytes | None]) -> bytes:
    """Return a table of blocks, each with its rows and its length, and the blocks."""
    table, blocks = [], []
    block: list[bytes] = []
    size = 0
    for n, body in enumerate(bodies):
        block.append(body or b"")
        size += len(block[-1])
        if size >= BLOCK or n == len(bodies) - 1:
            lengths = struct.pack(f"<{len(block)}I", *map(len, block))
            blocks.append(_deflated(lengths + b"".join(block)))
            table += [len(block), len(blocks[-1])]
            block, size = [], 0
    return struct.pack(f"<H{len(table)}I", len(blocks), *table) + b"".join(blocks)


def _table(packed: bytes, count: int) -> list[tuple[int, int, int]]:
    """Return of each block its first result, and where it begins and ends."""
    try:
        (blocks,) = struct.unpack_from("<H", packed)
        pairs = list(struct.iter_unpack("<II", packed[2 : 2 + 8 * blocks]))
    except struct.error:
        raise damaged("the bodies have no table") from None
    found, first, at = [], 0, 2 + 8 * blocks
    for rows, size in pairs:
        found.append((first, at, at + size))
        first, at = first + rows, at + size
    if not pairs or len(pairs) != blocks or first != count or at != len(packed):
        raise damaged("the bodies are cut short")
    return found


def _block(packed: bytes, rows: int) -> tuple[bytes, list[int]]:
    """Return a block opened, and where its bodies begin; the last ends at the end."""
    plain = _inflated(packed, _MOST_BLOCK)
    if len(plain) < 4 * rows:
        raise damaged("a block is cut short")
    lengths = struct.unpack_from(f"<{rows}I", plain)
    begins = list(accumulate(lengths, initial=4 * rows))
    if begins[-1] != len(plain):
        raise damaged("a block has another length")
    return plain, begins


def _deflated(plain: bytes) -> bytes:
    """Return *plain* in fewer bytes, if it can be, with a mark before it."""
    short = zlib.compress(plain, 1) if len(plain) > 24 else plain
    return b"\1" + short if len(short) < len(plain) else b"\0" + plain


def _inflated(packed: bytes, most: int) -> bytes:
    if packed[:1] == b"\0":
        return packed[1:]
    try:
        # What so few bytes can grow to is bounded: a thousand times as many.
        plain = zlib.decompress(packed[1:])
    except zlib.error as error:
        raise damaged(str(error)) from error
    if len(plain) > most:
        raise damaged("they are too long")
    return plain


def damaged(why: str) -> StorageError:
    """Return the error for stored bytes that nobody wrote so."""
    return StorageError(
        f"stored results are damaged: {why}",
        hint="see `pangea doctor`; a backup may still have them",
    )
