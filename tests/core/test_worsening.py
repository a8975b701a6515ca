"""How many fail, as an incident says it: the most that have, and nothing else."""

import pytest
from msgspec.structs import replace

from pangea.core.incident import begin
from pangea.core.model import Verdict, VoteValue
from pangea.core.verdict import Transition
from pangea.core.worsening import MOST_FOLLOWED, recounted, worsen

TWO = "2 of 3 failed: refused"
CHANGE = Transition(7, 1_000_000, Verdict.UP, Verdict.DOWN, TWO)


def an_incident(**more):
    incident = begin(1, "web", CHANGE).incident
    member = replace(incident.members[7], **more)
    return replace(incident, members={7: member})


def test_it_follows_what_gets_worse_with_the_member_that_it_speaks_of():
    step = worsen(an_incident(), 7, "3 of 3 failed: no answer", 2_000_000)
    assert step.incident.reason == "3 of 3 failed: no answer"
    assert step.incident.members[7].reason == step.incident.reason
    assert (step.entries, step.changed) == ((), (7,))


def test_what_only_warns_is_followed_too():
    warned = an_incident(verdict=Verdict.DEGRADED, reason="1 of 2 warn: latency")
    step = worsen(warned, 7, "2 of 2 warn: latency", 2_000_000)
    assert step.incident.members[7].reason == "2 of 2 warn: latency"
    assert not worsen(step.incident, 7, "3 of 3 failed: refused", 2_000_000).changed


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({}, "2 of 3 failed: another"),
        ({}, "1 of 3 failed: refused"),
        ({}, "recovering: 3 of 3 ok"),
        ({}, "split: 1 of 3 ok, 3 of 3 failed"),
        ({"recovered_us": 5}, "3 of 3 failed: refused"),
        ({"verdict": Verdict.DEGRADED}, "3 of 3 failed: refused"),
        ({"reason": "it depends on router"}, "3 of 3 failed: refused"),
    ],
)
def test_it_stays_as_it_was_whatever_else_is_said(more, reason):
    incident = an_incident(**more)
    assert worsen(incident, 7, reason, 2_000_000).incident is incident


def test_a_reason_is_counted_anew_as_of_another_moment():
    votes = {1: VoteValue.FAILED, 2: VoteValue.FAILED, 3: None}
    assert (
        recounted("1 of 1 failed: refused", votes, (1, 2)) == "2 of 2 failed: refused"
    )
    for same in ("partial: hel (refused)", "1 of 1 warn: latency"):
        assert recounted(same, votes, (1, 2)) == same


def test_of_very_many_jobs_only_the_one_it_speaks_of_is_followed():
    incident = an_incident()
    each = range(7, 8 + MOST_FOLLOWED)
    members = {n: replace(incident.members[7], job=n) for n in each}
    many = replace(incident, members=members, downs=len(members))
    assert not worsen(many, 8, "3 of 3 failed: refused", 2_000_000).changed
    assert worsen(many, 7, "3 of 3 failed: refused", 2_000_000).changed == (7,)
