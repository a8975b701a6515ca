"""Why a job has its verdict: a real outage, an isolated worker, a split vote."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pangea.core.electorate import reseat, sicken, suspend
from pangea.core.explain import MOST, Seat, explain, in_words
from pangea.core.model import Verdict, VoteValue
from pangea.core.rule import parse_rule
from pangea.core.tally import LINES
from pangea.core.verdict import JobState, Vote, judge

OK, WARN, FAILED = VoteValue.OK, VoteValue.WARN, VoteValue.FAILED
NAMES = {1: "london", 2: "site-b", 3: "nyc", 4: "rome"}
RULE = parse_rule("majority")


def seats(*numbers, **why):
    return [Seat(n, NAMES[n], "eu", why.get(f"w{n}", "")) for n in numbers]


def vote(worker, value, at=10.0):
    reason = "" if value is OK else "refused"
    return Vote(worker, value, at, at + 70, 1.0, reason, "")


def judged(votes, *, rule=RULE, electorate=(1, 2, 3), state=None):
    state = state or JobState(1, verdict=Verdict.UP, electorate=electorate)
    return judge(state, votes, rule, 11.0).state


def voices(told):
    return {v.worker: v for v in told.voices}


def test_a_real_outage_names_the_line_and_the_counts():
    state = judged([vote(1, FAILED), vote(2, FAILED), vote(3, OK)])
    told = explain("web", state, RULE, seats(1, 2, 3), 11.0, before="up",
                   first_fail=10.0, confirmed=11.0)  # fmt: skip

    assert (told.verdict, told.line) == ("down", "quorum-failed")
    assert told.line_words.endswith("(2 of 3 failed, 2 needed)")
    assert (told.failed, told.ok, told.voters, told.needed) == (2, 1, 3, 2)
    assert (told.first_fail_us, told.confirmed_us) == (10_000_000, 11_000_000)
    assert [v.worker for v in told.voices] == ["london", "site-b", "nyc"]
    assert all(v.counts for v in told.voices)


def test_an_isolated_worker_is_excluded_with_the_cause():
    said = "isolated: it fails 9 of 10 targets that others reach"
    state = judged([vote(1, OK), vote(2, FAILED), vote(3, OK)])
    state = sicken(state, {2: said}, RULE, 12.0).state
    told = explain("web", state, RULE, seats(1, 2, 3, w2=said), 12.0)

    assert told.verdict == "up"
    assert (told.voters, told.failed) == (2, 0)
    lone = voices(told)["site-b"]
    assert (lone.counts, lone.vote, lone.why) == (False, "", said)
    assert told.voices[-1] is lone


def test_a_split_vote_says_what_would_have_been_needed():
    state = judged([vote(1, OK), vote(2, FAILED)], electorate=(1, 2))
    told = explain("web", state, RULE, seats(1, 2), 11.0)

    assert (told.verdict, told.line) == ("up", "split")
    assert "(1 of 2 failed, 2 are needed; 1 good)" in told.line_words


def test_a_lost_worker_keeps_its_vote_which_does_not_count():
    state = judged([vote(1, OK), vote(2, FAILED), vote(3, OK)])
    state = suspend(state, [2], RULE, 12.0).state
    told = explain("web", state, RULE, seats(1, 2, 3, w2="lost 4m"), 12.0)

    lost = voices(told)["site-b"]
    assert (lost.counts, lost.vote, lost.why) == (False, "failed", "lost 4m")
    plain = explain("web", state, RULE, seats(1, 2, 3), 12.0)
    assert voices(plain)["site-b"].why == "its vote is suspended"


def test_who_has_no_vote_or_no_seat_is_told_apart():
    state = judged([vote(1, OK)], electorate=(1, 2))
    told = voices(explain("web", state, RULE, seats(1, 2, 3), 11.0))
    assert told["site-b"].why == "it has not voted yet"
    assert told["nyc"].why == "not in the electorate"


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("majority", "down when more than half of those that vote fail"),
        ("any up=1", "down when anybody fails; up again after a good round"),
        ("2x2", "down when in 2 regions 2 workers fail"),
        ("60% down=3", "down when 60 % of those that vote fail, for 3 rounds"),
        ("1 min_voters=2", "down when 1 worker fails"),
        ("all latency=500ms loss=10%", "warns: latency above 500 ms, loss above 10 %"),
    ],
)
def test_a_rule_is_said_in_words(rule, words):
    said = in_words(parse_rule(rule))
    assert words in said
    assert "good" in said


values = st.sampled_from([OK, WARN, FAILED])
ballots = st.lists(st.tuples(st.integers(1, 4), values, st.floats(1, 20)), max_size=20)


@settings(max_examples=150, deadline=None)
@given(
    ballots,
    st.sets(st.integers(1, 4)),
    st.sets(st.integers(1, 4)),
    st.sets(st.integers(1, 4)),
    st.sampled_from(["majority", "any", "all", "2", "50%", "2x1", "majority down=2"]),
)
def test_what_is_explained_is_what_was_judged(votes, seated, lost, sick, text):
    rule = parse_rule(text)
    state = reseat(JobState(1), seated, rule, 21.0).state
    cast = [vote(w, value, at) for w, value, at in votes]
    state = judge(state, cast, rule, 22.0).state
    state = suspend(state, lost, rule, 23.0).state
    state = sicken(state, dict.fromkeys(sick, "gateway"), rule, 24.0).state
    told = explain("web", state, rule, seats(1, 2, 3, 4), 25.0)

    assert told.verdict == state.verdict
    assert told.line in LINES
    assert told.line_words.startswith(LINES[told.line])
    counted = [v for v in told.voices if v.counts]
    assert len(counted) == len(state.counted) == told.ok + told.warned + told.failed
    assert {v.worker for v in counted} == {NAMES[v.worker] for v in state.counted}
    assert all(v.vote and not v.why for v in counted)
    assert all(v.why for v in told.voices if not v.counts)
    assert told.needed <= max(told.voters, 1)
    assert told.rule
    assert in_words(rule) == told.rule_words


def test_of_too_many_workers_those_that_count_are_told_first():
    state = judged([vote(1, FAILED)], electorate=(1, 2))
    many = [Seat(n, f"w{n:04}") for n in range(10, 10 + 2 * MOST)]
    told = explain("web", state, RULE, [*many, *seats(1)], 11.0)
    assert told.voices[0].worker == "london"
    assert (len(told.voices), told.left_out) == (MOST, MOST + 1)
