"""Stretches that no calendar has are refused or cut, not worked on."""

import pytest

from pangea.core.errors import UsageError
from pangea.web.api_queries import TopQuery
from pangea.web.ranges import FIRST_US, LAST_US, span_of
from pangea.web.sides import CompareQuery, sides_of

NOW = 1_700_000_000.0
FIRST, LAST = "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00"


def test_what_is_before_all_is_cut():
    assert span_of(TopQuery(since=FIRST), NOW).begin_us == FIRST_US
    assert span_of(TopQuery(range=1e12), NOW).begin_us == FIRST_US


def test_what_ends_before_all_is_refused():
    with pytest.raises(UsageError, match="before until"):
        span_of(TopQuery(until=FIRST), NOW)


@pytest.mark.parametrize(
    "asked",
    [{"since": FIRST}, {"earlier": 1e12}, {"other_since": LAST}, {"until": FIRST}],
)
def test_two_sides_are_of_this_age_or_refused(asked):
    with pytest.raises(UsageError):
        sides_of(CompareQuery(**asked), NOW)


def test_another_stretch_is_cut_too():
    other, _ = sides_of(CompareQuery(other_since=FIRST, other_until="7d"), NOW)
    assert (other.span.begin_us, other.span.end_us < LAST_US) == (FIRST_US, True)
