"""Workers that are sick: what they cannot tell never counts, and is taken back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pangea.core.electorate import sicken, suspend, withdraw
from pangea.core.model import Verdict
from pangea.core.rule import Rule, parse_rule
from pangea.core.verdict import judge, renew
from tests.core.test_verdict import FAILED, MAJORITY, OK, WARN, after, seated, vote

MIRRORED = Rule(expect_fail=True)


def up(*workers, rule=MAJORITY):
    return after(
        seated(*workers, rule=rule), *(vote(w, OK) for w in workers), rule=rule
    )


def void(worker, at=5.0, cause="gateway"):
    return replace(vote(worker, FAILED, at=at), void=cause)


def test_a_void_result_takes_the_older_vote_back_with_its_cause():
    judged = judge(up(1, 2), [void(2)], MAJORITY, 6.0)

    (change,) = judged.changes
    assert (change.worker, change.before, change.after) == (2, OK, None)
    assert change.cause == "gateway"
    assert set(judged.state.votes) == {1}


def test_a_void_result_takes_no_newer_vote_back():
    judged = judge(up(1, 2), [void(2, at=0.5)], MAJORITY, 6.0)

    assert judged.changes == ()
    assert set(judged.state.votes) == {1, 2}


def test_two_void_results_take_back_once():
    state = judge(up(1, 2), [void(2)], MAJORITY, 6.0).state

    assert judge(state, [void(2, at=7.0)], MAJORITY, 8.0).changes == ()


def test_a_failure_cast_before_is_taken_back_when_its_worker_is_sick():
    state = after(up(1, 2, 3), vote(3, FAILED, at=3.0), now=4.0)
    judged = sicken(state, {3: "resolver"}, MAJORITY, 5.0)

    assert [(c.worker, c.after, c.cause) for c in judged.changes] == [
        (3, None, "resolver")
    ]
    assert judged.state.voters == (1, 2)
    well = sicken(judged.state, {}, MAJORITY, 6.0).state
    assert well.voters == (1, 2, 3)
    assert set(well.votes) == {1, 2}, "it has to say it anew"


def test_a_good_vote_of_a_sick_worker_counts():
    state = sicken(up(1, 2, 3), {3: "gateway"}, MAJORITY, 5.0).state

    assert state.voters == (1, 2, 3)
    assert after(state, vote(3, OK, at=6.0), now=7.0).voters == (1, 2, 3)
    assert after(state, vote(3, FAILED, at=6.0), now=7.0).voters == (1, 2)


def test_where_nothing_must_answer_it_is_the_other_way_round():
    state = up(1, 2, 3, rule=MIRRORED)
    judged = sicken(state, {3: "gateway"}, MIRRORED, 5.0)
    assert judged.state.voters == (1, 2), "that nothing answered proves nothing"

    answered = after(judged.state, vote(3, FAILED, at=6.0), rule=MIRRORED, now=7.0)
    assert answered.voters == (1, 2, 3)
    silent = after(answered, vote(3, OK, at=8.0), rule=MIRRORED, now=9.0)
    assert silent.voters == (1, 2)


def test_a_late_warning_of_a_sick_worker_about_time_is_no_warning():
    slow = replace(vote(3, WARN), reason="latency")
    old = replace(vote(2, WARN), reason="cert_expires_soon")
    state = after(seated(1, 2, 3), vote(1, OK), old, slow)
    assert state.verdict is Verdict.DEGRADED

    state = sicken(state, {2: "loop", 3: "loop"}, MAJORITY, 5.0).state
    assert state.verdict is Verdict.DEGRADED
    assert state.line == "recovering"


@pytest.mark.parametrize(
    ("since", "until", "value", "left"),
    [
        (0.0, 9.0, FAILED, None),
        (0.0, 0.5, FAILED, FAILED),
        (2.0, 9.0, FAILED, FAILED),
        (0.0, 9.0, OK, OK),
        (0.0, 9.0, WARN, OK),
    ],
)
def test_a_window_that_is_known_later_takes_back_what_fell_into_it(
    since, until, value, left
):
    slow = replace(vote(3, value), reason="latency")
    state = after(seated(1, 2, 3), vote(1, OK), vote(2, OK), slow)
    judged = withdraw(state, 3, since, until, "gateway", MAJORITY, 3.0)

    held = judged.state.votes.get(3)
    assert (held and held.value) == left
    told = [(c.worker, c.before, c.after, c.cause) for c in judged.changes]
    assert told == ([] if left is value else [(3, value, left, "gateway")])


def test_withdrawing_lets_the_others_decide():
    state = after(
        up(1, 2, 3), vote(1, FAILED, at=3.0), vote(2, FAILED, at=3.1), now=4.0
    )
    assert state.verdict is Verdict.DOWN
    judged = withdraw(state, 2, 0.0, 9.0, "gateway", MAJORITY, 5.0)

    assert judged.state.line == "split"


def test_what_was_suspended_is_not_taken_back_a_second_time():
    state = suspend(up(1, 2, 3), [3], MAJORITY, 3.0).state
    late = judge(state, [vote(3, FAILED, at=4.0)], MAJORITY, 5.0)
    assert late.changes == (), "the log says already that it has no vote"

    assert sicken(late.state, {3: "gateway"}, MAJORITY, 6.0).changes == ()
    assert judge(late.state, (), MAJORITY, 900.0).changes != ()
    gone = {c.worker for c in judge(late.state, (), MAJORITY, 900.0).changes}
    assert gone == {1, 2}


def test_the_short_way_is_not_taken_past_a_sick_worker():
    state = sicken(up(1, 2, 3), {3: "gateway"}, MAJORITY, 5.0).state

    assert not renew(state, vote(1, OK, at=6.0), 7.0)
    assert not renew(up(1, 2), replace(vote(1, OK, at=6.0), void="x"), 7.0)


rules = st.sampled_from([parse_rule(r) for r in ("majority", "any", "all", "2", "60%")])
entries = st.lists(
    st.tuples(st.integers(1, 4), st.sampled_from([OK, WARN, FAILED])), max_size=30
)


@given(entries, rules, st.frozensets(st.integers(1, 4)))
def test_failures_of_the_sick_never_count(said, rule, sick):
    """What a sick worker fails changes nothing that others would not change too."""
    state = sicken(
        seated(1, 2, 3, 4, rule=rule), dict.fromkeys(sick, "gateway"), rule, 0.5
    ).state
    for at, (worker, value) in enumerate(said, 1):
        judged = judge(state, [vote(worker, value, at=at, lasts=900)], rule, at + 0.5)
        held = {w for w, v in judged.state.votes.items() if v.value is FAILED}
        assert not held & sick
        turn = judged.transition
        if value is FAILED and worker in sick and turn:
            assert turn.after is not Verdict.DOWN or held, "others must have failed"
        state = judged.state


@given(entries, rules, st.integers(1, 4))
def test_a_window_known_at_once_or_later_leaves_the_same_votes(said, rule, sick):
    now = len(said) + 1.0
    votes = [vote(w, v, at=float(at), lasts=900) for at, (w, v) in enumerate(said)]
    honest = [v for v in votes if v.worker != sick or v.value is not FAILED]
    late = judge(seated(1, 2, 3, 4), votes, rule, now).state
    late = withdraw(late, sick, 0.0, now, "gateway", rule, now).state
    if not votes or votes[-1].worker != sick:
        return
    assert FAILED not in [v.value for v in late.votes.values() if v.worker == sick]
    others = judge(seated(1, 2, 3, 4), honest, rule, now).state
    assert {w: v for w, v in late.votes.items() if w != sick} == {
        w: v for w, v in others.votes.items() if w != sick
    }
