"""Jobs that run often are summed up by the minute from their first result on."""

from pangea.core.rollup import MINUTE, TEN_MINUTES
from pangea.core.uptime import Span
from pangea.storage.percentiles import sums_by
from pangea.web.schema import JobPatch
from tests.coordinator.conftest import CLOCK, row


async def by_step(world, number, step):
    """Return how many results each sum of *step* has, before any fold."""
    coordinator, now = world.coordinator, CLOCK.wall()
    job = coordinator.board.jobs[number]
    span = Span(round((now - 3600) * 1e6), round((now + 60) * 1e6))
    found = await world.store.read(
        lambda: sums_by(job, span, step, coordinator.buckets)
    )
    return [sum(b.count for b in at.values()) for at in found.points.values()]


async def report(world, far, number, first):
    await far.report([row(number, -at) for at in (400, 200, 2)], first=first)
    await far.until(lambda f: f.acks.get("e") == first + 2)


async def test_minutes_of_a_new_job_are_there_at_once(world):
    spec = world.spec(name="quick", interval_s=2.0)
    number = (await world.service.add_job(1, spec, dry_run=False)).job.id
    far = await world.join("hel")
    await report(world, far, number, 1)
    assert await by_step(world, number, MINUTE) == [1, 1, 1]
    assert sum(await by_step(world, number, TEN_MINUTES)) == 3


async def test_a_job_that_is_edited_or_removed_is_summed_up_as_it_is_now(world):
    service, buckets = world.service, world.coordinator.buckets
    spec = world.spec(name="web", interval_s=60.0)
    number = (await service.add_job(1, spec, dry_run=False)).job.id
    far = await world.join("hel")
    await report(world, far, number, 1)
    assert await by_step(world, number, MINUTE) == []
    await service.edit_job(1, "web", JobPatch(interval_s=5.0))
    await report(world, far, number, 4)
    assert await by_step(world, number, MINUTE) == [1, 1, 1]
    assert sum(await by_step(world, number, TEN_MINUTES)) == 6
    await service.edit_job(1, "web", JobPatch(interval_s=60.0))
    assert number not in buckets.quick
    await service.edit_job(1, "web", JobPatch(interval_s=5.0))
    assert number in buckets.quick
    await service.remove_job(1, "web")
    assert number not in buckets.quick


async def test_a_job_that_was_refused_is_not_summed_up_at_all(world):
    spec = world.spec(name="quick", interval_s=2.0)
    await world.service.add_job(1, spec, dry_run=True)
    assert world.coordinator.buckets.quick == frozenset()
