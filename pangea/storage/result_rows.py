"""Results to what is stored of them and back."""

from typing import Any

import msgspec

from pangea.core.chunk import Row
from pangea.core.model import Outcome, Result
from pangea.core.sheaf import Arrived

FOREVER_US = 1 << 62

OUTCOMES = (Outcome.OK, Outcome.FAILED, Outcome.ERROR)
_CODES = {outcome: code for code, outcome in enumerate(OUTCOMES)}
_OK = Outcome.OK
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder().decode
#: Reason, detail, phases and readings of a body.
Body = tuple[str, str, dict[str, float], dict[str, Any]]
NOTHING: Body = ("", "", {}, {})


def row_of(result: Result) -> Arrived:
    """Return a result as it is packed."""
    body, outcome = None, result.outcome
    at_us = result.started_at_us
    if result.phases or result.reason or result.detail or result.readings:
        body = _pack((result.reason, result.detail, result.phases, result.readings))
    return (
        result.job,
        result.worker,
        at_us if -FOREVER_US <= at_us <= FOREVER_US else clip(at_us),
        micros(result.duration_ms),
        # A StrEnum is slow as a key.
        0 if outcome is _OK else _CODES[outcome],
        result.flags & 0x7FFFFFFF,
        body,
    )


def opened(job: int, worker: int, row: Row) -> Result:
    """Return what was stored as a result."""
    started_us, duration_us, outcome, flags, body = row
    reason, detail, phases, readings = read_body(body) if body else ("", "", {}, {})
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


def read_body(body: bytes) -> Body:
    """Return what a body holds."""
    found: Body = _unpack(body)
    return found


def micros(duration_ms: float) -> int:
    """Return whole microseconds; what is no duration at all (NaN) is 0."""
    us = duration_ms * 1000.0
    return round(us if 0.0 <= us <= 1e15 else min(max(0.0, us), 1e15))


def clip(at_us: int) -> int:
    """Return a time that can be stored."""
    return min(max(at_us, -FOREVER_US), FOREVER_US)
