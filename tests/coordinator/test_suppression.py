"""What is planned, or follows from another outage, opens no incident of its own."""

import asyncio

import pytest
from msgspec.structs import replace

from pangea.coordinator.decided import Decided
from pangea.coordinator.maintenance_service import MaintenanceService
from pangea.core.errors import UsageError
from pangea.core.model import FIRST_ORG, Outcome
from pangea.storage import incidents as stored
from pangea.web.api_maintenance import MaintenanceSpec
from pangea.web.schema import JobPatch
from tests.coordinator.conftest import row
from tests.coordinator.test_moving import add

FAILED, OK = Outcome.FAILED, Outcome.OK


class Scene:
    """Two workers that say of jobs what a test wants."""

    def __init__(self, world):
        self.world, self.board = world, world.coordinator.board
        self.incidents = world.coordinator.incidents
        self.ends, self.sent = [], [0, 0]

    async def start(self):
        self.ends = [await self.world.join("a"), await self.world.join("b")]

    async def say(self, job, *outcomes, ahead=0.0):
        for at, (far, outcome) in enumerate(zip(self.ends, outcomes, strict=False)):
            if outcome is not None:
                rows = [row(job, ahead, outcome)]
                await far.report(rows, first=self.sent[at] + 1)
                self.sent[at] += 1

    async def until(self, what, seconds=20.0):
        async with asyncio.timeout(seconds):
            while not what():
                await asyncio.sleep(0.02)

    async def down(self, job):
        await self.say(job, FAILED, FAILED)
        await self.until(lambda: self.board.states[job].verdict == "down")

    async def up(self, job):
        for _ in range(2):
            await self.say(job, OK, OK)
            await asyncio.sleep(0.06)
        await self.until(lambda: self.board.states[job].verdict == "up")

    def open(self):
        """Return the names of the members that are not well, by incident."""
        return [
            sorted(m.name for m in i.members.values() if not m.recovered_us)
            for i in self.incidents.all_open(FIRST_ORG)
        ]


@pytest.fixture
async def scene(world):
    made = Scene(world)
    await made.start()
    return made


async def family(scene, **more):
    gw = await add(scene.world, "gw", target="http://127.0.0.1:8/")
    web = await add(scene.world, "web", depends_on=["gw"], **more)
    for job in (gw, web):
        await scene.up(job)
    return gw, web


async def test_a_child_of_a_parent_that_is_down_joins_the_parents_incident(scene):
    gw, web = await family(scene)
    await scene.down(gw)
    await scene.down(web)
    await scene.until(lambda: scene.open() == [["gw", "web"]])
    found, why = scene.incidents.open_of(web), "depends on gw, which is down"
    assert found.members[web].reason == why
    assert (found.title, found.reason) == (
        "1 job: depends on gw",
        found.members[gw].reason,
    )
    answer = await scene.world.service.job(FIRST_ORG, "web")
    assert answer.verdict_reason.startswith(f"{why} (")
    coordinator = scene.world.coordinator
    told = coordinator.reasons.explaining.now(coordinator.board.jobs[web])
    assert told.reason.startswith(f"{why} (")
    await scene.world.coordinator.intake.note(Decided(touched={web}))
    lines = await scene.world.store.read(lambda: stored.timeline(found.id))
    assert f"web: {why}" in [e.text for e in lines if e.kind == "joined"]
    await scene.up(gw)
    await scene.up(web)
    await scene.until(lambda: scene.open() == [])
    assert not scene.board.blamed


async def test_the_order_in_which_both_are_confirmed_does_not_matter(scene):
    gw, web = await family(scene)
    await scene.say(gw, FAILED)
    await scene.until(lambda: scene.board.states[gw].votes[1].value == "failed")
    await scene.down(web)
    why = scene.world.coordinator.planned.suppression.why
    assert why(web, scene.board.states[web].since).startswith("depends on gw, which is")
    assert scene.open() == []
    await scene.say(gw, None, FAILED)
    await scene.until(lambda: scene.open() == [["gw", "web"]])


async def test_a_child_that_fails_alone_alarms_once_its_parent_has_answered(scene):
    gw, web = await family(scene)
    before = [[r.job for r in far.runs].count(gw) for far in scene.ends]
    await scene.down(web)
    for far, runs in zip(scene.ends, before, strict=True):
        wanted = runs + 1
        await far.until(lambda f, n=wanted: [r.job for r in f.runs].count(gw) == n)
    assert scene.open() == []
    await asyncio.sleep(0.06)
    await scene.say(gw, OK, OK)
    await scene.until(lambda: scene.open() == [["web"]])


async def test_a_parent_that_is_only_found_down_when_it_is_asked_is_to_blame(scene):
    gw, web = await family(scene)
    await scene.down(web)
    await asyncio.sleep(0.06)
    await scene.say(gw, FAILED, FAILED)
    await scene.until(lambda: scene.open() == [["gw", "web"]])


async def test_a_parent_in_maintenance_is_asked_as_well_and_takes_the_blame(scene):
    gw, web = await family(scene)
    desk = MaintenanceService(scene.world.coordinator)
    await desk.add(FIRST_ORG, "ann", MaintenanceSpec(jobs=["gw"], duration_s=600.0))
    await scene.down(web)
    assert scene.open() == []
    await asyncio.sleep(0.06)
    await scene.say(gw, FAILED, FAILED)
    await scene.until(lambda: scene.board.states[gw].verdict == "down")
    await asyncio.sleep(0.1)
    assert scene.open() == []
    assert scene.world.coordinator.planned.suppression.why(web, 0.0)


async def test_a_parent_that_does_not_answer_is_not_waited_for_for_ever(scene):
    gw, web = await family(scene)
    scene.board.jobs[gw] = replace(scene.board.jobs[gw], timeout_s=0.1)
    await scene.down(web)
    assert scene.open() == []
    await scene.until(lambda: scene.open() == [["web"]])


async def test_a_child_that_stays_down_when_its_parent_is_up_alarms_by_itself(scene):
    gw, web = await family(scene)
    await scene.down(gw)
    await scene.down(web)
    await scene.until(lambda: scene.open() == [["gw", "web"]])
    scene.board.lasts[web] = 1.0  # so long it may follow its parent
    await scene.up(gw)
    everybody = scene.incidents.all_open
    await scene.until(lambda: [set(i.members) for i in everybody(1)] == [{web}])
    closed = [i for i in scene.incidents.known.values() if not i.is_open]
    assert [set(i.members) for i in closed] == [{gw, web}]


async def test_a_restart_remembers_in_whose_incident_a_child_is(scene):
    gw, web = await family(scene)
    await scene.down(gw)
    await scene.down(web)
    await scene.until(lambda: scene.open() == [["gw", "web"]])
    suppression = scene.world.coordinator.planned.suppression
    told = dict(suppression._told_in)
    suppression._forget(web)
    suppression.load()
    assert suppression._told_in == told


async def test_a_job_that_is_down_when_its_maintenance_ends_alarms_then(scene):
    job = await add(scene.world)
    await scene.up(job)
    desk = MaintenanceService(scene.world.coordinator)
    spec = MaintenanceSpec(jobs=["web"], duration_s=600.0)
    made = await desk.add(FIRST_ORG, "ann", spec)
    await scene.down(job)
    await asyncio.sleep(0.1)
    assert scene.open() == []
    await desk.end(FIRST_ORG, made.id)
    await scene.until(lambda: scene.open() == [["web"]])


async def test_circles_are_refused_and_orphans_are_freed(scene):
    service = scene.world.service
    gw, web = await family(scene)
    with pytest.raises(UsageError, match="would depend on itself"):
        await service.edit_job(FIRST_ORG, "gw", JobPatch(depends_on=["web"]))
    assert scene.board.graph.parents(web) == (gw,)
    await service.remove_job(FIRST_ORG, "gw")
    assert (await service.job(FIRST_ORG, "web")).depends_on == []
    assert scene.board.graph.parents(web) == ()
    (stored,) = await scene.world.coordinator.jobs.all()
    assert stored.depends_on == ()
