"""Durations as people write and read them."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.durations import (
    Seconds,
    clock_words,
    format_duration,
    parse_duration,
)
from pangea.core.errors import UsageError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("30s", 30),
        ("5m", 300),
        ("1h30m", 5400),
        ("1d", 86400),
        ("2w", 1209600),
        ("1.5h", 5400),
        (" 1H 30M ", 5400),
        ("7", 7),
        ("0.25", 0.25),
        ("0", 0),
    ],
)
def test_what_people_write_is_understood(text, seconds):
    parsed = parse_duration(text)
    assert parsed == seconds
    assert isinstance(parsed, Seconds)


@pytest.mark.parametrize(
    "text",
    ["", " ", "soon", "-5s", "5 parsecs", "s", "1h-", "1e3", "nan", "inf", "5s!", "٣s"],
)
def test_anything_else_is_refused_with_an_example(text):
    with pytest.raises(UsageError) as caught:
        parse_duration(text)
    assert "1h30m" in caught.value.hint


@pytest.mark.parametrize("text", ["9" * 400 + "d", "101000d", "9" * 400])
def test_more_than_a_lifetime_is_refused(text):
    with pytest.raises(UsageError, match="too long"):
        parse_duration(text)


@given(st.floats(0, 3e9))
def test_what_is_shown_can_be_read_back_as_nearly_the_same(seconds):
    again = parse_duration(format_duration(seconds))
    assert again == pytest.approx(seconds, rel=0.05, abs=1e-6)


@given(st.floats(0, 3e9), st.floats(0, 3e9))
def test_a_longer_duration_is_never_shown_as_a_shorter_one(one, other):
    low, high = sorted((one, other))
    assert parse_duration(format_duration(low)) <= parse_duration(format_duration(high))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.25, "250ms"),
        (0.9999, "1s"),
        (59.99, "1m"),
        (30, "30s"),
        (5400, "1h30m"),
        (90061, "1d1h"),
        (-5, "-5s"),
    ],
)
def test_durations_are_shown_in_at_most_two_units(seconds, text):
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("ahead_s", "whose", "text"),
    [
        (10_800, "hel-1", "3h ahead of hel-1"),
        (-2.5, "hel-1", "2.5s behind hel-1"),
        (0.0004, "", "0.4ms ahead"),
        (-0.0004, "", "0.4ms behind"),
    ],
)
def test_how_a_clock_goes_is_told_in_words(ahead_s, whose, text):
    assert clock_words(ahead_s, whose) == text


@given(st.text("0123456789.smhdw e-", max_size=12) | st.text(max_size=30))
def test_no_text_breaks_the_reader(text):
    with suppress(UsageError):
        assert parse_duration(text) >= 0
