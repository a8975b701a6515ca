"""A job's days: a year of uptime as a calendar, and the hours of the last weeks."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import pairwise

from msgspec import Struct

from pangea.core.chart_grid import Day, calendar, shades, uptime_class
from pangea.core.durations import format_duration

from .job_points import has_runs, loss_of, percent
from .job_range import address
from .schema import HistoryAnswer, PointAnswer
from .schema_queries import CalendarAnswer, DayAnswer
from .text import t
from .words import ms, share, when

WEEKS, HEAT_DAYS, WORST = 53, 28, 6
HOUR_S = 3600
#: So that the oldest of those days is whole where one has an hour more.
HEAT_HOURS = HEAT_DAYS * 24 + 1
#: From this share of runs that failed on an hour is shown as failed.
BAD_HOUR = 0.05


class Ways(Struct, frozen=True):
    """Where days lead: the page, and the zone whose days they are, "" for UTC.

    ``last`` is the last day there is; with ``at``, in UTC, pages stand at that moment.
    """

    path: str
    zone: str
    last: date
    at: str = ""

    def day(self, day: str) -> str:
        """Return the address of the page that shows *day*."""
        after = date.fromisoformat(day) + timedelta(days=1)
        # Of the last day the end is still to come.
        end = after.isoformat() if after <= self.last else ""
        asked = {"from": day, "to": end, "zone": self.zone, "at": self.at}
        return address(self.path, asked)


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


def calendar_view(
    found: CalendarAnswer, path: str, last: date, at: str = ""
) -> CalendarView:
    """Return a year of days until *last*; *path* leads to a day that was not well.

    They are days of the zone that was asked for; with *at* pages stand at that moment.
    """
    ways = Ways(path, "" if found.zone == "UTC" else found.zone, last, at)
    known = {day.date: day for day in found.days}
    cells, months = calendar(last, WEEKS)
    rows = [
        WeekdayRow(
            name=t(f"job.day_{weekday}"),
            cells=_row([c for c in cells if c.weekday == weekday], known, ways),
        )
        for weekday in range(7)
    ]
    starts = [(month.week, month.label) for month in months]
    return CalendarView(
        months=_heads(starts),
        rows=rows,
        words=_year_words(found),
        worst=_worst(found.days, ways),
    )


def _year_words(found: CalendarAnswer) -> str:
    """Return over which time the uptime is, and how much of that was measured."""
    added = when(found.added_at, found.until)
    since = "job.year_added" if added else "job.year_since"
    return t(
        "job.year_said",
        uptime=share(found.uptime),
        since=t(since, at=added.exact if added else found.since[:10]),
        coverage=share(found.coverage),
        days=sum(day.uptime is not None for day in found.days),
        zone=found.zone,
    )


def _row(cells: Sequence[Day], known: Mapping[str, DayAnswer], ways: Ways
         ) -> list[DayCell | None]:  # fmt: skip
    found: list[DayCell | None] = [_day(c.day, known.get(c.day), ways) for c in cells]
    return [*found, *([None] * (WEEKS - len(found)))]


def _day(day: str, told: DayAnswer | None, ways: Ways) -> DayCell:
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
    href = ways.day(day) if told.uptime < 1 else ""
    return DayCell(f"u-{uptime_class(told.uptime)}", ", ".join(words), href)


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


def _worst(days: Sequence[DayAnswer], ways: Ways) -> list[DayCell]:
    """Return the worst days, for who does not see the calendar or has thick fingers."""
    bad = [d for d in days if d.uptime is not None and d.uptime < 1]
    bad.sort(key=lambda day: day.uptime or 0.0)
    return [_day(day.date, day, ways) for day in bad[:WORST]]


def heat_view(history: HistoryAnswer, zone: tzinfo = UTC) -> HeatView | None:
    """Return the hours of *history*, whose steps are an hour, by the clocks of *zone*.

    None if it is empty. Where clocks are put forward an hour is not there; where they
    are put back one is there twice, and the worse of both is shown.
    """
    if not any(has_runs(point) for point in history.points):
        return None
    places: dict[tuple[str, int], list[PointAnswer]] = {}
    for point in history.points:
        places.setdefault(_place(point, zone), []).append(point)
    slow = {at: _p95(points) for at, points in places.items()}
    values = {at: p95 for at, p95 in slow.items() if p95 is not None}
    shaded = shades(values)
    days = sorted({day for day, _ in places}, reverse=True)[:HEAT_DAYS]
    known = [v for v in values.values() if math.isfinite(v)]
    return HeatView(
        rows=[
            HeatRow(
                day,
                [
                    _hour(points, shaded.get((day, hour)), zone)
                    if (points := places.get((day, hour)))
                    else _no_hour(day, hour, zone)
                    for hour in range(24)
                ],
            )
            for day in days
        ],
        words=t(
            "job.heat_said",
            low=ms(min(known, default=None)),
            high=ms(max(known, default=None)),
            zone=str(zone),
        ),
    )


def _place(point: PointAnswer, zone: tzinfo) -> tuple[str, int]:
    """Return the day and the hour in which an hour of history begins."""
    at = datetime.fromisoformat(point.at).astimezone(zone)
    return at.date().isoformat(), at.hour


def _p95(points: Sequence[PointAnswer]) -> float | None:
    return max((p.p95_ms for p in points if p.p95_ms is not None), default=None)


def _no_hour(day: str, hour: int, zone: tzinfo) -> HourCell:
    """Return an hour of which nothing is known, or which no clock has shown."""
    wall = datetime.fromisoformat(f"{day}T{hour:02}:00")
    there = wall.replace(tzinfo=zone).astimezone(UTC).astimezone(zone)
    was = there.replace(tzinfo=None) == wall
    said = t("job.day_none" if was else "job.hour_skipped")
    return HourCell("h-none", f"{hour:02}:00 {said}")


def _hour(points: Sequence[PointAnswer], shade: int | None, zone: tzinfo) -> HourCell:
    ran = [point for point in points if has_runs(point)]
    # In zones that are half an hour off, hours of history begin within theirs.
    begins = datetime.fromisoformat(points[0].at).astimezone(zone)
    clock = begins.strftime("%H:%M")
    if not ran:
        return HourCell("h-none", f"{clock} {t('job.day_none')}")
    loss = max(loss_of(point) or 0.0 for point in ran)
    said = [f"{clock} p95 {ms(_p95(ran))}"]
    if len(points) > 1:
        said.append(t("job.hour_twice"))
    if loss:
        said.append(t("job.lost", part=percent(loss)))
    if loss >= BAD_HOUR or shade is None:
        return HourCell("h-bad", ", ".join(said))
    return HourCell(f"h-{shade}", ", ".join(said))
