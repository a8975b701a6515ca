"""Whom to ask at once, within what budget, and in what order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.core.confirm import (
    Bucket,
    Goal,
    Wish,
    budget_per_s,
    goal_of,
    has_answered,
    in_turn,
    is_over,
    place_of,
    plan,
    refill,
    wants_round,
    was_under_way,
    whom,
)
from pangea.core.model import Verdict, VoteValue
from pangea.core.rule import parse_rule
from pangea.core.verdict import JobState, Vote
from pangea.core.verdict import judge as judged

OK, FAILED = VoteValue.OK, VoteValue.FAILED

wishes = st.lists(
    st.builds(
        Wish,
        job=st.integers(1, 60),
        workers=st.lists(st.integers(1, 5), unique=True).map(tuple),
        dependants=st.integers(0, 3),
        parents=st.lists(st.integers(1, 60), max_size=2).map(tuple),
        place=st.sampled_from(["10.0.0.0/24", "10.0.1.0/24", "example.org"]),
    ),
    max_size=40,
    unique_by=lambda wish: wish.job,
)
purses = st.dictionaries(st.integers(1, 5), st.floats(0, 30))


def state(verdict=Verdict.UP, suspended=(), **votes):
    """Return a state with votes such as ``w1="failed"`` of three workers."""
    held = {
        int(name[1:]): Vote(int(name[1:]), VoteValue(value), 10.0, 99.0)
        for name, value in votes.items()
    }
    return JobState(1, verdict, electorate=(1, 2, 3), votes=held, suspended=suspended)


def votes(value, count):
    """Return new votes of the first *count* workers."""
    return [Vote(n, value, 20.0, 99.0) for n in range(1, count + 1)]


def judge(before, said, rule):
    """Return the state after *said*."""
    return judged(before, said, parse_rule(rule), 21.0).state


def test_a_worker_confirms_a_twentieth_of_its_rate_and_at_least_20_a_second():
    assert budget_per_s(0) == 20
    assert budget_per_s(399) == 20
    assert budget_per_s(2000) == 100


def test_a_bucket_fills_up_to_what_a_second_brings():
    new = refill(None, 20, 100.0)
    spent = Bucket(0.0, 100.0)

    assert new.tokens == 20
    assert refill(spent, 20, 100.25).tokens == pytest.approx(5)
    assert refill(spent, 20, 160.0).tokens == 20
    assert refill(spent, 20, 99.0).tokens == 0


@given(wishes, purses)
def test_nobody_is_asked_beyond_its_budget_and_nothing_is_lost(wanted, tokens):
    done = plan(wanted, tokens)

    for worker in range(1, 6):
        asked = sum(ask.worker == worker for ask in done.asks)
        assert asked <= tokens.get(worker, 0)
    both = list(done.asks) + [(w.job, n) for w in done.left for n in w.workers]
    assert sorted(both) == sorted((w.job, n) for w in wanted for n in w.workers)


@given(wishes, purses)
def test_no_token_is_kept_back_from_whoever_wants_it(wanted, tokens):
    done = plan(wanted, tokens)

    for wish in done.left:
        for worker in wish.workers:
            asked = sum(ask.worker == worker for ask in done.asks)
            assert tokens.get(worker, 0) - asked < 1


@given(wishes, purses)
def test_it_is_over_budget_exactly_if_somebody_has_to_wait(wanted, tokens):
    waits = any(wish.workers for wish in plan(wanted, tokens).left)
    assert is_over(wanted, {w: int(left) for w, left in tokens.items()}) is waits


@given(wishes)
def test_a_turn_comes_to_everybody_once(wanted):
    assert sorted(w.job for w in in_turn(wanted)) == sorted(w.job for w in wanted)


def test_parents_come_first_then_jobs_with_dependants_then_one_of_each_place():
    a, b = "10.0.0.0/24", "10.0.1.0/24"
    wanted = [
        Wish(1, (2,), place=a),
        Wish(2, (2,), place=a),
        Wish(3, (2,), place=b),
        Wish(4, (2,), dependants=1, place=a),
        Wish(5, (2,), dependants=7, place=a),
        Wish(6, (2,), parents=(7,), place=a),
        Wish(7, (2,), dependants=1, place=b),
    ]

    assert [w.job for w in in_turn(wanted)] == [7, 5, 4, 1, 3, 2, 6]
    assert [w.job for w in in_turn(wanted, {a})] == [7, 5, 4, 3, 1, 2, 6]


def test_only_a_failure_or_a_recovery_is_a_question():
    assert goal_of(state(w1="ok", w2="ok")) is None
    assert goal_of(state(w1="failed", w2="ok")) is Goal.DOWN
    assert goal_of(state(Verdict.DEGRADED, w1="failed", w2="ok")) is Goal.DOWN
    assert goal_of(state(Verdict.DOWN, w1="failed", w2="failed")) is None
    assert goal_of(state(Verdict.DOWN, w1="failed", w2="warn")) is Goal.UP
    assert goal_of(state(suspended=(1,), w1="failed", w2="ok")) is None


def test_a_failure_is_asked_of_those_here_that_have_not_failed_yet():
    seen = state(w1="failed", w2="ok")

    assert whom(seen, Goal.DOWN, {1}, {1, 2, 3}) == [2, 3]
    assert whom(seen, Goal.DOWN, {1}, {1, 2, 9}) == [2]
    assert whom(state(w1="failed", w2="failed"), Goal.DOWN, {2}, {1, 2}) == []


def test_a_recovery_is_asked_of_all_others_here():
    down = state(Verdict.DOWN, w1="ok", w2="failed", w3="ok")
    assert whom(down, Goal.UP, {1}, {1, 2, 3}) == [2, 3]


@pytest.mark.parametrize(
    ("rule", "failed", "wants"),
    [
        ("majority", 2, False),
        ("majority down=3", 1, False),
        ("majority down=3", 2, True),
        ("any down=2", 1, True),
        ("all down=2", 2, False),
        ("60% down=2", 2, True),
    ],
)
def test_rounds_are_asked_for_while_only_they_are_missing(rule, failed, wants):
    seen = judge(state(w1="ok", w2="ok", w3="ok"), votes(FAILED, failed), rule)

    assert wants_round(seen, Goal.DOWN) is wants


def test_a_job_that_is_good_again_wants_its_rounds():
    down = state(Verdict.DOWN, w1="failed", w2="failed", w3="failed")

    assert not wants_round(judge(down, votes(OK, 1), "majority"), Goal.UP)
    assert wants_round(judge(down, votes(OK, 2), "majority"), Goal.UP)
    assert not wants_round(judge(down, votes(OK, 2), "majority up=1"), Goal.UP)


def test_an_answer_is_new_and_of_the_matter():
    old, before, after = (Vote(1, OK, at, 99.0) for at in (5.0, 8.0, 9.5))

    assert not has_answered(Goal.DOWN, None, 5.0, 9.0)
    assert not has_answered(Goal.DOWN, old, 5.0, 9.0)
    assert not has_answered(Goal.DOWN, before, 5.0, 9.0)
    assert has_answered(Goal.DOWN, after, 5.0, 9.0)


def test_a_failure_that_began_before_is_an_answer_to_a_failure_only():
    failed = Vote(1, FAILED, 8.0, 99.0)

    assert has_answered(Goal.DOWN, failed, 5.0, 9.0)
    assert not has_answered(Goal.UP, failed, 5.0, 9.0)


def test_who_was_at_it_when_asked_saw_the_time_before_and_is_asked_again():
    long = Vote(1, OK, 8.0, 99.0, duration_ms=3000.0)
    short = Vote(1, OK, 8.0, 99.0, duration_ms=10.0)

    assert was_under_way(long, 5.0, 9.0, 10.0)
    assert not was_under_way(short, 5.0, 9.0, 10.0)
    assert not was_under_way(long, 8.0, 9.0, 10.0)
    assert not was_under_way(long, 5.0, 7.0, 10.0)
    assert not was_under_way(None, 5.0, 9.0, 10.0)


@pytest.mark.parametrize(
    ("target", "place"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("192.0.2.77:443", "192.0.2.0/24"),
        ("https://192.0.2.1:8443/path?q=a.b", "192.0.2.0/24"),
        ("2001:db8::17", "2001:db8::/64"),
        ("https://[2001:db8:0:1::17]:443/", "2001:db8:0:1::/64"),
        ("https://www.Example.org/a/b", "example.org"),
        ("www.example.org:443", "example.org"),
        ("example.org.", "example.org"),
        ("tcp://a.b.example.org:25", "b.example.org"),
        ("localhost", "localhost"),
        ("", ""),
    ],
)
def test_where_a_target_is(target, place):
    assert place_of(target) == place


@given(st.text(max_size=60) | st.text("ht:/[]@.%1a", max_size=30))
def test_whatever_a_target_is_called_it_is_somewhere(target):
    assert isinstance(place_of(target), str)
