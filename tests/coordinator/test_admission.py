"""Who gets in, who waits, and what those get who wait: one word, and nothing else."""

import asyncio

import pytest

from pangea.coordinator import waiting_room
from pangea.core.errors import LinkClosed, ProtocolError
from pangea.mesh.messages import (
    Applied,
    Batch,
    Desired,
    Goodbye,
    Heartbeat,
    HeartbeatAck,
    Introduce,
    Welcome,
    encode,
)
from pangea.mesh.refusal import Refused
from pangea.storage import workers as stored_workers
from pangea.web.schema import JobPatch, RevokeBody
from tests.coordinator.conftest import World, row
from tests.coordinator.knocking import (
    ORG,
    come,
    id_of,
    introduce,
    key_of,
    knock,
    listed,
    mint,
    silence,
)
from tests.coordinator.test_coordinator import add, stored


@pytest.fixture
async def guarded(store, tmp_path):
    """A coordinator at which a person approves."""
    made = World(store, tmp_path, admission="approve")
    await made.start()
    yield made
    await made.close()


async def test_who_proves_the_secret_is_in_but_not_trusted(world):
    _, said = await come(world, "hel")
    worker = (await listed(world))["hel"]

    assert said.status == "approved"
    assert (worker.state, worker.trusted) == ("approved", False)
    assert worker.approved_by == "the secret"


@pytest.mark.parametrize("role", ["coordinator", "peer", "", "worker\x1b"])
async def test_what_is_no_worker_does_not_even_finish_the_handshake(world, role):
    with pytest.raises(Refused):
        await knock(world, "odd", role=role)
    assert await listed(world) == {}


async def test_a_pending_worker_gets_its_state_and_not_one_byte_more(guarded):
    await add(guarded)
    link = await knock(guarded, "hel")
    said = await link.receive()

    assert encode(said) == encode(Welcome("pending", link.sid))
    assert await silence(link)
    (worker,) = await guarded.members.workers(ORG)
    assert (worker.state, worker.connected) == ("pending", True)
    assert worker.id in worker.notices[0]
    job = await guarded.service.job(ORG, "web")
    assert job.votes == []
    assert link.messages_received == 1


async def test_a_pending_worker_may_show_that_it_lives(guarded):
    link, _ = await come(guarded, "hel")
    for _ in range(3):
        await link.send(Heartbeat(5))
        ack = await link.receive()
        assert isinstance(ack, HeartbeatAck)
        assert ack.sent_us == 5
    assert await silence(link, 0.1)


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(Introduce("b", "1"), id="introduce"),
        pytest.param(Applied(0), id="a wish for its jobs"),
        pytest.param(Batch("e", 1, ()), id="results"),
    ],
)
async def test_a_pending_worker_that_says_anything_else_is_cut(guarded, said):
    link, _ = await come(guarded, "hel")
    await link.send(said)
    with pytest.raises(LinkClosed):
        await link.receive()


async def test_a_pending_worker_that_floods_is_cut(guarded):
    link, _ = await come(guarded, "hel")

    async def flood():
        for _ in range(waiting_room.BURST + 5):
            await link.send(Heartbeat(1))
            await link.receive()

    with pytest.raises(ProtocolError):
        await flood()


async def test_an_approval_goes_on_without_a_new_connection(guarded):
    job = await add(guarded)
    link, _ = await come(guarded, "hel")
    await link.send(Heartbeat(1))
    await guarded.members.approve(ORG, id_of(guarded, "hel"), "ada")
    said = await link.receive()
    while isinstance(said, HeartbeatAck):
        said = await link.receive()
    # One that was on its way when the approval came.
    await link.send(Heartbeat(2))
    await introduce(link)
    desired = await link.receive()
    while not isinstance(desired, Desired):
        desired = await link.receive()

    assert (said.status, said.name, said.secrets) == ("approved", "hel", b"")
    assert [a.job for a in desired.put] == [job]
    worker = (await listed(guarded))["hel"]
    assert (worker.trusted, worker.approved_by) == (True, "ada")


async def test_an_approval_outlives_a_restart_and_an_absence(guarded, store):
    link, _ = await come(guarded, "hel")
    await link.close()
    await guarded.members.approve(ORG, "hel", "ada")
    (kept,) = await store.read(stored_workers.all)
    _, said = await come(guarded, "hel")

    assert (kept.state, kept.trusted) == ("approved", True)
    assert said.status == "approved"


async def test_denied_is_told_and_cut_and_never_again(guarded):
    link, _ = await come(guarded, "hel")
    await guarded.members.revoke(ORG, "hel", "ada", RevokeBody())
    assert isinstance(await link.receive(), Goodbye)
    with pytest.raises(LinkClosed):
        await link.receive()
    with pytest.raises(ProtocolError):
        await come(guarded, "hel")


async def test_no_more_than_so_many_wait(guarded, monkeypatch):
    monkeypatch.setattr(waiting_room, "MOST", 2)
    monkeypatch.setattr(stored_workers, "MOST_PENDING", 2)
    first, _ = await come(guarded, "a")
    await come(guarded, "b")
    with pytest.raises(LinkClosed):
        await come(guarded, "c")
    await first.close()
    await asyncio.sleep(0.05)
    _, said = await come(guarded, "d")

    assert said.status == "pending"
    assert set(await listed(guarded)) == {"b", "d"}, "a is gone, and made room"


async def test_no_more_than_so_many_links_wait(guarded, monkeypatch):
    monkeypatch.setattr(waiting_room, "MOST", 1)
    await come(guarded, "a")
    _, said = await come(guarded, "b")
    assert said == Goodbye("too many workers wait for approval")


async def test_a_waiting_worker_that_is_silent_for_long_is_let_go(guarded, monkeypatch):
    monkeypatch.setattr(waiting_room, "IDLE_S", 0.05)
    link, _ = await come(guarded, "hel")
    with pytest.raises(LinkClosed):
        await link.receive()


async def test_the_first_version_of_the_mesh_learns_the_word_and_goes(guarded):
    link, said = await come(guarded, "old", versions=(1, 1))
    assert said.status == "pending"
    with pytest.raises(LinkClosed):
        await link.receive()
    assert (await listed(guarded))["old"].state == "pending"


async def test_our_own_child_is_in_and_trusted_from_the_start(store, tmp_path):
    key = key_of(type("P", (), {"place": tmp_path}), "child").public_key
    world = World(store, tmp_path, admission="approve", own_worker=key)
    await world.start()
    _, said = await come(world, "child")
    worker = (await listed(world))["child"]
    await world.close()

    assert said.status == "approved"
    assert worker.trusted


async def test_a_name_that_is_taken_is_told_to_both_sides(world):
    await come(world, "hel")
    _, said = await come(world, "two", called="hel")
    second = (await listed(world))["hel-2"]

    assert said.name == "hel-2"
    (notice,) = second.notices
    assert "calls itself hel" in notice
    assert "rename hel-2" in notice
    await world.members.rename(ORG, "hel-2", "oslo")
    assert not any("taken" in n for n in (await listed(world))["oslo"].notices)


async def test_a_worker_cannot_take_the_name_of_another_ones_id(guarded):
    await come(guarded, "true")
    wanted = id_of(guarded, "true")
    await come(guarded, "liar", called=wanted)
    approved = await guarded.members.approve(ORG, wanted, "ada")

    assert approved.name == "true"
    assert (await listed(guarded))["worker"].state == "pending"


async def test_results_of_before_the_approval_come_after_it(guarded):
    job = await add(guarded)
    link, _ = await come(guarded, "hel")
    before = row(job)
    await guarded.members.approve(ORG, "hel", "ada")
    await link.close()
    far = await guarded.join("hel")
    await far.report([before])
    await far.until(lambda f: f.acks.get("e") == 1)

    assert len(await stored(guarded)) == 1


async def test_withheld_credentials_come_with_the_approval(world, locked):
    far = await world.join("hel", probes=("locked", "http"))
    spec = world.spec(type="locked", target="x", name="safe", options={"password": "p"})
    job = await add(world, spec)
    plain = await add(world, world.spec(name="open"))
    await far.until(lambda f: plain in f.held)
    (cell,) = (await world.service.job(ORG, "safe")).votes

    assert job not in far.held
    assert cell.state == "refused"
    assert cell.detail.startswith("withheld: approve worker hel once to send it this")
    assert any("credentials" in n for n in (await listed(world))["hel"].notices)
    await world.members.approve(ORG, "hel", "ada")
    await far.until(lambda f: job in f.held)
    assert far.held[job].options["password"] == "p"


@pytest.mark.parametrize(
    ("headers", "goes"),
    [
        ({"Authorization": "Bearer hunter2"}, False),
        (["Accept: */*", "X-Api-Key: hunter2"], False),
        ({"Cookie": "id=hunter2"}, False),
        ({"Accept": "token/plain"}, True),
        (["User-Agent: secret"], True),
    ],
)
async def test_a_header_that_is_a_credential_is_withheld_too(world, headers, goes):
    far = await world.join("hel")
    job = await add(world, world.spec(name="web", options={"headers": headers}))
    await asyncio.sleep(0.05)
    assert (job in far.held) is goes
    await world.members.approve(ORG, "hel", "ada")
    await far.until(lambda f: job in f.held)


async def test_a_job_without_its_secret_goes_to_everybody(world, locked):
    far = await world.join("hel", probes=("locked",))
    spec = world.spec(type="locked", target="x", name="safe", options={"user": "ada"})
    job = await add(world, spec)
    await far.until(lambda f: job in f.held)


async def test_a_counted_job_that_gets_a_secret_leaves_who_may_not_have_it(
    world, locked
):
    first = await world.join("a", probes=("locked",))
    spec = world.spec(type="locked", target="x", name="safe", on="count:1")
    job = await add(world, spec)
    await first.until(lambda f: job in f.held)
    second = await world.join("b", probes=("locked",))
    await world.members.approve(ORG, "b", "ada")
    patch = JobPatch(options={"password": "p"})
    await world.service.edit_job(ORG, "safe", patch)
    await second.until(lambda f: job in f.held)
    await asyncio.sleep(0.05)

    sent = [a for m in first.heard if isinstance(m, Desired) for a in m.put]
    assert all("password" not in a.options for a in sent)
    assert second.held[job].options["password"] == "p"


async def test_a_token_without_approval_waits_where_a_person_approves(guarded):
    token = await mint(guarded)
    link, said = await come(guarded, "hel", token=token)
    assert encode(said) == encode(Welcome("pending", link.sid))
    await link.close()
    link, said = await come(guarded, "hel", token=token)
    assert said.status == "pending", "its own token still opens the door to it"
    await guarded.members.approve(ORG, "hel", "ada")
    assert (await link.receive()).status == "approved"
