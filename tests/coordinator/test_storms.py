"""What joins a storm, what opens one again, and what is another incident."""

from pangea.core.incident import REOPEN_S
from pangea.core.model import Verdict
from tests.coordinator.test_incident_rules import Play, check

UP, DOWN = Verdict.UP, Verdict.DOWN


def a_storm(*jobs):
    play = Play()
    for job in jobs:
        play.verdict(job, DOWN)
    return play, play.incidents.open_of(jobs[0])


def over(play, *jobs):
    for job in jobs:
        play.verdict(job, UP)
    assert not play.incidents.all_open(1)


def test_a_storm_that_is_over_is_not_opened_again_by_one_of_its_jobs():
    play, storm = a_storm(2, 4, 6)
    over(play, 2, 4, 6)
    play.verdict(4, DOWN, 300.0)
    mine = play.incidents.open_of(4)
    assert (mine.id != storm.id, mine.title, mine.acked_us) == (True, "job-4", 0)
    assert not play.last[storm.id].is_open
    play.verdict(4, UP)
    play.verdict(4, DOWN)
    assert play.incidents.open_of(4).id == mine.id, "one alone is opened again"


def test_a_storm_that_is_over_opens_again_when_enough_have_its_cause_again():
    play, storm = a_storm(2, 4, 6)
    over(play, 2, 4, 6)
    for job in (2, 6, 8):
        play.verdict(job, DOWN, 20.0)
    again = play.incidents.open_of(8)
    assert (again.id, again.reopened, len(again.members)) == (storm.id, 1, 4)
    check(play)
    over(play, 2, 6, 8)
    for job in (2, 4, 6):
        play.verdict(job, DOWN, REOPEN_S if job == 2 else 1.0)
    assert play.incidents.open_of(2).id != storm.id, "too long ago"


def test_a_job_that_goes_bad_later_than_a_minute_is_told_by_itself():
    play, storm = a_storm(2, 4, 6)
    play.verdict(8, DOWN, 61.0)
    assert play.incidents.open_of(8).title == "job-8"
    assert len(play.last[storm.id].members) == 3


def test_a_member_fails_again_in_its_storm_only_soon_after():
    play, storm = a_storm(2, 4, 6)
    play.verdict(2, UP)
    play.verdict(2, DOWN, 30.0)
    assert play.incidents.open_of(2).id == storm.id
    play.verdict(2, UP)
    play.verdict(2, DOWN, REOPEN_S + 1)
    assert play.incidents.open_of(2).title == "job-2"
    assert play.last[storm.id].is_open
    check(play)


def test_a_job_in_a_drill_has_an_incident_of_its_own_whatever_is_open():
    play, storm = a_storm(2, 4, 6)
    play.verdict(2, UP)
    before = len(play.entries)
    play.board.drills[2] = True
    play.verdict(2, DOWN)
    mine = play.incidents.open_of(2)
    assert (mine.drill, mine.title) == (True, "job-2")
    assert [e.kind for e in play.entries[before:]] == ["opened"]
    play.verdict(2, UP)
    assert play.last[mine.id].closed_us
    assert play.last[storm.id].members[2].recovered_us


def test_a_drill_is_told_even_while_what_it_depends_on_is_down():
    play = Play()
    play.incidents.suppressed = lambda job, at: "depends on gw, which is down"
    play.board.drills[2] = True
    play.verdict(2, DOWN)
    assert play.incidents.open_of(2).drill


def test_a_member_in_maintenance_leaves_and_does_not_fail_again():
    play, storm = a_storm(2, 4, 6)
    play.incidents.suppressed = lambda job, at: play.board.maintained.get(job, "")
    play.verdict(2, UP)
    play.board.maintained[2] = "maintenance: cables"
    play.verdict(2, DOWN)
    assert play.incidents.open_of(2) is None
    play.board.maintained[4] = "maintenance: cables"
    play.look()
    left = [e.text for e in play.entries if e.kind == "left"]
    assert left == ["job-2: maintenance: cables", "job-4: maintenance: cables"]
    assert play.last[storm.id].unwell == 1
    play.board.maintained.clear()
    play.clock.now += 3600.0
    play.look()
    assert {play.incidents.open_of(j).title for j in (2, 4)} == {"job-2", "job-4"}
    check(play)


def test_a_job_alone_that_goes_into_maintenance_keeps_nothing_open():
    play = Play(apart=True)
    play.incidents.suppressed = lambda job, at: play.board.maintained.get(job, "")
    play.verdict(1, DOWN)
    play.board.maintained[1] = "maintenance"
    play.look()
    play.look()
    assert not play.incidents.all_open(1)
    play.board.maintained.clear()
    play.look()
    assert play.incidents.open_of(1).reopened == 1
