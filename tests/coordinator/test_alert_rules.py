"""Rules and deliveries as the web asks for them, on a real coordinator."""

import asyncio

import pytest

from pangea.alerts.notifier import Refused
from pangea.coordinator.alert_service import RuleService
from pangea.coordinator.delivery_service import DeliveryService
from pangea.core.errors import Conflict, NotFound, UsageError
from pangea.web.api_deliveries import DeliveriesQuery
from pangea.web.schema_alerts import Escalate, RulePatch, RuleSpec
from tests.coordinator.pager import Site, channel, install


@pytest.fixture
def pager(monkeypatch):
    return install(monkeypatch)


@pytest.fixture
def rules(world):
    return RuleService(world.coordinator)


async def test_a_rule_names_channels_by_name_and_they_cannot_go_before_it(
    world, pager, rules
):
    ops = await channel(world)
    boss = await channel(world, "boss", "2")
    spec = RuleSpec(
        name="db",
        jobs=["db-*"],
        hours="mon-fri@08:00-18:00",
        channels=["ops"],
        escalations=[Escalate(after_s=60.0, channels=["boss"])],
    )
    made = await rules.add(1, spec)
    assert (made.channels, made.escalations[0].channels) == (["ops"], ["boss"])
    assert made.hours == "mon,tue,wed,thu,fri@08:00-18:00"
    channels = world.coordinator.alerting.channels
    for one in (ops, boss):
        with pytest.raises(Conflict, match="used by db"):
            await channels.remove(one)
    with pytest.raises(Conflict):
        await rules.add(1, RuleSpec(name="db"))
    with pytest.raises(NotFound, match="there is no channel"):
        await rules.edit(1, "db", RulePatch(channels=["nobody"]))
    for wrong in ({"hours": "always"}, {"zone": "Mars"}):
        with pytest.raises(UsageError):
            await rules.edit(1, "db", RulePatch(**wrong))
    changed = await rules.edit(1, "db", RulePatch(hours="", escalations=[]))
    assert (changed.hours, changed.escalations, changed.jobs) == ("", [], ["db-*"])
    await rules.remove(1, "db")
    with pytest.raises(NotFound):
        await rules.rule(1, "db")


async def test_a_test_says_who_would_be_told_and_sends_nothing(world, pager, rules):
    await Site.begin(world)
    (default,) = (await rules.would_tell(1, "web-0", "down")).items
    assert (default.tells, default.why_not) == (
        False,
        "there is no channel: pangea channel add",
    )
    await channel(world)
    await rules.add(1, RuleSpec(name="db", jobs=["db-*"]))
    default, db = (await rules.would_tell(1, "web-0", "down")).items
    assert [step.channels for step in default.steps] == [["ops"]]
    assert (db.tells, db.why_not) == (False, "it is about other jobs")
    (degraded, _) = (await rules.would_tell(1, "web-0", "degraded")).items
    assert not degraded.tells
    assert pager.tries == []


async def test_if_the_first_are_gone_a_test_says_who_is_told_later(world, pager, rules):
    await Site.begin(world)
    await channel(world, "boss", "2")
    await channel(world, enabled=False)
    later = [Escalate(after_s=60.0, channels=["boss"])]
    await rules.add(1, RuleSpec(name="r", channels=["ops"], escalations=later))
    _, down = (await rules.would_tell(1, "web-0", "down")).items
    assert down.tells
    assert [step.channels for step in down.steps] == [[], ["boss"]]
    _, once = (await rules.would_tell(1, "web-0", "certificate")).items
    assert not once.tells, "what happens once is not escalated"


async def test_two_rules_tell_the_same_channel_once(world, pager, rules):
    await channel(world)
    await rules.add(1, RuleSpec(name="again"))
    site = await Site.begin(world)
    await site.down(site.jobs[0])
    await pager.until(1)
    await asyncio.sleep(0.5)
    assert pager.kinds() == ["down"]


async def test_an_acknowledgement_is_told_and_stops_what_follows(world, pager, rules):
    await channel(world)
    await channel(world, "boss", "2")
    spec = RulePatch(
        channels=["ops"], escalations=[Escalate(after_s=1.0, channels=["boss"])]
    )
    await rules.edit(1, "default", spec)
    site = await Site.begin(world)
    await site.down(site.jobs[0])
    (down,) = await pager.until(1)
    from pangea.coordinator.incident_service import IncidentService

    service = IncidentService(world.coordinator)
    await service.acknowledge(1, down.thread, "ann", "on it")
    told = await pager.until(2)
    assert told[1].kind == "acknowledged"
    assert "by ann: on it" in told[1].text
    await asyncio.sleep(1.2)
    assert pager.kinds("2") == []


@pytest.mark.slow
async def test_who_is_next_is_told_if_nobody_takes_care(world, pager, rules):
    await channel(world)
    await channel(world, "boss", "2")
    spec = RulePatch(
        channels=["ops"], escalations=[Escalate(after_s=1.0, channels=["boss"])]
    )
    await rules.edit(1, "default", spec)
    site = await Site.begin(world)
    await site.down(site.jobs[0])
    told = await pager.until(2)
    assert [number for number, _ in pager.messages] == ["1", "2"]
    assert told[1].subject.startswith("[escalated] DOWN web-0")


async def test_the_log_of_deliveries_says_what_became_of_each(world, pager):
    await channel(world)
    service = DeliveryService(world.coordinator)
    pager.does = [Refused("401 wrong token")]
    site = await Site.begin(world)
    await site.down(site.jobs[0])
    asked = DeliveriesQuery(state="dead", channel="ops")
    async with asyncio.timeout(20):
        while not (found := (await service.deliveries(1, asked)).items):
            await asyncio.sleep(0.02)
    (dead,) = found
    assert (dead.title, dead.channel, dead.tries) == ("web-0", "ops", 1)
    detail = await service.delivery(1, dead.id)
    assert [a.outcome for a in detail.attempts] == ["refused"]
    with pytest.raises(NotFound):
        await service.delivery(2, dead.id)
    assert (await service.retry(1, dead.id)).state == "waiting"
    await pager.until(1)
    async with asyncio.timeout(20):
        while (await service.delivery(1, dead.id)).state != "sent":
            await asyncio.sleep(0.02)
    with pytest.raises(Conflict, match="sent already"):
        await service.retry(1, dead.id)
