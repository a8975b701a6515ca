"""Rotating the cluster's secret with workers that are there, late, or revoked."""

import asyncio

import pytest
from msgspec.structs import replace

from pangea.coordinator.coordinator import Coordinator
from pangea.coordinator.secret_service import SecretService
from pangea.coordinator.service import CoordinatorService
from pangea.core.errors import Conflict, ProtocolError, StorageError
from pangea.mesh import identity
from pangea.mesh.info import NodeInfo
from pangea.mesh.link import initiate
from pangea.mesh.messages import Desired, Introduce, Secrets, SecretsKept
from pangea.mesh.ring_file import RingFile
from pangea.mesh.secret_ring import SecretRing, load_or_create
from pangea.storage.connection import db
from pangea.web.api_secrets import FinishBody
from tests.coordinator.conftest import BOOT, CLOCK, VAULT, Far, World
from tests.mesh.fakes import memory_channels

WAIT = FinishBody()


class Rotating(World):
    """A coordinator with a ring of its own, on the disk."""

    def __init__(self, store, place):
        super().__init__(store, place)
        self.path = place / "state" / "secrets.json"
        self.rings = RingFile(self.path, load_or_create(self.path))
        self.build()

    def build(self):
        info = NodeInfo(role="coordinator", name="c", boot=BOOT)
        self.coordinator = Coordinator(
            self.store, self.hub, self.own, self.rings.raw, info, CLOCK, VAULT
        )
        self.service = CoordinatorService(
            self.coordinator, name="c", own_url="http://127.0.0.1:1", intervals={}
        )
        self.rotation = self.coordinator.rotation
        self.rotation.file = self.rings
        self.secrets = SecretService(self.coordinator)
        self.ended = []
        self.rotation.finished.append(self.end)

    async def end(self):
        self.ended.append(self.rings.ring.current.id)

    async def enter(self, name, secret=None, versions=(1, 2)):
        """Let a worker in by *secret*, the current one if none is given."""
        ours, theirs = memory_channels()
        accepting = self.coordinator.reception.accept(theirs, "memory", lambda: None)
        self.tasks.append(asyncio.create_task(accepting))
        link = await initiate(
            ours,
            identity.load_or_create(self.place / f"{name}.key"),
            secret or self.rings.ring.current.raw,
            NodeInfo(role="worker", name=name, boot=BOOT, versions=versions),
            lambda key, info: None,
            clock=CLOCK,
        )
        far = Far(link, await link.receive())
        await link.send(Introduce("b", "1", "", None, {}, ("http",), {}))
        await far.until(lambda f: any(isinstance(m, Desired) for m in f.heard))
        self.workers.append(far)
        return far

    async def keep(self, far):
        """Let *far* keep the last ring that it was sent; return its ids."""
        ring = SecretRing.parse(rings_of(far)[-1].ring)
        await far.link.send(SecretsKept(ring.ids))
        worker = far.welcome.worker
        async with asyncio.timeout(20):
            while self.rotation.kept.get(worker) != ring.ids:
                await asyncio.sleep(0.01)
        return ring.ids


def rings_of(far):
    return [m for m in far.heard if isinstance(m, Secrets)]


async def rung(far, number):
    await far.until(lambda f: len(rings_of(f)) >= number)


@pytest.fixture
async def world(tmp_path, store):
    world = Rotating(store, tmp_path)
    await world.start()
    yield world
    for far in world.workers:
        await far.leave()
    await world.end()


async def test_a_worker_gets_the_ring_and_each_change_of_it(world):
    far = await world.enter("w")
    await rung(far, 1)
    assert await world.keep(far) == world.rings.ring.ids
    first = world.rings.ring.current
    answer = await world.secrets.start()
    await rung(far, 2)
    assert [s.state for s in answer.secrets] == ["current", "next"]
    assert answer.stage == "started"
    assert (await world.keep(far))[0] == first.id
    answer = await world.secrets.use()
    assert answer.stragglers == ["w"]
    await rung(far, 3)
    await world.keep(far)
    answer = await world.secrets.finish(WAIT)
    assert (answer.stage, answer.stragglers) == ("none", [])
    assert world.ended == [world.rings.ring.current.id]
    assert load_or_create(world.path) == world.rings.ring
    assert first.id in world.rings.ring.dropped


async def test_both_secrets_open_until_the_old_one_is_dropped(world):
    old = world.rings.ring.current.raw
    await world.secrets.start()
    new = world.rings.ring.all[1].raw
    await world.enter("a", old)
    await world.enter("b", new)
    await world.secrets.use()
    await world.enter("c", old)
    await world.enter("d", new)
    await world.secrets.finish(FinishBody(force=True))
    await world.enter("e", new)
    with pytest.raises(ProtocolError):
        await world.enter("f", old)


async def test_finishing_names_the_stragglers_and_changes_nothing(world):
    await world.enter("late")
    await world.secrets.start()
    await world.secrets.use()
    before = world.rings.ring
    with pytest.raises(Conflict, match="late was not seen on the new secret"):
        await world.secrets.finish(WAIT)
    assert world.rings.ring == before
    assert world.ended == []


async def test_a_ring_in_which_the_new_secret_is_only_the_next_does_not_count(
    world,
):
    far = await world.enter("w")
    await world.secrets.start()
    await rung(far, 2)
    await world.keep(far)
    await world.secrets.use()
    assert (await world.secrets.status()).stragglers == ["w"]


async def test_a_handshake_with_the_new_secret_counts_also_for_an_older_version(world):
    await world.secrets.start()
    await world.secrets.use()
    far = await world.enter("old", versions=(1, 1))
    assert rings_of(far) == []
    assert (await world.secrets.status()).stragglers == []


async def test_the_old_secret_goes_by_itself_when_nobody_lacks_the_new_one(world):
    far = await world.enter("w")
    await world.secrets.start()
    await world.secrets.use()
    answer = await world.secrets.finish(FinishBody(within_s=3600))
    assert answer.deadline
    await world.rotation.tick(CLOCK.wall())
    assert len(world.rings.raw()) == 2
    await rung(far, 3)
    await world.keep(far)
    await world.rotation.tick(CLOCK.wall())
    assert len(world.rings.raw()) == 1
    assert world.rotation.deadline == 0


async def test_the_old_secret_goes_at_the_deadline_also_after_a_restart(world):
    await world.enter("w")
    await world.secrets.start()
    await world.secrets.use()
    await world.secrets.finish(FinishBody(within_s=3600))
    world.build()
    await world.coordinator.start()
    await world.rotation.tick(CLOCK.wall())
    assert len(world.rings.raw()) == 2
    await world.rotation.tick(CLOCK.wall() + 3601)
    assert len(world.rings.raw()) == 1


async def test_who_has_kept_what_is_known_after_a_restart(world):
    far = await world.enter("w")
    await world.secrets.start()
    await world.secrets.use()
    await rung(far, 3)
    await world.keep(far)
    await world.rotation.tick(CLOCK.wall())
    world.build()
    await world.coordinator.start()
    assert (await world.secrets.status()).stragglers == []


@pytest.mark.parametrize("state", ["revoked", "pending"])
async def test_only_an_approved_worker_gets_a_ring(world, state):
    far = await world.enter("w")
    await rung(far, 1)
    workers = world.coordinator.board.workers
    workers[far.welcome.worker] = replace(workers[far.welcome.worker], state=state)
    await world.secrets.start()
    await asyncio.sleep(0.05)
    assert len(rings_of(far)) == 1
    assert (await world.secrets.status()).workers == []


def revoke_somebody(at_s):
    db.execute_sql(
        "INSERT INTO revoked_key (key, org, name, revoked_us, revoked_by, reason)"
        " VALUES (?, 1, 'x', ?, 'me', '')",
        (b"k" * 32, round(at_s * 1e6)),
    )


async def test_who_is_revoked_in_the_middle_knows_none_of_what_is_used(world):
    await world.secrets.start()
    known = world.rings.ring.ids[1]
    await world.store.write(lambda: revoke_somebody(CLOCK.wall() + 1))
    with pytest.raises(Conflict, match="revoked since"):
        await world.secrets.use()
    await world.secrets.start()
    assert known not in world.rings.ring.ids


async def test_a_rotation_right_after_a_revocation_is_free_of_it(world):
    await world.store.write(lambda: revoke_somebody(CLOCK.wall()))
    await world.secrets.start()
    await world.secrets.use()
    await world.secrets.finish(WAIT)
    assert world.ended == [world.rings.ring.current.id]


async def test_a_secret_that_a_revoked_worker_knows_ends_no_approval(world):
    await world.secrets.start()
    await world.secrets.use()
    await world.store.write(lambda: revoke_somebody(CLOCK.wall() + 1))
    await world.secrets.finish(WAIT)
    assert world.ended == []


async def test_a_revocation_at_the_end_of_a_rotation_is_not_forgotten(world):
    far = await world.enter("w")
    await world.secrets.start()
    await world.secrets.use()
    worker, crossing = world.coordinator.board.workers[far.welcome.worker], []

    async def revoke():
        members = world.coordinator.members
        crossing.append(asyncio.create_task(members.revoke(worker, "ada", "")))
        await asyncio.wait(crossing, timeout=0.2)

    world.rotation.finished.insert(0, revoke)
    await world.secrets.finish(FinishBody(force=True))
    await asyncio.wait(crossing)
    assert world.coordinator.admission_mode.mode == "approve"
    await world.coordinator.admission_mode.load()
    assert world.coordinator.admission_mode.mode == "approve", "also on the disk"


async def test_ids_that_are_none_end_the_link(world):
    for ids in ((), ("a",) * 4, ("a" * 17,), ("\x1b[2Jab",), ("",)):
        far = await world.enter("w")
        await far.link.send(SecretsKept(ids))
        await far.until(lambda f: isinstance(f.heard[-1], ProtocolError))


async def test_a_disk_that_refuses_leaves_everything_as_it_was(world):
    before = world.rings.ring
    world.path.parent.rename(world.place / "away")
    world.path.parent.write_text("no directory")
    with pytest.raises(StorageError):
        await world.secrets.start()
    assert world.rings.ring == before


async def test_two_steps_at_the_same_time_come_one_after_the_other(world):
    steps = [world.secrets.start() for _ in range(3)]
    done = await asyncio.gather(*steps, return_exceptions=True)
    assert sum(isinstance(one, Conflict) for one in done) == 2
    assert len(world.rings.raw()) == 2


def test_a_ring_is_never_in_a_repr():
    ring = SecretRing.fresh(0)
    assert ring.current.key not in repr(Secrets(ring.json))
