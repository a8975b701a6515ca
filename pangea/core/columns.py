"""Columns of whole numbers in few bytes: noise costs about its own bits.

A column is stored as distances from its least number or as steps from one number
to the next, whichever is shorter, in Rice's code: *k* low bits of each, and the
rest as so many ones and a zero. What is far out is written in full at the end.
"""

from collections.abc import Iterable, Sequence
from itertools import accumulate, groupby, pairwise

from .errors import StorageError

#: More ones than this are not written: the number itself is.
_FAR = 20
_CONSTANT, _DISTANCES, _STEPS = 0, 64, 128
#: Seven bits each: as much as 70 bits hold.
_VARINT_BYTES = 10


class Cursor:
    """Reads bytes from the front; StorageError where they end too early."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        """How many bytes were not read."""
        return len(self._data) - self._at

    def take(self, size: int) -> bytes:
        """Return the next *size* bytes."""
        if size > self.left:
            raise damaged("it is cut short")
        self._at += size
        return self._data[self._at - size : self._at]

    def varint(self) -> int:
        """Return the next number that ``varint`` wrote."""
        found = 0
        for shift in range(0, 7 * _VARINT_BYTES, 7):
            byte = self.take(1)[0]
            found |= (byte & 127) << shift
            if byte < 128:
                return found
        raise damaged("a number is too long")

    def count(self, most: int) -> int:
        """Return the next number, which may be *most* at most."""
        found = self.varint()
        if found > most:
            raise damaged(f"{found} is more than can be")
        return found


def damaged(why: str) -> StorageError:
    """Return the error for stored bytes that nobody wrote so."""
    return StorageError(
        f"a stored chunk is damaged: {why}",
        hint="see `pangea doctor`; a backup may still have it",
    )


def varint(number: int) -> bytes:
    """Return a number from 0 on in seven bits a byte, the low ones first."""
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def zigzag(number: int) -> int:
    """Return a number from 0 on for one of either sign; small stays small."""
    return number << 1 if number >= 0 else (-number << 1) - 1


def unzigzag(number: int) -> int:
    """Return what ``zigzag`` was given."""
    return -(number >> 1) - 1 if number & 1 else number >> 1


def pack(values: Sequence[int]) -> bytes:
    """Return a column of at least one number, each of less than 63 bits."""
    least = min(values)
    if least == max(values):
        return bytes([_CONSTANT]) + varint(zigzag(least))
    far = [value - least for value in values]
    steps = [zigzag(b - a) for a, b in pairwise(values)]
    # Bits tell more than sums: one outlier would decide those.
    if _bits(steps) < _bits(far):
        kind, base, numbers = _STEPS, values[0], steps
    else:
        kind, base, numbers = _DISTANCES, least, far
    k = _low_bits(numbers)
    return bytes([kind | k]) + varint(zigzag(base)) + _rice(numbers, k)


def unpack(cursor: Cursor, count: int) -> list[int]:
    """Return the column of *count* numbers that *cursor* stands at."""
    head = cursor.take(1)[0]
    kind, k = head & 192, head & 63
    base = unzigzag(cursor.varint())
    if kind == _CONSTANT and not k:
        return [base] * count
    if kind == _DISTANCES:
        return [base + far for far in _unrice(cursor, k, count)]
    if kind == _STEPS:
        steps = map(unzigzag, _unrice(cursor, k, count - 1))
        return list(accumulate(steps, initial=base))
    raise damaged(f"a column of the kind {head}")


def pack_runs(values: Sequence[int]) -> bytes:
    """Return numbers from 0 on, each with how often it comes in a row."""
    runs = [(value, len(list(run))) for value, run in groupby(values)]
    return varint(len(runs)) + b"".join(varint(v) + varint(n) for v, n in runs)


def unpack_runs(cursor: Cursor, count: int) -> list[int]:
    """Return the *count* numbers that *cursor* stands at."""
    found: list[int] = []
    for _ in range(cursor.count(count)):
        value = cursor.varint()
        found += [value] * cursor.count(count - len(found))
    if len(found) != count:
        raise damaged("a run ends too early")
    return found


def _bits(numbers: Iterable[int]) -> int:
    return sum(map(int.bit_length, numbers))


def _low_bits(numbers: Sequence[int]) -> int:
    """Return the *k* that makes the column shortest, near that of the median."""
    middle = sorted(numbers)[len(numbers) // 2].bit_length()
    return min(
        range(max(0, middle - 2), min(63, middle + 2)),
        key=lambda k: len(numbers) * k + sum(_ones(n, k) for n in numbers),
    )


def _ones(number: int, k: int) -> int:
    """Return how many bits of *number* beyond the low ones cost."""
    high = number >> k
    return high if high < _FAR else _FAR + 8 * len(varint(high))


def _rice(numbers: Sequence[int], k: int) -> bytes:
    highs = [number >> k for number in numbers]
    ones = "".join(["1" * min(high, _FAR) + "0" for high in highs])
    high_bytes = _to_bytes(ones)
    low_bytes = b""
    if k:
        mask, form = (1 << k) - 1, f"0{k}b"
        low_bytes = _to_bytes("".join([format(n & mask, form) for n in numbers]))
    far = b"".join([varint(high) for high in highs if high >= _FAR])
    return low_bytes + varint(len(high_bytes)) + high_bytes + far


def _unrice(cursor: Cursor, k: int, count: int) -> list[int]:
    low_bits = _to_bits(cursor.take((count * k + 7) // 8))
    ones = _to_bits(cursor.take(cursor.count(count * (_FAR + 1) // 8 + 1)))
    highs = [len(run) for run in ones.split("0", count)[:count]]
    if len(highs) < count or ones.count("0") < count or max(highs, default=0) > _FAR:
        raise damaged("a column ends too early")
    highs = [cursor.varint() if high == _FAR else high for high in highs]
    if not k:
        return highs
    lows = [int(low_bits[at : at + k], 2) for at in range(0, count * k, k)]
    return [high << k | low for high, low in zip(highs, lows, strict=True)]


def _to_bytes(bits: str) -> bytes:
    size = (len(bits) + 7) // 8
    return int(bits.ljust(8 * size, "0"), 2).to_bytes(size, "big")


def _to_bits(data: bytes) -> str:
    return format(int.from_bytes(data, "big"), f"0{8 * len(data)}b") if data else ""
