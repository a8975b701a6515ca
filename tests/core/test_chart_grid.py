"""A year has its days in place, and shades tell more from less."""

import itertools
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pangea.core.chart_grid import SHADES, calendar, shades, uptime_class


@given(st.dates(date(1990, 1, 1), date(2090, 1, 1)), st.integers(1, 60))
def test_a_calendar_ends_with_the_last_day_and_misses_none(last, weeks):
    days, months = calendar(last, weeks)
    shown = [date.fromisoformat(day.day) for day in days]
    assert shown[-1] == last
    assert shown[0].weekday() == 0
    assert all(b - a == timedelta(days=1) for a, b in itertools.pairwise(shown))
    for day, when in zip(days, shown, strict=True):
        assert day.weekday == when.weekday()
        assert day.week == (when - shown[0]).days // 7 < weeks
    assert [m.week for m in months] == sorted({m.week for m in months})


VALUES = st.dictionaries(
    st.tuples(st.just("d"), st.integers(0, 500)), st.floats(0, 1e6), max_size=200
)


@given(VALUES)
def test_a_larger_value_never_has_a_lighter_shade(values):
    found = shades(values)
    ordered = sorted(values, key=lambda key: values[key])
    assert found.keys() == values.keys()
    assert all(0 <= found[key] < SHADES for key in found)
    assert all(found[a] <= found[b] for a, b in itertools.pairwise(ordered))


def test_a_jitter_is_no_mountain():
    values = {("d", n): 100.0 + n % 3 for n in range(24)}
    assert set(shades(values).values()) == {0}


def test_an_uptime_has_a_class_and_what_is_not_known_has_its_own():
    said = [uptime_class(x) for x in (1.0, 0.9995, 0.995, 0.97, 0.2, None)]
    assert said == ["full", "high", "some", "low", "bad", "none"]
