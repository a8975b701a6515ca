"""A job's days: a year of uptime as a calendar, and the hours of the last weeks."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from msgspec import Struct

from pangea.core.chart_grid import Day, calendar, shades, uptime_class
from pangea.core.durations import format_duration

from .job_points import has_runs, loss_of, percent
from .job_range import address
from .schema import HistoryAnswer, PointAnswer
from .schema_queries import CalendarAnswer, DayAnswer
from .text import t
from .words import ms, share

WEEKS, HEAT_DAYS, WORST = 53, 28, 6
HOUR_S = 3600
#: From this share of runs that failed on an hour is shown as failed.
BAD_HOUR = 0.05


class DayCell(Struct, frozen=True):
    """A day of the calendar; ``href`` leads to a day on which something was wrong."""

    css: str
    words: str
    href: str


class WeekdayRow(Struct, frozen=True):
    """The same day of every week; None is a day still to come."""

    name: str
    cells: list[DayCell | None]


class MonthHead(Struct, frozen=True):
    """A month above the calendar, so many weeks wide."""

    label: str
    weeks: int


class CalendarView(Struct, frozen=True):
    """A year of days."""

    months: list[MonthHead]
    rows: list[WeekdayRow]
    words: str
    worst: list[DayCell]


class HourCell(Struct, frozen=True):
    """An hour: the class of its shade, and what it was in words."""

    css: str
    words: str


class HeatRow(Struct, frozen=True):
    """A day of the heat map."""

    day: str
    cells: list[HourCell]


class HeatView(Struct, frozen=True):
    """Hours by days, the last day first; ``words`` say what the shades are."""

    rows: list[HeatRow]
    words: str


class DaysView(Struct, frozen=True):
    """Both; ``heat`` is None if nothing was measured."""

    year: CalendarView
    heat: HeatView | None


def calendar_view(found: CalendarAnswer, path: str, last: date) -> CalendarView:
    """Return a year of days until *last*; *path* leads to a day that was not well."""
    known = {day.date: day for day in found.days}
    cells, months = calendar(last, WEEKS)
    rows = [
        WeekdayRow(
            name=t(f"job.day_{weekday}"),
            cells=_row([c for c in cells if c.weekday == weekday], known, path),
        )
        for weekday in range(7)
    ]
    starts = [(month.week, month.label) for month in months]
    return CalendarView(
        months=_heads(starts),
        rows=rows,
        words=t("job.year_said", uptime=share(found.uptime), days=len(known)),
        worst=_worst(found.days, path),
    )


def _row(cells: Sequence[Day], known: Mapping[str, DayAnswer], path: str
         ) -> list[DayCell | None]:  # fmt: skip
    found: list[DayCell | None] = [_day(c.day, known.get(c.day), path) for c in cells]
    return [*found, *([None] * (WEEKS - len(found)))]


def _day(day: str, told: DayAnswer | None, path: str) -> DayCell:
    if told is None or told.uptime is None:
        planned = told and sum(
            told.minutes.get(k, 0) for k in ("paused", "maintenance")
        )
        word = t("job.day_planned") if planned else t("job.day_none")
        return DayCell("u-none", f"{day}: {word}", "")
    down = told.minutes.get("down", 0.0) * 60
    words = [f"{day}: {share(told.uptime)}"]
    if down:
        words.append(t("job.day_down", length=format_duration(max(down, 1.0))))
    if told.coverage < 0.98:
        words.append(t("job.day_measured", part=share(told.coverage)))
    href = _link(path, day) if told.uptime < 1 else ""
    return DayCell(f"u-{uptime_class(told.uptime)}", ", ".join(words), href)


def _link(path: str, day: str) -> str:
    after = date.fromisoformat(day) + timedelta(days=1)
    return address(path, {"from": day, "to": after.isoformat()})


def _heads(starts: Sequence[tuple[int, str]]) -> list[MonthHead]:
    """Return the months with their widths, the part before the first without a name."""
    edges = [0, *(week for week, _ in starts), WEEKS]
    labels = ["", *(label for _, label in starts)]
    widths = [after - before for before, after in pairwise(edges)]
    return [
        # Where there is no room for its name a month has none.
        MonthHead(label if width > 2 else "", width)
        for label, width in zip(labels, widths, strict=True)
        if width
    ]


def _worst(days: Sequence[DayAnswer], path: str) -> list[DayCell]:
    """Return the worst days, for who does not see the calendar or has thick fingers."""
    bad = [d for d in days if d.uptime is not None and d.uptime < 1]
    bad.sort(key=lambda day: day.uptime or 0.0)
    return [_day(day.date, day, path) for day in bad[:WORST]]


def heat_view(history: HistoryAnswer) -> HeatView | None:
    """Return the hours of *history*, whose steps are an hour; None if it is empty."""
    points = [point for point in history.points if has_runs(point)]
    if not points:
        return None
    places = {_place(point): point for point in history.points}
    values = {
        at: point.p95_ms for at, point in places.items() if point.p95_ms is not None
    }
    shaded = shades(values)
    days = sorted({day for day, _ in places}, reverse=True)[:HEAT_DAYS]
    known = [v for v in values.values() if math.isfinite(v)]
    limits = (ms(min(known, default=None)), ms(max(known, default=None)))
    return HeatView(
        rows=[
            HeatRow(
                day,
                [
                    _hour(h, places.get((day, h)), shaded.get((day, h)))
                    for h in range(24)
                ],
            )
            for day in days
        ],
        words=t("job.heat_said", low=limits[0], high=limits[1]),
    )


def _place(point: PointAnswer) -> tuple[str, int]:
    at = datetime.fromisoformat(point.at).astimezone(UTC)
    return at.date().isoformat(), at.hour


def _hour(hour: int, point: PointAnswer | None, shade: int | None) -> HourCell:
    clock = f"{hour:02}:00"
    if point is None or not has_runs(point):
        return HourCell("h-none", f"{clock} {t('job.day_none')}")
    loss = loss_of(point) or 0.0
    said = [f"{clock} p95 {ms(point.p95_ms)}"]
    if loss:
        said.append(t("job.lost", part=percent(loss)))
    if loss >= BAD_HOUR or shade is None:
        return HourCell("h-bad", ", ".join(said))
    return HourCell(f"h-{shade}", ", ".join(said))
