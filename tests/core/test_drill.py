"""What a drill makes of results, and its stages: pure."""

import pytest

from pangea.core.drill import Drill, confirm, drilled, finish, hear, is_drill, stop
from pangea.core.model import Flag, Outcome, Result, VoteValue


def result(outcome, **more):
    return Result(job=1, started_at_us=5, duration_ms=3.0, outcome=outcome, **more)


def test_a_good_result_is_told_as_failed_and_says_why():
    told = drilled(result(Outcome.OK, flags=int(Flag.WARN | Flag.LATE), reason="x"))
    assert told.vote is VoteValue.FAILED
    assert (told.reason, told.duration_ms) == ("drill", 3.0)
    assert told.flags == Flag.LATE | Flag.DRILL
    assert is_drill(told)


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.ERROR])
def test_what_really_failed_or_could_not_tell_stays_as_it_is(outcome):
    real = result(outcome, reason="refused")
    assert drilled(real) is real
    assert not is_drill(real)


def test_the_stages_follow_each_other():
    drill = Drill(job=1, begun=10.0, limit=40.0)
    assert (drill.state, drill.failing) == ("failing", True)
    drill = hear(hear(hear(drill, 2, 12.0), 1, 13.0), 2, 14.0)
    assert (drill.heard, drill.first_failed) == ((1, 2), 12.0)
    drill = confirm(drill, 13.0)
    assert (drill.state, drill.ended, drill.failing) == ("recovering", 13.0, False)
    done = finish(drill, 20.0, "", recovered=True)
    assert (done.state, done.ended, done.over) == ("done", 13.0, 20.0)


def test_one_that_was_never_down_has_failed():
    drill = stop(Drill(job=1, begun=10.0, limit=40.0), 40.0, "not down within 30s")
    assert (drill.state, drill.failing) == ("recovering", False)
    over = finish(drill, 50.0, "", recovered=True)
    assert (over.state, over.words) == ("failed", "not down within 30s")
