"""What a job costs before it is added: probes, load on the target, disk, delay."""

from msgspec import Struct

from .durations import format_duration

#: Budgets; a job beyond one is refused with the number to change.
WORKER_RATE = 2000.0
TARGET_RATE = 20.0
BYTES_A_RESULT = 90


class Cost(Struct, frozen=True):
    """The price of a job; ``*_per_s`` are runs, ``detection_s`` the worst case.

    It is None if the rule lets those workers confirm no outage.
    """

    workers: int
    probes_per_s: float
    target_per_s: float
    bytes_per_day: int
    detection_s: float | None


def cost_of(interval_s: float, workers: int, detection_s: float | None) -> Cost:
    """Return what a job costs on *workers* workers.

    *detection_s* is the bound of the trust line (`trust_line.detection_s`).
    """
    rate = max(workers, 1) / interval_s
    return Cost(
        workers=workers,
        probes_per_s=1 / interval_s,
        target_per_s=rate,
        bytes_per_day=round(rate * 86400 * BYTES_A_RESULT),
        detection_s=detection_s,
    )


def over_budget(cost: Cost) -> str:
    """Return the sentence that refuses a job beyond its budget, or ""."""
    if cost.target_per_s > TARGET_RATE:
        return (
            f"the target would be probed {cost.target_per_s:g} times a second from "
            f"{cost.workers} workers (limit {TARGET_RATE:g}): give a longer --every "
            "or fewer workers with --on"
        )
    if cost.probes_per_s > WORKER_RATE:
        return f"{cost.probes_per_s:g} probes a second pass a worker's {WORKER_RATE:g}"
    return ""


def in_words(cost: Cost) -> str:
    """Return the line that ``job add`` prints."""
    if not cost.workers:
        return "costs nothing yet: no worker can probe it"
    noun = "worker" if cost.workers == 1 else "workers"
    seen = "by its rule they can confirm no outage"
    if cost.detection_s is not None:
        seen = f"an outage is seen within {format_duration(cost.detection_s)}"
    return (
        f"costs {_how_often(cost.probes_per_s)} on each of {cost.workers} {noun}, "
        f"{_how_often(cost.target_per_s)} on the target, "
        f"{in_bytes(cost.bytes_per_day)} a day; {seen}"
    )


def _how_often(per_s: float) -> str:
    if per_s > 1:
        return f"{per_s:.3g} probes a second"
    return f"a probe every {format_duration(1 / per_s)}"


def in_bytes(count: int) -> str:
    """Return a number of bytes for people, in units of a thousand."""
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if abs(count) >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count} B"
