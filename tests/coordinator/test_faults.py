"""A disk that refuses, a restart, a clock that goes back, changes at the same time."""

import asyncio

import msgspec
import pytest

from pangea.coordinator.board import LEAVES_AFTER_S, Board
from pangea.coordinator.decided import Decided
from pangea.core.errors import StorageError
from pangea.core.model import FIRST_ORG, Job, Outcome, Verdict, Worker
from pangea.core.verdict import JobState
from pangea.storage import verdicts
from pangea.web.schema import JobPatch, JobSpec, PushQuery, moment
from tests.coordinator.conftest import World, row
from tests.coordinator.test_coordinator import add, stored, verdict

QUICK = {"interval_s": 0.5, "timeout_s": 0.3}


@pytest.fixture
def full_disk(world):
    """Let the database refuse until the test says otherwise."""
    real = world.store.write

    async def refuse(fn):
        raise StorageError("the disk is full")

    class Disk:
        @staticmethod
        def fill():
            world.store.write = refuse

        @staticmethod
        def free():
            world.store.write = real

    yield Disk
    world.store.write = real


@pytest.mark.slow
async def test_while_the_disk_is_full_no_verdict_is_lost_and_it_is_said(
    world, full_disk
):
    far = await world.join("hel")
    job = await add(world, world.spec(name="web", **QUICK))
    await far.report([row(job)])
    await far.until(lambda f: f.acks.get("e") == 1)
    full_disk.fill()
    await far.report([row(job, 0.1)], first=2)
    await asyncio.sleep(3.0)
    status = await world.service.status(FIRST_ORG)

    assert await verdict(world) == "up"
    assert "disk is full" in status.trouble[0]
    assert "disk is full" in await world.service.ready()
    assert far.acks["e"] == 1
    full_disk.free()
    await far.until(lambda f: f.acks.get("e") == 2)
    assert len(await stored(world)) == 2
    assert await world.service.ready() == ""


async def test_a_change_that_could_not_be_written_is_written_later_and_told(
    world, store, full_disk
):
    far = await world.join("hel")
    job = await add(world)
    await far.report([row(job)])
    await far.until(lambda f: f.acks.get("e") == 1)
    full_disk.fill()
    await world.coordinator.intake.note(
        world.coordinator.judging.seat([job], anew=True)
    )
    full_disk.free()
    with world.hub.subscribe(FIRST_ORG) as stream:
        await far.report([row(job, 0.2)], first=2)
        await far.until(lambda f: f.acks.get("e") == 2)
        events = await stream.take(1.0)

    log = await store.read(lambda: verdicts.transitions(job))
    assert [(t.before, t.after) for t in reversed(log)] == [
        (Verdict.UNKNOWN, Verdict.UP),
        (Verdict.UP, Verdict.UNKNOWN),
        (Verdict.UNKNOWN, Verdict.UP),
    ]
    told = [msgspec.json.decode(e.data) for e in events if e.kind == "verdict"]
    assert [t["verdict"] for t in told if "provisional" not in t] == ["unknown", "up"]


async def test_a_link_that_breaks_takes_no_change_with_it(world, store, monkeypatch):
    far = await world.join("hel")
    job = await add(world)
    await far.report([row(job)])
    await far.until(lambda f: f.acks.get("e") == 1)
    intake, real, slow = world.coordinator.intake, world.store.write, asyncio.Event()

    async def hang_then_refuse(fn):
        slow.set()
        await asyncio.sleep(0.05)
        raise StorageError("the disk is full")

    monkeypatch.setattr(world.store, "write", hang_then_refuse)
    decided = world.coordinator.judging.seat([job], anew=True)
    noting = asyncio.create_task(intake.note(decided))
    await slow.wait()
    noting.cancel()
    await asyncio.wait([noting])
    monkeypatch.setattr(world.store, "write", real)
    await asyncio.sleep(0.1)
    with world.hub.subscribe(FIRST_ORG) as stream:
        await intake.note(Decided())
        events = await stream.take(1.0)
    log = await store.read(lambda: verdicts.transitions(job))

    assert (log[0].before, log[0].after) == (Verdict.UP, Verdict.UNKNOWN)
    assert [e.kind for e in events] == ["trouble", "verdict"]


@pytest.mark.slow
async def test_trouble_ends_with_the_refusal_also_when_no_result_comes(
    world, full_disk
):
    full_disk.fill()
    decided = world.coordinator.judging.seat([])
    world.coordinator.intake.trouble = "the disk is full"
    await world.coordinator.intake.note(decided)
    assert await world.service.ready() == "storage: the disk is full"
    full_disk.free()
    await world.coordinator.intake.note(decided)

    assert await world.service.ready() == ""


@pytest.mark.parametrize("clean", [True, False], ids=["stopped", "killed"])
async def test_a_restart_changes_no_verdict(world, store, tmp_path, clean):
    far = await world.join("hel")
    job = await add(world, world.spec(name="web", interval_s=5.0, timeout_s=1.0))
    for number in range(3):
        await far.report([row(job, number / 10)], first=number + 1)
        await far.until(lambda f, n=number: f.acks.get("e") == n + 1)
    before = await world.service.job(FIRST_ORG, "web")
    if clean:
        await world.coordinator.stop("over")

    again = World(store, tmp_path)
    await again.start()
    await asyncio.sleep(1.3)
    after = await again.service.job(FIRST_ORG, "web")
    log = await store.read(lambda: verdicts.transitions(job))
    assert after.verdict == "up"
    assert after.verdict_since == before.verdict_since
    assert after.votes[0].at == before.votes[0].at, "the newest vote counts again"
    assert len(log) == 1
    await again.close()


def test_our_own_downtime_takes_nobody_out_of_the_electorate():
    board, long_ago = Board(), 1000.0
    workers = [
        Worker(
            id=n,
            key=bytes([n]) * 32,
            name=f"w{n}",
            probes=("tcp",),
            last_seen_us=int(long_ago * 1e6),
        )
        for n in (1, 2, 3)
    ]
    job = Job(id=1, name="j", type="tcp", target="x:1", interval_s=30, timeout_s=5)
    now = board.started = long_ago + 2 * LEAVES_AFTER_S
    board.load([job], workers, [JobState(1, electorate=(1, 2, 3))])
    board.connected.add(1)

    assert board.electorate(1, now + 1) == (1, 2, 3)
    assert board.electorate(1, now + LEAVES_AFTER_S + 1) == (1,)


async def test_two_changes_at_once_undo_nothing_of_each_other(world):
    await world.join("hel")
    await add(world)
    service = world.service
    await asyncio.gather(
        service.stop_job(FIRST_ORG, "web", None),
        service.edit_job(FIRST_ORG, "web", JobPatch(interval_s=60.0)),
    )
    job = await service.job(FIRST_ORG, "web")
    bare = JobSpec(type="http", target="http://127.0.0.1:9/")
    added = await asyncio.gather(
        *(service.add_job(FIRST_ORG, bare, dry_run=False) for _ in range(3))
    )

    assert (job.enabled, job.interval_s) == (False, 60.0)
    assert len({a.job.name for a in added}) == 3


async def test_reports_at_the_same_moment_are_all_kept(world):
    spec = JobSpec(type="heartbeat", target="backup", name="backup")
    added = await world.service.add_job(FIRST_ORG, spec, dry_run=False)
    token = added.job.push_path.rpartition("/")[2]
    await asyncio.gather(
        *(world.service.push(token, PushQuery(duration_ms=n)) for n in range(5))
    )

    assert len(await stored(world, "backup")) == 5


async def test_another_target_begins_without_the_votes_of_the_old_one(world):
    far = await world.join("hel")
    job = await add(world)
    await far.report([row(job)])
    await far.until(lambda f: f.acks.get("e") == 1)
    far.runs.clear()
    patch = JobPatch(target="http://127.0.0.1:8/")
    answer = await world.service.edit_job(FIRST_ORG, "web", patch)
    await far.until(lambda f: f.runs)

    assert answer.verdict == "unknown"
    assert [v.outcome for v in answer.votes] == [None]


async def test_what_was_asked_before_says_nothing_of_another_target(
    world, store, tmp_path
):
    far = await world.join("hel")
    job = await add(world)
    old = row(job, outcome=Outcome.FAILED)
    patch = JobPatch(target="http://127.0.0.1:8/")
    await world.service.edit_job(FIRST_ORG, "web", patch)
    await far.report([old])
    await far.until(lambda f: f.acks.get("e") == 1)
    late = await world.service.job(FIRST_ORG, "web")

    assert [v.outcome for v in late.votes] == [None]
    again = World(store, tmp_path)
    await again.start()
    resumed = await again.service.job(FIRST_ORG, "web")
    await again.close()
    assert [v.outcome for v in resumed.votes] == [None]
    await far.report([row(job)], first=2)
    await far.until(lambda f: f.acks.get("e") == 2)
    assert await verdict(world) == "up"


async def test_a_job_stopped_on_its_only_worker_is_paused(world):
    await world.join("hel")
    await add(world)
    answer = await world.service.stop_job(FIRST_ORG, "web", "hel")

    assert answer.verdict == "paused"


async def test_since_when_a_job_is_paused_is_known_after_a_restart_too(
    world, store, tmp_path
):
    job = await add(world)
    first = await world.service.stop_job(FIRST_ORG, "web", None)
    assert first.verdict_since
    await world.service.start_job(FIRST_ORG, "web", None)
    await asyncio.sleep(0.01)
    second = await world.service.stop_job(FIRST_ORG, "web", None)
    assert second.verdict_since > first.verdict_since
    again = World(store, tmp_path)
    await again.coordinator.past.pauses.start()
    since = {j: moment(at) for j, at in again.coordinator.board.paused.items()}
    assert since == {job: second.verdict_since}


async def test_a_batch_that_poisons_its_group_is_found_and_the_others_are_kept(
    world, monkeypatch
):
    hel, nyc = await world.join("hel"), await world.join("nyc")
    job = await add(world)
    guilty = world.coordinator.board.worker("hel").id
    real = world.store.write

    async def write(fn):
        cells = [c.cell_contents for c in getattr(fn, "__closure__", None) or ()]
        intakes = next((c for c in cells if isinstance(c, list)), [])
        if any(getattr(i, "worker", 0) == guilty for i in intakes):
            raise OverflowError("Python int too large to convert to SQLite INTEGER")
        return await real(fn)

    world.store.write = write
    await asyncio.gather(hel.report([row(job)]), nyc.report([row(job)]))
    await nyc.until(lambda f: f.acks.get("e") == 1)
    world.store.write = real

    assert hel.acks == {}
    assert [r.outcome for r in await stored(world)] == [Outcome.OK]


async def test_what_a_full_disk_refused_leaves_no_hole_before_later_reports(
    world, full_disk
):
    spec = JobSpec(type="heartbeat", target="backup", name="backup")
    added = await world.service.add_job(FIRST_ORG, spec, dry_run=False)
    token = added.job.push_path.rpartition("/")[2]
    full_disk.fill()
    with pytest.raises(StorageError):
        await world.service.push(token, PushQuery())
    full_disk.free()
    await world.service.push(token, PushQuery())
    await world.service.push(token, PushQuery())

    assert len(await stored(world, "backup")) == 2
