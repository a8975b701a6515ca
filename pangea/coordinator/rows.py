"""A row from outside becomes a result, or the reason why it cannot be one.

The one place where numbers and text of a worker are checked: a worker that lies
or is broken may spoil its own rows, never the batch, the group or us.
"""

import math

import msgspec
from msgspec import Raw
from msgspec.structs import force_setattr as put

from pangea.core.errors import ProtocolError
from pangea.core.model import Flag, Result, Worker
from pangea.core.text import safe_text
from pangea.core.worker_time import WorkerTime
from pangea.mesh.messages import Batch, decode_row

MOST_JOB = 1 << 62
MOST_MS = 1e9
MOST_READINGS = 65_536
MOST_PHASES = 32
_CLAMPED = int(Flag.CLAMPED)
#: What a worker may say of its results; what we did to them we say ourselves.
_SAID = sum(int(flag) for flag in Flag) & ~_CLAMPED


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
    # Nobody else has seen this row yet, so it is put right where it is.
    said = decode_row(raw)
    if not 0 < said.job < MOST_JOB:
        raise ProtocolError("no job has such a number")
    put(said, "worker", worker.id)
    flags = said.flags & _SAID
    at_us, guessed = time.place(said.started_at_us, boot_ns, now_us)
    put(said, "started_at_us", at_us)
    if guessed:
        flags |= _CLAMPED
    if not 0 <= said.duration_ms <= MOST_MS:
        put(said, "duration_ms", 0.0)
        flags |= _CLAMPED
    if flags != said.flags:
        put(said, "flags", flags)
    if said.reason or said.detail:
        put(said, "reason", said.reason and safe_text(said.reason, 40))
        put(said, "detail", said.detail and safe_text(said.detail, 500))
    if said.phases:
        put(said, "phases", _phases(said.phases))
    if said.readings:
        _check_readings(said)
    return said


def _phases(phases: dict[str, float]) -> dict[str, float]:
    if len(phases) > MOST_PHASES:
        raise ProtocolError(f"{len(phases)} phases are too many")
    for ms in phases.values():
        if not 0 <= ms <= MOST_MS:
            break
    else:
        return phases
    return {name: ms for name, ms in phases.items() if math.isfinite(ms) and ms >= 0}


def _check_readings(said: Result) -> None:
    """Refuse readings that no page could show."""
    try:
        size = len(msgspec.json.encode(said.readings))
    except (TypeError, ValueError, RecursionError, OverflowError) as error:
        raise ProtocolError(f"readings cannot be shown: {error}") from error
    if size > MOST_READINGS:
        raise ProtocolError(f"readings of {size} bytes are too many")
