"""The worst jobs, out of the sums and the log of verdicts."""

import pytest

from pangea.core.model import Outcome, Verdict
from pangea.core.rollup import DAY, HOUR, TEN_MINUTES
from pangea.core.uptime import Span
from pangea.core.verdict import Transition
from pangea.storage import ingest, jobs, verdicts
from pangea.storage.connection import connection
from pangea.storage.ranking import Standings
from pangea.storage.rollups import OpenBuckets, recover
from pangea.storage.turns import most_turns
from tests.storage.made import SECOND, T0, job, result

UP, DOWN, UNKNOWN = Verdict.UP, Verdict.DOWN, Verdict.UNKNOWN
LAST_DAY = Span(T0 - DAY * SECOND, T0)


@pytest.fixture
async def known(store):
    """Return 70 jobs by number, of which each is slower than the one before."""
    made = [await store.write(lambda n=n: jobs.add(job(f"j{n}"))) for n in range(70)]
    return {one.id: one for one in made}


@pytest.fixture
async def buckets(store, known):
    """Two workers have measured all of them for a day, and half of it is folded."""
    held = OpenBuckets()
    await recover(store, held)
    for number, hours in enumerate((range(12, 24), range(12))):
        rows = [
            result(
                -hour * HOUR - n * 60 - 30,
                job=one,
                worker=by,
                ms=10.0 * 1.06**one + n / 100,
            )
            for one in known
            for hour in hours
            for n in range(4)
            for by in (1, 2)
        ]
        await take(store, held, rows, number)
        if number == 0:
            await store.write(held.fold)
    return held


async def take(store, held, rows, number):
    intakes = [
        ingest.Intake(
            worker=by,
            epoch=f"e{number}",
            first=1,
            rows=[row for row in rows if row.worker == by],
        )
        for by in (1, 2)
    ]
    await store.write(lambda: ingest.commit(intakes, T0, buckets=held))


async def test_the_slowest_are_found_whether_they_are_stored_or_held(
    store, known, buckets
):
    for _ in range(2):
        standings = await store.read(lambda: Standings(LAST_DAY, known, buckets))
        assert standings.step == HOUR
        assert all(s.ok == 192 for s in standings.standings.values())
        found = await store.read(lambda: Standings(LAST_DAY, known, buckets).slowest(5))
        assert [one for one, _ in found.jobs] == [70, 69, 68, 67, 66]
        assert found.jobs[0][1] == pytest.approx(590_800, rel=0.01)
        await store.write(buckets.fold)


@pytest.mark.engines("sqlite")
@pytest.mark.parametrize(
    ("long", "step"), [(2 * HOUR, TEN_MINUTES), (DAY, HOUR), (30 * DAY, DAY)]
)
async def test_the_wider_the_stretch_the_wider_the_sums(
    store, known, buckets, long, step
):
    await store.write(buckets.fold)
    span = Span(T0 - long * SECOND, T0)

    def look():
        found = Standings(span, known, buckets)
        return found.step, found.span, found.slowest(3), found.standings

    width, extent, found, standings = await store.read(look)
    assert width == step
    assert extent.begin_us <= span.begin_us
    assert extent.begin_us % (step * SECOND) == 0
    assert [one for one, _ in found.jobs] == [70, 69, 68]
    assert {s.ok for s in standings.values()} == {22 if long < HOUR * 3 else 192}


async def test_those_that_lose_are_ranked_by_packets_or_by_results(
    store, known, buckets
):
    sent = [{"sent": 5, "received": 5 - (n % 2)} for n in range(50)]
    pinged = [
        result(-3000 + n, job=7, worker=1, readings=readings)
        for n, readings in enumerate(sent)
    ]
    failed = [
        result(-3000 + n, job=9, worker=2, outcome=Outcome.FAILED, reason="refused")
        for n in range(96)
    ]
    await take(store, buckets, pinged + failed, 5)
    for _ in range(2):
        found = await store.read(
            lambda: Standings(LAST_DAY, known, buckets).lossiest(10)
        )
        assert found == [9, 7]
        loss = await store.read(
            lambda: Standings(LAST_DAY, known, buckets).buckets([7])[7]
        )
        assert loss.beside.loss_pct == 10.0
        await store.write(buckets.fold)


@pytest.mark.engines("sqlite")
async def test_jobs_of_others_and_those_that_are_gone_are_not_told(
    store, known, buckets
):
    mine = {number: known[number] for number in (3, 4)}
    for _ in range(2):
        found = await store.read(lambda: Standings(LAST_DAY, mine, buckets).slowest(10))
        assert [one for one, _ in found.jobs] == [4, 3]
        await store.write(buckets.fold)


def turn(one, at_s, before, after):
    return Transition(one, T0 - at_s * SECOND, before, after, "")


async def test_what_flaps_is_counted_between_verdicts_that_were_known(store, known):
    log = [turn(5, 90_000, UP, DOWN)]
    log += [turn(5, 900 - n, *((UP, DOWN), (DOWN, UP))[n % 2]) for n in range(6)]
    log += [turn(6, 500 - n, *((UP, UNKNOWN), (UNKNOWN, UP))[n % 2]) for n in range(8)]
    log += [turn(8, 300, UP, Verdict.DEGRADED), turn(8, 200, Verdict.DEGRADED, UP)]
    await store.write(lambda: verdicts.log_transitions(log))
    span = Span(LAST_DAY.begin_us, T0 + 1)
    first, second = await store.read(lambda: most_turns(span, known, 10))
    assert (first.job, first.changes, first.outages) == (5, 6, 3)
    assert first.last_us == T0 - 895 * SECOND
    assert (second.job, second.changes, second.outages) == (8, 2, 0)
    assert await store.read(lambda: most_turns(span, {8}, 10)) == [second]
    await store.write(supersede)
    assert await store.read(lambda: most_turns(span, known, 10)) == [second]


def supersede():
    connection().execute("UPDATE transition SET superseded_us = 1 WHERE job = 5")
