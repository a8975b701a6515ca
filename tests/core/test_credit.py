"""Backlogs come as fast as there is room, and not at all while we are behind."""

from hypothesis import given
from hypothesis import strategies as st

from pangea.core.credit import ALL_ROWS_S, LATE_S, MOST_ROWS_S, rows_a_second


def test_one_worker_gets_as_much_as_one_may_have():
    assert rows_a_second(0.0, 1) == MOST_ROWS_S


def test_many_share_what_there_is():
    assert rows_a_second(0.1, 100) == ALL_ROWS_S / 100


def test_while_the_coordinator_is_behind_nothing_old_comes():
    assert rows_a_second(LATE_S, 1) == 0.0
    assert 0 < rows_a_second(1.0, 1) <= MOST_ROWS_S


@given(st.floats(0, 10), st.floats(0, 10), st.integers(0, 10_000))
def test_more_lag_never_gives_more(one, other, sharing):
    low, high = sorted((one, other))
    assert rows_a_second(low, sharing) >= rows_a_second(high, sharing)
