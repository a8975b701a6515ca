"""Axes of charts: round numbers to stand beside a plot, and round times below it."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo

from msgspec import Struct

#: Steps of a time axis in seconds; above the last one it goes by months.
STEPS_S = (
    60, 120, 300, 600, 900, 1800,
    3600, 7200, 10800, 21600, 43200,
    86400, 172800, 604800, 1209600,
)  # fmt: skip
DAY_S, MONTH_S = 86400, 2_630_000
_EPOCH, _BACK = datetime(1970, 1, 1), timedelta(hours=1)


class Tick(Struct, frozen=True):
    """A mark: where, as a share of the axis from its beginning, and what it says."""

    share: float
    label: str


def ceiling(peak: float) -> float:
    """Return the next round number above *peak*, 1 for what is no peak."""
    if not math.isfinite(peak) or peak < 1e-9:
        return 1.0
    size = 10.0 ** math.floor(math.log10(peak))
    return _round_up(peak / size) * size


def _round_up(mantissa: float) -> float:
    steps = (1, 1.2, 1.6, 2, 2.4, 3, 4, 5, 6, 8, 10)
    return next((s for s in steps if s >= mantissa * 0.9999), 10)


def value_ticks(top: float, count: int = 4) -> list[Tick]:
    """Return *count* marks up to *top*, in milliseconds, the lowest first."""
    return [Tick(n / count, duration(top * n / count)) for n in range(1, count + 1)]


def duration(ms: float) -> str:
    """Return milliseconds for an axis: ``250 µs``, ``12 ms``, ``1.5 s``."""
    if ms >= 1000:
        return f"{ms / 1000:.3g} s"
    return f"{ms:.3g} ms" if ms >= 1 or ms == 0 else f"{ms * 1000:.3g} µs"


def time_ticks(
    begin_s: float, end_s: float, most: int = 8, zone: tzinfo = UTC
) -> list[Tick]:
    """Return at most *most* moments, round by the clocks of *zone*, within a stretch.

    The stretch is in seconds of UTC. On a day on which clocks are changed marks may
    stand closer together or further apart.
    """
    span = end_s - begin_s
    if span <= 0 or most < 1:
        return []
    step = next((s for s in STEPS_S if span / s <= most), 0)
    if step:
        moments = _by_step(begin_s, end_s, step, zone)
    else:
        moments = _months(begin_s, end_s, most, zone)
    return [Tick((at - begin_s) / span, moment_label(at, step, zone)) for at in moments]


def _by_step(begin_s: float, end_s: float, step: int, zone: tzinfo) -> list[float]:
    """Return the moments at which clocks show a multiple of *step*."""
    # Clocks that are put back by an hour show once more what they showed before.
    first = datetime.fromtimestamp(begin_s, zone).replace(tzinfo=None) - _BACK
    days = (first - _EPOCH).days
    wall = _EPOCH + timedelta(days=days - days % max(step // DAY_S, 1))
    wall += timedelta(seconds=(first - wall).seconds // step * step)
    found: set[float] = set()
    while (either := _readings(wall, zone)) and min(either) <= end_s:
        found |= {at for at in either if begin_s <= at <= end_s and _is(at, wall, zone)}
        wall += timedelta(seconds=step)
    return sorted(found)


def _readings(wall: datetime, zone: tzinfo) -> tuple[float, float]:
    """Return both moments that *wall* may mean; nearly always they are one."""
    there = wall.replace(tzinfo=zone)
    return there.timestamp(), there.replace(fold=1).timestamp()


def _is(at_s: float, wall: datetime, zone: tzinfo) -> bool:
    """Tell whether clocks show *wall* then; those put forward skip an hour."""
    return datetime.fromtimestamp(at_s, zone).replace(tzinfo=None) == wall


def _months(begin_s: float, end_s: float, most: int, zone: tzinfo) -> list[float]:
    """Return beginnings of months, each or every second, third, sixth, twelfth."""
    every = next(
        (n for n in (1, 2, 3, 6) if (end_s - begin_s) / MONTH_S / n <= most), 12
    )
    at = datetime.fromtimestamp(begin_s, zone)
    found: list[float] = []
    month = at.year * 12 + at.month
    while True:
        first = datetime(month // 12, month % 12 + 1, 1, tzinfo=zone).timestamp()
        if first > end_s:
            return found
        if month % every == 0:
            found.append(first)
        month += 1


def moment_label(at_s: float, step_s: float, zone: tzinfo = UTC) -> str:
    """Return a moment as it stands below an axis with marks *step_s* apart."""
    at = datetime.fromtimestamp(at_s, zone)
    if not step_s:
        return at.strftime("%b %Y")
    if step_s >= DAY_S or (at.hour == 0 and at.minute == 0):
        return at.strftime("%d %b")
    return at.strftime("%H:%M")


def days_between(begin_s: float, end_s: float) -> Sequence[str]:
    """Return each day of UTC that a stretch touches, as ``2026-11-22``."""
    day = datetime.fromtimestamp(begin_s, UTC).date()
    last = datetime.fromtimestamp(max(end_s - 1e-6, begin_s), UTC).date()
    found = []
    while day <= last:
        found.append(day.isoformat())
        day += timedelta(days=1)
    return found
