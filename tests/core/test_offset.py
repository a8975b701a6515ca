"""The offset between two clocks."""

from hypothesis import given
from hypothesis import strategies as st

from pangea.core.offset import (
    KEPT,
    OffsetEstimate,
    OffsetSample,
    offset_sample,
)

delays = st.integers(0, 500_000)


@given(st.integers(-(10**15), 10**15), delays, delays, delays)
def test_half_the_round_trip_bounds_the_error(offset, there, wait, back):
    sent = 10**15
    received = sent + there + offset
    answered = received + wait
    sample = offset_sample(sent, received, answered, sent + there + wait + back)

    assert abs(sample.offset_us - offset) <= (there + back) // 2 + 1
    assert sample.rtt_us == there + back


def test_the_shortest_round_trip_of_the_last_eight_wins():
    estimate = OffsetEstimate()
    assert estimate.best == OffsetSample(0, 0)
    estimate.add(OffsetSample(-5, 10))
    for number in range(KEPT - 1):
        estimate.add(OffsetSample(number, 100 + number))

    assert estimate.best == OffsetSample(-5, 10)
    estimate.add(OffsetSample(99, 200))
    assert estimate.best == OffsetSample(0, 100)


def test_a_sample_that_cannot_agree_with_the_best_begins_anew():
    estimate = OffsetEstimate()
    estimate.add(OffsetSample(0, 100))
    estimate.add(OffsetSample(7_200_000_000, 40_000))

    assert estimate.best == OffsetSample(7_200_000_000, 40_000)


@given(st.lists(st.tuples(delays, delays), min_size=1, max_size=KEPT))
def test_delays_alone_forget_nothing(ways):
    estimate = OffsetEstimate()
    for there, back in ways:
        estimate.add(offset_sample(0, there + 500, there + 500, there + back))

    assert estimate.best.rtt_us == min(there + back for there, back in ways)
    assert abs(estimate.best.offset_us - 500) <= estimate.best.rtt_us // 2 + 1
