"""Rounds and repeats: what a verdict waits for, and what must hold meanwhile."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pangea.core.electorate import reseat
from pangea.core.model import Verdict, Worker
from pangea.core.rule import parse_rule
from pangea.core.tally import REPEAT_AFTER_S
from pangea.core.verdict import judge
from tests.core.test_verdict import FAILED, MAJORITY, OK, WARN, after, seated, vote

EVERY_S = 30.0


def interval(state, number, values, rule=MAJORITY, workers=None):
    """Return *state* after each worker has said its value, one after the other."""
    for worker, value in enumerate(values, 1):
        at = EVERY_S * number + worker
        one = vote(worker, value, at=at, detail=f"said at {at}")
        state = judge(state, [one], rule, at + 0.1, workers or {}).state
    return state


@pytest.mark.parametrize("down", [1, 2, 3, 5])
def test_down_waits_for_its_rounds(down):
    rule = parse_rule(f"majority down={down}")
    state = interval(seated(1, 2), 0, [OK, OK], rule)
    verdicts = []
    for number in range(1, down + 1):
        state = interval(state, number, [FAILED, FAILED], rule)
        verdicts.append(state.verdict)

    assert verdicts == [Verdict.UP] * (down - 1) + [Verdict.DOWN]


@pytest.mark.parametrize("up", [1, 2, 3, 5])
def test_up_waits_for_its_rounds(up):
    rule = parse_rule(f"majority up={up}")
    state = interval(seated(1, 2), 0, [FAILED, FAILED], rule)
    verdicts = []
    for number in range(1, up + 1):
        state = interval(state, number, [OK, OK], rule)
        verdicts.append(state.verdict)

    assert verdicts == [Verdict.DOWN] * (up - 1) + [Verdict.UP]


def test_what_is_good_in_between_begins_the_rounds_of_down_anew():
    rule = parse_rule("majority down=3")
    state = interval(seated(1, 2), 0, [OK] * 2, rule)
    for number, value in enumerate([FAILED, FAILED, OK, FAILED, FAILED], 1):
        state = interval(state, number, [value] * 2, rule)

    assert (state.verdict, state.line) == (Verdict.UP, "rounds")
    assert interval(state, 6, [FAILED] * 2, rule).verdict is Verdict.DOWN


def test_a_round_is_a_majority_and_not_an_interval():
    rule = parse_rule("majority down=3")
    state = interval(seated(1, 2, 3), 0, [OK] * 3, rule)
    state = interval(state, 1, [FAILED] * 3, rule)
    assert state.bad_rounds == 1, "it stands from the second failure on"
    state = interval(state, 2, [FAILED] * 3, rule)
    assert state.bad_rounds == 3, "3 and 1, then 2 and 3"


def test_partial_names_the_site_that_is_cut():
    workers = {
        n: Worker(id=n, key=b"", name=f"site-{letter}")
        for n, letter in enumerate("abc", 1)
    }
    state = interval(seated(1, 2, 3), 0, [OK] * 3, workers=workers)
    for number in (1, 2, 3):
        state = interval(state, number, [OK, FAILED, OK], workers=workers)

    assert state.verdict is Verdict.DEGRADED
    assert state.reason.startswith("partial: site-b (said at ")


def test_what_two_workers_fail_in_turn_is_not_partial():
    state = interval(seated(1, 2, 3, 4, 5), 0, [OK] * 5)
    for number in range(1, 12):
        bad = number % 2
        values = [FAILED if w == bad else OK for w in range(5)]
        state = interval(state, number, values)
        assert state.verdict is Verdict.UP


def test_the_wait_of_a_repeat_counts_from_the_end_of_the_try_before():
    state = after(seated(1), vote(1, OK, at=0.5))
    at, asked = 10.0, []
    for took_ms in (9000.0, 8000.0, 7000.0):
        failed = replace(vote(1, FAILED, at=at), duration_ms=took_ms)
        heard = failed.end + 0.1
        judged = judge(state, [failed], MAJORITY, heard)
        state = judged.state
        asked.append(heard + judged.repeat_after_s - failed.end)
        at = heard + judged.repeat_after_s

    assert asked == pytest.approx(REPEAT_AFTER_S, abs=0.101)
    assert state.line == "confirming"


def test_what_the_schedule_asks_in_between_confirms_nothing():
    state = after(seated(1), vote(1, OK, at=0.5))
    for at in (10.0, 10.1, 10.4, 10.5):
        state = after(state, vote(1, FAILED, at=at, detail=f"{at}"), now=at + 0.1)
        assert state.verdict is Verdict.UP
    judged = judge(state, [vote(1, FAILED, at=10.55)], MAJORITY, 10.6)

    assert judged.state.repeats == 2, "the first, and the try at once"
    assert 0 < judged.repeat_after_s <= 1.0, "the next is asked for again"


def test_a_try_that_was_asked_for_is_one_however_alike_it_is():
    first = vote(1, FAILED, at=1.0)
    state = after(seated(1), first, now=1.01)
    alike = replace(first, at=1.006)

    assert after(state, alike, now=1.02).repeats == 1, "delivered twice"
    assert after(state, replace(alike, repeat=True), now=1.02).repeats == 2


def test_an_electorate_reduced_to_one_confirms_by_itself():
    state = interval(seated(1, 2), 0, [OK, OK])
    state = after(state, vote(1, FAILED, at=31.0), now=31.1)
    judged = reseat(state, [1], MAJORITY, 40.0)
    assert judged.state.line == "confirming"
    assert judged.repeat_after_s == 0.0

    state, at = judged.state, 40.0
    for _ in REPEAT_AFTER_S:
        assert state.verdict is Verdict.UP
        failed = vote(1, FAILED, at=at, detail=f"{at}")
        judged = judge(state, [failed], MAJORITY, failed.end)
        state = judged.state
        at = failed.end + (judged.repeat_after_s or 0)
    assert state.verdict is Verdict.DOWN


def test_tries_of_one_worker_are_not_those_of_another():
    state = after(seated(1), vote(1, FAILED, at=1.0), now=1.1)
    state = after(state, vote(1, FAILED, at=1.2), now=1.3)
    judged = reseat(state, [2], MAJORITY, 2.0, [vote(2, FAILED, at=1.5)])

    assert judged.state.repeats == 1


names = [
    "majority", "any", "all", "2", "60%", "2x1", "2x2", "majority down=3",
    "any up=1", "min_voters=3", "confirm=off",
]  # fmt: skip
rules = st.sampled_from([parse_rule(r) for r in names])
values = st.sampled_from([OK, WARN, FAILED])
WORKERS = {
    n: Worker(id=n, key=b"", name=f"w{n}", region=r)
    for n, r in enumerate(["eu", "eu", "us", "us"], 1)
}


@given(st.lists(values, min_size=4, max_size=4), rules, st.permutations(range(4)))
def test_the_order_of_arrival_does_not_matter(said, rule, order):
    """Each worker says one thing; whenever that arrives, the verdict is the same."""
    votes = [vote(w, v, at=float(w)) for w, v in enumerate(said, 1)]

    def arrived(ballots):
        state = seated(1, 2, 3, 4)
        for one in ballots:
            state = judge(state, [one], rule, 9.0, WORKERS).state
        return state

    one, other = arrived(votes), arrived([votes[n] for n in order])
    assert (one.verdict, one.votes) == (other.verdict, other.votes)


steps = st.lists(
    st.tuples(st.integers(1, 4), values, st.integers(0, 40)), min_size=1, max_size=40
)


def run(said, rule):
    state, now = seated(1, 2, 3, 4), 1.0
    for number, (worker, value, later) in enumerate(said):
        now += later
        one = replace(vote(worker, value, at=now), duration_ms=float(number))
        state = judge(state, [one], rule, now + 0.5, WORKERS).state
        yield state, now + 0.5


@given(steps, rules)
def test_nothing_flips_while_nothing_is_said(said, rule):
    for state, now in run(said, rule):
        again = judge(state, (), rule, now, WORKERS)
        assert again.transition is None
        assert again.state == state


@given(steps, rules)
def test_what_is_down_has_had_enough_failures(said, rule):
    was = Verdict.UNKNOWN
    for state, _ in run(said, rule):
        failed = [w for w, v in state.votes.items() if v.value is FAILED]
        if state.verdict is Verdict.DOWN and was is not Verdict.DOWN:
            assert rule.quorum.fails(failed, state.voters, WORKERS)
            assert len(failed) >= 2 or rule.quorum.needs(4) == 1
            assert state.bad_rounds >= rule.down_rounds
            assert len(state.votes) >= (rule.min_voters or 2)
        if state.verdict is Verdict.UP and was is Verdict.DOWN:
            assert not rule.quorum.fails(failed, state.voters, WORKERS)
        was = state.verdict


@given(st.sampled_from([2, 4, 6]), steps)
def test_an_even_split_keeps_the_old_verdict(voters, said):
    """Half of them fail and half do not: up stays up, down stays down, for 2 rounds."""
    seats = tuple(range(1, voters + 1))
    for before in (OK, FAILED):
        state = seated(*seats)
        state = judge(
            state, [vote(w, before, at=1.0) for w in seats], MAJORITY, 2.0
        ).state
        was = state.verdict
        half = [vote(w, OK if w % 2 else FAILED, at=31.0) for w in seats]
        for one in itertools.chain(half, reversed(half)):
            state = judge(state, [one], MAJORITY, 32.0).state
        assert state.verdict is was
        assert state.line == "split"


@given(steps, rules)
def test_expired_votes_never_count(said, rule):
    *_, (state, now) = run(said, rule)
    gone = judge(state, (), rule, now + 900.0, WORKERS).state

    assert gone.votes == {}
    assert gone.verdict is Verdict.UNKNOWN
    assert gone.line == "too-few"
    assert (gone.standing, gone.bad_rounds, gone.partial_rounds) == ((), 0, 0)
