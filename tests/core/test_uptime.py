"""Every moment of a range is exactly one thing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.model import Verdict
from pangea.core.uptime import (
    KINDS,
    Aside,
    Span,
    bad_spans,
    budget,
    merged,
    uptime,
    without,
)
from pangea.core.verdict import Transition

S = 1_000_000
UP, DEGRADED, DOWN, UNKNOWN = (
    Verdict.UP, Verdict.DEGRADED, Verdict.DOWN, Verdict.UNKNOWN,
)  # fmt: skip


def turns(*said, before=UNKNOWN):
    """Return transitions at so many seconds."""
    made = []
    for at, after in said:
        made.append(Transition(1, at * S, before, after, ""))
        before = after
    return made


def span(begin, end):
    return Span(begin * S, end * S)


moments = st.integers(-50, 150)
spans = st.lists(st.builds(lambda a, b: span(min(a, b), max(a, b)), moments, moments))
logs = st.lists(st.tuples(moments, st.sampled_from(Verdict))).map(
    lambda said: turns(*sorted(said, key=lambda s: s[0]))
)


@given(logs, spans, spans, spans, spans)
def test_the_seconds_always_add_up_to_the_range(log, paused, mended, drill, dark):
    aside = Aside(paused, mended, drill, dark)
    found = uptime(log, span(0, 100), aside)
    assert sum(getattr(found, kind) for kind in KINDS) == pytest.approx(100)
    assert all(getattr(found, kind) >= 0 for kind in KINDS)
    assert 0 <= found.coverage <= 1
    assert found.share is None or 0 <= found.share <= 1


@given(spans, spans)
def test_what_is_left_of_a_span_and_what_is_cut_are_the_whole(some, cut):
    some, cut = merged(some), merged(cut)
    left = without(some, cut)
    for second in range(-51, 151):
        inside = any(s.begin_us <= second * S < s.end_us for s in some)
        taken = any(s.begin_us <= second * S < s.end_us for s in cut)
        kept = any(s.begin_us <= second * S < s.end_us for s in left)
        assert kept == (inside and not taken)


def test_the_verdict_before_the_range_counts_from_its_beginning():
    log = turns((-500, UP), (40, DOWN), (60, UP))
    found = uptime(log, span(0, 100))
    assert (found.up, found.down) == (80, 20)
    assert found.share == 0.8


def test_degraded_is_up_and_unknown_is_neither():
    log = turns((0, DEGRADED), (30, UNKNOWN), (50, DOWN), (60, UP))
    found = uptime(log, span(0, 100))
    assert (found.degraded, found.unknown, found.down, found.up) == (30, 20, 10, 40)
    assert found.share == pytest.approx(70 / 80)


def test_a_pause_beats_maintenance_beats_a_drill_beats_no_data():
    log = turns((0, DOWN))
    aside = Aside([span(0, 10)], [span(5, 30)], [span(20, 40)], [span(35, 60)])
    found = uptime(log, span(0, 100), aside)
    told = (found.paused, found.maintenance, found.drill, found.no_data, found.down)
    assert told == (10, 20, 10, 20, 40)
    assert found.coverage == pytest.approx(1 - 20 / 90)


def test_a_job_that_nothing_is_known_of_has_no_share():
    found = uptime([], span(0, 100))
    assert found.unknown == 100
    assert found.share is None


def test_unknown_within_an_outage_ends_it_not():
    log = turns((0, UP), (10, DOWN), (20, UNKNOWN), (30, DEGRADED), (40, UP))
    assert bad_spans(log, span(0, 100)) == [span(10, 40)]
    assert bad_spans(turns((90, DOWN)), span(0, 100)) == [span(90, 100)]


def test_the_budget_of_a_month_at_three_nines_is_43_minutes():
    month = 30 * 86400
    log = turns((0, UP), (1000, DOWN), (1000 + 600, UP))
    whole = uptime(log, span(0, month))
    hour = uptime(log, span(0, 3600))
    told = budget(99.9, whole, {"1h": hour, "6h": uptime([], span(0, 9))})
    assert told.total_s == pytest.approx(43.2 * 60)
    assert told.left_s == pytest.approx(33.2 * 60)
    assert told.burn["1h"] == pytest.approx(600 / 3600 / 0.001)
    assert told.burn["6h"] is None


def test_a_promise_of_everything_has_no_budget_to_burn():
    whole = uptime(turns((0, DOWN)), span(0, 100))
    told = budget(100.0, whole, {"1h": whole})
    assert (told.total_s, told.left_s, told.burn) == (0, -100, {"1h": None})
