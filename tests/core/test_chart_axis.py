"""Axes have few, round, ordered marks."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.chart_axis import (
    ceiling,
    days_between,
    duration,
    time_ticks,
    value_ticks,
)


@given(st.floats(1e-6, 1e9))
def test_the_top_of_an_axis_is_a_little_above_the_peak(peak):
    assert peak * 0.999 <= ceiling(peak) <= peak * 1.7


@pytest.mark.parametrize("peak", [0.0, -1.0, float("nan"), float("inf")])
def test_without_a_peak_the_top_is_one(peak):
    assert ceiling(peak) == 1.0


@given(st.floats(0, 4e9), st.floats(60, 3e8), st.integers(1, 12))
def test_times_are_in_order_within_the_range_and_not_too_many(begin, span, most):
    ticks = time_ticks(begin, begin + span, most)
    shares = [tick.share for tick in ticks]
    assert shares == sorted(set(shares))
    assert all(0 <= share <= 1 for share in shares)
    # Beyond the longest step it goes by years: one for each.
    assert len(ticks) <= max(most, span / (365 * 86400) + 1) + 1


def test_a_day_is_marked_by_hours_and_its_midnight_by_the_date():
    noon = 1_795_348_800.0
    labels = [tick.label for tick in time_ticks(noon - 86400, noon)]
    assert labels == ["12:00", "15:00", "18:00", "21:00", "22 Nov", "03:00", "06:00",
                      "09:00", "12:00"]  # fmt: skip


def test_two_years_are_marked_by_months():
    now = 1_795_348_800.0
    labels = [tick.label for tick in time_ticks(now - 730 * 86400, now)]
    assert labels[:3] == ["Jan 2025", "Apr 2025", "Jul 2025"]


def test_values_are_told_in_the_unit_that_fits():
    assert [duration(v) for v in (0.25, 12, 1500, 0)] == [
        "250 µs", "12 ms", "1.5 s", "0 ms",
    ]  # fmt: skip
    assert [tick.label for tick in value_ticks(40.0, 4)] == [
        "10 ms", "20 ms", "30 ms", "40 ms",
    ]  # fmt: skip


def test_the_days_of_a_stretch_are_those_it_touches():
    assert days_between(0.0, 86400.0) == ["1970-01-01"]
    assert days_between(86399.0, 86401.0) == ["1970-01-01", "1970-01-02"]


HELSINKI, KATHMANDU = ZoneInfo("Europe/Helsinki"), ZoneInfo("Asia/Kathmandu")


@pytest.mark.parametrize(
    ("zone", "begin", "hours", "labels"),
    [
        pytest.param(
            HELSINKI, "2026-03-28T22:00", 6,
            ["29 Mar", "01:00", "02:00", "04:00", "05:00", "06:00", "07:00"],
            id="an hour that no clock shows",
        ),
        pytest.param(
            HELSINKI, "2026-10-24T23:00", 4,
            ["02:00", "02:30", "03:00", "03:30", "03:00", "03:30", "04:00", "04:30",
             "05:00"],
            id="an hour that comes twice",
        ),
        pytest.param(
            ZoneInfo("Europe/Berlin"), "2026-10-25T00:40", 1 + 1 / 6,
            ["02:40", "02:50", "02:00", "02:10", "02:20", "02:30", "02:40", "02:50"],
            id="a beginning within an hour that comes twice",
        ),
        pytest.param(
            KATHMANDU, "2026-11-21T12:00", 24,
            ["18:00", "21:00", "22 Nov", "03:00", "06:00", "09:00", "12:00", "15:00"],
            id="a zone that is three quarters of an hour off",
        ),
        pytest.param(
            HELSINKI, "2026-10-22T21:00", 97,
            ["23 Oct", "24 Oct", "25 Oct", "26 Oct", "27 Oct"],
            id="midnights around a day of 25 hours",
        ),
    ],
)  # fmt: skip
def test_marks_are_round_by_the_clocks_of_a_zone(zone, begin, hours, labels):
    at = datetime.fromisoformat(begin).replace(tzinfo=UTC).timestamp()
    ticks = time_ticks(at, at + hours * 3600, 8, zone)
    assert [tick.label for tick in ticks] == labels


@given(
    st.integers(1_600_000_000, 1_900_000_000),
    st.sampled_from([3600, 86400, 7 * 86400, 40 * 86400]),
    st.sampled_from(["Europe/Helsinki", "Asia/Kathmandu", "America/St_Johns"]),
)
def test_a_mark_stands_where_it_says(begin, span, name):
    zone = ZoneInfo(name)
    ticks = time_ticks(begin, begin + span, 8, zone)
    shares = [tick.share for tick in ticks]
    assert shares == sorted(set(shares))
    for tick in ticks:
        at = datetime.fromtimestamp(round(begin + tick.share * span), zone)
        assert tick.label == at.strftime("%H:%M" if ":" in tick.label else "%d %b")
        if ":" not in tick.label:
            assert (at.hour, at.minute) == (0, 0)
