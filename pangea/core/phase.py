"""When a job fires: a stable place in its interval, on coordinator time.

The phase comes from the job's id alone, so a restart moves nothing, and the
workers of a job stand evenly between each other: with N workers somebody looks
every interval / N.
"""

import hashlib
import math


def base_phase(job: int, interval_s: float) -> float:
    """Return the stable offset of *job* within its interval, in seconds."""
    digest = hashlib.blake2b(job.to_bytes(8, "big", signed=True), digest_size=8)
    return int.from_bytes(digest.digest(), "big") / 2**64 * interval_s


def worker_phase(job: int, interval_s: float, place: int, workers: int) -> float:
    """Return the offset for the worker at *place* (0-based) of *workers*."""
    spread = interval_s * (place % max(workers, 1)) / max(workers, 1)
    return (base_phase(job, interval_s) + spread) % interval_s


def next_due(now: float, interval_s: float, phase_s: float) -> float:
    """Return the first moment after *now* that lies at *phase_s* of an interval."""
    turn = math.floor((now - phase_s) / interval_s) + 1
    due = turn * interval_s + phase_s
    return due if due > now else due + interval_s
