"""When a good result warns, by the rule of its job."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.model import Outcome, Result
from pangea.core.rule import parse_rule
from pangea.core.threshold import ENOUGH, STRETCH_S, Past, Pasts, warning


def result(took_ms=10.0, at=0.0, **readings):
    return Result(
        job=1, worker=2, started_at_us=round(at * 1e6), duration_ms=took_ms,
        outcome=Outcome.OK, readings=readings,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "given_", "reason"),
    [
        ("latency=50ms", result(50.0), None),
        ("latency=50ms", result(50.1), "latency"),
        ("loss=10%", result(loss_pct=10.0), None),
        ("loss=10%", result(loss_pct=20.0), "loss"),
        ("loss=10%", result(ipv6={"loss_pct": 20.0}), "loss"),
        ("jitter=5ms", result(jitter_ms=6.0), "jitter"),
        ("jitter=5ms", result(jitter_ms=None), None),
        ("days=14", result(leaf_days_left=13.9), "cert_expires_soon"),
        ("days=14", result(leaf_days_left=30.0), None),
        ("days=14", result(), None),
        ("loss=10%", result(loss_pct="lots"), None),
        ("loss=10%", result(loss_pct=True), None),
    ],
)
def test_a_threshold_that_is_passed_warns(rule, given_, reason):
    found = warning(given_, parse_rule(rule), Pasts())

    assert (found and found[0]) == reason


def test_times_that_say_nothing_warn_of_nothing_but_the_days():
    rule, slow = parse_rule("latency=1ms days=14"), result(50.0, leaf_days_left=3.0)

    assert warning(slow, rule, Pasts())[0] == "latency"
    assert warning(slow, rule, Pasts(), timed=False)[0] == "cert_expires_soon"


def test_slower_than_usual_is_known_after_twenty_results():
    rule, pasts, found = parse_rule("slower=3x"), Pasts(), []
    for number in range(ENOUGH + 1):
        took = 100.0 if number in (5, ENOUGH) else 10.0
        found.append(warning(result(took, at=30.0 * number), rule, pasts))

    assert [f and f[0] for f in found] == [None] * ENOUGH + ["slower"]
    assert "took 100 ms, usually" in found[-1][1]


def test_the_shortest_times_may_waver():
    rule, pasts = parse_rule("slower=3x"), Pasts()
    for number in range(ENOUGH):
        warning(result(0.1, at=number), rule, pasts)

    assert warning(result(0.9, at=60), rule, pasts) is None
    assert warning(result(1.5, at=61), rule, pasts)[0] == "slower"


def test_each_worker_has_a_past_of_its_own_until_the_job_asks_something_else():
    pasts = Pasts()
    pasts.of(1, 2).add(0.0, 5.0)
    assert pasts.of(1, 2) is pasts.of(1, 2)
    assert pasts.of(1, 2) is not pasts.of(1, 3)
    before = pasts.of(1, 2)
    pasts.keep({1})
    assert pasts.of(1, 2) is before
    pasts.forget(1)
    assert pasts.of(1, 2) is not before
    before = pasts.of(1, 2)
    pasts.keep(())
    assert pasts.of(1, 2) is not before


def test_what_is_usual_changes_within_hours():
    past = Past()
    for number in range(100):
        past.add(60.0 * number, 10.0)
    slow = 2 * STRETCH_S
    for number in range(100):
        past.add(slow + 60.0 * number, 50.0)

    assert past.median_ms() == pytest.approx(50.0, rel=0.03)


def test_after_a_silence_nothing_is_known():
    past = Past()
    for number in range(100):
        past.add(60.0 * number, 10.0)
    past.add(5 * STRETCH_S, 10.0)

    assert past.median_ms() is None


@given(st.lists(st.floats(0.1, 10_000), min_size=ENOUGH, max_size=80))
def test_the_median_is_one(times):
    past = Past()
    for number, took in enumerate(times):
        past.add(float(number), took)
    middle = sorted(times)[(len(times) + 1) // 2 - 1]

    assert past.median_ms() == pytest.approx(middle, rel=0.011, abs=0.002)
