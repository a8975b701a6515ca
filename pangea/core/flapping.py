"""Flapping: a job whose verdict changes so often that each change says little.

The rule is Icinga's and Nagios': of the last 20 states those that were changes are
counted, the newest with weight 1.2, the oldest with 0.8. Above 30 % a job flaps,
until it is below 25 %. A state is one interval of the job.
"""

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

STATES = 20
STARTS_PCT = 30.0
ENDS_PCT = 25.0
OLDEST, NEWEST = 0.8, 1.2
#: Changes that are remembered; there is one a state at most that counts.
MOST = 4 * STATES


class Flap(Struct, frozen=True):
    """When (UTC seconds) a job's verdict changed of late, and what that means."""

    changes: tuple[float, ...] = ()
    flapping: bool = False
    pct: float = 0.0


def percent(changes: Iterable[float], now: float, interval_s: float) -> float:
    """Return the weighted share, in percent, of states that were changes."""
    states = {int((now - at) / interval_s) for at in changes if at <= now}
    step = (NEWEST - OLDEST) / (STATES - 1)
    weights = (NEWEST - step * state for state in states if state < STATES)
    return 100.0 * sum(weights) / STATES


def change(flap: Flap, at: float, interval_s: float) -> Flap:
    """Return *flap* after the verdict has changed at *at*."""
    oldest = at - STATES * interval_s
    recent = tuple(c for c in flap.changes if oldest < c <= at)[1 - MOST :]
    return age(replace(flap, changes=(*recent, at)), at, interval_s)


def age(flap: Flap, now: float, interval_s: float) -> Flap:
    """Return *flap* as it is at *now*."""
    pct = percent(flap.changes, now, interval_s)
    flapping = pct > STARTS_PCT or (flap.flapping and pct >= ENDS_PCT)
    return replace(flap, flapping=flapping, pct=pct)
