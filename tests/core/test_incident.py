"""Incidents open, go on, open again and close; two of one job never overlap."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pangea.core.backfill import stretches
from pangea.core.incident import (
    BAD,
    REOPEN_S,
    begin,
    follow,
    may_reopen,
    settle,
)
from pangea.core.incident_id import ID_LETTERS, incident_id
from pangea.core.leaving import flap, leave
from pangea.core.model import Verdict
from pangea.core.remarks import acknowledge, comment
from pangea.core.verdict import Transition

S = 1_000_000
T = 1_700_000_000 * S
UP, DOWN, DEGRADED, UNKNOWN = (
    Verdict.UP,
    Verdict.DOWN,
    Verdict.DEGRADED,
    Verdict.UNKNOWN,
)


def change(after, seconds=0.0, before=UP, reason="2 of 3 failed: refused", job=7):
    return Transition(job, T + round(seconds * S), before, after, reason)


def opened(verdict=DOWN, **more):
    return begin(1, "web", change(verdict), **more).incident


def kinds(step):
    return [entry.kind for entry in step.entries]


def histories(most=40):
    """Any changes of verdict of one job, at any distance in time."""
    waits = st.integers(1, 3 * round(REOPEN_S)).map(lambda s: s * S)
    steps = st.lists(st.tuples(waits, st.sampled_from(list(Verdict))), max_size=most)

    def changes(drawn):
        at_us, before, made = T, UNKNOWN, []
        for wait, after in drawn:
            at_us += wait
            if after is not before:
                made.append(Transition(7, at_us, before, after, "because"))
                before = after
        return made

    return steps.map(changes)


def test_an_incident_lasts_from_the_first_failure_until_all_is_well():
    step = begin(1, "web", change(DOWN), first_fail_us=T - 2 * S)
    assert kinds(step) == ["opened"]
    incident = step.incident
    assert (incident.opened_us, incident.first_fail_us) == (T, T - 2 * S)
    assert incident.is_open
    step = follow(incident, change(UP, 60, before=DOWN))
    assert kinds(step) == ["recovered", "closed"]
    assert step.incident.closed_us == T + 60 * S


def test_unknown_neither_opens_nor_closes():
    assert stretches(1, "web", [change(UNKNOWN)]) == []
    step = follow(opened(), change(UNKNOWN, 5, before=DOWN))
    assert step.incident.is_open
    assert kinds(step) == ["unknown"]


def test_a_worse_verdict_updates_and_a_milder_one_is_not_the_worst():
    worse = follow(opened(DEGRADED), change(DOWN, 5, before=DEGRADED)).incident
    milder = follow(worse, change(DEGRADED, 9, before=DOWN)).incident
    assert (worse.verdict, worse.worst) == (DOWN, DOWN)
    assert (milder.verdict, milder.worst) == (DEGRADED, DOWN)


def test_what_opens_again_has_the_times_of_now_and_lasts_without_the_gap():
    first = begin(1, "web", change(DOWN), first_fail_us=T - S).incident
    well = follow(first, change(UP, 60, before=DOWN)).incident
    times = (T + 298 * S, T + 300 * S)
    back = follow(well, change(DOWN, 300), times).incident
    assert (back.first_fail_us, back.confirmed_us) == times
    assert (back.opened_us, back.since_us) == (T, T + 300 * S)
    assert back.away_us == 240 * S


def test_degraded_is_not_confirmed_until_it_is_down():
    mild = begin(1, "web", change(DEGRADED), first_fail_us=T - 9 * S).incident
    assert (mild.confirmed_us, mild.first_fail_us) == (0, T - 9 * S)
    times = (T + 4 * S, T + 5 * S)
    down = follow(mild, change(DOWN, 5, before=DEGRADED), times).incident
    assert (down.first_fail_us, down.confirmed_us) == times
    milder = follow(down, change(DEGRADED, 9, before=DOWN)).incident
    assert milder.confirmed_us == T + 5 * S


def test_a_failure_soon_after_reopens_and_one_later_does_not():
    first, again = change(DOWN), change(UP, 60, before=DOWN)
    soon, late = change(DOWN, 60 + REOPEN_S), change(DOWN, 60 + REOPEN_S + 1)
    (one,) = stretches(1, "web", [first, again, soon])
    assert (one.reopened, one.is_open) == (1, True)
    assert len(stretches(1, "web", [first, again, late])) == 2


def test_what_was_merged_or_retracted_is_never_reopened():
    closed = follow(opened(), change(UP, 60, before=DOWN)).incident
    at_us = closed.closed_us + 1
    assert may_reopen(closed, at_us)
    for what in ({"merged_into": "x"}, {"retracted": True}):
        gone = type(closed)(**{**_fields(closed), **what})
        assert not may_reopen(gone, at_us)


def _fields(incident):
    return {name: getattr(incident, name) for name in incident.__struct_fields__}


def test_an_incident_of_a_flapping_job_closes_when_the_flapping_ends():
    flapping = flap(opened(), 7, 35.0, T + S, begins=True).incident
    well = follow(flapping, change(UP, 9, before=DOWN)).incident
    assert well.is_open
    again = follow(well, change(DOWN, 12)).incident
    assert (again.members[7].recovered_us, again.reopened) == (0, 0)
    well = follow(again, change(UP, 15, before=DOWN)).incident
    over = flap(well, 7, 24.0, T + 90 * S, begins=False)
    assert kinds(over) == ["steady", "closed"]
    assert over.incident.closed_us == T + 90 * S


def test_a_job_that_is_judged_no_more_keeps_nothing_open():
    step = leave(opened(), 7, T + 5 * S, "the job was removed")
    assert kinds(step) == ["left", "closed"]
    assert settle(step.incident, T + 9 * S).entries == ()


def test_people_leave_their_words():
    acked = acknowledge(opened(), "ann", "on it", T + S)
    assert (acked.incident.acked_by, acked.incident.ack_text) == ("ann", "on it")
    said = comment(acked.incident, "bob", "cable", T + 2 * S)
    (entry,) = said.entries
    assert (entry.kind, entry.who, entry.text) == ("comment", "bob", "cable")
    assert said.incident.acked_by == "ann"


def test_suppression_that_ends_opens_it_then_and_remembers_the_first_failure():
    incident = opened(opened_us=T + 600 * S)
    assert (incident.opened_us, incident.first_fail_us) == (T + 600 * S, T)


@given(st.integers(1, 9), st.integers(1, 1 << 40), st.integers(0, 1 << 60))
def test_an_id_is_the_same_for_everybody_and_can_be_typed(org, job, opened_us):
    id_ = incident_id(org, job, opened_us)
    assert id_ == incident_id(org, job, opened_us)
    assert len(id_) == ID_LETTERS
    assert set(id_) <= set("abcdefghijklmnopqrstuvwxyz234567")
    others = {(org + 1, job, opened_us), (org, job + 1, opened_us)}
    others |= {(org, job, opened_us + 1)}
    assert id_ not in {incident_id(*other) for other in others}


@given(histories())
def test_incidents_of_a_job_never_overlap_and_cover_all_that_was_bad(changes):
    found = stretches(1, "web", changes)
    assert stretches(1, "web", changes) == found
    for before, after in pairwise(found):
        assert before.closed_us, "only the last may be open"
        assert before.closed_us + REOPEN_S * S < after.opened_us
    assert len({incident.id for incident in found}) == len(found)
    for each in changes:
        held = [i for i in found if i.opened_us <= each.at_us <= _end(i)]
        assert len(held) == 1 or each.after not in BAD
    last = changes[-1].after if changes else UNKNOWN
    if last in BAD:
        assert found[-1].is_open
    if last is UP:
        assert not found or not found[-1].is_open


def _end(incident):
    return incident.closed_us or 1 << 62
