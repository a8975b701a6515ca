"""When an outage began to be seen, and when it was believed."""

from hypothesis import given
from hypothesis import strategies as st

from pangea.core.electorate import suspend
from pangea.core.model import Verdict, VoteValue
from pangea.core.outage import Outage, begun, follow
from pangea.core.rule import parse_rule
from pangea.core.verdict import JobState, Vote, judge

LASTS = 70.0
RULE = parse_rule("majority")


class Story:
    """A job of three workers, judged vote by vote."""

    def __init__(self):
        self.state = JobState(1, Verdict.UP, electorate=(1, 2, 3))
        self.outage = Outage()
        for worker in (1, 2, 3):
            self.say(worker, 0.0, "ok")

    def say(self, worker, at, value="failed"):
        vote = Vote(worker, VoteValue(value), at, at + LASTS)
        self.take(judge(self.state, [vote], RULE, at + 0.5))

    def take(self, judged):
        self.state = judged.state
        self.outage = follow(self.outage, judged, LASTS)

    @property
    def times(self):
        return self.outage.first_fail, self.outage.confirmed


def test_an_outage_is_seen_by_the_first_failure_and_believed_by_the_verdict():
    story = Story()
    story.say(1, 10.0)
    story.say(2, 14.0)

    assert story.times == (10.0, 14.5)


def test_who_failed_alone_for_long_has_not_seen_it():
    story = Story()
    story.say(1, 10.0)
    for at in (40.0, 70.0, 100.0):
        story.say(2, at, "ok")
        story.say(3, at + 1, "ok")
        story.say(1, at + 2)
    story.say(2, 130.0)
    story.say(2, 131.0)

    assert story.times == (130.0, 131.5)


def test_a_failure_that_has_passed_is_none_of_it():
    story = Story()
    story.say(1, 10.0)
    story.say(1, 20.0, "ok")
    story.say(2, 30.0)
    story.say(3, 31.0)

    assert story.times == (30.0, 31.5)


def test_an_outage_lasts_until_it_is_up_and_is_known_until_then():
    story = Story()
    story.say(1, 10.0)
    story.say(2, 14.0)
    story.say(3, 15.0)
    for at in (20.0, 30.0):
        story.say(1, at, "ok")
        assert story.times == (10.0, 14.5)
        story.say(2, at + 1, "ok")

    assert story.state.verdict is Verdict.UP
    assert (story.times, story.outage.over) == ((10.0, 14.5), 31.5)

    story.say(1, 50.0)  # the third has never recovered
    story.say(1, 51.0)
    assert story.times == (50.0, 51.5)


def test_a_worker_that_is_lost_a_while_goes_on_failing():
    story = Story()
    story.say(1, 10.0)
    story.take(suspend(story.state, [1], RULE, 12.0))
    story.take(suspend(story.state, [], RULE, 16.0))
    story.say(2, 20.0)

    assert story.times == (10.0, 20.5)


@given(st.dictionaries(st.integers(1, 9), st.floats(0, 1e6), min_size=1))
def test_it_began_at_one_of_the_failures_and_before_it_was_believed(runs):
    first = begun(runs, LASTS, max(runs.values()) + 1)

    assert first in runs.values()
    assert all(since >= first or first - since > LASTS for since in runs.values())
