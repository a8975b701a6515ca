"""One worker alone: the schedule that comes between its tries moves none of them."""

import pytest

from pangea.core.model import Verdict, VoteValue
from pangea.core.rule import parse_rule
from pangea.core.verdict import JobState, Vote, judge

RULE = parse_rule("majority")


@pytest.mark.parametrize("between", [3.0, 1.0, 4.0])
def test_a_scheduled_failure_between_two_tries_does_not_begin_the_wait_anew(between):
    state, third, wait = JobState(1, Verdict.UP, electorate=(1,)), 0.0, 0.0
    for _ in range(3):
        third += wait + 0.1
        said = Vote(1, VoteValue.FAILED, third, 99.0)
        judged = judge(state, [said], RULE, third + 0.01)
        state, wait = judged.state, judged.repeat_after_s
    scheduled = third + between
    vote = Vote(1, VoteValue.FAILED, scheduled, 99.0)
    judged = judge(state, [vote], RULE, scheduled + 0.01)

    assert judged.state.verdict is Verdict.UP
    assert judged.repeat_after_s == pytest.approx(5.0 - between, abs=0.02)

    last = scheduled + judged.repeat_after_s
    ended = judge(
        judged.state, [Vote(1, VoteValue.FAILED, last, 99.0)], RULE, last + 0.01
    )
    assert ended.state.verdict is Verdict.DOWN
