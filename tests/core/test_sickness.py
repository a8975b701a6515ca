"""Which results are void, whatever the order in which things become known."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from pangea.core.model import Flag, Job, Outcome, Result
from pangea.core.sickness import (
    FOR_EVER,
    KEPT_S,
    MARGIN_S,
    MOST,
    SickWindow,
    joined,
    void,
)

NOW = 1_800_000_000.0
CAUSE = "gateway: it answers no ping"


def job(expect="ok"):
    said = {"id": 1, "name": "web", "type": "tcp", "target": "192.0.2.7:1"}
    return Job(interval_s=30.0, timeout_s=10.0, expect=expect, **said)


def result(began, outcome=Outcome.FAILED, took=5.0, flags=0):
    return Result(
        job=1,
        started_at_us=round((NOW + began) * 1e6),
        duration_ms=took * 1000,
        outcome=outcome,
        reason="" if outcome is Outcome.OK else "timeout",
        flags=flags,
    )


def window(since, until=FOR_EVER, cause=CAUSE):
    return SickWindow(NOW + since, NOW + until, cause)


def test_a_failure_that_a_window_touches_is_void_with_its_cause():
    bad = [window(-100, -50)]
    assert void(result(-70), job(), bad) == CAUSE
    assert void(result(-104), job(), bad) == CAUSE
    assert void(result(-120), job(), bad) == ""
    assert void(result(-40), job(), bad) == ""


def test_an_answer_counts_also_with_a_warning():
    bad = [window(-100)]
    assert void(result(-70, Outcome.OK), job(), bad) == ""
    assert void(result(-70, Outcome.OK, flags=int(Flag.WARN)), job(), bad) == ""
    assert void(result(-70, Outcome.ERROR), job(), bad) == ""


def test_where_nothing_must_answer_it_is_the_other_way_round():
    bad = [window(-100)]
    assert void(result(-70, Outcome.OK), job("fail"), bad) == CAUSE
    assert void(result(-70), job("fail"), bad) == ""


def test_the_flag_alone_makes_a_failure_void():
    assert void(result(-70, flags=int(Flag.SICK)), job(), [])
    assert not void(result(-70, Outcome.OK, flags=int(Flag.SICK)), job(), [])


def test_a_window_is_known_better_once_it_has_ended():
    begun = joined([], [window(-60)], NOW)
    assert begun[-1].until == FOR_EVER
    ended = joined(begun, [window(-59.9, -10)], NOW)
    assert ended == [window(-59.9, -10)]


def test_what_a_worker_does_not_go_on_with_is_over():
    assert joined([window(-60)], [], NOW) == [window(-60, 0)]


PLACES = st.floats(-1000, 0)
WINDOWS = st.lists(
    st.builds(
        lambda since, lasts: window(since, min(since + lasts, 0.0)),
        PLACES,
        st.floats(0, 50),
    ),
    max_size=10,
)


@given(WINDOWS, WINDOWS)
def test_windows_stay_in_order_and_do_not_overlap(known, said):
    windows = joined(joined([], known, NOW), said, NOW)
    for one, after in itertools.pairwise(windows):
        assert one.since <= one.until <= after.since


@given(WINDOWS)
def test_what_is_said_twice_is_known_once(said):
    once = joined([], said, NOW)
    assert joined(once, once, NOW) == once


@given(st.integers(1, 3 * MOST))
def test_the_oldest_are_forgotten(count):
    said = [window(-10 * n, -10 * n + 5) for n in range(count, 0, -1)]
    kept = joined([], said, NOW)
    assert len(kept) == min(count, MOST)
    assert kept[-1] == said[-1]
    assert joined(kept, [], NOW + KEPT_S + 10 * count + MARGIN_S) == []
