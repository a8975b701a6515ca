"""Grids of cells: a year of days, and hours by days; what class each cell has."""

import math
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from msgspec import Struct

#: The steps of a calendar: from this share of 1 on a day is of that class.
UPTIME_STEPS = (
    (1.0, "full"),
    (0.999, "high"),
    (0.99, "some"),
    (0.95, "low"),
    (0.0, "bad"),
)
#: How many shades a heat map has.
SHADES = 6


class Day(Struct, frozen=True):
    """A day of the calendar: its column (week) and row (Monday is 0)."""

    day: str
    week: int
    weekday: int


class Month(Struct, frozen=True):
    """Where a month begins, in columns."""

    week: int
    label: str


def calendar(last: date, weeks: int = 53) -> tuple[list[Day], list[Month]]:
    """Return the days of the last *weeks* weeks until *last*, oldest first."""
    monday = last - timedelta(days=last.weekday(), weeks=weeks - 1)
    days = [monday + timedelta(days=n) for n in range((last - monday).days + 1)]
    cells = [Day(d.isoformat(), n // 7, d.weekday()) for n, d in enumerate(days)]
    months = [
        Month(cell.week, day.strftime("%b"))
        for cell, day in zip(cells, days, strict=True)
        if day.day <= 7 and day.weekday() == 0
    ]
    return cells, months


def uptime_class(share: float | None) -> str:
    """Return the class of an uptime; ``none`` where nothing was judged."""
    if share is None or not math.isfinite(share):
        return "none"
    return next((name for least, name in UPTIME_STEPS if share >= least), "bad")


def shades(values: Mapping[tuple[str, int], float]) -> dict[tuple[str, int], int]:
    """Return a shade, 0 to SHADES - 1, for each value; equal parts by rank.

    By rank a single spike does not make all else look alike. Values that differ by
    less than a tenth in all are one shade: a jitter is no mountain.
    """
    known = sorted(v for v in values.values() if math.isfinite(v))
    if not known or known[-1] <= known[0] * 1.1:
        return dict.fromkeys(values, 0)
    limits = [known[len(known) * n // SHADES] for n in range(1, SHADES)]
    return {key: _shade(value, limits) for key, value in values.items()}


def _shade(value: float, limits: Sequence[float]) -> int:
    return sum(1 for limit in limits if value > limit)
