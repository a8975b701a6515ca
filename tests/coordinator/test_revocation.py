"""Out at once and for ever: by no secret, token, new start or removal back in."""

import asyncio

import pytest

from pangea.core.errors import Conflict, LinkClosed, NotFound, UsageError
from pangea.core.model import Outcome
from pangea.mesh.messages import Desired, Goodbye
from pangea.storage import workers as stored_workers
from pangea.web.schema import RevokeBody
from tests.coordinator.conftest import World, row
from tests.coordinator.knocking import (
    ORG,
    come,
    id_of,
    introduce,
    is_refused,
    key_of,
    listed,
    mint,
)
from tests.coordinator.test_coordinator import add, stored


async def revoke(world, name, reason=""):
    return await world.members.revoke(ORG, name, "ada", RevokeBody(reason))


async def restarted(world, store, place):
    await world.close()
    again = World(store, place)
    await again.start()
    return again


async def test_a_live_link_is_cut_at_once_and_told_to_stop(world):
    far = await world.join("hel")
    job = await add(world)
    await far.until(lambda f: job in f.held)
    async with asyncio.timeout(20):
        revoking = asyncio.create_task(revoke(world, "hel"))
        await far.until(lambda f: isinstance(f.heard[-1], LinkClosed))
    await revoking

    assert far.held == {}, "a polite worker stops probing"
    assert any(isinstance(m, Goodbye) for m in far.heard)
    assert world.coordinator.board.connected == set()


async def test_it_leaves_placements_and_electorates(world):
    for name in ("hel", "nyc"):
        await world.join(name)
    job = await add(world)
    gone = world.coordinator.board.worker("hel").id
    await revoke(world, "hel")
    board = world.coordinator.board

    assert gone not in board.placed(job)
    assert gone not in board.states[job].electorate
    assert [v.worker for v in (await world.service.job(ORG, "web")).votes] == ["nyc"]


async def test_by_the_secret_it_never_comes_back(world, store, tmp_path):
    await come(world, "hel")
    await revoke(world, "hel")
    assert await is_refused(world, "hel")
    again = await restarted(world, store, tmp_path)
    assert await is_refused(again, "hel")
    await again.close()


async def test_by_a_token_it_never_comes_back_and_the_token_stays_good(world):
    token = await mint(world, approve=True)
    await come(world, "hel")
    await revoke(world, "hel")
    assert await is_refused(world, "hel", token=token)
    _, said = await come(world, "nyc", token=token)
    assert said.status == "approved"


async def test_by_the_token_that_it_used_it_never_comes_back(world):
    token = await mint(world, approve=True)
    await come(world, "hel", token=token)
    await revoke(world, "hel")
    assert await is_refused(world, "hel", token=token)


async def test_with_a_new_key_it_waits_for_a_person(world):
    await come(world, "hel")
    await revoke(world, "hel")
    link, said = await come(world, "changed", called="hel")

    assert said.status == "pending"
    assert said.secrets == b""
    assert link.peer_key == world.own.public_key


async def test_it_never_comes_back_by_removal_or_by_approval(world, store, tmp_path):
    await come(world, "hel")
    await revoke(world, "hel")
    with pytest.raises(Conflict, match="revoked"):
        await world.members.approve(ORG, id_of(world, "hel"), "ada")
    await world.members.remove(ORG, "hel")
    assert await listed(world) == {}
    assert await is_refused(world, "hel")
    again = await restarted(world, store, tmp_path)
    assert await is_refused(again, "hel")
    with pytest.raises(NotFound):
        await again.members.approve(ORG, id_of(again, "hel"), "ada")
    await again.close()


async def test_a_revocation_between_handshake_and_introduction_counts(world):
    link, said = await come(world, "hel")
    assert said.status == "approved"
    await revoke(world, "hel")
    await introduce(link)
    with pytest.raises(LinkClosed):
        await link.receive()
    assert (await listed(world))["hel"].state == "revoked"
    (kept,) = await world.store.read(stored_workers.all)
    assert kept.state == "revoked", "what it says of itself changes nothing"


async def test_admission_waits_for_a_person_until_the_secret_is_rotated(
    world, store, tmp_path
):
    await come(world, "hel")
    await revoke(world, "hel")
    _, said = await come(world, "a")
    assert said.status == "pending"
    trouble = (await world.service.status(ORG)).trouble
    assert any("hel was revoked" in t and "rotate" in t for t in trouble)

    again = await restarted(world, store, tmp_path)
    _, said = await come(again, "b")
    assert said.status == "pending", "also after a restart"
    for tell in again.coordinator.rotation.finished:
        await tell()
    _, said = await come(again, "c")
    assert said.status == "approved"
    assert not any("revoked" in t for t in (await again.service.status(ORG)).trouble)
    await again.close()


async def test_its_name_is_free_and_its_results_keep_it(world):
    far = await world.join("hel")
    job = await add(world)
    await far.report([row(job, outcome=Outcome.OK)])
    await far.until(lambda f: f.acks.get("e") == 1)
    await revoke(world, "hel")
    await world.members.approve(ORG, (await pending(world, "new", "hel")).id, "ada")

    workers = await world.members.workers(ORG)
    assert [(w.name, w.state) for w in workers] in (
        [("hel", "approved"), ("hel", "revoked")],
        [("hel", "revoked"), ("hel", "approved")],
    )
    assert (await world.members.worker(ORG, "hel")).state == "approved"
    assert [item.worker for item in await stored(world)] == ["hel"]


async def test_no_job_is_given_to_a_name_that_is_out(world):
    await come(world, "hel")
    await revoke(world, "hel")
    with pytest.raises(NotFound, match="revoked"):
        await add(world, world.spec(name="web", on="hel"))


async def test_a_name_means_the_worker_that_is_in(world):
    await come(world, "hel")
    await revoke(world, "hel")
    new = await pending(world, "new", "hel")
    await world.members.approve(ORG, new.id, "ada")
    board = world.coordinator.board

    assert board.worker("hel").state == "approved"
    assert board.worker("hel").key == key_of(world, "new").public_key


async def pending(world, name, called):
    await come(world, name, called=called)
    return await world.members.worker(ORG, id_of(world, name))


async def test_while_the_disk_refuses_it_is_out_all_the_same(world, monkeypatch):
    await come(world, "hel")
    far = await world.join("nyc")

    async def full(fn):
        raise OSError("no space")

    monkeypatch.setattr(world.coordinator.members._store, "write", full)
    with pytest.raises(OSError, match="no space"):
        await revoke(world, "nyc")
    monkeypatch.undo()
    await far.until(lambda f: isinstance(f.heard[-1], LinkClosed))

    assert await is_refused(world, "nyc")
    _, said = await come(world, "changed", called="nyc")
    assert said.status == "pending", "it knows the secret, stored or not"
    await revoke(world, "nyc")
    assert key_of(world, "nyc").public_key in await world.store.read(
        stored_workers.revoked_keys
    )


async def test_our_own_worker_cannot_be_revoked(store, tmp_path):
    key = key_of(type("P", (), {"place": tmp_path}), "child").public_key
    world = World(store, tmp_path, own_worker=key)
    await world.start()
    await come(world, "child")
    with pytest.raises(Conflict, match="own worker"):
        await revoke(world, "child")
    await world.close()


async def test_a_worker_that_is_gone_can_be_removed_and_come_again(world):
    far = await world.join("hel")
    job = await add(world)
    await far.report([row(job)])
    await far.until(lambda f: f.acks.get("e") == 1)
    with pytest.raises(Conflict, match="connected"):
        await world.members.remove(ORG, "hel")
    await far.leave()
    await asyncio.sleep(0.05)
    await world.members.remove(ORG, "hel")
    with pytest.raises(NotFound):
        await world.members.worker(ORG, "hel")
    assert [item.worker for item in await stored(world)] == ["hel"]
    back = await world.join("hel")

    assert back.welcome.watermarks == {"e": 1}, "what it delivered is still known"
    assert (await world.members.worker(ORG, "hel")).state == "approved"


async def test_jobs_follow_a_worker_that_is_renamed(world):
    far = await world.join("hel")
    await world.join("nyc")
    job = await add(world, world.spec(name="web", on="nyc,hel"))
    await world.service.stop_job(ORG, "web", "hel")
    await world.members.rename(ORG, "hel", "oslo")
    renamed = await world.service.job(ORG, "web")
    kept = {j.name: j for j in await world.coordinator.jobs.all()}["web"]
    await world.service.start_job(ORG, "web", "oslo")
    await far.until(lambda f: job in f.held)

    assert renamed.on == kept.on == "nyc,oslo"
    assert kept.stopped_on == ("oslo",)


@pytest.mark.parametrize("name", ["", "Hel", "a b", "-x", "x" * 64, "../x"])
async def test_a_name_that_is_none_is_refused(world, name):
    await come(world, "hel")
    with pytest.raises(UsageError):
        await world.members.rename(ORG, "hel", name)


async def test_a_name_that_is_taken_is_refused(world):
    await come(world, "hel")
    await come(world, "nyc")
    with pytest.raises(Conflict, match="already"):
        await world.members.rename(ORG, "hel", "nyc")
    assert set(await listed(world)) == {"hel", "nyc"}


async def test_draining_is_kept_and_taken_back(world, store):
    await come(world, "hel")
    draining = await world.members.drain(ORG, "hel", draining=True)
    (kept,) = await store.read(stored_workers.all)
    again = await world.members.drain(ORG, "hel", draining=False)

    assert (draining.draining, kept.draining, again.draining) == (True, True, False)


async def test_an_empty_set_of_jobs_is_what_a_revoked_worker_remembers(world):
    far = await world.join("hel")
    await add(world)
    await far.until(lambda f: f.held)
    await revoke(world, "hel")
    await far.until(lambda f: isinstance(f.heard[-1], LinkClosed))
    last = [m for m in far.heard if isinstance(m, Desired)][-1]

    assert (last.base, last.put) == (None, ())


async def test_a_job_says_which_of_the_workers_that_it_names_are_not_there(world):
    far = {name: await world.join(name) for name in ("hel", "nyc", "lon", "rio")}
    await add(world, world.spec(name="web", on="hel,nyc,lon,rio"))
    assert (await world.service.job(ORG, "web")).notices == []
    await revoke(world, "nyc")
    await far["lon"].leave()
    await asyncio.sleep(0.05)
    await world.members.remove(ORG, "lon")
    job = await world.service.job(ORG, "web")

    assert job.notices[:2] == [
        "worker nyc is not there: it was revoked",
        "worker lon is not there: it was removed from the list",
    ]
    assert "pangea job edit web --on" in job.notices[2]
    cells = {vote.worker: vote for vote in job.votes}
    assert {name: cell.state for name, cell in cells.items() if name in "nyclon"} == {
        "nyc": "absent",
        "lon": "absent",
    }
    assert cells["nyc"].detail == "it was revoked"
    assert (await world.service.jobs(ORG))[0].notices == job.notices


async def test_who_waits_for_approval_is_not_there_yet(store, tmp_path):
    world = World(store, tmp_path, admission="approve")
    await world.start()
    await come(world, "hel")
    await add(world, world.spec(name="web", on="hel"))
    job = await world.service.job(ORG, "web")
    assert job.notices[0] == "worker hel is not there: it waits for approval"
    await world.close()


async def test_a_job_for_a_tag_that_nobody_has_says_that_it_runs_nowhere(world):
    await world.join("hel")
    await add(world, world.spec(name="web", on="tag:site=rio"))
    (notice,) = (await world.service.job(ORG, "web")).notices
    assert notice == "no worker has tag site=rio, so it runs nowhere"


async def test_who_shut_a_worker_out_and_why_is_shown(world, store, tmp_path):
    await come(world, "hel")
    answered = await revoke(world, "hel", "stolen")
    again = await restarted(world, store, tmp_path)
    for shown in (answered, await again.members.worker(ORG, "hel"),
                  (await listed(again))["hel"]):  # fmt: skip
        assert (shown.revoked_by, shown.revoked_reason) == ("ada", "stolen")
        assert shown.revoked_at is not None
    await again.close()
