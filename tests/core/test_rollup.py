"""Sums of a stretch, however it was cut into pieces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.model import Flag, Outcome
from pangea.core.rollup import Bucket, Tally

RUNS = st.lists(
    st.tuples(
        st.sampled_from(list(Outcome)),
        st.sampled_from([0, int(Flag.WARN), int(Flag.LATE), int(Flag.SICK)]),
        st.integers(0, 10**9),
    ),
    max_size=60,
)


def closed(runs):
    tally = Tally()
    for run in runs:
        tally.add(*run)
    return tally.close()


def told(bucket):
    return {name: getattr(bucket, name) for name in Bucket.__slots__}


@given(RUNS, RUNS)
def test_two_halves_merged_are_the_whole(one, two):
    merged = closed(one)
    merged.merge(closed(two))
    assert told(merged) == told(closed(one + two))


@given(RUNS)
def test_a_bucket_counts_what_there_was(runs):
    bucket = closed(runs)
    good = [d for o, flags, d in runs if o is Outcome.OK and not flags & Flag.SICK]
    assert bucket.count == len(runs)
    assert bucket.ok == sum(outcome is Outcome.OK for outcome, *_ in runs)
    assert bucket.histogram.total == len(good)
    assert bucket.sum_us == sum(good)
    assert (bucket.min_us, bucket.max_us) == (
        min(good, default=0),
        max(good, default=0),
    )


def test_only_good_results_say_something_about_durations():
    bucket = closed([(Outcome.FAILED, 0, 5), (Outcome.ERROR, 0, 7)])
    assert (bucket.failed, bucket.error, bucket.max_us) == (1, 1, 0)


def test_the_timings_of_a_worker_that_is_unwell_are_void():
    sick = closed([(Outcome.OK, int(Flag.SICK), 9_000_000)] * 2)
    assert (sick.ok, sick.max_us, sick.is_timed) == (2, 0, False)
    well = closed([(Outcome.OK, 0, 5000)])
    for one, other in ((sick, well), (well, sick)):
        merged = Bucket()
        merged.merge(one)
        merged.merge(other)
        assert (merged.ok, merged.min_us, merged.max_us) == (3, 5000, 5000)
        assert merged.histogram.quantile(0.99) == well.histogram.quantile(0.5)


def test_a_warning_is_a_good_result_with_a_flag():
    bucket = closed([(Outcome.OK, int(Flag.WARN | Flag.LATE), 5)])
    assert (bucket.ok, bucket.warn) == (1, 1)


def test_an_empty_bucket_merged_in_changes_nothing():
    bucket = closed([(Outcome.OK, 0, 5)])
    bucket.merge(Bucket())
    assert told(bucket) == told(closed([(Outcome.OK, 0, 5)]))


def test_no_quantile_of_a_few_lies_beyond_the_greatest():
    tally = Tally()
    for ms in (9.7, 9.8, 9.8, 9.9, 9.9, 10.0, 10.0, 10.1, 10.2, 20.3):
        tally.add(Outcome.OK, 0, round(ms * 1000))
    p0, p50, p90, p95, p99 = tally.close().quantiles((0.0, 0.5, 0.9, 0.95, 0.99))
    assert (p0, p95, p99) == (9_700, 20_300, 20_300)
    assert p50 == pytest.approx(9_900, rel=0.0101)
    assert p90 == pytest.approx(10_200, rel=0.0101)


def test_of_equal_durations_each_quantile_is_that_duration():
    tally = Tally()
    for _ in range(7):
        tally.add(Outcome.OK, 0, 12_345)
    assert tally.close().quantiles((0.5, 0.99)) == [12_345, 12_345]
    assert Bucket().quantiles((0.5, 0.99)) == [None, None]
