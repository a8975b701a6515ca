"""Acknowledging by the link of a message, over a real site and without a login."""

import asyncio

import aiohttp
import pytest
from msgspec.structs import replace

from pangea.coordinator.incident_service import IncidentService
from pangea.storage import incidents as stored
from pangea.storage import outbox
from pangea.web.ack_pages import ACKS
from pangea.web.api_incidents import INCIDENTS
from pangea.web.app import make_app
from pangea.web.keys import Site as SiteOf
from pangea.web.server import serve
from tests.coordinator.pager import Site, channel, install
from tests.coordinator.test_incident_api import Now
from tests.coordinator.test_moving import add
from tests.web.memory import MemoryAccounts
from tests.web.site import TOKEN

HTML = {"Accept": "text/html"}


@pytest.fixture
def pager(monkeypatch):
    return install(monkeypatch)


@pytest.fixture
async def http(world):
    app = make_app(
        world.service,
        world.hub,
        MemoryAccounts(),
        accept_link=None,
        site=SiteOf(admin_token=TOKEN, wall=Now()),
    )
    app[INCIDENTS] = IncidentService(world.coordinator)
    app[ACKS] = world.coordinator.alerting.acks
    running = await serve(app, "127.0.0.1", 0)
    base = f"http://127.0.0.1:{running.port}"
    world.coordinator.alerting.reached_at(base)
    jar = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(base, cookie_jar=jar, headers=HTML) as session:
        yield session
        await running.stop()


async def told_of_an_outage(world, pager):
    await channel(world)
    site = await Site.begin(world)
    await site.down(site.jobs[0])
    (down,) = await pager.until(1)
    return site, down


async def page(http, method, url, **more):
    async with http.request(method, url, **more) as answer:
        return answer.status, await answer.text()


def incident(world, down):
    return world.coordinator.incidents.known[down.thread]


async def test_the_button_acknowledges_once_and_all_who_were_told_hear_it(
    world, pager, http
):
    _, down = await told_of_an_outage(world, pager)
    status, text = await page(http, "GET", down.ack_url)
    assert status == 200
    assert "[ACKNOWLEDGE]" in text
    assert "DOWN: web-0" in text
    status, text = await page(http, "POST", down.ack_url, data={"text": "on it"})
    assert (status, "[ACKNOWLEDGE]" in text) == (200, False)
    found = incident(world, down)
    assert (found.acked_by, found.ack_text) == ("the link to ops", "on it")
    assert (await pager.until(2))[1].kind == "acknowledged"
    lines = await world.store.read(lambda: stored.timeline(down.thread))
    (line,) = [one for one in lines if one.kind == "acknowledged"]
    assert line.data["channel"] == "ops"
    status, text = await page(http, "POST", down.ack_url, data={"text": "me too"})
    assert (status, "This link was used" in text) == (409, True)
    assert incident(world, down).ack_text == "on it"


async def test_who_only_looks_acknowledges_nothing(world, pager, http):
    _, down = await told_of_an_outage(world, pager)
    for method in ("GET", "HEAD", "OPTIONS"):
        await page(http, method, down.ack_url)
    await asyncio.sleep(0.05)
    assert incident(world, down).acked_us == 0


async def test_of_two_who_press_at_once_one_is_the_first(world, pager, http):
    _, down = await told_of_an_outage(world, pager)
    both = (page(http, "POST", down.ack_url, data={"text": n}) for n in "ab")
    answers = await asyncio.gather(*both)
    assert sorted(status for status, _ in answers) == [200, 409]


async def test_a_page_of_another_site_cannot_press_the_button(world, pager, http):
    _, down = await told_of_an_outage(world, pager)
    foreign = {"Sec-Fetch-Site": "cross-site"}
    status, _ = await page(http, "POST", down.ack_url, headers=foreign)
    assert (status, incident(world, down).acked_us) == (403, 0)


async def test_a_link_is_bound_to_the_incident_the_channel_and_its_recipients(
    world, pager, http
):
    _, down = await told_of_an_outage(world, pager)
    forged = down.ack_url[:-6] + "AAAAAA"
    assert (await page(http, "POST", forged))[0] == 404
    channels = world.coordinator.alerting.channels
    (ops,) = channels.all(1)
    await channels.replace(replace(ops, options={"number": "2"}))
    assert (await page(http, "POST", down.ack_url))[0] == 404
    assert incident(world, down).acked_us == 0


async def test_what_is_over_has_no_button(world, pager, http):
    site, down = await told_of_an_outage(world, pager)
    await site.up(site.jobs[0])
    over = (await pager.until(2))[-1]
    assert over.ack_url == ""
    status, text = await page(http, "GET", down.ack_url)
    assert (status, "The incident is resolved" in text) == (200, True)
    assert (await page(http, "POST", down.ack_url))[0] == 409


async def test_a_link_expires(world, pager, http, monkeypatch):
    monkeypatch.setattr("pangea.coordinator.ack_links.LASTS_S", -1)
    _, down = await told_of_an_outage(world, pager)
    status, text = await page(http, "GET", down.ack_url)
    assert (status, "expired" in text) == (200, True)
    assert (await page(http, "POST", down.ack_url))[0] == 409


async def test_hostile_names_of_a_job_are_text_on_the_page(world, pager, http):
    _, down = await told_of_an_outage(world, pager)
    known = world.coordinator.incidents.known
    bad = replace(incident(world, down), reason="<script>alert(1)</script>")
    known[down.thread] = bad
    _, text = await page(http, "GET", down.ack_url)
    assert "<script>alert" not in text
    assert "&lt;script&gt;" in text


async def told_of_many(world, pager):
    await channel(world)
    site = await Site.begin(world, jobs=0)
    site.jobs = [
        await add(world, f"db-{n}", target=f"http://10.{n}.0.1/") for n in range(4)
    ]
    for job in site.jobs:
        await site.up(job)
    await site.all_down()
    (told,) = await pager.until(1)
    return site, told


async def test_the_link_of_a_list_acknowledges_all_that_is_open_in_it(
    world, pager, http
):
    site, told = await told_of_many(world, pager)
    known = world.coordinator.incidents.known
    await site.up(site.jobs[0])
    status, text = await page(http, "GET", told.ack_url)
    assert (status, "[ACKNOWLEDGE]" in text) == (200, True)
    assert "3 incidents" in text
    assert [one.acked_us for one in known.values()] == [0] * 4
    status, text = await page(http, "POST", told.ack_url, data={"text": "power"})
    assert (status, "[ACKNOWLEDGE]" in text) == (200, False)
    acked = {one.title for one in known.values() if one.acked_us}
    assert len(acked) == 3
    assert {one.ack_text for one in known.values() if one.acked_us} == {"power"}
    assert (await page(http, "POST", told.ack_url))[0] == 409
    world.coordinator.alerting.acks._used.clear()
    assert (await page(http, "POST", told.ack_url))[0] == 409


async def test_the_link_of_a_list_works_while_nothing_can_be_written(
    world, pager, http
):
    def unwritten(*whom):
        return {}

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(outbox, "incidents_in", unwritten)
        _, told = await told_of_many(world, pager)
        status, text = await page(http, "GET", told.ack_url)
        assert (status, "4 incidents" in text) == (200, True)
    world.coordinator.alerting.acks._lists.clear()
    assert (await page(http, "GET", told.ack_url))[1] == text


async def test_the_link_of_a_list_is_for_what_that_message_told(world, pager, http):
    _, told = await told_of_many(world, pager)
    known = world.coordinator.incidents.known
    (first, *rest) = list(known)
    known[first] = replace(known[first], reopened=1)
    known[rest[0]] = replace(known[rest[0]], org=7)
    status, text = await page(http, "GET", told.ack_url)
    assert (status, "2 incidents" in text) == (200, True)
    for number in rest:
        known[number] = replace(known[number], closed_us=5)
    status, text = await page(http, "GET", told.ack_url)
    assert (status, "[ACKNOWLEDGE]" in text) == (200, False)
