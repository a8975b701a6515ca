"""Pagers that know incidents: triggered, acknowledged and resolved there as here."""

import asyncio

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from pangea.alerts.tools import tools_of
from pangea.coordinator.incident_service import IncidentService
from pangea.core.alerts_table import AlertsTable, SmtpTable
from tests.alerts import services
from tests.alerts.conftest import HERE
from tests.coordinator.pager import Site, channel
from tests.coordinator.test_moving import add

OPTIONS = {
    "pagerduty": {"url": "{}/v2/enqueue", "routing_key": "R012345678"},
    "opsgenie": {"url": "{}", "api_key": "key-12345678"},
}


class Pagers:
    """Both services: they take what they document, and note what it is for."""

    def __init__(self):
        self.did, self.app = [], web.Application()
        self.app.router.add_post("/v2/enqueue", self._event)
        self.app.router.add_post("/v2/alerts", self._created)
        self.app.router.add_post("/v2/alerts/{alias}/{what}", self._changed)

    async def _event(self, request):
        body = await request.read()
        said = msgspec.json.decode(body, type=services.Pagerduty)
        if said.event_action != "trigger":
            said = msgspec.json.decode(body, type=services.PagerAck)
        assert said.routing_key == "R012345678"
        self.did.append((said.event_action, said.dedup_key))
        return web.json_response({"status": "success"}, status=202)

    async def _created(self, request):
        assert request.headers["Authorization"] == "GenieKey key-12345678"
        said = msgspec.json.decode(await request.read(), type=services.Opsgenie)
        self.did.append(("trigger", said.alias))
        return web.json_response({"result": "ok"}, status=202)

    async def _changed(self, request):
        assert request.headers["Authorization"] == "GenieKey key-12345678"
        assert request.query == {"identifierType": "alias"}
        msgspec.json.decode(await request.read(), type=services.OpsgenieNote)
        what = {"close": "resolve"}.get(*[request.match_info["what"]] * 2)
        self.did.append((what, request.match_info["alias"]))
        return web.json_response({"result": "ok"}, status=202)

    async def until(self, count):
        async with asyncio.timeout(5):
            while len(self.did) < count:
                await asyncio.sleep(0.01)
        return self.did


@pytest.fixture
async def pagers(world):
    made = Pagers()
    tools = tools_of(AlertsTable(allow=HERE), SmtpTable())
    world.coordinator.alerting.channels.equip(tools)
    async with TestServer(made.app, host="127.0.0.1") as server:
        made.url = str(server.make_url("")).rstrip("/")
        yield made


async def paged(world, pagers, type_):
    given = {name: text.format(pagers.url) for name, text in OPTIONS[type_].items()}
    await channel(world, type=type_, options=given)


@pytest.mark.parametrize("type_", OPTIONS)
async def test_an_incident_is_acknowledged_and_resolved_there(world, pagers, type_):
    await paged(world, pagers, type_)
    site = await Site.begin(world)
    await site.down(site.jobs[0])
    ((_, thread),) = await pagers.until(1)
    service = IncidentService(world.coordinator)
    await service.acknowledge(1, thread, "ann", "on it")
    await pagers.until(2)
    await site.up(site.jobs[0])
    assert await pagers.until(3) == [
        ("trigger", thread),
        ("acknowledge", thread),
        ("resolve", thread),
    ]


async def test_of_a_list_the_last_one_acknowledges_and_the_last_over_resolves(
    world, pagers
):
    await paged(world, pagers, "pagerduty")
    site = await Site.begin(world)
    site.jobs += [
        await add(world, f"db-{n}", target=f"http://10.{n}.0.1/") for n in range(3)
    ]
    for job in site.jobs:
        await site.up(job)
    await site.all_down()
    ((action, thread),) = await pagers.until(1)
    assert action == "trigger"
    service, outbox = (
        IncidentService(world.coordinator),
        world.coordinator.alerting.paging.outbox,
    )
    first, *rest = [one.id for one in world.coordinator.incidents.known.values()]
    await service.acknowledge(1, first, "ann", "")
    async with asyncio.timeout(5):
        while not outbox.counts["sent"] >= 2:
            outbox.channels_changed()  # After a list it waits for a while.
            await asyncio.sleep(0.02)
    assert len(pagers.did) == 1, "three of them are not taken care of"
    for one in rest:
        await service.acknowledge(1, one, "ann", "")
    outbox.channels_changed()
    assert (await pagers.until(2))[-1] == ("acknowledge", thread)
