"""The verdict: tables of cases, and what must hold for every sequence of votes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pangea.core.electorate import reseat
from pangea.core.errors import UsageError
from pangea.core.model import Verdict, VoteValue
from pangea.core.rule import Rule, parse_rule
from pangea.core.tally import REPEAT_AFTER_S
from pangea.core.verdict import (
    JobState,
    Vote,
    judge,
    renew,
)

OK, WARN, FAILED = VoteValue.OK, VoteValue.WARN, VoteValue.FAILED
MAJORITY = Rule()


def seated(*workers: int, rule: Rule = MAJORITY) -> JobState:
    return reseat(JobState(7), workers, rule, 0.0).state


def vote(worker, value, at=1.0, lasts=70.0, detail="refused"):
    said = "" if value is OK else detail
    return Vote(worker, value, at, at + lasts, 5.0, "refused" if said else "", said)


def after(state, *votes, rule=MAJORITY, now=2.0):
    return judge(state, votes, rule, now).state


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        pytest.param([OK, OK, OK], Verdict.UP, id="all agree"),
        pytest.param([OK, OK, FAILED], Verdict.UP, id="one vantage point fails"),
        pytest.param([OK, FAILED, FAILED], Verdict.DOWN, id="a majority fails"),
        pytest.param([FAILED] * 3, Verdict.DOWN, id="all fail"),
        pytest.param([OK], Verdict.UNKNOWN, id="one of three is too few"),
        pytest.param([FAILED], Verdict.UNKNOWN, id="one failure of three is too few"),
        pytest.param([WARN, WARN, OK], Verdict.DEGRADED, id="a majority warns"),
        pytest.param([WARN, OK, OK], Verdict.UP, id="one warns"),
    ],
)
def test_three_workers_with_the_majority_rule(values, verdict):
    votes = [vote(worker, value) for worker, value in enumerate(values, 1)]

    assert after(seated(1, 2, 3), *votes).verdict is verdict


@pytest.mark.parametrize(
    ("rule", "failures", "verdict"),
    [
        pytest.param("any", 1, Verdict.DOWN, id="any: one failure is enough"),
        pytest.param("all", 2, Verdict.UP, id="all: two of three are not enough"),
        pytest.param("all", 3, Verdict.DOWN, id="all: three of three"),
        pytest.param("2", 1, Verdict.UP, id="two: one is not enough"),
        pytest.param("2", 2, Verdict.DOWN, id="two: two are"),
        pytest.param("9", 3, Verdict.DOWN, id="more than there are means all"),
    ],
)
def test_other_rules(rule, failures, verdict):
    parsed = parse_rule(rule)
    values = [FAILED] * failures + [OK] * (3 - failures)
    votes = [vote(worker, value) for worker, value in enumerate(values, 1)]

    assert after(seated(1, 2, 3), *votes, rule=parsed).verdict is verdict


@pytest.mark.parametrize("text", ["most", "0", "-1", "1.5", "99999", "²"])
def test_a_rule_that_is_none_is_refused(text):
    with pytest.raises(UsageError):
        parse_rule(text)


def test_an_even_split_keeps_the_old_verdict():
    up = after(seated(1, 2), vote(1, OK), vote(2, OK))
    split = after(up, vote(2, FAILED, at=31.0), now=32.0)

    assert up.verdict is Verdict.UP
    assert split.verdict is Verdict.UP


def test_two_workers_need_both_for_down():
    state = seated(1, 2)
    one = after(state, vote(1, OK), vote(2, FAILED))
    both = after(one, vote(1, FAILED, at=31.0), now=32.0)

    assert one.verdict is Verdict.UNKNOWN
    assert both.verdict is Verdict.DOWN


def test_a_single_worker_is_asked_three_more_times_before_it_is_down():
    state, asked, verdicts = after(seated(1), vote(1, OK, at=0.5)), [], []
    at = 10.0
    for took_ms in (3.0, 4.0, 5.0, 6.0):
        failed = replace(vote(1, FAILED, at=at), duration_ms=took_ms)
        judged = judge(state, [failed], MAJORITY, failed.end)
        state = judged.state
        asked.append(judged.repeat_after_s)
        verdicts.append(state.verdict)
        at = failed.end + (judged.repeat_after_s or 0)

    assert asked == [*map(pytest.approx, REPEAT_AFTER_S), None]
    assert verdicts == [Verdict.UP] * 3 + [Verdict.DOWN]


def test_a_good_answer_ends_the_confirmation_of_a_single_worker():
    state = after(seated(1), vote(1, FAILED, at=1.0), now=1.1)
    state = after(state, vote(1, OK, at=2.0), now=2.1)
    judged = judge(state, [vote(1, FAILED, at=3.0)], MAJORITY, 3.1)

    assert judged.state.verdict is Verdict.UP
    assert judged.repeat_after_s == REPEAT_AFTER_S[0]


def test_up_again_needs_two_good_rounds():
    down = after(seated(1, 2, 3), *(vote(w, FAILED) for w in (1, 2, 3)))
    one = after(down, vote(1, OK, at=31), vote(2, OK, at=31.1), now=32)
    two = after(one, vote(1, OK, at=61), vote(3, OK, at=61.2), now=62)

    assert down.verdict is Verdict.DOWN
    assert one.verdict is Verdict.DOWN
    assert two.verdict is Verdict.UP


def test_a_vote_expires_and_the_log_says_when():
    state = after(seated(1, 2), vote(1, OK, lasts=10), vote(2, OK, lasts=70))
    judged = judge(state, [], MAJORITY, 12.0)

    (change,) = judged.changes
    assert (change.worker, change.before, change.after) == (1, OK, None)
    assert change.cause == "expired"
    assert change.at_us == 11_000_000
    assert judged.state.verdict is Verdict.UP, "the rest agrees with the old verdict"


def test_when_nobody_votes_any_more_it_is_unknown():
    state = after(seated(1, 2), vote(1, OK, lasts=10), vote(2, OK, lasts=10))
    judged = judge(state, [], MAJORITY, 100.0)

    assert judged.state.verdict is Verdict.UNKNOWN
    assert judged.transition.before is Verdict.UP


def test_a_worker_outside_the_electorate_does_not_count():
    state = after(seated(1, 2, 3), vote(9, FAILED), vote(8, FAILED))

    assert state.votes == {}


def test_leaving_the_electorate_drops_the_vote_and_logs_it():
    state = after(seated(1, 2, 3), *(vote(w, OK) for w in (1, 2, 3)))
    judged = reseat(state, [1, 2], MAJORITY, 5.0)

    assert set(judged.state.votes) == {1, 2}
    assert [c.cause for c in judged.changes] == ["left the job"]
    assert judged.state.verdict is Verdict.UP


values = st.sampled_from([OK, WARN, FAILED])
rules = st.sampled_from([parse_rule(r) for r in ("majority", "any", "all", "2")])
ballots = st.lists(
    st.tuples(st.integers(1, 4), values, st.integers(1, 500)), max_size=30
)


def state_of(entries, rule):
    state = seated(1, 2, 3, 4, rule=rule)
    for worker, value, at in entries:
        state = after(state, vote(worker, value, at=float(at)), rule=rule, now=at + 1)
    return state


@given(ballots, rules)
def test_nothing_flips_on_an_unchanged_set_of_votes(entries, rule):
    entries.sort(key=lambda e: e[2])
    state = state_of(entries, rule)
    now = max([at for *_, at in entries], default=0) + 1.0
    again = judge(state, list(state.votes.values()), rule, now)

    assert again.state.verdict is state.verdict
    assert again.changes == ()
    assert again.transition is None
    assert again.state.good_rounds == state.good_rounds


@given(st.lists(st.tuples(st.integers(1, 4), values), max_size=4), rules, st.randoms())
def test_within_a_group_the_order_of_arrival_does_not_matter(entries, rule, random):
    votes = [vote(w, v, at=1.0 + i) for i, (w, v) in enumerate(entries)]
    mixed = random.sample(votes, len(votes))

    one = judge(seated(1, 2, 3, 4, rule=rule), votes, rule, 9.0).state
    other = judge(seated(1, 2, 3, 4, rule=rule), mixed, rule, 9.0).state
    assert one == other


@given(ballots, rules)
def test_expired_votes_never_count(entries, rule):
    state = judge(state_of(entries, rule), [], rule, 10_000.0).state

    assert state.votes == {}
    assert state.verdict is Verdict.UNKNOWN


@given(ballots, rules, st.integers(1, 5), values, st.integers(1, 520))
def test_the_short_way_ends_where_the_long_one_does(entries, rule, worker, value, at):
    now = 510.0
    state = state_of(entries, rule)
    state = judge(state, (), rule, now).state
    before, cast = dict(state.votes), vote(worker, value, at=float(at))
    long = judge(state, [cast], rule, now)
    if renew(state, cast, now):
        assert (long.changes, long.transition, long.repeat_after_s) == ((), None, None)
        assert state.votes == long.state.votes
        assert state.verdict is long.state.verdict is Verdict.UP
    else:
        assert state.votes == before


def test_the_short_way_is_taken_by_one_more_ok_and_by_nothing_else():
    votes = [vote(worker, OK) for worker in (1, 2, 3)]

    def up():
        return after(seated(1, 2, 3), *votes)

    assert renew(up(), vote(1, OK, at=9.0), 10.0)
    assert not renew(up(), vote(1, FAILED, at=9.0), 10.0)
    assert not renew(up(), vote(4, OK, at=9.0), 10.0)
    assert not renew(up(), vote(1, OK, at=9.0), 900.0)
    assert not renew(after(seated(1, 2, 3), votes[0]), vote(1, OK, at=9.0), 10.0)


@given(ballots)
def test_a_minority_alone_never_makes_it_down(entries):
    state = seated(1, 2, 3, 4)
    for worker, value, at in entries:
        shown = value if worker == 1 else OK
        state = after(state, vote(worker, shown, at=float(at)), now=at + 1)
        assert state.verdict is not Verdict.DOWN


@given(ballots, rules)
def test_the_log_of_changes_replays_to_the_votes(entries, rule):
    state, held = seated(1, 2, 3, 4, rule=rule), {}
    for worker, value, at in entries:
        judged = judge(state, [vote(worker, value, at=float(at))], rule, at + 1)
        state = judged.state
        for change in judged.changes:
            assert held.get(change.worker) == change.before
            held[change.worker] = change.after
    current = {w: v for w, v in held.items() if v is not None}
    assert current == {w: v.value for w, v in state.votes.items()}


def test_two_good_rounds_must_follow_each_other():
    state = seated(1, 2, 3)
    at = 0.0

    def everybody(value, workers=(1, 2, 3)):
        nonlocal state, at
        at += 30
        for worker in workers:
            state = after(state, vote(worker, value, at=at + worker), now=at + worker)

    everybody(FAILED)
    everybody(OK, (1, 2))
    for _ in range(20):
        everybody(FAILED)
    everybody(OK, (1, 2))
    assert state.verdict is Verdict.DOWN, "the good round before does not count"
    everybody(OK, (1, 2))
    assert state.verdict is Verdict.UP


def test_warnings_do_not_end_what_they_began():
    state = after(seated(1, 2, 3), *(vote(w, WARN) for w in (1, 2, 3)))
    for turn in range(1, 6):
        at = 30.0 * turn
        state = after(state, *(vote(w, WARN, at=at) for w in (1, 2, 3)), now=at + 1)
    one = after(state, vote(1, OK, at=200), vote(2, OK, at=200), now=201)
    two = after(one, vote(1, OK, at=230), vote(2, OK, at=230), now=231)

    assert state.verdict is Verdict.DEGRADED
    assert one.verdict is Verdict.DEGRADED
    assert two.verdict is Verdict.UP


def test_a_clock_that_goes_back_does_not_blind():
    state = after(seated(1), vote(1, OK, at=10_000.0), now=10_000.0)
    for number in range(5):
        at = 6_400.0 + 30 * number
        state = after(state, vote(1, FAILED, at=at), now=at)

    assert state.verdict is Verdict.DOWN


def test_repeats_are_forgotten_when_the_vote_expires():
    state = seated(1)
    for number in range(3):
        state = after(state, vote(1, FAILED, at=1.0 + number, lasts=10), now=4.0)
    state = after(state, now=100.0)
    judged = judge(state, [vote(1, FAILED, at=200.0)], MAJORITY, 200.0)

    assert judged.state.verdict is Verdict.UNKNOWN
    assert judged.repeat_after_s == pytest.approx(REPEAT_AFTER_S[0], abs=0.01)


def test_a_result_that_comes_again_a_little_shifted_is_counted_once():
    first = vote(1, FAILED, at=1.0)
    shifted = replace(first, at=1.004, expires=first.expires + 0.004)
    state = after(seated(1), first)
    assert after(state, shifted).repeats == 1
    assert after(seated(1), first, shifted).repeats == 1
    assert after(state, replace(shifted, duration_ms=6.0)).repeats == 2
    assert after(state, replace(shifted, at=1.1)).repeats == 2
