"""The recent past in memory is what came last, in order of time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.model import Outcome
from pangea.storage.recent import Recent
from tests.storage.made import SECOND, T0, result

RUNS = st.lists(
    st.tuples(st.integers(-40 * 86400, 40 * 86400), st.sampled_from(list(Outcome))),
    max_size=40,
    unique_by=lambda run: run[0],
)


@given(RUNS)
def test_the_newest_results_are_kept_whatever_order_they_come_in(runs):
    recent = Recent(size=8)
    seen = []
    for at, outcome in runs:
        recent.add(result(at, ms=1.5, outcome=outcome, flags=5))
        seen.append((T0 + at * SECOND, 1.5, outcome, 5))
    newest = sorted(seen)[-8:]
    reach = newest[-1][0] - (1 << 40) if newest else 0
    kept = recent.last(1, 1, 8)
    assert kept == newest[len(newest) - len(kept) :]
    assert {n[0] for n in newest if n[0] > reach} >= {k.started_us for k in kept}


def test_a_steady_series_keeps_exactly_its_size():
    recent = Recent(size=60)
    for i in range(500):
        recent.add(result(i, ms=i))
    assert [p.duration_ms for p in recent.last(1, 1, 100)] == list(range(440, 500))
    assert [p.duration_ms for p in recent.last(1, 1, 2)] == [498.0, 499.0]


def test_a_result_that_comes_late_finds_its_place():
    recent = Recent()
    for at in (0, 60, 30):
        recent.add(result(at))
    assert [p.started_us - T0 for p in recent.last(1, 1, 9)] == [0, 30e6, 60e6]


def test_durations_of_all_workers_are_in_order_with_failures_as_none():
    recent = Recent()
    recent.add(result(0, worker=1, ms=1))
    recent.add(result(20, worker=1, ms=3))
    recent.add(result(10, worker=2, ms=2, outcome=Outcome.FAILED))
    recent.add(result(15, worker=2, ms=9, outcome=Outcome.ERROR))
    assert recent.durations(1, 9) == [1.0, None, 3.0]
    assert recent.durations(1, 1) == [3.0]
    recent.forget(1)
    assert recent.durations(1, 9) == []


@pytest.mark.parametrize(
    ("ms", "kept"),
    [(float("inf"), 1e30), (1e300, 1e30), (float("nan"), 0.0), (-5.0, 0.0)],
)
def test_an_absurd_duration_becomes_one_that_can_be_drawn(ms, kept):
    recent = Recent()
    recent.add(result(ms=ms))
    assert recent.durations(1, 1) == [pytest.approx(kept)]
