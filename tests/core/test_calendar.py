"""A calendar of days, and how it is drawn."""

import itertools
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.calendar import MOST_DAYS, calendar, days_back
from pangea.core.calendar_chart import (
    DEGRADED,
    DENTED,
    DOWN,
    NOTHING,
    PLANNED,
    UNKNOWN,
    UP,
    Square,
    draw,
    mark_of,
)
from pangea.core.errors import UsageError
from pangea.core.model import Verdict
from pangea.core.uptime import KINDS, Aside, Span, kinds, length, uptime
from pangea.core.verdict import Transition

NOW_US = 1_790_000_000_000_000  # 2026-09-21 14:13 UTC, a Monday
HOUR_US = 3_600_000_000


def hours(days):
    return [(span.end_us - span.begin_us) / HOUR_US for _, span in days]


def test_days_follow_each_other_and_the_last_goes_on():
    days = days_back(365, NOW_US)
    assert [name for name, _ in days[-2:]] == ["2026-09-20", "2026-09-21"]
    assert len(days) == 365
    for (_, one), (_, following) in itertools.pairwise(days):
        assert one.end_us == following.begin_us
    assert days[-1][1].end_us == NOW_US
    assert set(hours(days[:-1])) == {24.0}


def test_a_day_is_an_hour_shorter_or_longer_where_clocks_are_changed():
    days = dict(days_back(365, NOW_US, "Europe/Helsinki"))
    autumn, spring = days["2025-10-26"], days["2026-03-29"]
    assert autumn.end_us - autumn.begin_us == 25 * HOUR_US
    assert spring.end_us - spring.begin_us == 23 * HOUR_US


@pytest.mark.parametrize("zone", ["", "Nowhere/Land", "../../etc/passwd", "/etc", "\0"])
def test_a_zone_that_is_none_is_refused(zone):
    with pytest.raises(UsageError, match="zone"):
        days_back(3, NOW_US, zone)


def test_a_calendar_has_an_end():
    assert len(days_back(10**6, NOW_US)) == MOST_DAYS


STRETCH = st.tuples(st.integers(-40, 260), st.integers(1, 90)).map(
    lambda s: Span(NOW_US - s[0] * HOUR_US, NOW_US - (s[0] - s[1]) * HOUR_US)
)
TURNS = st.lists(
    st.tuples(st.integers(0, 300), st.sampled_from(list(Verdict))), max_size=12
)


@given(
    TURNS,
    st.lists(STRETCH, max_size=3),
    st.lists(STRETCH, max_size=3),
    st.lists(STRETCH, max_size=3),
    st.sampled_from(["UTC", "Asia/Kathmandu"]),
)
def test_days_add_up_to_the_uptime_of_all_of_them(turns, paused, worked, empty, zone):
    log, before = [], Verdict.UNKNOWN
    for back, after in sorted(turns, reverse=True):
        log.append(Transition(1, NOW_US - back * HOUR_US, before, after, ""))
        before = after
    days = days_back(10, NOW_US, zone)
    whole = Span(days[0][1].begin_us, NOW_US)
    aside = Aside(paused=paused, maintenance=worked, no_data=empty)
    found = kinds(log, whole, aside)
    assert sum(map(length, found.values())) == length([whole])
    told, every = calendar(found, days), uptime(log, whole, aside)
    for kind in KINDS:
        spent = sum(getattr(day.time, kind) for day in told)
        assert spent == pytest.approx(getattr(every, kind), abs=1e-3)
    for day, (name, span) in zip(told, days, strict=True):
        spent = sum(getattr(day.time, kind) for kind in KINDS)
        assert day.date == name
        assert spent == pytest.approx(length([span]) / 1e6, abs=1e-3)


def test_days_before_the_job_was_there_are_nothing():
    days = days_back(3, NOW_US)
    (first, second, _) = calendar({"up": [days[1][1]]}, days)
    assert first.time.share is None
    assert second.time.share == 1.0


@pytest.mark.parametrize(
    ("minutes", "mark"),
    [
        ({"up": 1440.0}, UP),
        ({"up": 1430.0, "down": 10.0}, DENTED),
        ({"up": 1400.0, "down": 40.0}, DOWN),
        ({"up": 1300.0, "degraded": 140.0}, DEGRADED),
        ({"up": 1439.0, "degraded": 1.0}, UP),
        ({"maintenance": 900.0, "no_data": 540.0}, PLANNED),
        ({"paused": 1440.0}, PLANNED),
        ({"unknown": 1440.0}, UNKNOWN),
        ({"no_data": 1440.0}, NOTHING),
        ({"up": 10.0, "no_data": 1430.0}, UP),
    ],
)
def test_a_day_is_drawn_as_its_worst(minutes, mark):
    assert mark_of(minutes) == mark
    assert mark_of({}).glyph == " "


def squares(days, bad=()):
    last = date(2026, 9, 21)
    return [
        Square(
            last - timedelta(days=back),
            {"up": 1400.0, "down": 40.0} if back in bad else {"up": 1440.0},
        )
        for back in range(days - 1, -1, -1)
    ]


def test_a_year_fits_on_a_terminal_and_each_day_is_there_once():
    lines = draw(squares(365, bad=(0, 7, 8)), width=80)
    rows = lines[1:8]
    assert sum(line.count("■") for line in rows) == 362
    assert sum(line.count("✖") for line in rows) == 3
    assert max(map(len, lines)) <= 80
    # The 21st of September 2026 is a Monday, and so is the 14th.
    assert rows[0].endswith("✖✖")
    assert rows[6].endswith("✖■")
    assert lines[0].split()[-1] == "Sep"
    assert lines[-1] == "■ up   ✖ down for 1 % or more"


def test_what_has_no_room_is_left_out_from_the_oldest_on():
    lines = draw(squares(365, bad=(364,)), width=30, plain=True)
    assert max(map(len, lines[:8])) <= 30
    assert "x" not in "".join(lines[:8])
    assert "".join(lines[1:8]).isascii()


def test_a_wide_terminal_is_used():
    narrow, wide = (draw(squares(100), width=width) for width in (30, 80))
    assert "■ ■" in wide[1]
    assert "■ ■" not in narrow[1]


def test_no_days_are_no_calendar():
    assert draw([], width=80)[0].strip() == ""
