"""Nobody's vote outlives its end, though not each is looked at every second."""

import pytest
from msgspec.structs import replace

from pangea.coordinator.vote_ends import TRUSTED_S, VoteEnds
from pangea.core.model import Verdict, VoteValue
from pangea.core.verdict import JobState, renew
from pangea.core.votes import Vote


def vote(worker, at, lasts=10.0):
    return Vote(worker, VoteValue.OK, at, at + lasts, 1.0)


def up(*votes):
    voters = tuple(v.worker for v in votes)
    return JobState(
        1,
        verdict=Verdict.UP,
        electorate=voters,
        votes={v.worker: v for v in votes},
    )


@pytest.fixture
def ends():
    return VoteEnds()


def test_the_first_vote_to_end_counts(ends):
    state = up(vote(1, at=0), vote(2, at=5))
    assert not ends.has_one(state, 9.9)
    assert ends.has_one(state, 10.0)
    assert ends.has_one(state, 10.1), "until it is taken back"


def test_what_was_renewed_meanwhile_goes_on(ends):
    state = up(vote(1, at=0))
    assert not ends.has_one(state, 9)
    assert renew(state, vote(1, at=9), now=9)
    assert not ends.has_one(state, 18)
    assert ends.has_one(state, 19)


def test_one_that_ends_sooner_after_all_does_so_a_moment_late_at_most(ends):
    state = up(vote(1, at=0, lasts=600))
    assert not ends.has_one(state, 1)
    state.votes[1] = vote(1, at=1, lasts=2)  # its interval was shortened
    assert ends.has_one(state, 1 + TRUSTED_S)


def test_another_state_is_looked_at_anew(ends):
    state = up(vote(1, at=0))
    assert not ends.has_one(state, 1)
    assert ends.has_one(replace(state, votes={1: vote(1, at=0, lasts=2)}), 3)


def test_votes_that_were_moved_with_the_clock_are_looked_at_anew(ends):
    state = up(vote(1, at=1000))
    assert not ends.has_one(state, 1001)
    state.votes[1] = vote(1, at=0)
    ends.forget()
    assert ends.has_one(state, 10)


def test_who_has_no_vote_has_none_that_ends(ends):
    assert not ends.has_one(up(), 1e12)
