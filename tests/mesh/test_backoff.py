"""Reconnecting is quick at first, never a storm, never given up."""

import random

from hypothesis import given
from hypothesis import strategies as st

from pangea.mesh.backoff import reconnect_delay


@given(st.integers(0, 10**6), st.floats(0, 1))
def test_a_delay_is_between_nothing_and_a_minute(attempt, jitter):
    assert 0 <= reconnect_delay(attempt, lambda: jitter) <= 60


def test_the_longest_delays_double_from_one_second_to_a_minute():
    longest = [reconnect_delay(attempt, lambda: 1.0) for attempt in range(8)]
    assert longest == [1, 2, 4, 8, 16, 32, 60, 60]


def test_a_thousand_workers_do_not_return_at_once():
    source = random.Random(1)
    delays = sorted(reconnect_delay(6, source.random) for _ in range(1000))
    busiest = max(
        sum(1 for d in delays if second <= d < second + 1) for second in range(60)
    )
    assert busiest < 40
