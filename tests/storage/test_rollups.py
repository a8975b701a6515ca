"""Every result counts once in the history, whatever happens between two folds."""

import asyncio
from functools import partial

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pangea.core.model import Flag, Outcome
from pangea.core.rollup import DAY, HOUR, MINUTE, STEPS, TEN_MINUTES
from pangea.storage import ingest, jobs, results, rollups
from pangea.storage.connection import connection
from pangea.storage.database import Store
from pangea.storage.folded import NEIGHBOURS
from pangea.storage.rollup_rows import COLUMNS, bucket_of, expire
from pangea.storage.rollups import OpenBuckets, recover
from tests.engines import begun
from tests.storage.made import SECOND, T0, job, result

# T0 is 800 s into its hour and 200 s into its ten minutes.
HOUR0 = T0 // SECOND // HOUR * HOUR
ALL = -1
TOLD = {"phases": {"connect": 1.0, "tls": 2.0}, "readings": {"sent": 5, "received": 4}}


async def take(store, buckets, rows, first=1, epoch="e"):
    intake = ingest.Intake(worker=rows[0].worker, epoch=epoch, first=first, rows=rows)
    await store.write(lambda: ingest.commit([intake], T0, buckets=buckets))


def stored():
    """Return the sums by (step, start, job, worker); those of days are under ALL."""
    rows = connection().execute(
        f"SELECT step, start, job, worker, {COLUMNS} FROM rollup"
        f" UNION ALL SELECT {DAY}, start, job, {ALL}, {COLUMNS} FROM day_total"
    )
    return {row[:4]: bucket_of(row[4:]) for row in rows}


def recounted(rows, quick=()):
    """Return what the rollups must hold, counted from the results themselves."""
    counts = {}
    for row in rows:
        at = row.started_at_us // SECOND
        for step in STEPS:
            if step > MINUTE or row.job in quick:
                for worker in (row.worker, ALL)[: 1 + (step == DAY)]:
                    key = (step, at - at % step, row.job, worker)
                    ok, all_, sent = counts.get(key, (0, 0, 0))
                    sent += 5 * (row.outcome is not Outcome.ERROR)
                    counts[key] = (ok + (row.outcome is Outcome.OK), all_ + 1, sent)
    return counts


DEEDS = st.lists(
    st.one_of(
        st.lists(
            st.tuples(
                st.integers(-90_000, 5_000),
                st.sampled_from([1, 2, NEIGHBOURS, 2 * NEIGHBOURS]),
                st.sampled_from(list(Outcome)),
            ),
            min_size=1,
            max_size=8,
        ),
        st.sampled_from(["fold", "step", "kill", "fail"]),
    ),
    min_size=1,
    max_size=12,
)


async def lived_through(path, deeds):
    """Do *deeds*, being killed now and then; return the results and the rollups."""
    store, buckets, every = await Store.open(begun(path)), OpenBuckets(), []
    await store.write(lambda: jobs.add(job("slow")))
    await store.write(lambda: jobs.add(job("quick", interval_s=10.0)))
    await recover(store, buckets)
    for deed in deeds:
        if deed == "fold":
            await store.write(buckets.fold)
        elif deed == "step":
            await store.write(partial(buckets.fold, 1))
        elif deed == "fail":
            await failed_fold(store, buckets)
        elif deed == "kill":
            # What is in memory is lost; a new life begins on the same file.
            buckets = OpenBuckets()
            late = result(1, job=1, **TOLD)
            # Results come in before, with and after the first step of recovery.
            await asyncio.gather(
                take(store, buckets, [late], first=len(every) + 1),
                recover(store, buckets),
                take(store, buckets, [late], first=len(every) + 2),
            )
            every.append(late)
            every.append(late)
        else:
            rows = [result(at, job=j, outcome=o, **TOLD) for at, j, o in deed]
            await take(store, buckets, rows, first=len(every) + 1)
            every += rows
    assert buckets.rows <= len(every)
    await store.write(buckets.fold)
    found = await store.read(stored)
    again = await store.write(buckets.fold)
    await store.close()
    assert again == 0
    return every, found


async def failed_fold(store, buckets):
    """Fold in a transaction that is undone."""

    def fold():
        buckets.fold()
        raise KeyError

    try:
        await store.write(fold)
    except KeyError:
        return


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(deeds=DEEDS)
def test_each_result_counts_once_whatever_dies_between_commit_and_fold(
    tmp_path_factory, deeds
):
    path = tmp_path_factory.mktemp("db") / "pangea.db"
    every, found = asyncio.run(lived_through(path, deeds))
    counted = {
        key: (b.ok, b.count, b.beside.sent if b.beside else 0)
        for key, b in found.items()
    }
    assert counted == recounted(every, quick={2})


async def test_a_fold_in_steps_leaves_nothing_open_and_history_never_jumps(store):
    made = [await store.write(lambda n=n: jobs.add(job(f"j{n}"))) for n in range(140)]
    buckets = OpenBuckets()
    await recover(store, buckets)
    await take(store, buckets, [result(i * 30, job=j.id) for j in made for i in (0, 1)])

    def counts():
        until = T0 + 60 * SECOND
        looks = (rollups.history(j, T0, until, 1, buckets=buckets) for j in made)
        return [sum(point.ok for point in look.points) for look in looks]

    while await store.write(lambda: buckets.fold(20)):
        assert await store.read(counts) == [2] * 140
    assert buckets.rows == 0
    assert len(await store.read(stored)) == 560
    assert await store.read(counts) == [2] * 140


async def test_history_is_the_same_before_and_after_a_fold(store):
    made = await store.write(lambda: jobs.add(job()))
    buckets = OpenBuckets()
    await recover(store, buckets)
    rows = [
        result(i * 30, ms=10 + i % 5, outcome=Outcome.FAILED if i == 7 else Outcome.OK)
        for i in range(240)
    ]
    await take(store, buckets, rows[:200])
    await store.write(buckets.fold)
    await take(store, buckets, rows[200:], first=201)

    def look(points=6, until=T0 + 7200 * SECOND):
        return rollups.history(made, T0, until, points, workers=1, buckets=buckets)

    before = await store.read(look)
    await store.write(buckets.fold)
    assert await store.read(look) == before
    assert before.step_s == 1200
    assert sum(p.ok + p.failed for p in before.points) == 240
    assert (before.good, before.coverage) == (239 / 240, 1.0)
    assert sum(p.missing for p in before.points) == 0
    assert abs(before.points[2].p50_ms / 12 - 1) < 0.011
    assert (before.points[2].min_ms, before.points[2].max_ms) == (10.0, 14.0)


async def test_the_timings_of_a_worker_that_is_unwell_are_in_no_history(store):
    made = await store.write(lambda: jobs.add(job()))
    buckets = OpenBuckets()
    await recover(store, buckets)
    rows = [
        result(i * 30, ms=10.0 if i < 20 else 9000.0, flags=0 if i < 20 else Flag.SICK)
        for i in range(40)
    ]
    await take(store, buckets, rows)

    def look(points):
        until = T0 + 1200 * SECOND
        return rollups.history(made, T0, until, points, workers=1, buckets=buckets)

    for fold in (False, True):
        if fold:
            await store.write(buckets.fold)
        for points in (2, 40):
            found = (await store.read(partial(look, points))).points
            assert sum(p.ok for p in found) == 40
            assert max(p.max_ms or 0 for p in found) == 10.0
            assert (found[-2].ok > 0, found[-2].p99_ms) == (True, None) or points == 2


async def test_fine_points_come_from_raw_results(store):
    made = await store.write(lambda: jobs.add(job()))
    buckets = OpenBuckets()
    await recover(store, buckets)
    await take(store, buckets, [result(i * 30) for i in range(120)])
    found = await store.read(
        lambda: rollups.history(
            made, T0, T0 + 3600 * SECOND, 60, workers=1, buckets=buckets
        )
    )
    assert found.step_s == 60
    # T0 is 20 s into its minute, and so is the end.
    assert [p.ok for p in found.points] == [2] * 60 + [0]


async def test_what_was_not_measured_is_missing_and_not_up(store):
    made = await store.write(lambda: jobs.add(job()))
    rows = [result(i * 30) for i in range(120) if not 40 <= i < 80]
    buckets = OpenBuckets()
    await take(store, buckets, rows)
    found = await store.read(
        lambda: rollups.history(made, T0, T0 + 3600 * SECOND, 60, workers=1)
    )
    assert found.good == 1.0
    assert round(found.coverage, 2) == 0.67
    assert sum(p.missing for p in found.points) == 40


async def test_nothing_is_missing_before_the_job_was_there(store):
    late = job(created_at_us=T0 + 3000 * SECOND)
    made = await store.write(lambda: jobs.add(late))
    found = await store.read(
        lambda: rollups.history(made, T0, T0 + 3600 * SECOND, 60, workers=2)
    )
    before = [
        p.missing
        for p in found.points
        if p.at_us + found.step_s * SECOND <= late.created_at_us
    ]
    assert before
    assert set(before) == {0}
    assert sum(p.missing for p in found.points) in range(34, 41)
    assert found.good is None
    assert found.coverage == 0.0
    assert found.added_us == late.created_at_us
    later = await store.read(
        lambda: rollups.history(made, made.created_at_us, T0 + 3600 * SECOND, 60)
    )
    assert later.added_us is None


async def test_old_history_is_drawn_from_wider_rollups(store):
    made = await store.write(lambda: jobs.add(job()))
    buckets = OpenBuckets()
    await recover(store, buckets)
    await take(store, buckets, [result(i * 30) for i in range(240)])
    await store.write(buckets.fold)
    later = T0 + 2 * 86400 * SECOND
    await take(store, buckets, [result(2 * 86400)], first=241)
    await store.write(buckets.fold)
    await store.write(lambda: expire(TEN_MINUTES, later // SECOND - 86400))
    await store.write(lambda: results.expire(T0 + 3600 * SECOND))
    found = await store.read(
        lambda: rollups.history(
            made, HOUR0 * SECOND, T0 + 7200 * SECOND, 24, buckets=buckets
        )
    )
    assert found.step_s == HOUR
    assert sum(p.ok for p in found.points) == 240


async def test_a_fold_waits_until_what_was_left_over_has_been_read(store):
    buckets = OpenBuckets()
    await take(store, buckets, [result()])
    assert await store.write(buckets.fold) == 0
    await recover(store, buckets)
    assert await store.write(buckets.fold) == 3
    assert {key[0] for key in await store.read(stored)} == {TEN_MINUTES, HOUR, DAY}
