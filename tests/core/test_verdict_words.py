"""The reason of a verdict says what is there, and what is missing."""

from pangea.core.electorate import reseat, suspend
from pangea.core.model import Verdict, VoteValue, Worker
from pangea.core.rule import parse_rule
from pangea.core.verdict import JobState, Vote, judge


def test_a_partial_failure_says_all_that_fail_and_what_is_missing():
    there = {
        number: Worker(id=number, key=b"", name=name, region=region)
        for number, (name, region) in enumerate(
            [("london", "eu"), ("paris", "eu"), ("dallas", "us")], 1
        )
    }
    rule = parse_rule("2x1")
    state = reseat(JobState(1), there, rule, 0.0, (), there).state
    good = [Vote(w, VoteValue.OK, 1.0, 1e6) for w in there]
    state = judge(state, good, rule, 1.0, there).state
    state = suspend(state, [3], rule, 1.5, there).state
    for at in (2.0, 3.0, 4.0, 5.0):
        for worker in (1, 2):
            vote = Vote(worker, VoteValue.FAILED, at, 1e6, 0.0, "timeout", "no answer")
            state = judge(state, [vote], rule, at, there).state
    assert (state.verdict, state.line) == (Verdict.DEGRADED, "partial")
    assert state.reason == (
        "partial: london, paris (no answer); "
        "2 of 3 failed, 2 needed, of 2 regions: none in us"
    )


def test_with_too_few_voters_a_job_that_is_down_still_says_why():
    rule = parse_rule("majority")
    state = reseat(JobState(1), (1, 2, 3), rule, 0.0).state
    bad = [
        Vote(w, VoteValue.FAILED, 1.0, 1e6, 0.0, "refused", "refused by 10.0.0.1")
        for w in (1, 2, 3)
    ]
    state = judge(state, bad, rule, 1.0).state
    state = suspend(state, [2, 3], rule, 2.0).state
    assert state.verdict is Verdict.DOWN
    assert state.reason == "1 of 3 workers vote, and agree: refused by 10.0.0.1"
