"""A drill at a coordinator: its stages, its labels, and what ends it."""

import asyncio
import json

import pytest
from msgspec.structs import replace

from pangea.coordinator.drill_service import DrillService
from pangea.core.drill import drilled
from pangea.core.errors import Conflict, NotFound, UsageError
from pangea.core.model import FIRST_ORG, Outcome, VoteValue
from pangea.core.uptime import Span
from pangea.core.verdict import Transition
from pangea.storage import rollups, spans
from pangea.storage.verdicts import log_transitions
from tests.coordinator.conftest import CLOCK, World, row
from tests.coordinator.test_moving import add
from tests.coordinator.test_suppression import Scene


class Drilled(Scene):
    """A job that is up, of two workers that do as they are told."""

    async def start(self):
        await super().start()
        self.job = await add(self.world)
        self.desk = DrillService(self.world.coordinator)
        await self.up(self.job)

    async def begin(self, for_s=60.0):
        return await self.desk.begin(FIRST_ORG, "web", "ann", for_s)

    async def now(self):
        return await self.desk.drill(FIRST_ORG, "web")

    async def tell(self, *, failing):
        """Let both workers say what they would say in a drill, or after it."""
        for far in self.ends:
            await far.until(lambda f: f.held[self.job].drill is failing)
        await asyncio.sleep(0.06)
        for at, far in enumerate(self.ends):
            said = row(self.job)
            await far.report([drilled(said) if failing else said], self.sent[at] + 1)
            self.sent[at] += 1

    async def state(self, wanted):
        async with asyncio.timeout(20):
            while (await self.now()).state != wanted:
                await asyncio.sleep(0.02)
        return await self.now()

    async def stretches(self):
        found = await self.world.store.read(lambda: spans.between(self.job, 0, 1 << 60))
        return [(s.kind, s.from_us, s.until_us) for s in found]


@pytest.fixture
async def scene(world):
    made = Drilled(world)
    await made.start()
    return made


async def test_a_drill_goes_through_all_stages_and_is_labelled(scene):
    begun = await scene.begin()
    assert (begun.state, begun.asked, begun.confirmed_s) == (
        "failing",
        ["a", "b"],
        None,
    )
    await scene.tell(failing=True)
    down = await scene.state("recovering")
    assert 0 < down.first_failed_s <= down.confirmed_s == down.ended_s
    assert down.heard == ["a", "b"]
    answer = await scene.world.service.job(FIRST_ORG, "web")
    assert (answer.verdict, answer.drill) == ("down", True)
    assert "DRILL" in answer.verdict_reason
    (incident,) = scene.incidents.all_open(FIRST_ORG)
    assert incident.drill
    await scene.tell(failing=False)
    await scene.tell(failing=False)
    done = await scene.state("done")
    assert done.recovery_s > 0
    answer = await scene.world.service.job(FIRST_ORG, "web")
    assert (answer.verdict, answer.drill) == ("up", False)
    assert scene.open() == []


async def test_what_is_told_of_a_drill_says_so_from_first_to_last(scene):
    with scene.world.hub.subscribe(FIRST_ORG) as events:
        await scene.begin()
        await scene.tell(failing=True)
        await scene.state("recovering")
        await scene.tell(failing=False)
        await scene.tell(failing=False)
        await scene.state("done")
        await asyncio.sleep(0.1)
        told = [(e.kind, json.loads(e.data)) for e in await events.take(1.0)]
    verdicts = [words for kind, words in told if kind == "verdict"]
    assert [words["verdict"] for words in verdicts] == ["down", "up"]
    incidents = [words for kind, words in told if kind == "incident"]
    assert {words["state"] for words in incidents} == {"open", "closed"}
    assert all(words["drill"] for words in verdicts + incidents)
    assert scene.board.flaps == {}, "what was done on purpose is no flapping"


async def test_a_drill_is_no_flapping_after_a_restart_either(scene, store, tmp_path):
    now_us, quick = round(CLOCK.wall() * 1e6), 1_000_000
    changes, drills = [], []
    for number in range(6):
        at_us = now_us - (12 - 2 * number) * quick
        for offset, before, after in ((0, "up", "down"), (quick, "down", "up")):
            moment = at_us + offset
            changes.append(Transition(scene.job, moment, before, after, ""))
        drills.append(spans.Span(scene.job, spans.DRILL, at_us - 5, at_us + quick))
    await store.write(lambda: (log_transitions(changes), spans.put_all(drills)))
    again = World(store, tmp_path)
    await again.start()
    assert not (await again.service.job(FIRST_ORG, "web")).flapping
    await again.close()


async def test_a_drill_is_left_out_of_uptime_and_history(scene):
    await scene.world.coordinator.intake.drain()
    before = await scene.world.service.history(
        FIRST_ORG, "web", range_s=3600.0, points=4, worker=None
    )
    await scene.begin()
    await scene.tell(failing=True)
    await scene.state("recovering")
    await scene.tell(failing=False)
    await scene.tell(failing=False)
    await scene.state("done")
    await scene.world.coordinator.intake.drain()
    after = await scene.world.service.history(
        FIRST_ORG, "web", range_s=3600.0, points=4, worker=None
    )
    assert sum(p.failed for p in before.points + after.points) == 0
    assert sum(p.ok for p in after.points) == sum(p.ok for p in before.points) + 4
    coordinator = scene.world.coordinator
    await rollups.fold(scene.world.store, coordinator.buckets)
    now_us = round(CLOCK.wall() * 1e6)
    job = scene.board.jobs[scene.job]
    whole = Span(job.created_at_us, now_us)
    spent = await scene.world.store.read(lambda: coordinator.past.uptime(job, whole))
    assert spent.down == 0.0
    assert spent.drill > 0.1


async def test_nothing_that_was_told_on_purpose_counts_outside_a_drill(scene):
    lie = drilled(row(scene.job))
    for at, far in enumerate(scene.ends):
        await far.report([lie], scene.sent[at] + 1)
        scene.sent[at] += 1
    await asyncio.sleep(0.1)
    assert scene.board.states[scene.job].verdict != "down"
    votes = scene.board.states[scene.job].votes.values()
    assert {vote.value for vote in votes} == {VoteValue.OK}
    assert scene.open() == []


async def test_one_that_is_not_down_in_time_ends_by_itself(scene):
    await scene.begin(1.0)
    for far in scene.ends:
        await far.until(lambda f: f.held[scene.job].drill)
    over = await scene.state("failed")
    assert over.words == "not down within 1s"
    assert not any(far.held[scene.job].drill for far in scene.ends)
    assert scene.job not in scene.board.drills


async def test_a_failure_in_earnest_ends_it_and_alarms(scene):
    await scene.begin()
    await scene.tell(failing=True)
    await scene.state("recovering")
    await scene.say(scene.job, Outcome.FAILED, Outcome.FAILED, ahead=0.1)
    over = await scene.state("failed")
    assert over.words == "it fails in earnest"
    (incident,) = scene.incidents.all_open(FIRST_ORG)
    assert not incident.drill
    answer = await scene.world.service.job(FIRST_ORG, "web")
    assert (answer.verdict, answer.drill) == ("down", False)


async def test_a_person_may_end_it(scene):
    await scene.begin()
    ended = await scene.desk.end(FIRST_ORG, "web")
    assert (ended.state, ended.words) == ("recovering", "ended by hand")
    await scene.state("failed")
    with pytest.raises(Conflict, match="not drilled"):
        await scene.desk.end(FIRST_ORG, "web")


async def test_a_job_that_is_stopped_is_drilled_no_more(scene):
    await scene.begin()
    await scene.world.service.stop_job(FIRST_ORG, "web", None)
    assert (await scene.state("failed")).words == "the job was stopped"


async def test_only_what_is_up_and_probed_is_drilled(scene):
    with pytest.raises(NotFound):
        await scene.now()
    for for_s in (0.5, 7200.0, float("nan")):
        with pytest.raises(UsageError):
            await scene.begin(for_s)
    beat = scene.world.spec(name="beat", type="heartbeat", target="nightly")
    await scene.world.service.add_job(FIRST_ORG, beat, dry_run=False)
    with pytest.raises(UsageError, match="reports by itself"):
        await scene.desk.begin(FIRST_ORG, "beat", "ann", 60.0)
    await scene.begin()
    with pytest.raises(Conflict, match="already"):
        await scene.begin()
    await add(scene.world, "new", target="http://127.0.0.1:7/")
    with pytest.raises(Conflict, match="is unknown"):
        await scene.desk.begin(FIRST_ORG, "new", "ann", 60.0)


async def test_a_restart_ends_a_drill(store, tmp_path):
    first = World(store, tmp_path)
    await first.start()
    scene = Drilled(first)
    await scene.start()
    await scene.begin()
    await scene.tell(failing=True)
    await scene.until(lambda: scene.board.states[scene.job].verdict == "down")
    await first.close()
    second = World(store, tmp_path)
    await second.start()
    try:
        again = Scene(second)
        state = second.coordinator.board.states[scene.job]
        assert state.verdict == "unknown"
        assert all(vote.value == "ok" for vote in state.votes.values())
        ((kind, _, until_us),) = await store.read(
            lambda: [
                (s.kind, s.from_us, s.until_us)
                for s in spans.between(scene.job, 0, 1 << 60)
            ]
        )
        assert kind == "drill"
        assert until_us <= CLOCK.wall() * 1e6
        await again.start()
        assert not again.ends[0].held[scene.job].drill
        lie = replace(drilled(row(scene.job)), flags=128)
        await again.ends[0].report([lie], 1, epoch="f")
        await again.ends[1].report([lie], 1, epoch="f")
        await asyncio.sleep(0.1)
        assert again.board.states[scene.job].verdict != "down"
    finally:
        await second.close()
