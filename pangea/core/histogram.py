"""A histogram of durations that can be merged without losing its accuracy.

The logarithmic buckets of DDSketch (Masson, Rim and Lee, VLDB 2019): a bucket
ends GAMMA times above its beginning, so any quantile is within one percent of a
value that was measured, whatever was merged in whatever order. Values are whole
microseconds; below one microsecond all is zero.
"""

import struct
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise
from math import ceil, exp, log

#: The relative error of a quantile.
ACCURACY = 0.01
GAMMA = (1 + ACCURACY) / (1 - ACCURACY)
_LOG_GAMMA = log(GAMMA)
#: No duration is longer: this is an index of about 10**15 microseconds.
_MOST = 1800
#: Nothing that ``pack`` makes begins so: a step of 0 has one byte.
_QUICK = b"\x80\x00"


def index_of(value_us: int) -> int:
    """Return the number of the bucket of a value: 0 is zero, 1 is one."""
    if value_us < 1:
        return 0
    index = ceil(log(value_us) / _LOG_GAMMA) + 1
    return index if index < _MOST else _MOST


def value_of(index: int) -> float:
    """Return the value in microseconds that stands for a bucket."""
    if index <= 0:
        return 0.0
    return 2 * exp((index - 1) * _LOG_GAMMA) / (GAMMA + 1)


def rank_of(share: float, total: int) -> int:
    """Return which of *total* values in order, from 1, is the quantile *share*."""
    # 0.07 of 100 is the seventh, whatever 0.07 * 100 is in binary.
    return min(max(ceil(share * total * (1 - 1e-12)), 1), total)


class Histogram:
    """Counts by bucket."""

    __slots__ = ("counts",)

    def __init__(self, indexes: Iterable[int] = ()) -> None:
        self.counts: dict[int, int] = {}
        for index in indexes:
            self.counts[index] = self.counts.get(index, 0) + 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Histogram) and self.counts == other.counts

    __hash__ = None  # type: ignore[assignment]  # it changes, so it is no key

    def add(self, value_us: int) -> None:
        """Count one value."""
        index = index_of(value_us)
        self.counts[index] = self.counts.get(index, 0) + 1

    def merge(self, other: "Histogram") -> None:
        """Count all that *other* counted as well."""
        counts = self.counts
        if not counts:
            counts.update(other.counts)
            return
        for index, count in other.counts.items():
            counts[index] = counts.get(index, 0) + count

    @property
    def total(self) -> int:
        """How many values were counted."""
        return sum(self.counts.values())

    def quantile(self, q: float) -> float | None:
        """Return the smallest value in microseconds that a share *q* does not exceed.

        That is the nearest rank, ``ceil(q * total)``; None if there is no value.
        """
        return self.quantiles((q,))[0]

    def quantiles(self, shares: Sequence[float]) -> list[float | None]:
        """Return ``quantile`` of each; together they cost no more than one."""
        if not self.counts:
            return [None] * len(shares)
        ordered = sorted(self.counts)
        passed = list(accumulate(map(self.counts.__getitem__, ordered)))
        ranks = [rank_of(q, passed[-1]) for q in shares]
        return [value_of(ordered[bisect_left(passed, rank)]) for rank in ranks]

    def pack(self) -> bytes:
        """Return it as bytes: index steps and counts as varints."""
        packed, before = bytearray(), 0
        for index in sorted(self.counts):
            _put(packed, index - before)
            _put(packed, self.counts[index])
            before = index
        return bytes(packed)

    def pack_quick(self) -> bytes:
        """Return it as more bytes that take a fifth of the time to unpack.

        The first index, a byte for each step from one to the next, and columns of
        counts; where a step is longer, as ``pack`` does.
        """
        indexes = sorted(self.counts)
        steps = [b - a for a, b in pairwise(indexes)]
        if not indexes or max(steps, default=0) > 255:
            return self.pack()
        counts = [self.counts[index] for index in indexes]
        code = b"H" if max(counts) < 1 << 16 else b"Q"
        packed = struct.pack(f"<{len(counts)}{code.decode()}", *counts)
        return _QUICK + code + struct.pack("<H", indexes[0]) + bytes(steps) + packed

    @classmethod
    def unpack(cls, packed: bytes) -> "Histogram":
        """Return what was packed; ValueError for anything cut short."""
        histogram = cls()
        if packed.startswith(_QUICK):
            histogram.counts = _quick(packed)
            return histogram
        numbers = list(_numbers(packed))
        steps, counts = numbers[::2], numbers[1::2]
        histogram.counts = dict(zip(accumulate(steps), counts, strict=True))
        return histogram


def _quick(packed: bytes) -> dict[int, int]:
    code = packed[2:3]
    size = {b"H": 2, b"Q": 8}.get(code, 0)
    # A byte of step and a count for each, but for the first no step.
    count, left = divmod(len(packed) - 4, size + 1)
    if not size or left or count < 1:
        raise ValueError("histogram is cut short")
    begin = 4 + count
    first = packed[3] | packed[4] << 8
    indexes = accumulate(packed[5:begin], initial=first)
    counts = struct.unpack_from(f"<{count}{code.decode()}", packed, begin)
    return dict(zip(indexes, counts, strict=True))


def _put(packed: bytearray, number: int) -> None:
    while number > 127:
        packed.append(number & 127 | 128)
        number >>= 7
    packed.append(number)


def _numbers(packed: bytes) -> Iterable[int]:
    if packed.isascii():
        return packed
    rest = packed[2:]
    if rest.isascii() and packed[0] > 127 and packed[1:2].isascii() and rest:
        # The usual case by far: only the first index is above 127.
        return [packed[0] & 127 | packed[1] << 7, *rest]
    return _any_numbers(packed)


def _any_numbers(packed: bytes) -> Iterator[int]:
    number = shift = 0
    for byte in packed:
        number |= (byte & 127) << shift
        if byte & 128:
            shift += 7
        else:
            yield number
            number = shift = 0
    if shift:
        raise ValueError("histogram is cut short")
