"""The logs at a moment of the past: right, and by seeks alone."""

import pytest

from pangea.core.late import Fix
from pangea.core.model import FIRST_ORG, Verdict, VoteValue
from pangea.core.uptime import Span
from pangea.core.verdict import Transition, VoteChange
from pangea.storage import corrections, coverage, jobs, lateness, log_then, verdicts
from pangea.storage.connection import connection
from pangea.storage.ingest import Intake, commit
from pangea.storage.rollups import OpenBuckets
from tests.storage.made import SECOND, T0, job, result

UP, DOWN, UNKNOWN = Verdict.UP, Verdict.DOWN, Verdict.UNKNOWN
OK, FAILED = VoteValue.OK, VoteValue.FAILED


@pytest.fixture
async def web(store):
    return await store.write(lambda: jobs.add(job("web", created_at_us=T0)))


def turn(number, at, before, after):
    return Transition(number, T0 + at * SECOND, before, after, f"at {at}")


async def test_the_state_at_a_moment_is_that_of_the_last_change(store, web):
    def write():
        verdicts.log_transitions(
            [turn(web.id, 10, UNKNOWN, UP), turn(web.id, 50, UP, DOWN)]
        )
        log_then.log_pauses([(FIRST_ORG, web.id, T0 + 70 * SECOND, True)])
        log_then.log_pauses([(FIRST_ORG, web.id, T0 + 80 * SECOND, False)])

    await store.write(write)
    wanted = {5: "unknown", 10: "up", 49: "up", 50: "down", 75: "paused", 80: "down"}
    for at, verdict in wanted.items():
        then = await store.read(lambda at=at: log_then.state_at(1, T0 + at * SECOND))
        assert then[web.id].verdict == verdict, at
    assert await store.read(lambda: log_then.state_at(1, T0 - 1)) == {}
    assert await store.read(lambda: log_then.state_at(2, T0 + SECOND)) == {}
    pauses = await store.read(lambda: log_then.pauses(web.id, T0, T0 + 90 * SECOND))
    assert pauses == [Span(T0 + 70 * SECOND, T0 + 80 * SECOND)]


async def test_the_votes_at_a_moment_are_the_last_of_each_worker(store, web):
    said = [(1, 5, None, OK), (2, 6, None, OK), (2, 30, OK, FAILED), (1, 40, OK, None)]
    changes = [
        VoteChange(web.id, w, T0 + at * SECOND, a, b, "") for w, at, a, b in said
    ]
    await store.write(lambda: verdicts.log_vote_changes(changes))
    for at, wanted in {
        4: {}, 5: {1: OK}, 20: {1: OK, 2: OK}, 35: {1: OK, 2: FAILED},
        50: {1: None, 2: FAILED},
    }.items():  # fmt: skip
        moment = T0 + at * SECOND
        votes = await store.read(lambda m=moment: log_then.votes_at([web.id], m))
        assert {v.worker: v.after for v in votes[web.id]} == wanted, at


async def test_a_correction_changes_what_holds_and_not_what_was_known(store, web):
    said = [turn(web.id, 10, UNKNOWN, UP), turn(web.id, 50, UP, DOWN)]
    fix = Fix((said[1],), (turn(web.id, 30, UP, DOWN), turn(web.id, 40, DOWN, UP)))

    def write():
        verdicts.log_transitions(said)
        corrections.correct(web.id, fix, T0 + 99 * SECOND)

    await store.write(write)
    held = await store.read(lambda: log_then.held(web.id, T0, T0 + 60 * SECOND))
    assert [t.after for t in held] == [UP, DOWN, UP]
    since = await store.read(
        lambda: log_then.held(web.id, T0 + 45 * SECOND, T0 + 60 * SECOND)
    )
    assert [t.at_us for t in since] == [T0 + 40 * SECOND]
    for at, verdict in {35: "up", 55: "down"}.items():
        then = await store.read(lambda at=at: log_then.state_at(1, T0 + at * SECOND))
        assert then[web.id].verdict == verdict
    newest = await store.read(lambda: verdicts.transitions(web.id))
    assert [t.after for t in newest] == [UP, DOWN, UP]


@pytest.mark.engines("sqlite")
async def test_no_log_is_ever_scanned(store, web):
    """Years of changes may lie in it."""
    seen = []

    def watch():
        link = connection()
        link.set_trace_callback(seen.append)
        log_then.state_at(1, T0)
        log_then.votes_at([web.id], T0)
        log_then.held(web.id, T0, T0 + 1)
        log_then.pauses(web.id, T0, T0 + 1)
        log_then.changes(web.id, T0, T0 + 1, 9)
        lateness.seats(web.id, T0, T0 + 1)
        link.set_trace_callback(None)
        plans = []
        for sql in {s for s in seen if s.lstrip().startswith(("SELECT", "WITH"))}:
            plans += link.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall()
        return [plan[3] for plan in plans]

    steps = await store.read(watch)
    assert any("vote_change_of_voter" in step for step in steps)
    logs = ("transition", "vote_change", "pause", "seat_change", " t", " v", " p", " s")
    scans = [s for s in steps if s.startswith("SCAN ") and s[4:].rstrip() in logs]
    assert scans == []


async def test_nothing_was_measured_where_no_result_speaks(store, web):
    buckets = OpenBuckets()
    await store.write(buckets.begin)
    buckets.recovered()
    rows = [result(at, job=web.id) for at in (0, 600, 4000)]
    intake = Intake(worker=1, epoch="e", first=1, rows=rows)
    await store.write(lambda: commit([intake], T0, buckets=buckets))
    whole = Span(T0, T0 + 7200 * SECOND)
    open_ = await store.read(lambda: coverage.no_data(web, whole, buckets))
    await store.write(buckets.fold)
    folded = await store.read(lambda: coverage.no_data(web, whole, buckets))
    assert folded == open_
    dark = sum(s.end_us - s.begin_us for s in folded) / SECOND
    # To ten minutes, and as long as a vote counts: 65 s.
    assert 7200 - 3 * 665 - 600 <= dark <= 7200 - 3 * 65
    assert await store.read(lambda: coverage.no_data(web, Span(T0, T0), buckets)) == []


async def test_a_late_stretch_that_grows_meanwhile_is_not_done(store, web):
    await store.write(lambda: lateness.mark_late([(web.id, Span(10, 20))]))
    await store.write(lambda: lateness.mark_late([(web.id, Span(15, 30))]))
    await store.write(lambda: lateness.done(web.id, Span(10, 20)))
    assert await store.read(lateness.late_stretches) == {web.id: Span(10, 30)}
    await store.write(lambda: lateness.done(web.id, Span(10, 30)))
    assert await store.read(lateness.late_stretches) == {}


async def test_electorates_are_logged_as_they_were(store, web):
    changes = [
        (1, web.id, T0 + at * SECOND, seats) for at, seats in ((1, (1,)), (9, (1, 2)))
    ]
    await store.write(lambda: lateness.log_seats(changes))
    assert await store.read(lateness.seats_now) == {web.id: (1, 2)}
    found = await store.read(
        lambda: lateness.seats(web.id, T0 + 5 * SECOND, T0 + 99 * SECOND)
    )
    assert [seats for _, seats in found] == [(1,), (1, 2)]
