"""The recent past of every series in memory, for live views.

A series is the results of one job by one worker, kept as bytes: a base time and
ten bytes a result, so 100,000 series of 60 results fit in some 70 MB.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from pangea.core.model import Flag, Outcome, Result

_BASE = struct.Struct("<q")
#: microseconds after the base (40 bits), duration in ms, outcome and flags
_ENTRY = struct.Struct("<IBfB")
_AFTER = struct.Struct("<IB")
_OLDEST = slice(_BASE.size, _BASE.size + _ENTRY.size)
_REACH_US = 1 << 40
_CODES = {Outcome.OK: 0, Outcome.FAILED: 1, Outcome.ERROR: 2}
_OUTCOMES = tuple(_CODES)
_OK = Outcome.OK
#: Of the byte that says how a round went, its letter.
_LETTERS = bytes(
    b"ofee"[code >> 6] if code >> 6 or not code & Flag.WARN else ord("w")
    for code in range(256)
)


class Past(NamedTuple):
    """One result of the recent past."""

    started_us: int
    duration_ms: float
    outcome: Outcome
    flags: int


class Recent:
    """The last *size* results of each job and worker."""

    def __init__(self, size: int = 60) -> None:
        self._size = size
        self._full = _BASE.size + size * _ENTRY.size
        self._jobs: dict[int, dict[int, bytearray]] = {}

    def add(self, result: Result) -> None:
        """Take a result; one that comes late finds its place by its time."""
        series = self._jobs.get(result.job)
        if series is None:
            series = self._jobs[result.job] = {}
        held = series.get(result.worker)
        if held is None or not self._append(held, result):
            before = [] if held is None else _read(held, self._size)
            kept = sorted([*before, _past(result)])[-self._size :]
            series[result.worker] = _packed(kept)

    def last(self, job: int, worker: int, n: int) -> list[Past]:
        """Return up to *n* results, oldest first."""
        held = self._jobs.get(job, {}).get(worker)
        return [] if held is None else _read(held, n)

    def durations(self, job: int, n: int) -> list[float | None]:
        """Return the last *n* durations of a job over all its workers, oldest first.

        None stands for a failure; what could not be told is left out.
        """
        series = self._jobs.get(job, {}).values()
        merged = sorted(past for held in series for past in _read(held, n))
        return [
            past.duration_ms if past.outcome is Outcome.OK else None
            for past in merged
            if past.outcome is not Outcome.ERROR
        ][-n:]

    def beats(self, job: int, n: int) -> Iterator[tuple[int, str]]:
        """Yield each worker of a job with its last *n* outcomes, oldest first.

        A letter each: ``o`` ok, ``w`` with a warning, ``f`` failed, ``e`` error.
        """
        for worker, held in self._jobs.get(job, {}).items():
            begin = max(_BASE.size, len(held) - n * _ENTRY.size)
            # The last byte of an entry says how it went.
            codes = held[begin + _ENTRY.size - 1 :: _ENTRY.size]
            yield worker, codes.translate(_LETTERS).decode()

    def forget(self, job: int) -> None:
        """Drop a job that was removed."""
        self._jobs.pop(job, None)

    def _append(self, held: bytearray, result: Result) -> bool:
        """Add what is newest to the end; False if it must be sorted in."""
        after = result.started_at_us - _BASE.unpack_from(held)[0]
        low, high = _AFTER.unpack_from(held, len(held) - _ENTRY.size)
        if not high << 32 | low <= after < _REACH_US:
            return False
        held += _entry(after, result.duration_ms, result.outcome, result.flags)
        if len(held) > self._full:
            del held[_OLDEST]
        return True


def _past(result: Result) -> Past:
    flags = result.flags & 63
    return Past(result.started_at_us, result.duration_ms, result.outcome, flags)


def _entry(after_us: int, duration_ms: float, outcome: Outcome, flags: int) -> bytes:
    code = flags & 63
    if outcome is not _OK:
        code |= _CODES[outcome] << 6
    if not 0.0 <= duration_ms <= 1e30:
        # In this order: what is no number at all (NaN) becomes 0.
        duration_ms = min(max(0.0, duration_ms), 1e30)
    return _ENTRY.pack(after_us & 0xFFFFFFFF, after_us >> 32, duration_ms, code)


def _packed(pasts: list[Past]) -> bytearray:
    """Pack from the newest back, as far as the base reaches."""
    newest = pasts[-1].started_us
    pasts = [past for past in pasts if newest - past.started_us < _REACH_US]
    base = pasts[0].started_us
    held = bytearray(_BASE.pack(base))
    for past in pasts:
        after = past.started_us - base
        held += _entry(after, past.duration_ms, past.outcome, past.flags)
    return held


def _read(held: bytearray, n: int) -> list[Past]:
    (base,) = _BASE.unpack_from(held)
    begin = max(_BASE.size, len(held) - n * _ENTRY.size)
    return [
        Past(base + (high << 32 | low), duration, _OUTCOMES[code >> 6], code & 63)
        for low, high, duration, code in _ENTRY.iter_unpack(bytes(held[begin:]))
    ]
