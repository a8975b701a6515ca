"""From a verdict to a message: who is told, when, of what, and how often."""

import asyncio

import pytest
from msgspec.structs import replace

from pangea.alerts.notifier import NotSent, Refused
from pangea.coordinator.decided import Decided
from pangea.core.alert_due import Alert
from pangea.core.errors import StorageError
from pangea.core.maintenance import Maintenance
from pangea.core.notice import Notice
from pangea.storage import alerts
from pangea.storage import outbox as stored
from tests.coordinator.conftest import CLOCK
from tests.coordinator.pager import BAD, Site, channel, install
from tests.coordinator.test_moving import add
from tests.coordinator.test_suppression import OK


@pytest.fixture
def pager(monkeypatch):
    return install(monkeypatch)


async def test_one_channel_is_enough_to_be_told_of_down_and_recovered(world, pager):
    await channel(world)
    site = await Site.begin(world)
    await site.down(site.jobs[0])
    (down,) = await pager.until(1)
    incident = next(iter(world.coordinator.incidents.known.values()))
    assert (down.kind, down.severity, down.thread) == ("down", "critical", incident.id)
    assert down.subject.startswith("DOWN web-0: ")
    assert "a: failed, " in down.text
    assert down.data["job"] == "web-0"
    await site.up(site.jobs[0])
    _, over = await pager.until(2)
    assert (over.kind, over.thread) == ("recovered", down.thread)
    assert over.data["settles"] == [down.thread]
    assert over.subject.startswith("RECOVERED web-0 after ")


async def test_the_incident_says_when_and_over_what_people_were_told(world, pager):
    await channel(world)
    site = await Site.begin(world)
    await site.down(site.jobs[0])
    (down,) = await pager.until(1)
    assert await site.told(down.thread) == ["ops: down"]
    incident = world.coordinator.incidents.known[down.thread]
    assert incident.alerted_us >= incident.confirmed_us


async def test_two_channels_are_told_each_and_a_slow_one_holds_nobody_up(world, pager):
    await channel(world)
    await channel(world, "slow", "2")

    async def slowly(options):
        if options.number == "2":
            await asyncio.sleep(0.15)

    pager.does = [slowly, slowly]
    site = await Site.begin(world)
    await site.down(site.jobs[0])
    await pager.until(2)
    assert [number for number, _ in pager.messages] == ["1", "2"]


async def test_what_is_not_taken_is_tried_again_under_the_same_id(world, pager):
    await channel(world)
    pager.does = [NotSent("busy", retry_after_s=0.01)]
    site = await Site.begin(world)
    lane = world.coordinator.alerting.paging.outbox
    await site.down(site.jobs[0])
    async with asyncio.timeout(20):
        while not lane.troubles():
            await asyncio.sleep(0.05)
    lane.channels_changed()
    await pager.until(1)
    ids = [message.id for _, message in pager.tries]
    assert len(ids) == 2
    assert len(set(ids)) == 1
    await asyncio.sleep(0.05)
    attempts = await world.store.read(lambda: stored.attempts(ids[0]))
    assert [one.outcome for one in attempts] == ["again", "sent"]
    assert lane.troubles() == []


async def test_what_is_refused_is_given_up_until_a_person_wants_it(world, pager):
    await channel(world)
    pager.does = [Refused("no such pager")]
    site = await Site.begin(world)
    await site.down(site.jobs[0])
    for _ in range(40):
        found, _ = await world.store.read(lambda: stored.page(1, state="dead"))
        if found:
            break
        await asyncio.sleep(0.05)
    (dead,) = found
    assert (dead.answer, dead.tries) == ("no such pager", 1)
    await asyncio.sleep(0.2)
    assert len(pager.tries) == 1
    await world.coordinator.alerting.paging.outbox.revive(dead)
    (told,) = await pager.until(1)
    assert told.id == dead.id


async def test_many_at_once_become_one_message_with_a_list(world, pager):
    await channel(world)
    # Each in a network of its own, so that nothing but the time is common.
    site = await Site.begin(world)
    site.jobs += [
        await add(world, f"db-{n}", target=f"http://10.{n}.0.1/") for n in range(6)
    ]
    for job in site.jobs:
        await site.up(job)
    await site.all_down()
    (told,) = await pager.until(1)
    await asyncio.sleep(0.6)
    assert len(pager.messages) == 1
    assert (told.kind, told.data["count"]) == ("down", 7)
    assert told.subject.startswith("7 DOWN: ")
    for job in site.jobs:
        await site.say(job, "ok", "ok")
        await site.up(job)
    world.coordinator.alerting.paging.outbox.channels_changed()
    over = (await pager.until(2))[-1]
    assert over.kind == "recovered"
    assert over.thread == told.thread


async def test_a_storm_is_one_message_with_all_its_jobs(world, pager):
    await channel(world)
    site = await Site.begin(world, jobs=5, target="http://10.9.0.1/")
    await site.all_down()
    (told,) = await pager.until(1)
    await asyncio.sleep(0.6)
    assert len(pager.messages) == 1
    storm = next(i for i in world.coordinator.incidents.known.values() if i.is_open)
    assert told.thread == storm.id, told.text
    assert told.subject.startswith("DOWN 5 jobs: ")
    assert all(f"web-{n}" in told.data["facts"]["jobs"] for n in range(5))
    for job in site.jobs:
        await site.up(job)
    over = (await pager.until(2))[1]
    assert (over.kind, over.data["settles"]) == ("recovered", [storm.id])
    found, _ = await world.store.read(lambda: stored.page(1, state="dropped"))
    assert all(it.answer.startswith("goes on as ") for it in found)


async def test_a_job_in_maintenance_is_told_to_nobody(world, pager):
    await channel(world)
    site = await Site.begin(world)
    (job,) = site.jobs
    now_us = round(CLOCK.wall() * 1e6)
    plan = Maintenance(jobs=(job,), from_us=now_us, until_us=now_us + 3_600_000_000)
    await world.coordinator.planned.upkeep.add(plan)
    await world.coordinator.planned.look(CLOCK.wall())
    await site.down(job)
    await asyncio.sleep(0.6)
    assert pager.messages == []


async def test_a_channel_that_comes_later_is_told_of_what_is_still_wrong(world, pager):
    site = await Site.begin(world)
    await site.down(site.jobs[0])
    await channel(world)
    (told,) = await pager.until(1)
    assert told.kind == "down"


async def test_a_second_channel_is_told_as_well_and_nobody_twice(world, pager):
    await channel(world)
    site = await Site.begin(world)
    await site.down(site.jobs[0])
    await pager.until(1)
    second = await channel(world, "more", "2")
    await pager.until(2)
    channels = world.coordinator.alerting.channels
    second = await channels.replace(replace(second, enabled=False))
    await channels.replace(replace(second, enabled=True))
    await world.coordinator.alerting.paging._look()
    await site.up(site.jobs[0])
    await pager.until(4)
    for number in "12":
        assert pager.kinds(number) == ["down", "recovered"]


async def test_that_more_fail_is_no_message_and_stands_in_the_next(world, pager):
    await channel(world)
    site = await Site.begin(world, rule="any")
    (job,) = site.jobs
    await site.say(job, BAD, None)
    (told,) = await pager.until(1)
    assert told.data["reason"].startswith("1 of 2 failed")
    await site.say(job, None, BAD)
    (incident,) = site.incidents.known
    await site.until(lambda: site.incidents.known[incident].reason[0] == "2")
    await site.say(job, OK, OK)
    await asyncio.sleep(0.06)
    await site.up(job)
    _, over = await pager.until(2)
    assert over.data["reason"].startswith("2 of 2 failed")
    assert pager.kinds() == ["down", "recovered"]


async def test_while_the_disk_refuses_people_are_told_from_memory(world, pager):
    await channel(world)
    site = await Site.begin(world)

    async def refuse(fn):
        raise StorageError("the disk is full")

    write, world.store.write = world.store.write, refuse
    try:
        await site.down(site.jobs[0])
        told = await pager.until(1)
    finally:
        world.store.write = write
    assert "down" in {m.kind for m in told}
    found = []
    async with asyncio.timeout(10):
        while not found:
            found, _ = await world.store.read(lambda: stored.page(1, state="sent"))
            await asyncio.sleep(0.05)
    assert "down" in {it.kind for it in found}
    assert pager.kinds().count("down") == 1


async def test_what_is_over_while_much_is_written_stays_over(world, pager):
    await channel(world)
    paging = world.coordinator.alerting.paging
    book, at_us = paging.book, paging.book.now_us()
    for number in range(150):
        told = {"key": f"i{number}.0", "kind": "down", "severity": "critical"}
        notice = Notice(org=1, at_us=at_us, since_us=at_us, title="web", **told)
        book.put(Alert(key=notice.key, notice=notice, timer_us=at_us))
    writing = asyncio.create_task(paging._flush())
    await asyncio.sleep(0)
    book.put(replace(book.alerts["i0.0"], ended_us=at_us + 1))
    decided = Decided()
    paging.before(decided)
    await world.coordinator.intake.note(decided)
    await writing
    going_on = {one.key for one in await world.store.read(alerts.going_on)}
    assert len(going_on) == 149
    assert "i0.0" not in going_on
