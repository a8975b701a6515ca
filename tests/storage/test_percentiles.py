"""Percentiles over any stretch: within one percent of what was measured."""

import asyncio
from math import ceil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pangea.core.model import Flag, Outcome
from pangea.core.rollup import DAY, HOUR, TEN_MINUTES
from pangea.core.uptime import Span
from pangea.storage import ingest, jobs, results
from pangea.storage.connection import connection
from pangea.storage.database import Store
from pangea.storage.percentiles import narrowest, sums, sums_by
from pangea.storage.rollups import OpenBuckets, recover
from tests.engines import begun
from tests.storage.made import SECOND, T0, job, result

D = 86400
BACK = 40 * D


async def take(store, buckets, rows, first):
    by_worker = {}
    for row in rows:
        by_worker.setdefault(row.worker, []).append(row)
    intakes = [
        ingest.Intake(worker=worker, epoch=f"e{first}", first=1, rows=some)
        for worker, some in by_worker.items()
    ]
    await store.write(lambda: ingest.commit(intakes, T0, buckets=buckets))


def within(rows, span):
    return [r for r in rows if span.begin_us <= r.started_at_us < span.end_us]


def exactly(rows, q):
    """Return the quantile (nearest rank) of the good ones, in microseconds."""
    times = sorted(round(r.duration_ms * 1000) for r in rows if r.outcome is Outcome.OK)
    return times[max(ceil(q * len(times)), 1) - 1] if times else None


def check(found, rows):
    """Compare sums with the results of the stretch that they say they are of."""
    mine = within(rows, found.span)
    assert set(found.whole) == {row.worker for row in mine}
    for worker, bucket in found.whole.items():
        theirs = [row for row in mine if row.worker == worker]
        good = [row for row in theirs if row.outcome is Outcome.OK]
        assert (bucket.count, bucket.ok) == (len(theirs), len(good))
        for q in (0.0, 0.5, 0.95, 0.99, 1.0):
            exact, told = exactly(theirs, q), bucket.quantiles((q,))[0]
            assert (told is None) is (exact is None)
            assert exact is None or abs(told - exact) <= 0.0101 * exact
            assert q < 1 or told == exact


MADE = st.lists(
    st.tuples(
        st.integers(-BACK, -1),
        st.integers(1, 3),
        st.integers(1, 10**8),
        st.sampled_from([Outcome.OK, Outcome.OK, Outcome.OK, Outcome.FAILED]),
    ),
    min_size=1,
    max_size=20,
)
ASKED = st.tuples(st.integers(1, BACK), st.integers(1, BACK), st.integers(0, 60))


async def lived_through(path, deeds, asked):
    """Take results in any order, fold now and then, and ask after each deed."""
    store, buckets, every = await Store.open(begun(path)), OpenBuckets(), []
    made = await store.write(lambda: jobs.add(job()))
    await recover(store, buckets)
    for number, deed in enumerate(deeds):
        if deed == "fold":
            await store.write(buckets.fold)
        else:
            rows = [
                result(at, worker=by, ms=us / 1000, outcome=outcome)
                for at, by, us, outcome in deed
            ]
            await take(store, buckets, rows, number)
            every += rows
        for back, long, points in asked:
            span = Span(T0 - back * SECOND, min(T0, T0 + (long - back) * SECOND))
            found = await store.read(
                lambda s=span, n=points: sums(
                    made, s, points=n, now_us=T0, buckets=buckets
                )
            )
            check(found, every)
            covered = within(every, span)
            assert len(covered) <= sum(b.count for b in found.whole.values())
            check_points(found, every)
    await store.close()


def check_points(found, rows):
    """What the points hold is all of it, each where it was."""
    if not found.point_s:
        return
    for at, by_worker in found.points.items():
        assert at in found.starts
        stretch = Span(at * SECOND, (at + found.point_s) * SECOND)
        mine = within(within(rows, stretch), found.span)
        assert sum(b.count for b in by_worker.values()) == len(mine)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    deeds=st.lists(st.one_of(MADE, st.just("fold")), min_size=1, max_size=6),
    asked=st.lists(ASKED, min_size=1, max_size=3),
)
def test_any_stretch_after_any_merge_is_right_to_one_percent(
    tmp_path_factory, deeds, asked
):
    path = tmp_path_factory.mktemp("db") / "pangea.db"
    asyncio.run(lived_through(path, deeds, asked))


@pytest.fixture
async def made(store):
    """Return a job, what is open, and two days of results of two workers."""
    one = await store.write(lambda: jobs.add(job()))
    buckets = OpenBuckets()
    await recover(store, buckets)
    rows = [
        result(-at, worker=by, ms=10.0 + (at // 600) % 7 + by)
        for at in range(30, 2 * D, 60)
        for by in (1, 2)
    ]
    await take(store, buckets, rows, 0)
    return one, buckets, rows


async def test_what_comes_late_is_in_it_before_and_after_a_fold(store, made):
    one, buckets, rows = made
    await store.write(buckets.fold)
    span = Span(T0 - D * SECOND, T0)

    def look():
        return sums(one, span, now_us=T0, buckets=buckets)

    before = await store.read(look)
    late = [result(-5 * HOUR - n, worker=2, ms=900.0) for n in range(300)]
    await take(store, buckets, late, 1)
    for _ in range(2):
        after = await store.read(look)
        check(after, rows + late)
        assert after.whole[2].ok == before.whole[2].ok + 300
        assert after.whole[2].histogram.quantile(0.99) > 800_000
        await store.write(buckets.fold)


@pytest.mark.engines("sqlite")
async def test_an_hour_is_made_of_its_results_and_drills_are_left_out(store, made):
    one, buckets, rows = made
    await store.write(buckets.fold)
    drill = result(-100.0, ms=5000.0, outcome=Outcome.FAILED, flags=int(Flag.DRILL))
    await take(store, buckets, [drill], 1)
    span = Span(T0 - 1234 * SECOND, T0 - 17 * SECOND)
    found = await store.read(lambda: sums(one, span, now_us=T0, buckets=buckets))
    assert (found.step, found.span) == (0, span)
    check(found, rows)


@pytest.mark.engines("sqlite")
async def test_points_of_an_hour_are_made_of_its_results(store, made):
    one, buckets, rows = made
    span = Span(T0 - 3000 * SECOND, T0)
    found = await store.read(
        lambda: sums(one, span, points=20, now_us=T0, buckets=buckets)
    )
    assert (found.step, found.point_s) == (0, 300)
    check(found, rows)
    check_points(found, rows)


@pytest.mark.engines("sqlite")
async def test_a_job_that_was_not_known_to_be_quick_misses_nothing(store):
    buckets = OpenBuckets()
    await recover(store, buckets)
    one = await store.write(lambda: jobs.add(job(interval_s=1.0)))
    begun = T0 - 7000 * SECOND
    rows = [result(-at, ms=5.0) for at in range(6999, 0, -1)]
    await take(store, buckets, rows, 0)
    for _ in range(2):
        for points in (0, 24, 500):
            found = await store.read(
                lambda n=points: sums(
                    one, Span(begun, T0), points=n, now_us=T0, buckets=buckets
                )
            )
            assert sum(b.count for b in found.whole.values()) == len(rows)
        await store.write(buckets.fold)


@pytest.mark.engines("sqlite")
async def test_where_results_are_gone_sums_are_used_and_told(store, made):
    one, buckets, rows = made
    await store.write(buckets.fold)
    await store.write(lambda: results.expire(T0 + 60 * SECOND))
    span = Span(T0 - 1234 * SECOND, T0)
    found = await store.read(lambda: sums(one, span, now_us=T0, buckets=buckets))
    assert found.step == TEN_MINUTES
    assert found.span.begin_us == (T0 - 1234 * SECOND) // (600 * SECOND) * 600 * SECOND
    check(found, rows)


def forget(step, before):
    """Delete narrow sums, also where whole parts would be dropped."""
    connection().execute(
        "DELETE FROM rollup WHERE step = ? AND start < ?", (step, before)
    )


@pytest.mark.engines("sqlite")
async def test_where_narrow_sums_are_gone_the_beginning_is_that_of_a_wide_one(
    store, made
):
    one, buckets, rows = made
    await store.write(buckets.fold)
    await store.write(lambda: forget(TEN_MINUTES, T0 // SECOND - HOUR))
    span = Span(T0 - 20 * HOUR * SECOND, T0)
    found = await store.read(lambda: sums(one, span, now_us=T0, buckets=buckets))
    assert found.span.begin_us % (HOUR * SECOND) == 0
    check(found, rows)
    assert await store.read(lambda: narrowest(one, T0 // SECOND - D, buckets)) == (
        HOUR,
        T0 // SECOND - D,
    )


@pytest.mark.engines("sqlite")
async def test_before_the_first_fold_all_is_in_memory(store, made):
    one, buckets, rows = made
    span = Span(T0 - 3 * D * SECOND, T0)
    for points in (0, 12):
        found = await store.read(
            lambda n=points: sums(one, span, points=n, now_us=T0, buckets=buckets)
        )
        check(found, rows)
        assert sum(b.count for b in found.whole.values()) == len(rows)
    step, since = await store.read(lambda: narrowest(one, 0, buckets))
    assert (step, since) == (DAY, (T0 // SECOND - 2 * D) // DAY * DAY)


async def test_sums_by_step_are_all_that_is_in_each_step(store, made):
    one, buckets, rows = made
    await store.write(buckets.fold)
    span = Span(T0 - D * SECOND, T0)
    found = await store.read(lambda: sums_by(one, span, HOUR, buckets))
    assert found.point_s == HOUR
    assert len(found.points) == 25
    check_points(found, rows)


@pytest.mark.engines("sqlite")
async def test_of_nothing_there_is_nothing(store):
    one = await store.write(lambda: jobs.add(job()))
    span = Span(T0 - D * SECOND, T0)
    for points in (0, 10):
        found = await store.read(lambda n=points: sums(one, span, points=n, now_us=T0))
        assert found.whole == {}
        assert found.span.begin_us <= span.begin_us
