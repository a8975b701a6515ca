"""Flapping by Icinga's rule: 20 states, weights 0.8 to 1.2, 30 % in and 25 % out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.flapping import MOST, STATES, Flap, age, change, percent

EVERY = 30.0
NOW = 1_000_000.0


def changed(*states_ago, flapping=False):
    return Flap(
        tuple(NOW - s * EVERY for s in sorted(states_ago, reverse=True)), flapping
    )


def test_all_states_changing_is_a_hundred_percent_and_none_is_zero():
    everywhere = [NOW - (s + 0.5) * EVERY for s in range(STATES)]
    assert percent(everywhere, NOW, EVERY) == pytest.approx(100.0)
    assert percent([], NOW, EVERY) == 0.0


def test_a_late_change_weighs_more_than_an_early_one():
    newest, oldest = [NOW], [NOW - 19.5 * EVERY]
    assert percent(newest, NOW, EVERY) == pytest.approx(6.0)
    assert percent(oldest, NOW, EVERY) == pytest.approx(4.0)


def test_several_changes_in_one_state_count_once():
    assert percent([NOW, NOW - 1, NOW - 2], NOW, EVERY) == pytest.approx(6.0)


def test_six_changes_of_late_are_flapping_and_two_outages_are_not():
    flap = Flap()
    for state in range(6):
        assert not flap.flapping
        flap = change(flap, NOW + state * EVERY, EVERY)
    assert flap.flapping
    assert flap.pct > 30.0


def test_between_the_thresholds_it_stays_as_it_was():
    between = (1.5, 3.5, 5.5, 7.5, 9.5)
    assert 25.0 < age(changed(*between), NOW, EVERY).pct < 30.0
    assert not age(changed(*between), NOW, EVERY).flapping
    assert age(changed(*between, flapping=True), NOW, EVERY).flapping


def test_it_ends_when_nothing_changes_any_more():
    flap = Flap()
    for state in range(12):
        flap = change(flap, NOW + state * EVERY, EVERY)
    at = NOW + 11 * EVERY
    assert age(flap, at + 5 * EVERY, EVERY).flapping
    assert not age(flap, at + 16 * EVERY, EVERY).flapping


@given(
    st.lists(st.floats(0, 100 * EVERY), max_size=300),
    st.floats(0.5, 3600.0),
)
def test_whatever_comes_it_is_a_percentage_of_a_bounded_memory(waits, every):
    flap, at = Flap(), NOW
    for wait in waits:
        at += wait
        flap = change(flap, at, every)
        assert 0.0 <= flap.pct <= 100.0 + 1e-9
        assert len(flap.changes) <= MOST
        if flap.pct > 30.0:
            assert flap.flapping
        if flap.pct < 25.0:
            assert not flap.flapping
