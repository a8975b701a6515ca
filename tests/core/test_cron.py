"""Cron lines mean what cron means by them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.cron import WEEKDAYS, cron_fields, weekdays
from pangea.core.errors import UsageError
from pangea.scheduling import next_by_cron

#: A Wednesday, at noon.
NOON = datetime(2026, 1, 14, 12, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("0", "sun"),
        ("7", "sun"),
        ("6", "sat"),
        ("1-5", "mon,tue,wed,thu,fri"),
        ("5-7", "sun,fri,sat"),
        ("0-7", "*"),
        ("*", "*"),
        ("*/2", "sun,tue,thu,sat"),
        ("1-5/2", "mon,wed,fri"),
        ("3/2", "wed,fri"),
        ("sat-sun", "sun,sat"),
        ("mon,3,5-6", "mon,wed,fri,sat"),
    ],
)
def test_weekdays_count_from_sunday(text, days):
    assert weekdays(text) == days


@pytest.mark.parametrize("text", ["8", "-1", "", "1-", "*/0", "moon", "1,,2", "1-9"])
def test_what_is_no_weekday_is_refused(text):
    with pytest.raises(UsageError, match="cannot read cron"):
        next_by_cron(f"0 3 * * {text or ','}", "UTC", NOON)


@given(st.integers(0, 7), st.floats(0, 4e9))
def test_the_next_moment_is_on_the_weekday_that_was_named(number, after):
    at = datetime.fromtimestamp(next_by_cron(f"0 3 * * {number}", "UTC", after), UTC)
    assert at.strftime("%a").lower() == WEEKDAYS[number % 7]
    assert 0 < at.timestamp() - after <= 7 * 86400


def test_a_day_of_the_month_and_a_weekday_mean_the_one_or_the_other():
    found, at = [], NOON
    for _ in range(5):
        at = next_by_cron("0 3 20 * 0", "UTC", at)
        found.append(datetime.fromtimestamp(at, UTC).day)
    assert found == [18, 20, 25, 1, 8]
    assert len(cron_fields("0 3 20 * 0")) == 2


def test_a_star_with_a_step_restricts_along_with_the_other_day():
    at = datetime.fromtimestamp(next_by_cron("0 3 */2 * 0", "UTC", NOON), UTC)
    assert (at.strftime("%a"), at.day % 2) == ("Sun", 1)


def test_names_of_months_and_days_are_read_in_any_case():
    at = datetime.fromtimestamp(next_by_cron("0 3 * FEB Mon", "UTC", NOON), UTC)
    assert at == datetime(2026, 2, 2, 3, tzinfo=UTC)
    assert at - timedelta(days=31) < datetime.fromtimestamp(NOON, UTC)


def test_a_line_of_four_fields_is_none():
    with pytest.raises(UsageError, match="4 fields, wanted 5"):
        next_by_cron("0 3 * *", "UTC", NOON)
