"""The status names who needs somebody, and what to do."""

import asyncio

import pytest
from msgspec.structs import replace

from pangea.coordinator import concerns
from pangea.core.liveness import Presence
from pangea.core.model import FIRST_ORG
from pangea.mesh.messages import Heartbeat
from pangea.mesh.ring_file import RingFile
from pangea.mesh.secret_ring import SecretRing


async def told(world):
    """Return (whom, what, next step) of each concern."""
    answer = await world.service.status(FIRST_ORG)
    return [(c.about, c.what, c.next) for c in answer.concerns]


def number(world, name):
    return world.coordinator.board.worker(name, FIRST_ORG).id


async def test_a_mesh_that_is_well_is_no_concern(world):
    await world.join("hel")
    assert await told(world) == []


async def test_a_lost_worker_is_named_and_one_that_just_left_is_not(world):
    far = await world.join("hel")
    await world.join("osl")
    worker, watch = number(world, "hel"), world.coordinator.watch
    await far.leave()
    while worker in world.coordinator.board.connected:
        await asyncio.sleep(0.01)
    assert await told(world) == []
    watch.sights[worker] = replace(watch.sights[worker], presence=Presence.LOST)
    ((who, what, next_),) = await told(world)
    assert who == "hel"
    assert what.startswith("lost, last seen")
    assert "pangea worker remove hel" in next_


@pytest.mark.parametrize(
    ("offset_us", "words"),
    [
        (-10_800_000_000, "its clock is 3h ahead of the coordinator"),
        (10_800_000_000, "its clock is 3h behind the coordinator"),
        (1_900_000, ""),
    ],
)
async def test_a_clock_that_is_off_is_told_in_words(world, offset_us, words):
    await world.join("hel")
    reception = world.coordinator.reception
    reception.links[number(world, "hel")].vitals = Heartbeat(0, offset_us=offset_us)
    assert [what for _, what, _ in await told(world)] == [words] * bool(words)


async def test_a_relayed_worker_is_named_with_its_relay(world):
    await world.join("hel")
    await world.join("osl")
    reception = world.coordinator.reception
    reception.links[number(world, "hel")].via = number(world, "osl")
    ((who, what, _),) = await told(world)
    assert (who, what) == ("hel", "reaches this coordinator only via osl")


async def test_jobs_that_are_withheld_are_counted_for_each_worker(world):
    await world.join("hel")
    for name in ("a", "b"):
        spec = world.spec(name=name, options={"headers": {"Cookie": "x"}})
        await world.service.add_job(FIRST_ORG, spec, dry_run=False)
    ((who, what, next_),) = await told(world)
    assert who == "hel"
    assert "2 jobs are withheld" in what
    assert "pangea worker approve hel" in next_


async def test_a_rotation_is_told_with_its_next_step(world, tmp_path):
    turn = world.coordinator.rotation
    turn.file = RingFile(tmp_path / "ring.json", SecretRing.fresh(0))
    await world.join("hel")
    world.coordinator.admission_mode.switch("old")
    for step, typed in ((turn.start, "use"), (turn.use, "finish")):
        await step()
        ((who, what, next_),) = await told(world)
        assert (who, next_) == ("", f"pangea secret rotate {typed}")
        assert "under way" in what
        trouble = (await world.service.status(FIRST_ORG)).trouble
        assert any(f"pangea secret rotate {typed}" in line for line in trouble)
    assert "missing on the new one: hel" in what


async def test_more_than_a_person_reads_are_counted(world, monkeypatch):
    for name in ("a", "b", "c"):
        await world.join(name)
        link = world.coordinator.reception.links[number(world, name)]
        link.vitals = Heartbeat(0, offset_us=9_000_000)
    monkeypatch.setattr(concerns, "MOST", 2)
    first, (who, what, next_) = await told(world)
    assert first[0] == "a"
    assert (who, what, next_) == ("", "and 2 more of that kind", "pangea worker list")
