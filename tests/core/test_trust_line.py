"""The trust line says who votes, who does not and why, and what that does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.liveness import LEAVES_S
from pangea.core.trust_line import Odds, Seat, detection_s, in_words, trust_line


def most(failing, there):
    return 2 * len(failing) > len(there)


MAJORITY = Odds(interval_s=30, timeout_s=10, fails=most)
HERE = [Seat("a"), Seat("b"), Seat("c")]


def lost(name, seconds):
    return Seat(name, f"lost {in_words(seconds)}", seconds)


@pytest.mark.parametrize(
    ("seats", "line"),
    [
        ([], "nobody is looking"),
        (HERE, "3 of 3 voters, detection ≤ 31 s"),
        (HERE[:1], "1 of 1 voter, detection ≤ 77 s"),
        (
            [*HERE[:2], lost("london", 240)],
            "2 of 3 voters, london lost 4 min, detection ≤ 36 s",
        ),
        # One of two that is lost has to leave before the other may tell alone.
        (
            [Seat("a"), lost("london", 240)],
            "1 of 2 voters, london lost 4 min, detection ≤ 2 min",
        ),
        (
            [Seat("a"), lost("london", 3600)],
            "1 of 2 voters, london lost 60 min, detection ≤ 77 s",
        ),
        (
            [Seat("a"), Seat("b", "sick (no gateway)", seated=False)],
            "1 of 2 voters, b sick (no gateway), detection ≤ 77 s",
        ),
        (
            [Seat("a"), Seat("b", "sick (no gateway)")],
            "1 of 2 voters, b sick (no gateway), no outage can be confirmed",
        ),
        (
            [Seat(name, "has no vote") for name in "abcde"],
            "0 of 5 voters, a has no vote, b has no vote, c has no vote, "
            "2 more do not vote, no outage can be confirmed",
        ),
    ],
)
def test_it_is_one_sentence(seats, line):
    assert trust_line(seats, MAJORITY) == line


def test_the_bounds_are_those_that_are_promised():
    for count in (2, 3, 5):
        seats = [Seat(str(n)) for n in range(count)]
        assert detection_s(seats, MAJORITY) == 30 / count + 2 * 10 + 1
    assert detection_s(HERE[:1], MAJORITY) == 30 + 4 * 10 + 7


@given(
    st.lists(st.one_of(st.none(), st.floats(0, 2 * LEAVES_S)), min_size=1, max_size=8)
)
def test_who_is_lost_never_makes_detection_quicker(since):
    seats = [
        Seat(str(n)) if s is None else lost(str(n), s) for n, s in enumerate(since)
    ]
    bound = detection_s(seats, MAJORITY)
    all_here = detection_s([Seat(s.name) for s in seats], MAJORITY)
    voting = since.count(None)
    assert (bound is None) == (voting == 0)
    if bound is not None and len(seats) != 1 and voting > 1:
        assert bound >= all_here


def test_a_rule_that_wants_more_voters_than_there_are_confirms_nothing():
    odds = Odds(interval_s=30, timeout_s=10, fails=lambda *_: True, min_voters=2)
    assert detection_s(HERE[:1], odds) is None
    assert detection_s(HERE[:2], odds) == 36


def test_who_alone_could_make_the_quorum_has_to_leave_before_it_can_be_met():
    region = {"a": "eu", "b": "eu", "c": "us"}

    def everywhere(failing, there):
        return {region[n] for n in failing} >= {region[n] for n in there}

    odds = Odds(interval_s=10, timeout_s=1, fails=everywhere)
    here = [Seat("a"), Seat("b")]
    assert detection_s([*here, lost("c", 22)], odds) == 278 + 5 + 2 + 1
    assert detection_s([*here, Seat("c", "has no vote")], odds) is None
    assert trust_line([*here, lost("c", 22)], odds).endswith("detection ≤ 5 min")


def test_of_several_that_are_lost_no_more_than_needed_has_to_leave():
    seats = [Seat("a"), Seat("b"), lost("c", 200), lost("d", 10)]
    assert detection_s(seats, MAJORITY) == 100 + 30 / 2 + 2 * 10 + 1


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (70, "70 s"), (240, "4 min"), (7200, "2 h"), (864000, "10 d")],
)
def test_times_are_said_as_people_say_them(seconds, words):
    assert in_words(seconds) == words
