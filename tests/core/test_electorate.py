"""Seats that change hands, and the votes of workers that are lost."""

from hypothesis import given
from hypothesis import strategies as st

from pangea.core.electorate import reseat, suspend
from pangea.core.model import Verdict
from pangea.core.verdict import judge
from tests.core.test_verdict import (
    FAILED,
    MAJORITY,
    OK,
    after,
    ballots,
    rules,
    seated,
    state_of,
    vote,
)


def test_a_suspended_vote_is_held_and_does_not_count():
    state = after(seated(1, 2, 3), *(vote(w, OK) for w in (1, 2, 3)))
    judged = suspend(state, [2, 3], MAJORITY, 5.0)

    assert judged.state.votes == state.votes
    assert [(c.worker, c.after, c.cause) for c in judged.changes] == [
        (2, None, "worker lost"),
        (3, None, "worker lost"),
    ]
    assert judged.state.verdict is Verdict.UP, "the one that votes agrees"
    alone = after(judged.state, vote(1, FAILED, at=6.0), now=6.0)
    assert alone.verdict is Verdict.UNKNOWN, "and cannot make it down"


def test_of_two_workers_the_failures_of_one_do_not_stand_with_a_lost_ones():
    state = after(seated(1, 2, 3), vote(1, OK), vote(2, FAILED), vote(3, OK))
    lost = suspend(state, [2], MAJORITY, 5.0).state
    assert after(lost, vote(3, FAILED, at=6.0), now=6.0).verdict is Verdict.UP


def test_who_is_back_has_its_vote_again():
    state = after(seated(1, 2, 3), *(vote(w, OK) for w in (1, 2, 3)))
    lost = suspend(state, [3], MAJORITY, 5.0).state
    back = suspend(lost, [], MAJORITY, 6.0)
    assert back.state == state
    assert [(c.worker, c.before, c.after) for c in back.changes] == [(3, None, OK)]


def test_a_suspended_vote_expires_like_any_other():
    state = after(seated(1, 2, 3), *(vote(w, OK) for w in (1, 2, 3)))
    lost = suspend(state, [3], MAJORITY, 5.0).state
    assert judge(lost, (), MAJORITY, 100.0).state.votes == {}


def test_who_leaves_the_electorate_is_not_suspended_any_more():
    lost = suspend(after(seated(1, 2, 3)), [3], MAJORITY, 5.0).state
    assert reseat(lost, [1, 2], MAJORITY, 6.0).state.suspended == ()


def test_a_seat_and_its_first_vote_change_hands_as_one():
    state = after(seated(1), vote(1, OK))
    judged = reseat(state, [2], MAJORITY, 6.0, [vote(2, OK, at=5.0)])
    assert judged.transition is None
    assert judged.state.verdict is Verdict.UP
    assert set(judged.state.votes) == {2}


@given(ballots, rules, st.frozensets(st.integers(1, 4)))
def test_losing_workers_alone_never_makes_it_down(entries, rule, lost):
    entries.sort(key=lambda e: e[2])
    state = state_of(entries, rule)
    now = max([at for *_, at in entries], default=0) + 1.0
    after_loss = suspend(state, lost, rule, now).state

    bad = {v.worker for v in state.votes.values() if v.value is FAILED}
    if after_loss.verdict is Verdict.DOWN and state.verdict is not Verdict.DOWN:
        assert len(bad - lost) >= rule.quorum(4), "enough of the others say so"
    assert set(after_loss.votes) == set(state.votes)
    assert suspend(after_loss, lost, rule, now).changes == ()
