"""What follows a verdict may fail, or come too late, and costs no verdict."""

import asyncio

from pangea.core.model import FIRST_ORG, Outcome
from pangea.web.schema import JobSpec

from .conftest import row

FAILED = Outcome.FAILED


async def job_of(world):
    spec = JobSpec(
        name="j", type="http", target="http://192.0.2.1/", interval_s=5.0, timeout_s=1.0
    )
    await world.service.add_job(FIRST_ORG, spec, dry_run=False)
    return next(iter(world.coordinator.board.jobs))


async def test_a_failure_that_comes_too_late_to_count_asks_nobody(world):
    a, b, c = [await world.join(name) for name in ("a", "b", "c")]
    job = await job_of(world)
    await a.report([row(job, -0.4)], 1, "ea")
    await c.report([row(job, -0.4)], 1, "ec")
    await a.report([row(job, -0.1, FAILED)], 2, "ea")
    await a.until(lambda far: far.acks.get("ea") == 2)
    async with asyncio.timeout(20):
        while job in world.coordinator.confirming.open:
            await asyncio.sleep(0.05)

    await b.report([row(job, -11.5, FAILED)], 1, "eb")  # it was cut off until now
    await b.until(lambda far: far.acks.get("eb") == 1)

    assert not world.running.done()


async def test_a_follower_that_fails_costs_no_verdict(world):
    (a,) = [await world.join("a")]
    job = await job_of(world)

    def broken(before, judged, decided):
        raise KeyError("a mistake")

    world.coordinator.judging.followers.insert(0, broken)
    await a.report([row(job, 0.0)], 1)
    await a.until(lambda far: far.acks.get("e") == 1)

    assert (await world.service.job(FIRST_ORG, "j")).verdict == "up"
    assert not world.running.done()
