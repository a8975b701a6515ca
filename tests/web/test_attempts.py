from hypothesis import given
from hypothesis import strategies as st

from pangea.web.attempts import KEPT, LONGEST_S, Attempts


def test_the_wait_doubles_with_every_failure_and_success_ends_it():
    attempts = Attempts(3)
    waits = []
    for _ in range(6):
        attempts.failed("a", 100.0)
        waits.append(attempts.wait_s("a", 100.0))
    assert waits == [0, 0, 1, 2, 4, 8]
    assert attempts.wait_s("a", 107.0) == 1
    assert attempts.wait_s("b", 100.0) == 0
    attempts.succeeded("a")
    assert attempts.wait_s("a", 100.0) == 0


@given(st.lists(st.floats(0, 1e6), max_size=60), st.integers(1, 9))
def test_nobody_waits_longer_than_the_longest(gaps, free):
    attempts, now = Attempts(free), 0.0
    for gap in gaps:
        now += gap
        attempts.failed("a", now)
        assert 0 <= attempts.wait_s("a", now) <= LONGEST_S


def test_old_failures_are_forgotten_and_memory_is_bounded():
    attempts = Attempts(1)
    attempts.failed("a", 0.0)
    assert attempts.wait_s("a", 0.0) > 0
    assert attempts.wait_s("a", 2 * LONGEST_S + 1) == 0
    for number in range(KEPT):
        attempts.failed(str(number), 0.0)
    assert attempts.wait_s("a", 0.0) == 0
    assert attempts.wait_s("1", 0.0) > 0
