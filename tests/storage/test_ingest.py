"""Exactly once: nothing twice, nothing lost in silence, nothing altered."""

import sqlite3
from functools import partial

import pytest

from pangea.core.errors import NotFound, ProtocolError, StorageError
from pangea.core.model import Gap, Verdict, VoteValue
from pangea.core.verdict import Transition, VoteChange
from pangea.storage import ingest, jobs, results, verdicts
from pangea.storage.connection import connection
from pangea.storage.ingest import Intake
from pangea.storage.rollups import OpenBuckets
from pangea.storage.writer import after_commit
from tests.storage.made import SECOND, T0, job, result


async def commit(store, *intakes, **more):
    return await store.write(lambda: ingest.commit(intakes, T0, **more))


def batch(first, count, worker=1, epoch="e", **more):
    rows = [result(first + i, worker=worker) for i in range(count)]
    return Intake(worker=worker, epoch=epoch, first=first, rows=rows, **more)


def gap(first, last, reason="buffer overflow", counts=None):
    return Gap(first, last, T0, T0 + SECOND, reason, counts or {1: last - first + 1})


async def measured(store):
    page = await store.read(lambda: results.query(1, limit=1000))
    return sorted((r.started_at_us - T0) // SECOND for r in page.items)


async def test_what_was_stored_is_skipped_when_it_comes_again(store):
    assert await commit(store, batch(1, 5)) == {(1, "e"): 5}
    assert await commit(store, batch(1, 5)) == {(1, "e"): 5}
    assert await commit(store, batch(4, 4)) == {(1, "e"): 7}
    assert await measured(store) == [1, 2, 3, 4, 5, 6, 7]
    assert await store.read(lambda: ingest.watermarks(1)) == {"e": 7}


async def test_the_same_batch_twice_in_one_group_is_stored_once(store):
    marks = await commit(store, batch(1, 3), batch(1, 3), batch(4, 2))
    assert marks == {(1, "e"): 5}
    assert await measured(store) == [1, 2, 3, 4, 5]


async def test_epochs_and_workers_count_for_themselves(store):
    await commit(store, batch(1, 2), batch(1, 2, worker=2), batch(1, 1, epoch="f"))
    assert await store.read(lambda: ingest.watermarks(1)) == {"e": 2, "f": 1}
    assert await store.read(lambda: ingest.watermarks(2)) == {"e": 2}
    assert await measured(store) == [1, 1, 1, 2, 2]


async def test_a_hole_is_refused_and_what_is_expected_is_told(store):
    await commit(store, batch(1, 2))
    assert await commit(store, batch(5, 3)) == {(1, "e"): 2}
    assert await measured(store) == [1, 2]


async def test_a_gap_record_fills_the_hole(store):
    await commit(store, batch(1, 2))
    assert await commit(store, batch(5, 3, gaps=[gap(3, 4)])) == {(1, "e"): 7}
    assert await measured(store) == [1, 2, 5, 6, 7]
    ((epoch, kept),) = await store.read(lambda: ingest.gaps(1))
    assert (epoch, kept) == ("e", gap(3, 4))


async def test_of_a_gap_only_the_part_that_is_new_counts(store):
    await commit(store, batch(1, 4))
    empty = Intake(worker=1, epoch="e", first=9, rows=[], gaps=[gap(1, 8)])
    assert await commit(store, empty) == {(1, "e"): 8}
    assert await commit(store, empty) == {(1, "e"): 8}
    ((_, kept),) = await store.read(lambda: ingest.gaps(1))
    assert (kept.first, kept.last) == (5, 8)


async def test_a_gap_after_the_rows_is_taken_too(store):
    assert await commit(store, batch(1, 2, gaps=[gap(3, 5)])) == {(1, "e"): 5}


async def test_a_bad_row_is_set_aside_and_the_batch_goes_on(store):
    one = batch(1, 3, bad=[(2, "not \x1b[31ma row", b"x" * 9000)])
    rows = [one.rows[0], None, one.rows[2]]
    bad = Intake(worker=1, epoch="e", first=1, rows=rows, bad=one.bad)
    assert await commit(store, bad, bad) == {(1, "e"): 3}
    assert await commit(store, bad) == {(1, "e"): 3}
    assert await measured(store) == [1, 3]
    kept = await store.read(
        lambda: connection().execute("SELECT seq, reason, head FROM bad_row").fetchall()
    )
    assert kept == [(2, "not \\x1b[31ma row", b"x" * 512)]


async def test_a_row_belongs_to_the_worker_whose_link_brought_it(store):
    forged = Intake(worker=1, epoch="e", first=1, rows=[result(worker=7)])
    await commit(store, forged)
    page = await store.read(lambda: results.query(1))
    assert page.items[0].worker == 1


@pytest.mark.parametrize(
    "wrong",
    [
        batch(1 << 61, 1),
        batch(1, 1, gaps=[gap(2, 1 << 63)]),
        batch(-5, 2),
    ],
    ids=["a first number", "the end of a gap", "a negative number"],
)
async def test_numbers_that_cannot_be_are_refused_with_nothing_stored(store, wrong):
    with pytest.raises(ProtocolError, match="out of range"):
        await commit(store, wrong)
    assert await measured(store) == []


async def test_all_that_was_decided_is_written_with_the_rows(store):
    made = await store.write(lambda: jobs.add(job(org=3)))
    change = VoteChange(made.id, 1, T0, None, VoteValue.FAILED, "result")
    turn = Transition(made.id, T0, Verdict.UNKNOWN, Verdict.DOWN, "1 of 1 failed")
    await commit(
        store,
        batch(1, 1),
        vote_changes=[change],
        transitions=[turn],
        states={made.id: b"state"},
    )
    assert await store.read(lambda: verdicts.vote_changes(made.id)) == [change]
    assert await store.read(lambda: verdicts.transitions(made.id)) == [turn]
    assert await store.read(verdicts.load_states) == {made.id: b"state"}
    orgs = await store.read(
        lambda: (
            connection()
            .execute("SELECT org FROM vote_change UNION ALL SELECT org FROM transition")
            .fetchall()
        )
    )
    assert orgs == [(3,), (3,)]


async def test_the_logs_come_in_order_and_from_the_moment_asked_for(store):
    turns = [Transition(1, T0 + i, Verdict.UP, Verdict.DOWN, str(i)) for i in range(5)]
    changes = [VoteChange(1, 1, T0 + i, None, VoteValue.OK, str(i)) for i in range(5)]
    await commit(store, vote_changes=changes, transitions=turns)
    latest = await store.read(lambda: verdicts.transitions(1, limit=2))
    assert latest == [turns[4], turns[3]]
    since = await store.read(lambda: verdicts.vote_changes(1, T0 + 3))
    assert since == changes[3:]


async def test_buckets_learn_only_of_what_became_durable(store):
    buckets = OpenBuckets()

    def undone():
        ingest.commit([batch(1, 3)], T0, buckets=buckets)
        raise KeyError

    with pytest.raises(KeyError):
        await store.write(undone)
    assert buckets.rows == 0
    await commit(store, batch(1, 3), batch(1, 3), buckets=buckets)
    assert buckets.rows == 3


async def test_epochs_not_heard_of_for_long_are_forgotten(store):
    await commit(store, batch(1, 1))
    assert await store.write(lambda: ingest.expire_watermarks(T0)) == []
    gone = await store.write(lambda: ingest.expire_watermarks(T0 + 1))
    assert gone == [(1, "e")]


async def test_a_worker_that_starts_again_and_again_is_told_its_last_epochs(
    store, monkeypatch
):
    monkeypatch.setattr(ingest, "MOST_EPOCHS", 3)
    for life in range(5):
        await store.write(
            lambda n=life: ingest.commit([batch(1, 2, epoch=f"e{n}")], T0 + n)
        )
    told = await store.read(lambda: ingest.watermarks(1))
    assert told == {"e4": 2, "e3": 2, "e2": 2}
    # One that was not told is still known.
    assert await commit(store, batch(1, 2, epoch="e0")) == {(1, "e0"): 2}
    assert len(await measured(store)) == 10


def refuse(error):
    connection().execute("INSERT INTO setting VALUES ('odd', '1')")
    after_commit(lambda: pytest.fail("it was undone"))
    raise error


@pytest.mark.parametrize(
    "error",
    [
        NotFound("gone"),
        KeyError("x"),
        ValueError("odd"),
        sqlite3.IntegrityError("twice"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_what_follows_and_fails_by_itself_holds_nothing_else_up(
    store, error, caplog
):
    for step in ("DROP TABLE IF EXISTS followed", "CREATE TABLE followed (what TEXT)"):
        await store.write(partial(lambda sql: connection().execute(sql), step))

    told = []

    def follow(what):
        def write():
            connection().execute("INSERT INTO followed VALUES (?)", [what])
            after_commit(lambda: told.append(what))

        return write

    writes = [follow("before"), lambda: refuse(error), follow("after")]
    assert await commit(store, batch(1, 2), writes=writes) == {(1, "e"): 2}

    found = await store.read(
        lambda: connection().execute("SELECT what FROM followed").fetchall()
    )
    assert [what for (what,) in found] == ["before", "after"] == told
    assert await measured(store) == [1, 2]
    assert "is not written" in caplog.text


async def test_a_disk_that_refuses_what_follows_undoes_all(store):
    def full():
        raise sqlite3.OperationalError("database or disk is full")

    with pytest.raises(StorageError, match="full"):
        await commit(store, batch(1, 2), writes=[full])
    assert await measured(store) == []
    assert await commit(store, batch(1, 2)) == {(1, "e"): 2}
