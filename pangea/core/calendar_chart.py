"""A calendar made of characters: a column a week, a row a weekday."""

from collections.abc import Sequence
from datetime import date, timedelta

from msgspec import Struct


class Mark(Struct, frozen=True):
    """How a day is drawn, in ASCII as well, and what that means."""

    glyph: str
    plain: str
    words: str


UP = Mark("■", "#", "up")
DENTED = Mark("▪", "+", "down for less than 1 %")
DEGRADED = Mark("▲", "!", "degraded")
DOWN = Mark("✖", "x", "down for 1 % or more")
PLANNED = Mark("◇", "m", "in maintenance, or paused")
UNKNOWN = Mark("○", "?", "not known")
NOTHING = Mark("·", ".", "not measured")
BEFORE = Mark(" ", " ", "")
MARKS = (UP, DENTED, DEGRADED, DOWN, PLANNED, UNKNOWN, NOTHING)
#: From this share of a day that is down, the day is.
BAD_SHARE = 0.01
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"
MARGIN = 4


class Square(Struct, frozen=True):
    """A day to be drawn, of which ``minutes`` tells how long it was what."""

    day: date
    minutes: dict[str, float]


def mark_of(minutes: dict[str, float]) -> Mark:
    """Return how a day is drawn: its worst, if that was long enough to be seen."""
    down, judged = minutes.get("down", 0.0), 0.0
    for kind in ("up", "degraded", "down"):
        judged += minutes.get(kind, 0.0)
    if down:
        return DOWN if down >= BAD_SHARE * judged else DENTED
    if minutes.get("degraded", 0.0) >= BAD_SHARE * max(judged, 1.0):
        return DEGRADED
    if judged:
        return UP
    planned = sum(minutes.get(kind, 0.0) for kind in ("maintenance", "paused", "drill"))
    nothing, unknown = minutes.get("no_data", 0.0), minutes.get("unknown", 0.0)
    ranked = [(planned, PLANNED), (unknown, UNKNOWN), (nothing, NOTHING)]
    most, mark = max(ranked, key=lambda entry: entry[0])
    return mark if most else BEFORE


def draw(squares: Sequence[Square], *, width: int, plain: bool = False) -> list[str]:
    """Return the lines of a calendar; what has no room in *width* is left out, oldest.

    *squares* are days in order, each once. Below it stands what its marks mean.
    """
    weeks = _weeks(squares, max(width - MARGIN, 1))
    apart = " " if 2 * len(weeks) + MARGIN <= width else ""
    lines = [" " * MARGIN + _months(list(weeks), 1 + len(apart))]
    for number, name in enumerate(WEEKDAYS):
        marks = [week.get(number, BEFORE) for week in weeks.values()]
        row = apart.join(mark.plain if plain else mark.glyph for mark in marks)
        shown = name if number % 2 == 0 else ""
        lines.append(f"{shown:<{MARGIN}}{row}".rstrip())
    used = {mark for week in weeks.values() for mark in week.values()}
    return [*lines, "", *_legend(used, width, plain=plain)]


def _weeks(squares: Sequence[Square], most: int) -> dict[date, dict[int, Mark]]:
    """Return by the Monday of each week its days by number, the last *most* weeks."""
    weeks: dict[date, dict[int, Mark]] = {}
    for square in squares:
        weekday = square.day.weekday()
        monday = square.day - timedelta(days=weekday)
        weeks.setdefault(monday, {})[weekday] = mark_of(square.minutes)
    return dict(list(weeks.items())[-most:])


def _months(weeks: Sequence[date], columns: int) -> str:
    """Return the names of months, each above the first week that ends in it."""
    months = [(monday + timedelta(days=6)).month for monday in weeks]
    begun = [n for n, month in enumerate(months) if n == 0 or month != months[n - 1]]
    if len(begun) > 1 and begun[1] * columns < MARGIN:
        del begun[0]  # there is no room for both
    line = ""
    for number in begun:
        month = months[number] - 1
        line = line.ljust(number * columns) + _MONTHS[3 * month : 3 * month + 3]
    return line


def _legend(used: set[Mark], width: int, *, plain: bool) -> list[str]:
    """Return what the marks mean that are there, in lines of *width* at most."""
    lines: list[str] = []
    for mark in MARKS:
        if mark not in used:
            continue
        words = f"{mark.plain if plain else mark.glyph} {mark.words}"
        if lines and len(lines[-1]) + len(words) + 3 <= width:
            lines[-1] += f"   {words}"
        else:
            lines.append(words)
    return lines
