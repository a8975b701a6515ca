"""Results to rows of ``result`` and back."""

import msgspec

from pangea.core.chunk import Row as Sealed
from pangea.core.model import Outcome, Result

FOREVER_US = 1 << 62

OUTCOMES = (Outcome.OK, Outcome.FAILED, Outcome.ERROR)
COLUMNS = "id, job, worker, started_us, duration_us, outcome, flags, body"
_CODES = {outcome: code for code, outcome in enumerate(OUTCOMES)}
_OK = Outcome.OK
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder().decode

Row = tuple[int, int, int, int, int, int, int, bytes | None]


def row_of(rowid: int, result: Result) -> Row:
    """Return a result as the row with that id."""
    body, outcome = None, result.outcome
    at_us = result.started_at_us
    if result.phases or result.reason or result.detail or result.readings:
        body = _pack((result.reason, result.detail, result.phases, result.readings))
    return (
        rowid,
        result.job,
        result.worker,
        at_us if -FOREVER_US <= at_us <= FOREVER_US else clip(at_us),
        micros(result.duration_ms),
        # A StrEnum is slow as a key.
        0 if outcome is _OK else _CODES[outcome],
        result.flags & 0x7FFFFFFF,
        body,
    )


def result_of(row: Row) -> Result:
    """Return a stored row as a result."""
    _, job, worker, started_us, duration_us, outcome, flags, body = row
    return opened(job, worker, Sealed(started_us, duration_us, outcome, flags, body))


def opened(job: int, worker: int, row: Sealed) -> Result:
    """Return a row of a chunk as a result."""
    started_us, duration_us, outcome, flags, body = row
    reason, detail, phases, readings = _unpack(body) if body else ("", "", {}, {})
    return Result(
        job=job,
        worker=worker,
        started_at_us=started_us,
        duration_ms=duration_us / 1000,
        outcome=OUTCOMES[outcome],
        flags=flags,
        reason=reason,
        detail=detail,
        phases=phases,
        readings=readings,
    )


def micros(duration_ms: float) -> int:
    """Return whole microseconds; what is no duration at all (NaN) is 0."""
    us = duration_ms * 1000.0
    return round(us if 0.0 <= us <= 1e15 else min(max(0.0, us), 1e15))


def clip(at_us: int) -> int:
    """Return a time that can be stored."""
    return min(max(at_us, -FOREVER_US), FOREVER_US)
