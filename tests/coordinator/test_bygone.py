"""The past is judged by what held then, and whatever is wrong now is not asked."""

import pytest
from msgspec.structs import replace

from pangea.coordinator.bygone import Bygone, isolations, read
from pangea.core.late import relive
from pangea.core.maintenance import Maintenance
from pangea.core.model import FIRST_ORG, Flag, Job, Outcome, VoteValue
from pangea.core.rule import parse_rule
from pangea.core.sickness import SickWindow
from pangea.core.uptime import Span
from pangea.core.verdict import JobState
from pangea.core.votes import Vote, VoteChange
from pangea.storage import incidents, log_then, maintenance
from tests.coordinator.conftest import row
from tests.coordinator.test_past import a_job, corrected, every_30_s, now_us, until

OK, FAILED = Outcome.OK, Outcome.FAILED
JOB = Job(
    id=7,
    name="web",
    type="tcp",
    target="192.0.2.1:80",
    interval_s=30.0,
    timeout_s=5.0,
)
S = 1_000_000


def at(seconds, outcome=FAILED, worker=1, flags=0):
    """Return a result of a time that is counted from 0."""
    told = row(7, 0.0, outcome, flags=flags)
    return replace(told, worker=worker, started_at_us=round(seconds * S))


def bygone(**more):
    known = {"sick": {}, "isolated": {}, "resting": {}, "drills": []}
    return Bygone(**(known | more))


def test_a_window_counts_by_the_time_of_the_result():
    then = bygone(sick={1: [SickWindow(10.0, 20.0, "gateway: silent")]})
    assert then.void(at(15), JOB) == "gateway: silent"
    assert then.is_sick(at(15))
    assert then.void(at(15, OK), JOB) == ""
    assert then.void(at(25), JOB) == ""
    assert not then.is_sick(at(25))
    assert then.void(at(15, worker=2), JOB) == ""


def test_a_worker_that_was_worked_on_said_nothing_then():
    then = bygone(resting={1: [Span(10 * S, 20 * S)]})
    assert then.void(at(15, OK), JOB) == "worker in maintenance"
    assert then.void(at(20, OK), JOB) == ""


def test_what_was_told_in_a_drill_counts_and_after_it_does_not():
    then, drill = bygone(drills=[Span(10 * S, 20 * S)]), int(Flag.DRILL)
    assert then.void(at(15, flags=drill), JOB) == ""
    assert then.void(at(25, flags=drill), JOB) == "the drill is over"
    assert then.void(at(25), JOB) == ""


def change(seconds, after, cause="", worker=1):
    return VoteChange(7, worker, round(seconds * S), None, after, cause)


def test_who_was_isolated_is_known_by_the_log_until_its_vote_counted_again():
    alone = "isolated: fails 4 of 4 that others reach"
    log = [
        change(5, VoteValue.FAILED),
        change(10, None, alone),
        change(20, VoteValue.FAILED),
        change(30, None, "expired"),
    ]
    assert isolations(log, []) == {1: [SickWindow(10.0, 20.0, alone)]}
    then = bygone(isolated=isolations(log, []))
    assert then.void(at(15), JOB) == alone
    assert then.void(at(15, OK), JOB) == ""
    assert [then.void(at(s), JOB) for s in (5, 25, 35)] == ["", "", ""]


def test_isolation_was_over_when_the_worker_reached_the_target_again():
    log = [change(10, None, "isolated: fails 3 of 3 that others reach")]
    (window,) = isolations(log, [at(12), at(40, OK), at(50)])[1]
    assert (window.since, window.until) == (10.0, 40.0)


def test_who_could_not_tell_then_is_no_voter_when_it_is_judged_again():
    """As it was live: of four with one isolated two of three are a majority."""
    good = [Vote(w, VoteValue.OK, float(w), 100.0) for w in (1, 2, 3, 4)]
    bad = [
        Vote(4, VoteValue.FAILED, 20.0, 200.0, void="isolated: fails 3 of 3"),
        *(Vote(w, VoteValue.FAILED, 20.0 + w, 200.0) for w in (1, 2)),
        *(Vote(w, VoteValue.FAILED, 30.0 + w, 200.0) for w in (1, 2)),
    ]
    turns = relive(JobState(7), [*good, *bad], parse_rule("majority"), 60.0)
    assert [turn.after for turn in turns][-1] == "down"
    back = [Vote(4, VoteValue.FAILED, 40.0, 200.0)]
    turns = relive(JobState(7), [*good, bad[0], *back], parse_rule("any"), 60.0)
    assert [turn.after for turn in turns][-1] == "down"


async def test_what_is_wrong_now_does_not_rewrite_what_was(world):
    job = await a_job(world, rule="any")
    coordinator = world.coordinator
    correction, sickness = coordinator.past.correction, coordinator.sickness
    correction.quiet_s = 0.2
    workers = [await world.join(name) for name in ("hel", "ber", "par")]
    for far, failed in zip(workers, ([(-2400.0, -1800.0)], [], []), strict=True):
        await far.report([row(job.id)], epoch="new")
        await far.report(every_30_s(job.id, *failed), epoch="old")
        await far.until(lambda f: f.acks.get("old"))
    await until(lambda: corrected(world))
    before = await world.store.read(lambda: log_then.held(job.id, 0, now_us(-60)))
    assert "down" in [turn.after for turn in before]

    # Now the one that saw it is isolated, and something else comes late.
    hel = coordinator.board.worker("hel").id
    isolating = sickness.isolating
    isolating.isolation.isolated[hel] = "isolated: fails 4 of 4 that others reach"
    coordinator.board.sick[hel] = "isolated: fails 4 of 4 that others reach"
    coordinator.board.resting = {hel: 0.0}
    late = [row(job.id, -2900.2), row(job.id, -1000.2)]
    await workers[1].report(late, epoch="older")
    await until(lambda: waiting(correction))
    isolating._failed.clear()
    await until(lambda: corrected(world))
    after = await world.store.read(lambda: log_then.held(job.id, 0, now_us(-60)))
    assert after == before
    assert not isolating._failed, "the past is no news of who is isolated"
    page, _ = await world.store.read(lambda: incidents.page(FIRST_ORG))
    assert not any(incident.retracted for incident in page)


async def waiting(correction):
    return correction.waiting


async def test_maintenance_of_a_worker_is_known_by_its_plans(world):
    job = await a_job(world)
    plan = Maintenance(workers=(1,), from_us=now_us(-900), until_us=now_us(-600))
    await world.store.write(lambda: maintenance.add(plan))
    rows = [replace(row(job.id, s), worker=1) for s in (-700.0, -300.0)]
    whole = Span(now_us(-1000), now_us())
    then = await world.store.read(lambda: read(job, whole, rows))
    assert [then.is_resting(one) for one in rows] == [True, False]


@pytest.mark.parametrize("expect", ["ok", "fail"])
def test_who_was_isolated_proves_nothing_by_what_it_did_not_reach(expect):
    alone = SickWindow(10.0, 20.0, "isolated: fails 4 of 4 that others reach")
    then, job = bygone(isolated={1: [alone]}), replace(JOB, expect=expect)
    silent, answered = at(15), at(15, OK)
    if expect == "fail":
        silent, answered = answered, silent
    assert then.void(silent, job) == alone.cause
    assert then.void(answered, job) == ""
