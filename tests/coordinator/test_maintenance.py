"""Maintenance at a coordinator: of jobs, of labels, of workers, and its end."""

import asyncio
import json

import pytest

from pangea.coordinator.maintenance_service import MaintenanceService
from pangea.core.errors import NotFound, UsageError
from pangea.core.model import FIRST_ORG, Outcome
from pangea.core.options import build
from pangea.storage import spans
from pangea.storage.verdicts import vote_changes
from pangea.web.api_maintenance import MaintenanceSpec
from tests.coordinator.conftest import CLOCK, World, row
from tests.coordinator.test_moving import add
from tests.engines import BOTH

pytestmark = pytest.mark.engines(*BOTH)


@pytest.fixture
def desk(world):
    return MaintenanceService(world.coordinator)


async def verdict(world, name="web"):
    return (await world.service.job(FIRST_ORG, name)).verdict


async def until(world, wanted, name="web"):
    async with asyncio.timeout(20):
        while await verdict(world, name) != wanted:
            await asyncio.sleep(0.02)


async def plan(desk, **more):
    said = {"jobs": ["web"], "duration_s": 3600.0} | more
    return await desk.add(FIRST_ORG, "ann", MaintenanceSpec(**said))


async def test_a_job_in_maintenance_is_neither_up_nor_down_and_back_after_it(
    world, desk
):
    job = await add(world)
    far, other = await world.join("a"), await world.join("b")
    made = await plan(desk, reason="new disk")
    answer = await world.service.job(FIRST_ORG, "web")
    assert (answer.verdict, made.state, made.covers) == ("maintenance", "active", 1)
    assert answer.verdict_reason.startswith("in maintenance until 2")
    assert answer.verdict_reason.endswith(" UTC: new disk")
    assert (await world.service.status(FIRST_ORG)).verdicts["maintenance"] == 1
    await far.report([row(job, outcome=Outcome.FAILED)])
    await other.report([row(job, outcome=Outcome.FAILED)])
    state = world.coordinator.board.states
    async with asyncio.timeout(20):
        while state[job].verdict != "down":
            await asyncio.sleep(0.02)
    assert await verdict(world) == "maintenance"
    over = []
    world.coordinator.planned.upkeep.over.append(lambda job, _: over.append(job))
    ended = await desk.end(FIRST_ORG, made.id)
    assert (ended.state, await verdict(world), over) == ("over", "down", [job])
    (span,) = await world.store.read(lambda: spans.between(job, 0, 1 << 60))
    assert span.kind == "maintenance"
    assert span.until_us < CLOCK.wall() * 1e6 + 1e6


async def test_labels_name_jobs_also_those_that_come_later(world, desk):
    await plan(desk, jobs=[], labels={"site": "a"})
    await add(world, "late", labels={"site": "a", "kind": "db"})
    await add(world, "other", labels={"site": "b"})
    await until(world, "maintenance", "late")
    assert await verdict(world, "other") == "unknown"
    (listed,) = (await desk.plans(FIRST_ORG)).items
    assert (listed.covers, listed.labels) == (1, {"site": "a"})


async def test_nothing_that_a_worker_in_maintenance_says_counts(world, desk):
    job = await add(world)
    far, other = await world.join("a"), await world.join("b")
    await far.report([row(job)])
    await other.report([row(job)])
    await until(world, "up")
    made = await plan(desk, jobs=[], workers=["a"])
    state = world.coordinator.board.states
    async with asyncio.timeout(20):
        while not state[job].suspended:
            await asyncio.sleep(0.02)
    cell = (await world.service.job(FIRST_ORG, "web")).votes[0]
    assert (cell.worker, cell.outcome, cell.state) == ("a", "ok", "maintenance")
    assert await verdict(world) == "up"

    async def logged():
        changes = await world.store.read(lambda: vote_changes(job))
        return [change.cause for change in changes]

    async with asyncio.timeout(20):
        while "worker in maintenance" not in await logged():
            await asyncio.sleep(0.02)
    await desk.remove(FIRST_ORG, made.id)
    async with asyncio.timeout(20):
        while state[job].suspended:
            await asyncio.sleep(0.02)
    assert (await desk.plans(FIRST_ORG)).items == []


async def test_a_restart_goes_on_with_what_is_planned(store, tmp_path):
    first = World(store, tmp_path)
    await first.start()
    job = await add(first)
    await plan(MaintenanceService(first.coordinator))
    before = await store.read(lambda: spans.between(job, 0, 1 << 60))
    await first.close()
    second = World(store, tmp_path)
    await second.start()
    try:
        assert await verdict(second) == "maintenance"
        assert await store.read(lambda: spans.between(job, 0, 1 << 60)) == before
    finally:
        await second.close()


@pytest.mark.parametrize(
    ("spec", "error"),
    [
        ({"jobs": ["nix"]}, NotFound),
        ({"workers": ["nix"]}, NotFound),
        ({"jobs": []}, UsageError),
        ({"duration_s": None}, UsageError),
        ({"weekly": "mon@1:00-2:00"}, UsageError),
        ({"until": "2026-01-01T00:00:00Z", "duration_s": None}, UsageError),
        ({"until": "2040-01-01T00:00:00Z"}, UsageError),
        ({"cron": "0 3 * *"}, UsageError),
        ({"zone": "Mars"}, UsageError),
        ({"duration_s": float("inf")}, UsageError),
    ],
)
async def test_what_cannot_be_is_refused_and_not_stored(world, desk, spec, error):
    await add(world)
    with pytest.raises(error):
        await plan(desk, **spec)
    assert (await desk.plans(FIRST_ORG)).items == []


async def test_another_org_neither_sees_nor_ends_it(world, desk):
    await add(world)
    made = await plan(desk)
    assert (await desk.plans(FIRST_ORG + 1)).items == []
    with pytest.raises(NotFound):
        await desk.end(FIRST_ORG + 1, made.id)


async def test_open_pages_are_told_what_they_show(world, desk):
    job = await add(world)
    far, other = await world.join("a"), await world.join("b")
    states, seen = world.coordinator.board.states, []
    with world.hub.subscribe(FIRST_ORG) as stream:
        made = await plan(desk)
        await far.report([row(job, outcome=Outcome.FAILED)])
        await other.report([row(job, outcome=Outcome.FAILED)])
        async with asyncio.timeout(20):
            while states[job].verdict != "down":
                await asyncio.sleep(0.02)
        await desk.end(FIRST_ORG, made.id)
        while batch := await stream.take(0.2):
            seen += [
                json.loads(e.data)["verdict"] for e in batch if e.kind == "verdict"
            ]
    assert seen == ["maintenance", "down"]


async def test_what_is_over_leaves_memory_and_stays_in_the_list(world, desk):
    await add(world)
    first, second = await plan(desk), await plan(desk, cron="0 3 * * *")
    plans = world.coordinator.planned.upkeep.plans
    assert set(plans) == {first.id, second.id}
    await world.coordinator.planned.look(CLOCK.wall() + 7200.0)
    assert set(plans) == {second.id}
    await desk.end(FIRST_ORG, second.id)
    await world.coordinator.planned.look(CLOCK.wall() + 7201.0)
    assert not plans

    page = await desk.plans(FIRST_ORG, 1)
    assert ([one.id for one in page.items], page.next) == ([second.id], str(second.id))
    page = await desk.plans(FIRST_ORG, 1, int(page.next))
    assert ([one.id for one in page.items], page.next) == ([first.id], None)
    assert (await desk.end(FIRST_ORG, first.id)).ended_at
    await desk.remove(FIRST_ORG, first.id)
    with pytest.raises(NotFound):
        await desk.remove(FIRST_ORG, first.id)


async def test_labels_that_would_command_a_terminal_are_shown_as_text(world, desk):
    made = await plan(desk, jobs=[], labels={"a\x1b]0;x": "v\u202e"})
    assert made.labels == {r"a\x1b]0;x": r"v\u202e"}


@pytest.mark.parametrize(
    "more",
    [{"duration_s": 0}, {"duration_s": -1e308}, {"duration_s": 31_622_401},
     {"labels": {"k" * 64: "v"}}, {"labels": {"k": "v" * 201}}, {"labels": {"": "v"}}],
)  # fmt: skip
def test_what_is_out_of_bounds_is_refused_as_it_is_read(more):
    with pytest.raises(UsageError):
        build(MaintenanceSpec, {"jobs": ["web"]} | more, "body")
