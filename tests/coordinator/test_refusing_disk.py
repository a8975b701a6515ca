"""While the database refuses, judging goes on from memory; then all is stored once."""

import asyncio
import secrets

import msgspec
import pytest
from msgspec import Raw

from pangea.coordinator.decided import Decided
from pangea.core.errors import StorageError
from pangea.core.model import FIRST_ORG, Outcome, Verdict
from pangea.mesh.messages import WINDOW, Batch, Digest, encode_row
from pangea.storage import verdicts
from pangea.storage.connection import connection
from tests.coordinator.conftest import row
from tests.coordinator.test_coordinator import add, stored, verdict

QUICK = {"interval_s": 0.5, "timeout_s": 0.3}
FAILED = Outcome.FAILED


class Disk:
    """Lets the database refuse, as the test says, or stop for a while."""

    def __init__(self, world):
        self.world, self.real = world, world.store.write
        self.tries = 0

    def fill(self):
        self.world.store.write = self._refuse

    def free(self):
        self.world.store.write = self.real

    async def _refuse(self, fn):
        self.tries += 1
        raise StorageError("the disk is full")


@pytest.fixture
def disk(world):
    made = Disk(world)
    yield made
    made.free()


@pytest.fixture
async def pair(world):
    """Two workers and a job that is up on both, at numbers after 1."""
    hel, nyc = await world.join("hel"), await world.join("nyc")
    job = await add(world)
    for far in (hel, nyc):
        await far.report([row(job)])
        await far.until(lambda f: f.acks.get("e") == 1)
    assert await verdict(world) == "up"
    return hel, nyc, job


async def until(what, seconds=20.0):
    async with asyncio.timeout(seconds):
        while not await what():
            await asyncio.sleep(0.02)


async def becomes(world, wanted):
    async def is_so():
        return await verdict(world) == wanted

    await until(is_so)


async def log_of(store, job):
    log = await store.read(lambda: verdicts.transitions(job))
    return [t.after for t in reversed(log)]


def told(events):
    return [
        (data.get("verdict"), data.get("provisional", False))
        for event in events
        if event.kind == "verdict"
        for data in [msgspec.json.decode(event.data)]
    ]


def incidents_of(events):
    return [
        msgspec.json.decode(event.data) for event in events if event.kind == "incident"
    ]


async def test_what_dies_while_the_disk_is_really_full_is_down_at_once(
    world, store, pair
):
    hel, nyc, job = pair
    big = {"path": secrets.token_hex(4500)}

    def shut():
        connection().execute("PRAGMA max_page_count = 1")

    def open_again():
        connection().execute("PRAGMA max_page_count = 1073741823")

    await store.write(shut)
    for number in range(2, WINDOW + 2):
        for far in (hel, nyc):
            await far.report([row(job, number / 100, FAILED, readings=big)], number)
    await becomes(world, "down")
    async with asyncio.timeout(20):
        while not world.coordinator.intake.trouble:
            await asyncio.sleep(0.02)
    status = await world.service.status(FIRST_ORG)
    assert "full" in status.trouble[0]
    assert hel.acks == nyc.acks == {"e": 1}
    assert len(await stored(world)) == 2

    await store.write(open_again)
    for far in (hel, nyc):
        await far.until(lambda f: f.acks.get("e") == WINDOW + 1)
    rows = await stored(world)
    assert len(rows) == len({(r.worker, r.started_at) for r in rows}) == 10
    assert (await log_of(store, job))[-2:] == [Verdict.UP, Verdict.DOWN]
    assert (await world.service.status(FIRST_ORG)).trouble == []


async def test_pages_hear_of_an_incident_at_once_and_once_more_when_it_is_stored(
    world, store, pair, disk
):
    hel, nyc, job = pair
    with world.hub.subscribe(FIRST_ORG) as stream:
        disk.fill()
        for far in (hel, nyc):
            await far.report([row(job, 0.1, FAILED)], first=2)
        await becomes(world, "down")
        await asyncio.sleep(0.1)
        first = incidents_of(await stream.take(1.0))
        disk.free()
        for far in (hel, nyc):
            await far.until(lambda f: f.acks.get("e") == 2)
        then = incidents_of(await stream.take(1.0))
    (opened,) = world.coordinator.incidents.all_open(FIRST_ORG)
    assert [said.pop("provisional") for said in first] == [True]
    assert first == then
    assert then[0]["incident"] == opened.id


async def test_pages_hear_of_a_verdict_at_once_and_once_more_when_it_is_stored(
    world, store, pair, disk
):
    hel, nyc, job = pair
    with world.hub.subscribe(FIRST_ORG) as stream:
        disk.fill()
        for far in (hel, nyc):
            await far.report([row(job, 0.1, FAILED)], first=2)
        await becomes(world, "down")
        await asyncio.sleep(0.1)
        first = await stream.take(1.0)
        disk.free()
        for far in (hel, nyc):
            await far.until(lambda f: f.acks.get("e") == 2)
        then = await stream.take(1.0)

    assert told(first) == [("down", True)]
    assert told(then) == [("down", False)]
    for events, mark in ((first, True), (then, False)):
        results = [msgspec.json.decode(e.data) for e in events if e.kind == "result"]
        assert sorted(r["worker"] for r in results) == ["hel", "nyc"]
        assert {r.get("provisional", False) for r in results} == {mark}
    troubles = [
        msgspec.json.decode(e.data)["storage"]
        for e in [*first, *then]
        if e.kind == "trouble"
    ]
    assert troubles == ["the disk is full", ""]
    assert await log_of(store, job) == [Verdict.UP, Verdict.DOWN]


async def test_what_follows_from_a_verdict_is_written_once_with_it(
    world, store, pair, disk
):
    hel, nyc, job = pair
    await store.write(lambda: connection().execute("CREATE TABLE said (verdict)"))
    seen = []

    def follow(before, judged, decided):
        if judged.transition:
            after = str(judged.transition.after)
            seen.append(after)
            decided.writes.append(
                lambda: connection().execute("INSERT INTO said VALUES (?)", [after])
            )

    world.coordinator.judging.followers.append(follow)
    disk.fill()
    for far in (hel, nyc):
        await far.report([row(job, 0.1, FAILED)], first=2)
    await becomes(world, "down")
    assert seen == ["down"]
    await world.coordinator.intake.note(Decided())
    await until(lambda: asyncio.sleep(0, disk.tries > 1))
    disk.free()
    await hel.until(lambda f: f.acks.get("e") == 2)
    said = await store.read(
        lambda: connection().execute("SELECT verdict FROM said").fetchall()
    )
    assert said == [("down",)]


async def test_who_may_send_no_more_batches_is_heard_by_digests(
    world, store, pair, disk
):
    hel, nyc, job = pair
    disk.fill()
    for number in range(2, WINDOW + 2):
        for far in (hel, nyc):
            await far.report([row(job, number / 100)], number)
    late = {far: row(job, 1.0 + n / 10, FAILED) for n, far in enumerate((hel, nyc))}
    for far, one in late.items():
        await far.link.send(Digest(Batch("", 0, (Raw(encode_row(one)),), (), 0)))
    await becomes(world, "down")

    disk.free()
    for far, one in late.items():
        await far.until(lambda f: f.acks.get("e") == WINDOW + 1)
        await far.report([one], first=WINDOW + 2)
        await far.until(lambda f: f.acks.get("e") == WINDOW + 2)
    rows = await stored(world)
    assert len(rows) == len({(r.worker, r.started_at) for r in rows}) == 12
    assert await log_of(store, job) == [Verdict.UP, Verdict.DOWN]


async def test_what_comes_while_a_commit_hangs_is_judged_at_once(
    world, pair, disk, monkeypatch
):
    hel, nyc, job = pair
    going, over = asyncio.Event(), asyncio.Event()

    async def hang_then_refuse(fn):
        going.set()
        await over.wait()
        raise StorageError("the disk is full")

    monkeypatch.setattr(world.store, "write", hang_then_refuse)
    await hel.report([row(job, 0.01)], first=2)
    await going.wait()
    for far, number in ((hel, 3), (nyc, 2)):
        await far.report([row(job, 0.1, FAILED)], first=number)
    await becomes(world, "down")
    over.set()
    disk.free()
    await hel.until(lambda f: f.acks.get("e") == 3)
    await nyc.until(lambda f: f.acks.get("e") == 2)
    assert len(await stored(world)) == 5


@pytest.mark.slow
async def test_a_disk_that_only_stalls_holds_no_verdict_back(world, pair, monkeypatch):
    hel, nyc, job = pair
    real, over = world.store.write, asyncio.Event()

    async def hang(fn):
        await over.wait()
        return await real(fn)

    monkeypatch.setattr(world.store, "write", hang)
    await hel.report([row(job, 0.01)], first=2)
    await asyncio.sleep(1.2)
    for far, number in ((hel, 3), (nyc, 2)):
        await far.report([row(job, 0.1, FAILED)], first=number)
    await becomes(world, "down")
    over.set()
    await nyc.until(lambda f: f.acks.get("e") == 2)
    assert len(await stored(world)) == 5


@pytest.mark.slow
async def test_who_cannot_be_heard_is_not_taken_for_silent(world, disk):
    hel, nyc = await world.join("hel"), await world.join("nyc")
    job = await add(world, world.spec(name="web", **QUICK))
    for far in (hel, nyc):
        await far.report([row(job)])
        await far.until(lambda f: f.acks.get("e") == 1)
    disk.fill()
    await world.coordinator.intake.note(world.coordinator.judging.seat([job]))
    for number in range(2, 2 + WINDOW):
        await hel.report([row(job)], first=number)
        await asyncio.sleep(0.8)
    answer = await world.service.job(FIRST_ORG, "web")

    assert {v.worker: v.outcome for v in answer.votes} == {"hel": "ok", "nyc": "ok"}
    assert answer.verdict == "up"


async def test_logs_that_wait_in_memory_are_bounded(world, pair, disk, monkeypatch):
    from pangea.coordinator import committing

    monkeypatch.setattr(committing, "MOST_WAITING", 3)
    *_, job = pair
    disk.fill()
    for number in range(10):
        decided = world.coordinator.judging.seat([job], anew=True)
        heard = [row(job, number / 100 + 0.01, worker=w) for w in (1, 2)]
        decided.add(world.coordinator.judging.hear(heard))
        await world.coordinator.intake.note(decided)
    waiting = world.coordinator.intake._committing._unwritten

    assert (len(waiting.changes), len(waiting.transitions)) == (3, 3)
