"""Linked, suspect, lost: silence alone moves a node on, its own word alone back."""

from hypothesis import given
from hypothesis import strategies as st

from pangea.core import liveness
from pangea.core.liveness import (
    FROZEN_S,
    LOST_S,
    SUSPECT_S,
    VANISH_S,
    Presence,
    Sight,
    age,
    awaited,
    doubt,
    hear,
    unlink,
    vouch,
)

NOW = 1000.0
HEARD = hear(awaited(0.0), NOW)
ORDER = [Presence.LINKED, Presence.SUSPECT, Presence.LOST]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["hear", "unlink", "vouch", "age"]),
        st.floats(0, 60, allow_nan=False),
    ),
    max_size=40,
)


def walk(steps, now=NOW):
    """Yield (step, before, after, now) of each step, time going on."""
    sight = awaited(now)
    for name, seconds in steps:
        now += seconds
        before = sight
        sight = {
            "hear": lambda s, t: hear(s, t),
            "unlink": lambda s, t: unlink(s),
            "vouch": vouch,
            "age": age,
        }[name](sight, now)
        yield name, before, sight, now


def test_the_figures_fit_each_other():
    assert 3 * liveness.BEAT_S == SUSPECT_S < LOST_S < liveness.LEASE_S
    assert LOST_S < VANISH_S < liveness.LEAVES_S


def test_silence_makes_it_suspect_and_then_lost():
    assert age(HEARD, NOW + SUSPECT_S - 0.1).presence is Presence.LINKED
    assert age(HEARD, NOW + SUSPECT_S).presence is Presence.SUSPECT
    assert age(HEARD, NOW + LOST_S - 0.1).presence is Presence.SUSPECT
    assert age(HEARD, NOW + LOST_S).presence is Presence.LOST


def test_a_word_of_its_own_brings_it_back():
    lost = age(HEARD, NOW + LOST_S)
    assert hear(lost, NOW + 50).presence is Presence.LINKED


def test_a_broken_link_makes_it_suspect_at_once_and_lost_only_in_time():
    cut = unlink(HEARD)
    assert cut.presence is Presence.SUSPECT
    assert age(cut, NOW + 1).presence is Presence.SUSPECT
    assert age(cut, NOW + LOST_S).presence is Presence.LOST


def test_a_peers_word_keeps_it_from_being_lost_but_does_not_link_it():
    vouched = vouch(age(HEARD, NOW + SUSPECT_S), NOW + SUSPECT_S + 1)
    assert age(vouched, NOW + LOST_S).presence is Presence.SUSPECT
    assert age(vouched, NOW + SUSPECT_S + 1 + LOST_S).presence is Presence.LOST


def test_a_peers_word_does_not_bring_back_what_is_lost():
    assert vouch(age(HEARD, NOW + LOST_S), NOW + 30).presence is Presence.LOST


def test_after_a_start_a_node_has_time_to_come_back():
    assert age(awaited(NOW), NOW + LOST_S - 0.1).presence is Presence.SUSPECT
    assert age(awaited(NOW), NOW + LOST_S).presence is Presence.LOST


@given(STEPS)
def test_only_its_own_word_moves_it_back(steps):
    for name, before, after, _ in walk(steps):
        if ORDER.index(after.presence) < ORDER.index(before.presence):
            assert name == "hear"


@given(STEPS)
def test_it_is_never_lost_before_its_time(steps):
    for _, before, after, now in walk(steps):
        if after.presence is Presence.LOST is not before.presence:
            assert now - max(after.heard, after.vouched) >= LOST_S


@given(STEPS)
def test_what_was_aged_late_is_as_if_it_was_aged_often(steps):
    for _, _, sight, now in walk(steps):
        often = age(age(age(sight, now), now + SUSPECT_S), now + LOST_S)
        assert often == age(sight, now + LOST_S)


@given(STEPS, st.floats(0, 1e6))
def test_what_was_heard_never_goes_back(steps, earlier):
    for _, _, sight, now in walk(steps):
        assert hear(sight, now - earlier).heard >= sight.heard


# doubting ourselves


def nodes(linked, gone, seconds_ago=10.0):
    """Return so many that are linked, and so many that vanished a while ago."""
    there = {n: Sight(Presence.LINKED, NOW, since=NOW) for n in range(linked)}
    at = NOW - seconds_ago
    lost = Sight(Presence.SUSPECT, at, since=at)
    return there | {100 + n: lost for n in range(gone)}


def test_most_at_once_is_our_own_fault():
    assert doubt(None, nodes(2, 3), NOW).gone == {100, 101, 102}
    assert doubt(None, nodes(0, 2), NOW)


def test_half_of_them_or_a_single_one_is_theirs():
    assert doubt(None, nodes(2, 2), NOW) is None
    assert doubt(None, nodes(0, 1), NOW) is None


def test_those_that_went_long_ago_are_not_counted():
    assert doubt(None, nodes(2, 3, VANISH_S), NOW) is None
    long_gone = {n + 900: s for n, s in nodes(0, 9, VANISH_S).items()}
    assert doubt(None, nodes(2, 2) | long_gone, NOW) is None


def test_those_that_never_came_after_our_start_have_not_vanished():
    assert doubt(None, {n: awaited(NOW) for n in range(9)}, NOW + 30) is None


def test_those_that_said_goodbye_have_not_vanished():
    left = unlink(hear(awaited(0.0), NOW), farewell=True)
    assert left.presence is Presence.SUSPECT
    assert doubt(None, {1: left, 2: left, 3: left}, NOW) is None


def test_the_doubt_stays_until_half_are_back():
    begun = doubt(None, nodes(0, 4), NOW)
    later = NOW + VANISH_S + 1
    assert doubt(begun, nodes(0, 4), later) == begun
    back = {100: Sight(Presence.LINKED, later)}
    assert doubt(begun, nodes(0, 4) | back, later) == begun
    back[101] = Sight(Presence.LINKED, later)
    assert doubt(begun, nodes(0, 4) | back, later) is None


def test_the_doubt_does_not_last_for_ever():
    begun = doubt(None, nodes(0, 4), NOW)
    assert doubt(begun, nodes(0, 4), NOW + FROZEN_S - 1)
    assert doubt(begun, nodes(0, 4), NOW + FROZEN_S) is None


@given(st.integers(0, 30), st.integers(0, 30))
def test_it_takes_more_than_half(linked, gone):
    begun = doubt(None, nodes(linked, gone), NOW)
    assert (begun is not None) == (gone >= 2 and gone > linked)
