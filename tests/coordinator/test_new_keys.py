"""Whoever knows the secret makes any number of keys: what they do, and what not."""

import pytest
from msgspec.structs import replace

from pangea.coordinator import admission, epochs
from pangea.coordinator.admission import worker_name
from pangea.coordinator.epochs import NewEpochs
from pangea.coordinator.watch import KNOWN_S
from pangea.core.errors import LinkClosed, ProtocolError
from pangea.core.liveness import LOST_S
from tests.coordinator.conftest import World
from tests.coordinator.knocking import come, introduce, listed, mint
from tests.coordinator.test_moving import Scene
from tests.mesh.fakes import Stillness


@pytest.fixture
async def strict(store, tmp_path, monkeypatch):
    """A coordinator to which two new workers may come at once."""
    monkeypatch.setattr(admission, "NEW_AT_ONCE", 2.0)
    monkeypatch.setattr(admission, "NEW_PER_S", 0.001)
    made = World(store, tmp_path)
    await made.start()
    yield made
    await made.close()


async def test_who_comes_by_the_secret_after_too_many_waits_for_a_person(strict):
    said = [(await come(strict, f"n{n}"))[1].status for n in range(4)]

    assert said == ["approved", "approved", "pending", "pending"]
    workers = await listed(strict)
    assert workers["n2"].approved_by == ""
    assert "pangea worker approve" in workers["n2"].notices[0]


async def test_known_workers_and_those_by_a_token_are_not_counted(strict):
    for _ in range(3):
        link, said = await come(strict, "n0")
        assert said.status == "approved"
        await link.close()
    for number in range(3):
        token = await mint(strict)
        assert (await come(strict, f"t{number}", token=token))[1].status == "approved"
    assert (await come(strict, "n1"))[1].status == "approved"


async def test_a_worker_that_was_revoked_while_it_was_let_in_is_not_welcomed(world):
    link, _ = await come(world, "hel")
    await introduce(link)
    (worker,) = world.coordinator.board.workers.values()
    marks = world.coordinator.admission.marks

    async def revoked_meanwhile(known):
        world.coordinator.board.workers[known.id] = replace(known, state="revoked")
        return await marks(known)

    world.coordinator.admission.marks = revoked_meanwhile
    with pytest.raises((LinkClosed, ProtocolError)):
        await come(world, "hel")
    world.coordinator.board.workers[worker.id] = worker


def test_nobody_else_is_called_coordinator():
    assert worker_name("Coordinator") == "worker"
    assert worker_name("-coordinator-") == "worker"
    assert worker_name("coordinator-2") == "coordinator-2"


async def test_to_forget_somebody_who_is_gone_already_harms_nobody(world):
    world.coordinator.admission._forget(99, for_good=False)
    assert 99 not in world.coordinator.board.workers


# we doubt ourselves because of workers that a person knows


def scene_with(added_s_ago, *, trusted=False):
    scene = Scene(1, 2, 3)
    at = round((scene.clock.wall() - added_s_ago) * 1e6)
    for number in (1, 2):
        known = scene.board.workers[number]
        scene.board.workers[number] = replace(known, added_at_us=at, trusted=trusted)
    return scene


def test_new_workers_that_vanish_at_once_freeze_no_verdict():
    scene = scene_with(0.0)
    scene.pass_(LOST_S + 5, 3)
    assert scene.watch.doubt is None
    assert scene.board.lost == {1, 2}


@pytest.mark.parametrize("known", [(KNOWN_S, False), (0.0, True)])
def test_those_that_are_known_or_trusted_do(known):
    scene = scene_with(known[0], trusted=known[1])
    scene.pass_(LOST_S + 5, 3)
    assert scene.watch.doubt.gone == {1, 2}


# new epochs


async def test_a_worker_that_begins_too_many_epochs_waits(monkeypatch):
    monkeypatch.setattr(epochs, "AT_ONCE", 3.0)
    clock, slept = Stillness(), []
    new = NewEpochs(clock)

    async def sleep(seconds):
        slept.append(seconds)
        clock.now += seconds

    monkeypatch.setattr(epochs.asyncio, "sleep", sleep)
    for _ in range(5):
        await new.hold_back(1)
    await new.hold_back(2)
    assert 0.15 < sum(slept) < 0.35


async def test_watermarks_that_the_database_forgot_are_forgotten(world):
    intake = world.coordinator.intake
    intake.know(1, {"old": 5, "new": 7})
    intake.forget([(1, "old"), (2, "new")])
    assert intake.marks == {(1, "new"): 7}
