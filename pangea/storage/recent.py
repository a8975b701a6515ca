"""The recent past of every series in memory, for live views.

A series is the results of one job by one worker, kept as bytes: a base time and
ten bytes a result, so 100,000 series of 60 results fit in some 70 MB.
"""

import struct
from collections.abc import Iterable
from typing import NamedTuple

from pangea.core.model import Outcome, Result

_BASE = struct.Struct("<q")
#: microseconds after the base (40 bits), duration in ms, outcome and flags
_ENTRY = struct.Struct("<IBfB")
_REACH_US = 1 << 40
_CODES = {Outcome.OK: 0, Outcome.FAILED: 1, Outcome.ERROR: 2}
_OUTCOMES = tuple(_CODES)


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
        self._jobs: dict[int, dict[int, bytearray]] = {}

    def add(self, result: Result) -> None:
        """Take a result; one that comes late finds its place by its time."""
        series = self._jobs.setdefault(result.job, {})
        past = Past(
            result.started_at_us,
            result.duration_ms,
            result.outcome,
            result.flags & 63,
        )
        held = series.get(result.worker)
        if held is None or not self._append(held, past):
            before = [] if held is None else _read(held, self._size)
            kept = sorted([*before, past])[-self._size :]
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

    def warm(self, results: Iterable[Result]) -> None:
        """Take many results, as after a start."""
        for result in results:
            self.add(result)

    def forget(self, job: int) -> None:
        """Drop a job that was removed."""
        self._jobs.pop(job, None)

    def _append(self, held: bytearray, past: Past) -> bool:
        """Add what is newest to the end; False if it must be sorted in."""
        (base,) = _BASE.unpack_from(held)
        newest_us = _time(held, len(held) - _ENTRY.size, base)
        after = past.started_us - base
        if past.started_us < newest_us or after >= _REACH_US:
            return False
        held += _entry(after, past)
        if len(held) > _BASE.size + self._size * _ENTRY.size:
            del held[_BASE.size : _BASE.size + _ENTRY.size]
        return True


def _entry(after_us: int, past: Past) -> bytes:
    code = _CODES[past.outcome] << 6 | past.flags
    # In this order: what is no number at all (NaN) becomes 0.
    duration = min(max(0.0, past.duration_ms), 1e30)
    return _ENTRY.pack(after_us & 0xFFFFFFFF, after_us >> 32, duration, code)


def _packed(pasts: list[Past]) -> bytearray:
    """Pack from the newest back, as far as the base reaches."""
    newest = pasts[-1].started_us
    pasts = [past for past in pasts if newest - past.started_us < _REACH_US]
    base = pasts[0].started_us
    held = bytearray(_BASE.pack(base))
    for past in pasts:
        held += _entry(past.started_us - base, past)
    return held


def _time(held: bytearray, at: int, base: int) -> int:
    low, high, _, _ = _ENTRY.unpack_from(held, at)
    time: int = base + (high << 32 | low)
    return time


def _read(held: bytearray, n: int) -> list[Past]:
    (base,) = _BASE.unpack_from(held)
    begin = max(_BASE.size, len(held) - n * _ENTRY.size)
    return [
        Past(base + (high << 32 | low), duration, _OUTCOMES[code >> 6], code & 63)
        for low, high, duration, code in _ENTRY.iter_unpack(bytes(held[begin:]))
    ]
