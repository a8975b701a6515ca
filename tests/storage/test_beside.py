"""Loss and phases in the history, and years: the same folded, sealed or neither."""

from functools import partial

from pangea.core.model import Outcome
from pangea.core.rollup import DAY
from pangea.storage import ingest, jobs, rollups, sealing
from pangea.storage.rollup_rows import expire
from pangea.storage.rollups import OpenBuckets, recover
from tests.storage.made import SECOND, T0, job, result

DAY0 = T0 // SECOND // DAY * DAY


def told(at_s, lost, *, tls=20.0, **more):
    return result(
        at_s,
        ms=30.0 + tls,
        phases={"tls": tls, "connect": 30.0},
        readings={"sent": 10, "received": 10 - lost},
        **more,
    )


async def take(store, buckets, rows, epoch="e"):
    for worker in {row.worker for row in rows}:
        mine = [row for row in rows if row.worker == worker]
        intake = ingest.Intake(worker=worker, epoch=epoch, first=1, rows=mine)
        await store.write(partial(ingest.commit, [intake], T0, buckets=buckets))


async def begun(store):
    buckets = OpenBuckets()
    await recover(store, buckets)
    return await store.write(lambda: jobs.add(job())), buckets


async def test_loss_and_phases_are_the_same_open_folded_after_a_kill_and_sealed(store):
    made, buckets = await begun(store)
    rows = [told(i * 30, i % 2, tls=20.0 + i % 3) for i in range(60)]
    rows.append(told(35, 10, outcome=Outcome.FAILED))
    await take(store, buckets, rows)

    def look(points, buckets):
        until = T0 + 1800 * SECOND
        return rollups.history(made, T0, until, points, buckets=buckets)

    coarse = await store.read(partial(look, 2, buckets))
    fine = await store.read(partial(look, 30, buckets))
    first = fine.points[0]
    assert (coarse.step_s, fine.step_s) == (1200, 60)
    assert list(first.phases_ms.items()) == [("connect", 30.0), ("tls", 20.5)]
    assert first.loss_pct == round(100 * 11 / 30, 3)
    assert first.mean_ms == 50.5, "a failure took no time"
    again = OpenBuckets()
    await recover(store, again)
    assert await store.read(partial(look, 2, again)) == coarse
    await rollups.fold(store, again)
    assert await store.read(partial(look, 2, again)) == coarse
    assert await sealing.seal(store, 1 << 60)
    assert await store.read(partial(look, 30, again)) == fine


async def test_where_nothing_is_told_beside_nothing_is_shown(store):
    made, buckets = await begun(store)
    await take(store, buckets, [result(i, phases={"rtt": 10.0}) for i in range(5)])
    found = await store.read(
        lambda: rollups.history(made, T0, T0 + 600 * SECOND, 1, buckets=buckets)
    )
    assert {p.loss_pct for p in found.points} == {None}
    assert all(p.phases_ms == {} for p in found.points)


async def test_a_year_is_of_all_workers_or_of_one_and_late_results_join_it(store):
    made, buckets = await begun(store)
    days = range(0, 40, 2)
    rows = [told(n * DAY + w, w, worker=w, tls=w) for n in days for w in (1, 2, 3)]
    await take(store, buckets, rows[:-9])

    def look(worker=None):
        until = (DAY0 + 40 * DAY) * SECOND
        return rollups.history(
            made, DAY0 * SECOND, until, 40, worker=worker, workers=3, buckets=buckets
        )

    await rollups.fold(store, buckets)
    await take(store, buckets, rows[-9:], "late")
    before = await store.read(look)
    await rollups.fold(store, buckets)
    year, one = await store.read(look), await store.read(partial(look, 3))
    assert year == before
    assert year.step_s == DAY
    assert [p.ok for p in year.points] == [3, 0] * 20
    assert [p.ok for p in one.points] == [1, 0] * 20
    assert (year.points[0].loss_pct, one.points[0].loss_pct) == (20.0, 30.0)
    assert year.points[0].phases_ms == {"connect": 30.0, "tls": 2.0}


async def test_days_that_are_forgotten_are_forgotten_of_all_workers(store):
    made, buckets = await begun(store)
    await take(store, buckets, [told(n * DAY, 0) for n in range(10)])
    await rollups.fold(store, buckets)
    await store.write(partial(expire, DAY, DAY0 + 5 * DAY))
    until = (DAY0 + 10 * DAY) * SECOND
    found = await store.read(
        lambda: rollups.history(made, DAY0 * SECOND, until, 10, buckets=buckets)
    )
    assert sum(p.ok for p in found.points) == 5
