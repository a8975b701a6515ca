"""What differs: what is more than chance, and nothing else."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pangea.core.compare import Difference, apart, bounds, compare, in_words
from pangea.core.model import Outcome
from pangea.core.rollup import Bucket, Tally


def made(n, ms=30.0, *, fail=0.0, errors=0.0, loss=None, tls=10.0, seed=1):
    """Return *n* results: about so slow, so many of which fail."""
    chance, tally = random.Random(seed), Tally()
    for _ in range(n):
        outcome = Outcome.FAILED if chance.random() < fail else Outcome.OK
        outcome = Outcome.ERROR if chance.random() < errors else outcome
        spent = chance.expovariate(1 / 3)
        tally.add(outcome, 0, round(1000 * (ms + tls + spent)))
        readings = {}
        if loss is not None:
            got = sum(chance.random() >= loss for _ in range(5))
            readings = {"sent": 5, "received": got}
        tally.tell(outcome, 0, {"connect": ms, "tls": tls + spent}, readings)
    return tally.close()


def words(a, b):
    return in_words(a, b, compare(a, b))


def test_slower_and_failing_more_is_told_in_words_that_people_use():
    told = words(made(2880), made(2880, tls=29.0, fail=0.023, seed=2))
    assert told == (
        "p50 42 → 60 ms (+43 %), p95 49 → 68 ms (+40 %), "
        "mostly tls 13 → 32 ms (+148 %), failures 0 → 2.3 %"
    )


def test_what_only_a_phase_differs_in_is_no_sentence_without_words():
    phase = Difference(what="phase tls", unit="ms", before=1.0, after=2.0)
    said = in_words(made(500), made(500, seed=2), [phase])
    assert said == "no difference beyond chance"


def test_packets_that_are_lost_are_told_where_they_are_counted():
    found = compare(made(2880, loss=0.001), made(2880, loss=0.023, seed=2))
    assert [one.what for one in found] == ["loss"]
    assert found[0].words == "loss 0.12 → 2.1 %"
    assert found[0].is_worse


def test_better_is_a_difference_as_well():
    found = compare(made(500, 60.0), made(500, 30.0, seed=2))
    assert {one.what for one in found} >= {"p50", "p95"}
    assert not any(one.is_worse for one in found)
    assert found[0].change_pct < 0


def test_seconds_are_told_in_seconds():
    assert "→ 1.5 s (+" in words(made(900, 980.0), made(900, 1500.0))


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        pytest.param(made(0), made(9), "nothing was measured on one side", id="one"),
        pytest.param(
            made(0), made(0), "nothing was measured on neither side", id="none"
        ),
        pytest.param(made(3), made(99), "too few results to tell: 3 and 99", id="few"),
        pytest.param(
            made(2880), made(2880, seed=9), "no difference beyond chance", id="alike"
        ),
    ],
)
def test_what_cannot_be_told_apart_is_not(a, b, said):
    assert words(a, b) == said


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(5, 400), st.integers(5, 400))
def test_two_draws_of_one_population_are_seldom_told_apart(seed, n, m):
    # Each seed is one trial; at three standard deviations hardly any may differ in
    # its median, and none of them by much.
    found = compare(made(n, seed=seed), made(m, seed=seed + 1))
    medians = [one for one in found if one.what == "p50"]
    assert all(abs(one.change_pct) < 15 for one in medians)


def test_a_thousand_equal_pairs_hardly_differ():
    told = 0
    for seed in range(300):
        told += bool(compare(made(60, seed=seed), made(60, seed=1000 + seed)))
    assert told <= 9


def test_what_nobody_measured_is_no_difference_of_a_quantile():
    failing = made(100, fail=1.0)
    found = compare(failing, made(100))
    assert [one.what for one in found] == ["failures"]
    assert found[0].words == "failures 100 → 0 %"


def test_could_not_tell_is_a_difference_of_its_own():
    found = compare(made(500), made(500, errors=0.2))
    assert [one.what for one in found] == ["could not tell"]


def test_of_few_results_a_high_quantile_may_be_anything():
    low, high = bounds(made(20).histogram, 0.99)
    assert high == float("inf")
    assert low > 0
    assert bounds(made(1).histogram, 0.5) == pytest.approx(
        (0.0, made(1).histogram.quantile(0.5)), rel=1
    ) or bounds(made(1).histogram, 0.5)[1] == float("inf")


def test_shares_of_nothing_are_not_apart():
    assert not apart(0, 0, 5, 10)
    assert not apart(0, 10, 0, 10)
    assert apart(0, 100, 100, 100)
    assert compare(Bucket(), Bucket()) == []
