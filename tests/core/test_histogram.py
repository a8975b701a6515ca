"""Quantiles after any merging, against the values themselves."""

from contextlib import suppress
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.histogram import Histogram, index_of, rank_of, value_of

VALUES = st.lists(st.integers(1, 10**12), min_size=1, max_size=200)
QUANTILES = st.sampled_from([0.0, 0.1, 0.5, 0.9, 0.95, 0.99, 1.0])


def histogram(values):
    made = Histogram()
    for value in values:
        made.add(value)
    return made


def nearest_rank(values, q):
    """Return the smallest value that a share *q* does not exceed."""
    enough = Fraction(str(q)) * len(values)
    return min(v for v in values if sum(w <= v for w in values) >= enough)


@given(VALUES, QUANTILES)
def test_a_quantile_is_within_one_percent_of_the_value_at_its_rank(values, q):
    exact = nearest_rank(values, q)
    assert histogram(values).quantile(q) == pytest.approx(exact, rel=0.0101)


@given(VALUES, VALUES, VALUES)
def test_the_order_of_merging_changes_nothing(one, two, three):
    left, right = histogram(one), histogram(three)
    left.merge(histogram(two))
    left.merge(histogram(three))
    right.merge(histogram(two))
    right.merge(histogram(one))
    assert left == right == histogram(one + two + three)
    assert left.total == len(one + two + three)


@given(st.lists(st.integers(0, 10**15), max_size=200))
def test_packed_and_unpacked_it_is_the_same(values):
    made = histogram(values)
    assert Histogram.unpack(made.pack()) == made
    assert Histogram.unpack(made.pack_quick()) == made


@given(st.dictionaries(st.integers(400, 600), st.integers(1, 1 << 40), min_size=1))
def test_what_is_quick_to_unpack_holds_many_as_well(counts):
    made = Histogram()
    made.counts = counts
    assert Histogram.unpack(made.pack_quick()) == made


@given(st.binary(max_size=30))
def test_bytes_that_are_no_quick_histogram_are_refused(rest):
    with suppress(ValueError):
        Histogram.unpack(b"\x80\x00" + rest)


@pytest.mark.parametrize("packed", [b"\x80", b"\x01", b"\x01\x02\x03"])
def test_a_packed_histogram_that_was_cut_is_refused(packed):
    with pytest.raises(ValueError, match=r"cut|argument"):
        Histogram.unpack(packed)


@pytest.mark.parametrize(
    ("q", "total", "rank"),
    [
        pytest.param(0.99, 20, 20, id="p99 of 20 is the greatest"),
        pytest.param(0.90, 10, 9, id="p90 of 10 is the last but one"),
        pytest.param(0.95, 10, 10, id="p95 of 10 is the greatest"),
        pytest.param(0.95, 20, 19, id="a whole rank is itself"),
        pytest.param(0.07, 100, 7, id="and so it is where the product is not exact"),
        pytest.param(0.0, 5, 1, id="the least"),
        pytest.param(1.0, 5, 5, id="the greatest"),
        pytest.param(0.5, 1, 1, id="of one"),
    ],
)
def test_a_quantile_is_the_nearest_rank(q, total, rank):
    assert rank_of(q, total) == rank


def test_nothing_has_no_quantile():
    assert Histogram().quantile(0.5) is None


def test_zero_stays_zero():
    assert histogram([0, 0, 0]).quantile(0.5) == 0.0


@given(st.integers(1, 10**14))
def test_a_bucket_stands_for_a_value_within_one_percent(value):
    assert value_of(index_of(value)) == pytest.approx(value, rel=0.0101)


def test_a_duration_of_years_lands_in_the_last_bucket_and_does_not_break():
    assert index_of(10**30) < 65536
