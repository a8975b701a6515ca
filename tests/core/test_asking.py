"""The bucket that lets only so much be asked."""

from hypothesis import given
from hypothesis import strategies as st

from pangea.core.asking import Bucket, answered_within


@given(
    st.lists(st.tuples(st.floats(0, 10), st.floats(0.1, 5)), max_size=60),
    st.floats(0.5, 50),
    st.floats(1, 100),
)
def test_no_more_passes_than_was_earned(asked, a_second, at_once):
    bucket, now, taken, largest = Bucket(a_second, at_once), 100.0, 0.0, 0.0
    for pause, amount in asked:
        now += pause
        wait = bucket.take(amount, now)
        assert wait >= 0
        taken += 0 if wait else amount
        # What is larger than the bucket passes once it is full, and is owed then.
        largest = max(largest, amount)
        most = at_once + (now - 100.0) * a_second + max(largest - at_once, 0)
        assert taken <= most + 1e-6


def test_who_waits_as_told_is_let_through():
    bucket = Bucket(2.0, 3.0)
    assert bucket.take(3.0, 10.0) == 0
    wait = bucket.take(1.0, 10.0)
    assert wait == 0.5
    assert bucket.take(1.0, 10.0 + wait) == 0


def test_the_way_takes_longer():
    assert answered_within(1.0, hops=True) > answered_within(1.0, hops=False) > 1
