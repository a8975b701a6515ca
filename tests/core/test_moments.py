"""Moments as people write them."""

import contextlib
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.errors import UsageError
from pangea.core.moments import parse_coming, parse_moment

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("03:12", "2026-11-22T03:12:00"),
        ("3:12:09", "2026-11-22T03:12:09"),
        ("14:00", "2026-11-21T14:00:00"),
        ("yesterday 03:12", "2026-11-21T03:12:00"),
        ("Yesterday", "2026-11-21T00:00:00"),
        ("today 11:59", "2026-11-22T11:59:00"),
        ("2026-01-31", "2026-01-31T00:00:00"),
        ("2026-01-31 14:05", "2026-01-31T14:05:00"),
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00"),
        ("2026-01-31T12:00:00+02:00", "2026-01-31T10:00:00"),
        ("2026-01-31T12:00:00 02:00", "2026-01-31T10:00:00"),
        ("2h ago", "2026-11-22T10:00:00"),
        ("1h30m ago", "2026-11-22T10:30:00"),
        ("2h", "2026-11-22T10:00:00"),
        ("1h30m", "2026-11-22T10:30:00"),
        ("now", "2026-11-22T12:00:00"),
    ],
)
def test_a_moment_is_what_a_person_means(text, meant):
    at = datetime.fromisoformat(meant).replace(tzinfo=UTC).timestamp()
    assert parse_moment(text, NOW) == at


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("13:59", "2026-11-22T11:59:00"),
        ("14:01", "2026-11-21T12:01:00"),
        ("today", "2026-11-21T22:00:00"),
        ("2026-06-01", "2026-05-31T21:00:00"),
        ("2026-06-01T12:00", "2026-06-01T09:00:00"),
        ("2026-06-01T12:00:00Z", "2026-06-01T12:00:00"),
        ("2h ago", "2026-11-22T10:00:00"),
    ],
)
def test_a_moment_is_meant_by_the_clocks_of_a_zone(text, meant):
    at = datetime.fromisoformat(meant).replace(tzinfo=UTC).timestamp()
    assert parse_moment(text, NOW, ZoneInfo("Europe/Helsinki")) == at


@pytest.mark.parametrize(
    "text",
    ["", "soon", "25:00", "12:60", "2026-02-30", "2", "2 h", "ago", "yesterday noon",
     "2026-13-01T00:00:00Z", "\x1b[2J", "9" * 400, "9999999999d ago"],
)  # fmt: skip
def test_what_is_no_moment_is_refused_with_a_hint(text):
    with pytest.raises(UsageError) as caught:
        parse_moment(text, NOW)
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["0001-01-01", "1969-12-31", "36500d ago", "0001-01-01T00:00:00+23:59",
     "1969-12-31T23:59:59Z"],
)  # fmt: skip
def test_what_was_before_all_clocks_is_refused(text):
    with pytest.raises(UsageError, match=r"is before 1970|is not a time"):
        parse_moment(text, NOW)


def test_what_is_still_to_come_is_refused():
    with pytest.raises(UsageError, match="still to come"):
        parse_moment("2027-01-01", NOW)


@given(st.text(max_size=40))
def test_no_text_breaks_it_and_no_moment_is_after_now(text):
    with contextlib.suppress(UsageError):
        assert 0 <= parse_moment(text, NOW) <= NOW


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("14:00", "2026-11-22T14:00:00"),
        ("03:12", "2026-11-23T03:12:00"),
        ("tomorrow 01:00", "2026-11-23T01:00:00"),
        ("in 2h", "2026-11-22T14:00:00"),
        ("2h ago", "2026-11-22T10:00:00"),
        ("2027-01-31T12:00:00Z", "2027-01-31T12:00:00"),
    ],
)
def test_of_what_is_planned_a_time_of_day_is_the_next_one(text, meant):
    at = datetime.fromisoformat(meant).replace(tzinfo=UTC).timestamp()
    assert parse_coming(text, NOW) == at


@pytest.mark.parametrize("text", ["", "2h", "in soon", "25:00", "\x1b"])
def test_what_is_no_moment_to_come_is_refused(text):
    with pytest.raises(UsageError, match="is not a time"):
        parse_coming(text, NOW)
