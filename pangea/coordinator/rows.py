"""A row from outside becomes a result, or the reason why it cannot be one.

The one place where numbers and text of a worker are checked: a worker that lies
or is broken may spoil its own rows, never the batch, the group or us.
"""

import math

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from pangea.core.errors import ProtocolError
from pangea.core.model import Flag, Result, Worker
from pangea.core.text import safe_text
from pangea.core.worker_time import WorkerTime
from pangea.mesh.messages import Batch, decode_row

MOST_JOB = 1 << 62
MOST_MS = 1e9
MOST_READINGS = 65_536
MOST_PHASES = 32
_FLAGS = sum(int(flag) for flag in Flag)
_CLAMPED = int(Flag.CLAMPED)


def time_of(batch: Batch) -> WorkerTime:
    """Return how the rows of *batch* are placed in time."""
    return WorkerTime(batch.offset_us, batch.boot_offset_us, batch.before_us)


def read_row(
    raw: Raw | bytes,
    worker: Worker,
    time: WorkerTime,
    now_us: int,
    boot_ns: int = 0,
) -> Result:
    """Return the result in *raw* on coordinator time, everything within bounds.

    *boot_ns* is the worker's boot clock at its start, 0 if unknown. A time that is
    impossible or a guess becomes the nearest possible one, an impossible duration
    0, both flagged. Raises ProtocolError for what is no result at all.
    """
    said = decode_row(raw)
    if not 0 < said.job < MOST_JOB:
        raise ProtocolError("no job has such a number")
    flags = said.flags & _FLAGS
    at_us, guessed = time.place(said.started_at_us, boot_ns, now_us)
    if guessed:
        flags |= _CLAMPED
    took = said.duration_ms
    if not 0 <= took <= MOST_MS:
        took, flags = 0.0, flags | _CLAMPED
    _check_readings(said)
    return replace(
        said,
        started_at_us=at_us,
        duration_ms=took,
        flags=flags,
        worker=worker.id,
        reason=said.reason and safe_text(said.reason, 40),
        detail=said.detail and safe_text(said.detail, 500),
        phases=_phases(said.phases),
    )


def _phases(phases: dict[str, float]) -> dict[str, float]:
    if len(phases) > MOST_PHASES:
        raise ProtocolError(f"{len(phases)} phases are too many")
    if all(0 <= ms <= MOST_MS for ms in phases.values()):
        return phases
    return {name: ms for name, ms in phases.items() if math.isfinite(ms) and ms >= 0}


def _check_readings(said: Result) -> None:
    """Refuse readings that no page could show."""
    if not said.readings:
        return
    try:
        size = len(msgspec.json.encode(said.readings))
    except (TypeError, ValueError, RecursionError, OverflowError) as error:
        raise ProtocolError(f"readings cannot be shown: {error}") from error
    if size > MOST_READINGS:
        raise ProtocolError(f"readings of {size} bytes are too many")
