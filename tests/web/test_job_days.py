"""Days and hours of a job by the clocks of a zone, also where they are changed."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from pangea.web.job_days import HEAT_DAYS, calendar_view, heat_view
from pangea.web.schema import HistoryAnswer, PointAnswer
from pangea.web.schema_queries import CalendarAnswer, DayAnswer

HELSINKI = ZoneInfo("Europe/Helsinki")


def hours_of(first, count, slow=()):
    """Return the history of so many hours from *first* on; *slow* ones took longer."""
    begin = datetime.fromisoformat(first).replace(tzinfo=UTC)
    points = [
        PointAnswer(
            at=(begin + timedelta(hours=n)).strftime("%Y-%m-%dT%H:%M:%S.000000Z"),
            ok=60,
            failed=0,
            error=0,
            missing=0,
            p50_ms=1.0,
            p95_ms=900.0 if n in slow else 10.0,
            p99_ms=11.0,
            min_ms=0.5,
            max_ms=12.0,
        )
        for n in range(count)
    ]
    return HistoryAnswer(step_s=3600, points=points, uptime=1.0, coverage=1.0)


def words_of(view, day):
    """Return what each hour of a day says."""
    return [c.words for row in view.rows if row.day == day for c in row.cells]


def test_a_day_of_23_hours_has_one_that_was_not():
    view = heat_view(hours_of("2026-03-28T22:00", 23), HELSINKI)
    assert [row.day for row in view.rows] == ["2026-03-29"]
    said = words_of(view, "2026-03-29")
    assert said[2] == "02:00 p95 10 ms"
    assert said[3] == "03:00 clocks were put forward: this hour was not"
    assert said[4] == "04:00 p95 10 ms"


def test_of_an_hour_that_comes_twice_the_worse_is_shown():
    view = heat_view(hours_of("2026-10-24T21:00", 25, slow={4}), HELSINKI)
    assert [row.day for row in view.rows] == ["2026-10-25"]
    said = words_of(view, "2026-10-25")
    assert said[2] == "02:00 p95 10 ms"
    assert said[3].startswith("03:00 p95 900 ms, clocks were put back")
    assert said[23] == "23:00 p95 10 ms"


def test_hours_say_when_they_begin_where_a_zone_is_off_by_a_part_of_one():
    view = heat_view(hours_of("2026-11-20T18:00", 24), ZoneInfo("Asia/Kathmandu"))
    said = words_of(view, "2026-11-21")
    assert said[0] == "00:45 p95 10 ms"
    assert words_of(view, "2026-11-20")[23] == "23:45 p95 10 ms"


@pytest.mark.parametrize("zone", ["UTC", "Europe/Helsinki", "America/St_Johns"])
def test_every_hour_stands_somewhere(zone):
    hours = (HEAT_DAYS - 1) * 24
    view = heat_view(hours_of("2026-10-10T00:00", hours), ZoneInfo(zone))
    told = [c for row in view.rows for c in row.cells if "p95" in c.words]
    twice = sum("put back" in cell.words for cell in told)
    assert len(told) + twice == hours


@pytest.mark.parametrize(
    ("zone", "more"), [("UTC", ""), ("Europe/Helsinki", "&zone=Europe%2FHelsinki")]
)
def test_a_bad_day_leads_to_that_day_of_its_zone(zone, more):
    bad = DayAnswer(
        date="2026-03-29", uptime=0.9, coverage=1.0, minutes={"up": 1242.0, "down": 138}
    )
    found = CalendarAnswer(
        since="2026-03-28T22:00:00Z",
        until="2026-03-29T21:00:00Z",
        zone=zone,
        uptime=0.9,
        coverage=1.0,
        minutes=bad.minutes,
        days=[bad],
    )
    view = calendar_view(found, "/jobs/x", datetime(2026, 3, 30).date())
    assert view.worst[0].href == f"/jobs/x?from=2026-03-29&to=2026-03-30{more}"
    # Tomorrow is still to come.
    view = calendar_view(found, "/jobs/x", datetime(2026, 3, 29).date())
    assert view.worst[0].href == f"/jobs/x?from=2026-03-29{more}"
    assert view.words.endswith(f"days with data: 1; days of {zone}")
    assert "uptime 90 % since 2026-03-28, measured 100 %" in view.words
    young = replace(found, added_at="2026-03-29T20:54:00Z", coverage=0.5)
    said = calendar_view(young, "/jobs/x", datetime(2026, 3, 29).date()).words
    assert "since the job was added, 2026-03-29 20:54:00 UTC, measured 50 %" in said
