"""The dead man's switch: a real server hears of us, unless something is wrong."""

import asyncio

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from pangea.core.alerts_table import AlertsTable
from pangea.core.config import NodeConfig
from pangea.core.durations import Seconds
from tests.coordinator.pager import Site, channel, install


@pytest.fixture
async def heard(world):
    got, says = [], [200]

    async def take(request):
        got.append((request.method, request.path))
        return web.Response(status=says[0], headers={"Location": "http://x.example/"})

    app = web.Application()
    app.router.add_route("*", "/{any:.*}", take)
    async with TestServer(app) as server:
        url = str(server.make_url("/ping/1234"))
        configure(world, url)
        world.says = says
        yield got


def configure(world, url, **more):
    table = AlertsTable(**{"allow": ("127.0.0.0/8",), "heartbeat_url": url} | more)
    world.coordinator.alerting.configure(NodeConfig(alerts=table))


async def test_while_all_is_well_it_is_called(world, heard):
    man = world.coordinator.alerting.dead_man
    assert await man.beat()
    assert heard == [("GET", "/ping/1234")]
    assert (man.beats, man.troubles()) == (1, [])


async def test_it_goes_on_by_itself(world, heard):
    man = world.coordinator.alerting.dead_man
    man._every_s = 0.05
    task = asyncio.create_task(man.run())
    async with asyncio.timeout(20):
        while len(heard) < 2:
            await asyncio.sleep(0.01)
    task.cancel()


async def test_it_is_silent_when_the_database_refuses(world, heard, monkeypatch):
    monkeypatch.setattr(world.coordinator.intake, "trouble", "the disk is full")
    man = world.coordinator.alerting.dead_man
    assert not await man.beat()
    assert heard == []
    assert "the disk is full" in man.troubles()[0]


async def test_it_is_silent_when_no_worker_probes(world, heard):
    site = await Site.begin(world)
    man = world.coordinator.alerting.dead_man
    assert await man.beat()
    world.coordinator.board.connected.clear()
    assert not await man.beat()
    assert site.jobs
    assert len(heard) == 1


async def test_it_is_silent_when_nobody_can_be_told(world, heard, monkeypatch):
    install(monkeypatch)
    await channel(world)
    outbox = world.coordinator.alerting.paging.outbox
    (ops,) = world.coordinator.alerting.channels.all(1)
    man = world.coordinator.alerting.dead_man
    outbox.lane(ops.id).trouble = "its token is wrong"
    assert not await man.beat()
    outbox.lane(ops.id).trouble = ""
    assert await man.beat()
    assert len(heard) == 1


@pytest.mark.parametrize("status", [301, 404, 500])
async def test_an_answer_that_is_no_yes_is_told(world, heard, status):
    world.says[0] = status
    man = world.coordinator.alerting.dead_man
    assert not await man.beat()
    assert len(heard) == 1
    said = man.troubles()[0]
    assert str(status) in said
    assert "1234" not in said


async def test_it_goes_by_the_rule_for_addresses(world, heard):
    man = world.coordinator.alerting.dead_man
    configure(world, man._url, allow=())
    assert not await man.beat()
    assert heard == []


@pytest.mark.parametrize(
    "given",
    [
        {"heartbeat_url": "ftp://x/"},
        {"heartbeat_url": "https://user@x/"},
        {"heartbeat_url": "https://x/\n"},
        {"heartbeat_every": Seconds(1)},
    ],
)
def test_what_cannot_be_is_refused(given):
    with pytest.raises(ValueError, match="heartbeat"):
        AlertsTable(**given)


async def test_its_url_is_not_told_by_what_goes_wrong(world, heard):
    async def moved(request):
        raise web.HTTPMovedPermanently(f"https://x.example{request.path}")

    app = web.Application()
    app.router.add_get("/{any:.*}", moved)
    async with TestServer(app) as server:
        configure(world, str(server.make_url("/ping/s3cr3t-s3cr3t")))
        man = world.coordinator.alerting.dead_man
        assert not await man.beat()
    assert "it answered 301" in man.trouble
    assert "s3cr3t" not in man.trouble
