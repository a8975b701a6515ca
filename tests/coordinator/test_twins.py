"""A cloned identity: the later process stays, the earlier one is told, none flaps."""

import asyncio

import pytest

from pangea.coordinator.twins import REFUSAL, SHOWN_S, Twins
from pangea.core.errors import LinkClosed
from pangea.mesh.messages import Goodbye, Heartbeat
from tests.coordinator.conftest import World
from tests.coordinator.knocking import ORG, come, introduce, listed, new_boot


async def linked(world, name, boot):
    """Return a link that has introduced itself, and what ended it, if anything."""
    link, said = await come(world, name, boot=boot)
    if isinstance(said, Goodbye):
        return link, said
    await introduce(link)
    await asyncio.sleep(0.05)
    return link, said


async def goodbye_on(link):
    async with asyncio.timeout(20):
        while not isinstance(said := await link.receive(), Goodbye):
            pass
    return said


async def lives(link):
    await link.send(Heartbeat(7))
    async with asyncio.timeout(20):
        while getattr(await link.receive(), "sent_us", 0) != 7:
            pass
    return True


async def test_the_later_machine_stays_and_the_earlier_is_told(world):
    first, second = new_boot(), new_boot()
    one, _ = await linked(world, "hel", first)
    two, _ = await linked(world, "hel", second)
    told = await goodbye_on(one)
    _, again = await linked(world, "hel", first)

    assert told == again == Goodbye(REFUSAL, twin=True)
    assert await lives(two)
    (notice,) = [n for n in (await listed(world))["hel"].notices if "two machines" in n]
    assert "cloned" in notice
    assert (await listed(world))["hel"].health == "two machines use this identity"


async def test_however_often_the_earlier_one_tries_the_later_is_not_disturbed(world):
    first, second = new_boot(), new_boot()
    await linked(world, "hel", first)
    two, _ = await linked(world, "hel", second)
    for _ in range(5):
        _, said = await linked(world, "hel", first)
        assert isinstance(said, Goodbye)

    assert await lives(two)
    assert len(world.coordinator.reception.links) == 1


async def test_when_the_later_is_gone_the_earlier_may_work(world):
    first, second = new_boot(), new_boot()
    await linked(world, "hel", first)
    two, _ = await linked(world, "hel", second)
    await two.close()
    await asyncio.sleep(0.05)
    one, said = await linked(world, "hel", first)
    assert said.status == "approved"
    await linked(world, "hel", second)
    assert (await goodbye_on(one)).reason == REFUSAL


async def test_a_worker_that_was_restarted_raises_no_alarm(world):
    for _ in range(4):
        link, said = await linked(world, "hel", new_boot())
        assert said.status == "approved"
    assert await lives(link)
    assert not any("two machines" in n for n in (await listed(world))["hel"].notices)


async def test_a_link_that_broke_unnoticed_is_replaced_by_its_own_process(world):
    boot = new_boot()
    await linked(world, "hel", boot)
    link, said = await linked(world, "hel", boot)
    assert said.status == "approved"
    assert await lives(link)


async def test_twins_that_wait_for_approval_do_not_flap(store, tmp_path):
    world = World(store, tmp_path, admission="approve")
    await world.start()
    first, second = new_boot(), new_boot()
    one, _ = await come(world, "hel", boot=first)
    two, said = await come(world, "hel", boot=second)
    assert said.status == "pending"
    assert isinstance(await one.receive(), Goodbye)
    with pytest.raises(LinkClosed):
        await one.receive()
    _, said = await come(world, "hel", boot=first)
    assert said == Goodbye(REFUSAL, twin=True)
    assert await lives(two)
    await world.members.approve(ORG, "hel", "ada")
    assert (await two.receive()).status == "approved"
    await world.close()


def test_a_proof_is_shown_for_a_while():
    twins = Twins()
    assert twins.may_come(1, "a", "", "x", 0.0)
    assert twins.may_come(1, "b", "a", "x", 1.0)
    assert not twins.may_come(1, "a", "b", "192.0.2.1\x1b", 2.0)
    assert "192.0.2.1" in twins.proof(1, 2.0)
    assert "\x1b" not in twins.proof(1, 2.0)
    assert twins.proof(1, 2.0 + SHOWN_S) == ""
    assert twins.proof(2, 2.0) == ""


def test_a_process_that_does_not_say_which_is_never_taken_for_another():
    twins = Twins()
    assert twins.may_come(1, "", "", "x", 0.0)
    assert twins.may_come(1, "a", "", "x", 0.0)
    assert twins.may_come(1, "", "a", "x", 0.0)
