"""Confirm now: a first failure makes the others look, and so does a recovery."""

import asyncio
import json
import threading

import pytest
from msgspec.structs import replace

from pangea.coordinator.outages import Outages
from pangea.core.liveness import Doubt
from pangea.core.model import FIRST_ORG, Outcome, Verdict
from pangea.web.schema import JobSpec
from tests.coordinator.conftest import row

BAD, VERDICT = Outcome.FAILED, "verdict"


class Site:
    """A worker's end, with the results that it makes of some jobs."""

    def __init__(self, far):
        self.far, self.sent, self.at = far, 0, -30.0

    async def say(self, *jobs, outcome=Outcome.OK, again=False):
        """Report a result of each of *jobs*, a little later than the last."""
        self.at += 0.2
        rows = [row(job, self.at, outcome) for job in jobs]
        await self.far.report(rows, self.sent + 1)
        self.sent += len(rows)
        await self.far.until(lambda f: f.acks.get("e") == self.sent)

    def asked(self):
        """Return the jobs that it was asked to probe now, and forget them."""
        runs, self.far.runs = self.far.runs, []
        return [run.job for run in runs]

    async def is_asked(self, number=1):
        """Wait until it was asked for *number* probes; return the jobs."""
        await self.far.until(lambda f: len(f.runs) >= number, 2.5)
        return self.asked()


class Sites:
    """A coordinator with three workers, and jobs that are up on all of them."""

    def __init__(self, world):
        self.world, self.board = world, world.coordinator.board
        self.confirming = world.coordinator.confirming

    async def begin(self, count=1, **more):
        names = ("hel", "nyc", "sgp")
        self.each = [Site(await self.world.join(name)) for name in names]
        for number in range(count):
            spec = {"name": f"j{number}", "target": f"http://192.0.2.{number}/"}
            spec = JobSpec(**{"type": "http", "interval_s": 30.0, **spec, **more})
            await self.world.service.add_job(FIRST_ORG, spec, dry_run=False)
        self.jobs = sorted(self.board.jobs)
        for site in self.each:
            await site.far.until(lambda f: len(f.held) == count == len(f.runs))
            await site.say(*self.jobs)
            site.asked()
        return self.each

    async def job(self, name="j0"):
        return await self.world.service.job(FIRST_ORG, name)

    async def quiet(self):
        """Give what should not be asked the time to be asked."""
        await asyncio.sleep(0.15)
        assert [site.asked() for site in self.each] == [[], [], []]


@pytest.fixture
async def sites(world):
    return Sites(world)


async def test_a_first_failure_makes_the_others_look_at_once(sites):
    hel, nyc, sgp = await sites.begin()
    (job,) = sites.jobs
    await hel.say(job, outcome=BAD)

    assert await nyc.is_asked() == [job]
    assert await sgp.is_asked() == [job]
    assert hel.asked() == []
    assert (await sites.job()).first_fail_at is None


async def test_what_is_confirmed_says_since_when_it_failed_and_was_down(sites):
    hel, nyc, _ = await sites.begin()
    (job,) = sites.jobs
    with sites.world.hub.subscribe(FIRST_ORG) as events:
        await hel.say(job, outcome=BAD)
        first = min(v.at for v in sites.board.states[job].votes.values() if v.reason)
        await nyc.say(job, outcome=BAD)
        told = [json.loads(e.data) for e in await events.take(1.0) if e.kind == VERDICT]
    down = await sites.job()
    seen, confirmed = sites.world.coordinator.outages.times(job)

    assert down.verdict == "down"
    assert seen / 1e6 == pytest.approx(first, abs=1e-5)
    assert confirmed / 1e6 == pytest.approx(sites.board.states[job].since, abs=1e-5)
    assert down.first_fail_at < down.confirmed_at == down.verdict_since
    (event,) = told
    assert event["first_fail_at"] == down.first_fail_at
    assert event["confirmed_at"] == down.confirmed_at


async def test_a_failure_that_stays_alone_asks_the_others_once_more(sites):
    """What began as one lost packet may go on as an outage, which is no change."""
    hel, nyc, sgp = await sites.begin()
    (job,) = sites.jobs

    async def asked_and_denied():
        await hel.say(job, outcome=BAD)
        await nyc.is_asked()
        await sgp.is_asked()
        nyc.at = sgp.at = hel.at
        await nyc.say(job)
        await sgp.say(job)
        await sites.quiet()
        assert sites.confirming.open == {}

    await asked_and_denied()
    await asked_and_denied()
    for _ in range(3):
        await hel.say(job, outcome=BAD)
        await nyc.say(job)
    await sites.quiet()
    await hel.say(job)  # well again: what comes now is a first failure
    await asked_and_denied()


async def test_the_first_success_of_a_job_that_is_down_asks_until_it_is_up(sites):
    hel, nyc, sgp = await sites.begin()
    (job,) = sites.jobs
    for site in (hel, nyc, sgp):
        await site.say(job, outcome=BAD)
    await asyncio.sleep(0.1)
    for site in sites.each:
        site.asked()
    await hel.say(job)

    assert await nyc.is_asked() == await sgp.is_asked() == [job]
    await nyc.say(job)
    await sgp.say(job)
    again = [await site.is_asked() for site in sites.each]
    assert again == [[job]] * 3
    for site in sites.each:
        await site.say(job)
    up = await sites.job()
    assert (up.verdict, up.first_fail_at, up.confirmed_at) == ("up", None, None)
    await sites.quiet()


async def test_the_next_round_is_a_second_after_the_last(sites):
    hel, nyc, sgp = await sites.begin()
    (job,) = sites.jobs
    for site in (hel, nyc, sgp):
        await site.say(job, outcome=BAD)
    await asyncio.sleep(0.1)
    for site in sites.each:
        site.far.runs.clear()
        await site.say(job)
    await hel.far.until(lambda f: any(run.delay_s for run in f.runs), 2.5)

    assert {run.delay_s for run in hel.far.runs} == {1.0}


async def test_who_is_sick_lost_or_gone_is_not_asked(sites):
    hel, _, sgp = await sites.begin()
    (job,) = sites.jobs
    numbers = {w.name: w.id for w in sites.board.workers.values()}
    sites.board.sick[numbers["nyc"]] = "its gateway does not answer"
    await sgp.far.leave()
    while numbers["sgp"] in sites.board.connected:
        await asyncio.sleep(0.01)
    await hel.say(job, outcome=BAD)

    await sites.quiet()


async def test_while_the_coordinator_doubts_itself_nobody_is_asked(sites):
    hel, *_ = await sites.begin()
    watch = sites.world.coordinator.watch
    watch.doubt = Doubt(watch._clock.monotonic(), frozenset({98, 99}))
    await hel.say(*sites.jobs, outcome=BAD)

    await sites.quiet()


async def test_a_job_in_maintenance_is_left_alone(sites):
    hel, *_ = await sites.begin()
    sites.board.maintained[sites.jobs[0]] = "new disks"
    await hel.say(*sites.jobs, outcome=BAD)

    await sites.quiet()


async def test_in_a_storm_parents_come_first_and_all_have_their_turn(sites):
    hel, nyc, _ = await sites.begin(60)
    jobs = sites.jobs
    parent = jobs[-1]
    for number in jobs[:-1]:
        child = replace(sites.board.jobs[number], depends_on=(parent,))
        sites.board.jobs[number] = child
    await hel.say(*jobs[:-1], outcome=BAD)
    await nyc.far.until(lambda f: len(f.runs) >= 20, 2.0)
    first = nyc.asked()

    assert first[0] == parent
    assert len(first) <= 24
    assert sites.confirming.waiting
    assert sorted(await nyc.is_asked(60 - len(first)) + first) == jobs


async def test_what_the_schedule_has_found_out_is_not_asked_any_more(sites):
    hel, nyc, sgp = await sites.begin(60)
    await hel.say(*sites.jobs, outcome=BAD)
    await nyc.is_asked(20)
    await nyc.say(*sites.jobs, outcome=BAD)
    await asyncio.sleep(0.15)

    assert sites.confirming.open == {}
    assert len(sgp.asked()) < 40


async def test_whose_run_went_on_when_asked_is_asked_once_more(sites):
    hel, nyc, _ = await sites.begin()
    (job,) = sites.jobs
    await hel.say(job, outcome=BAD)
    await nyc.is_asked()
    failed = min(v.at for v in sites.board.states[job].votes.values() if v.reason)
    # Before that failure, after its own last result.
    at_us = round((failed - 0.12) * 1e6)
    slow = replace(row(job, duration_ms=60_000.0), started_at_us=at_us)
    await nyc.far.report([slow], nyc.sent + 1)

    assert await nyc.is_asked() == [job]


async def test_news_wait_for_no_commit_that_is_under_way(sites, store):
    hel, nyc, sgp = await sites.begin()
    (job,) = sites.jobs
    go_on = threading.Event()
    slow = asyncio.create_task(store.write(lambda: go_on.wait(20)))
    await asyncio.sleep(0.05)
    await sgp.far.report([row(job)] * 500, sgp.sent + 1)
    await asyncio.sleep(0.1)
    for site in (hel, nyc):
        await site.far.report([row(job, -1.0, BAD)], site.sent + 1)
    async with asyncio.timeout(10):
        while sites.board.states[job].verdict is not Verdict.DOWN:
            await asyncio.sleep(0.01)

    assert not slow.done()
    go_on.set()
    await slow


async def test_an_outage_is_remembered_over_a_restart(sites, store):
    hel, nyc, _ = await sites.begin()
    (job,) = sites.jobs
    await hel.say(job, outcome=BAD)
    await nyc.say(job, outcome=BAD)
    known = sites.board.outages.pop(job)
    again = Outages(sites.board)
    await again.load(store)
    read = sites.board.outages[job]

    assert read.runs == pytest.approx(known.runs, abs=1e-5)
    assert read.first_fail == pytest.approx(known.first_fail, abs=1e-5)
    assert read.confirmed == pytest.approx(known.confirmed, abs=1e-5)


async def test_one_worker_alone_is_asked_for_its_rounds_of_recovery(world):
    far = Site(await world.join("hel"))
    spec = JobSpec(type="http", name="j0", target="http://127.0.0.1:9/")
    await world.service.add_job(FIRST_ORG, spec, dry_run=False)
    (job,) = world.coordinator.board.jobs
    state = world.coordinator.board.states[job]
    world.coordinator.board.states[job] = replace(state, verdict=Verdict.DOWN)
    await far.far.until(lambda f: f.runs)
    far.asked()
    await far.say(job)

    assert await far.is_asked() == [job]
