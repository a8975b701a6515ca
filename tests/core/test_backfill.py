"""Late results and incidents of several jobs: who was well is cleared of them."""

from msgspec.structs import replace

from pangea.core.backfill import amend
from pangea.core.cause import Cause
from pangea.core.incident import begin, follow
from pangea.core.model import Verdict
from pangea.core.storm import merge
from pangea.core.uptime import Span
from pangea.core.verdict import Transition

S = 1_000_000
UP, DOWN = Verdict.UP, Verdict.DOWN
WHOLE = Span(0, 3600 * S)


def turn(job, seconds, after):
    return Transition(job, seconds * S, UP if after is DOWN else DOWN, after, "refused")


def storm(until=700):
    """Return three jobs that were down from 600 s on, and well again at *until*."""
    alone = [begin(1, f"j{n}", turn(n, 600 + n, DOWN)).incident for n in (1, 2, 3)]
    made = merge(alone, (Cause("subnet", "192.0.2.0/24"),), 603 * S)[0].incident
    for job in (1, 2, 3) if until else ():
        made = follow(made, turn(job, until + job, UP)).incident
    assert made.is_open is not bool(until)
    return made


def amended(incident, *turns, job=2):
    known = Transition(job, 0, Verdict.UNKNOWN, UP, "")
    return amend(1, f"j{job}", [known, *turns], [incident], WHOLE, 9 * S, rule="any")


def test_a_job_that_was_well_is_cleared_of_a_storm_of_others():
    (step,) = amended(storm()).never
    assert step.incident.cleared == (2,)
    assert not step.incident.retracted
    (entry,) = step.entries
    assert entry.kind == "cleared"
    assert entry.text.startswith("j2: results that came late say that it was well")
    assert entry.text.endswith("judged by the rule that it has now, any")
    assert not amended(step.incident).never


def test_a_storm_of_which_nobody_was_unwell_never_was():
    cleared = replace(storm(), cleared=(1, 3))
    (step,) = amended(cleared).never
    assert step.incident.retracted
    assert [e.kind for e in step.entries] == ["cleared", "retracted"]


def test_a_member_that_was_down_at_that_time_stays_one_and_has_no_second_incident():
    told = amended(storm(), turn(2, 650, DOWN), turn(2, 660, UP))
    assert not told.never
    assert not told.missed


def test_a_job_that_was_down_at_another_time_is_told_beside_the_storm():
    told = amended(storm(), turn(2, 2000, DOWN), turn(2, 2100, UP))
    (made,) = told.missed
    assert made.incident.opened_us == 2000 * S
    assert made.entries[-1].text.endswith("judged by the rule that it has now, any")
    assert [step.incident.cleared for step in told.never] == [(2,)]


def test_a_storm_that_goes_on_is_left_to_the_present():
    assert not amended(storm(until=0)).never


def test_who_is_no_member_is_not_cleared():
    assert not amended(storm(), job=9).never
