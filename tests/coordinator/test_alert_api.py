"""The API of rules and deliveries over a real coordinator: who may, and bad input."""

import asyncio

import aiohttp
import pytest

from pangea.alerts.notifier import Refused
from pangea.coordinator.alert_service import RuleService
from pangea.coordinator.delivery_service import DeliveryService
from pangea.web.api_alert_rules import RULES
from pangea.web.api_deliveries import DELIVERIES
from pangea.web.app import make_app
from pangea.web.keys import Site as SiteOf
from pangea.web.server import serve
from tests.coordinator.pager import Site, channel, install
from tests.coordinator.test_incident_api import Now
from tests.web.memory import MemoryAccounts
from tests.web.site import TOKEN, SiteUnderTest, member

ALL, SENT = "/api/v1/rules", "/api/v1/deliveries"


@pytest.fixture
def pager(monkeypatch):
    return install(monkeypatch)


@pytest.fixture
async def site(world):
    wall, accounts = Now(), MemoryAccounts()
    for number, role in enumerate(("admin", "operator", "viewer"), 101):
        member(accounts, wall, role, number)
    app = make_app(
        world.service,
        world.hub,
        accounts,
        accept_link=None,
        site=SiteOf(admin_token=TOKEN, wall=wall),
    )
    app[RULES] = RuleService(world.coordinator)
    app[DELIVERIES] = DeliveryService(world.coordinator)
    running = await serve(app, "127.0.0.1", 0)
    base = f"http://127.0.0.1:{running.port}"
    async with aiohttp.ClientSession(base, cookie_jar=aiohttp.DummyCookieJar()) as http:
        yield SiteUnderTest(world.service, accounts, wall, running, http, [])
        await running.stop()


async def ask(site, method, path, body=None, *, by="token", **more):
    if body is not None:
        more["json"] = body
    return await site.ask(method, path, by=by, **more)


async def settled(site, *states):
    """Wait until the log says of each delivery what became of it."""
    async with asyncio.timeout(10):
        while True:
            items = (await ask(site, "GET", SENT)).json["items"]
            if sorted(one["state"] for one in items) == sorted(states):
                return
            await asyncio.sleep(0.02)


async def test_a_rule_is_added_read_changed_and_removed(site, world, pager):
    for name, number in (("ops", "1"), ("boss", "2")):
        await channel(world, name, number)
    steps = [{"after_s": 900, "channels": ["boss"]}]
    spec = {"name": "db", "jobs": ["db-*"], "channels": ["ops"], "escalations": steps}
    made = await ask(site, "POST", ALL, spec)
    assert (made.status, made.json["escalations"]) == (201, steps)
    assert (await ask(site, "GET", f"{ALL}/db", by="viewer")).json == made.json
    names = [one["name"] for one in (await ask(site, "GET", ALL)).json["items"]]
    assert names == ["default", "db"]
    changed = await ask(
        site, "PATCH", f"{ALL}/db", {"remind_s": 3600, "kinds": ["down"]}
    )
    assert (changed.status, changed.json["remind_s"]) == (200, 3600)
    assert changed.json["channels"] == ["ops"], "what is not given stays"
    assert (await ask(site, "DELETE", f"{ALL}/db")).status == 204
    assert (await ask(site, "GET", f"{ALL}/db")).status == 404
    assert (await ask(site, "DELETE", f"{ALL}/db")).status == 404


@pytest.mark.parametrize("by", [None, "viewer", "operator"])
async def test_only_an_administrator_changes_who_is_told(site, by):
    refused = {None: 401, "viewer": 403, "operator": 403}[by]
    assert (await ask(site, "POST", ALL, {"name": "x"}, by=by)).status == refused
    assert (await ask(site, "PATCH", f"{ALL}/default", {}, by=by)).status == refused
    assert (await ask(site, "DELETE", f"{ALL}/default", by=by)).status == refused
    seen = await ask(site, "GET", ALL, by=by)
    assert seen.status == (401 if by is None else 200)


@pytest.mark.parametrize(
    ("more", "status", "said"),
    [
        ({"name": ""}, 422, "name"),
        ({"name": "A B"}, 422, "name"),
        ({"name": "x" * 64}, 422, "name"),
        ({"name": 5}, 422, "name"),
        ({"name": "default"}, 409, "there is a rule"),
        ({"colour": "red"}, 422, "colour"),
        ({"kinds": ["fire"]}, 422, "kinds"),
        ({"kinds": ["dwn"]}, 422, "did you mean 'down'?"),
        ({"kinds": "down"}, 422, "kinds"),
        ({"severity": "fatal"}, 422, "severity"),
        ({"jobs": ["x"] * 5000}, 422, "jobs"),
        ({"labels": {"a": 1}}, 422, "labels"),
        ({"hours": "always"}, 422, "hours"),
        ({"hours": "mon@25:00-26:00"}, 422, "25:00"),
        ({"zone": "Mars/Base"}, 422, "Mars"),
        ({"older_s": -1}, 422, "older_s"),
        ({"older_s": 1e12}, 422, "older_s"),
        ({"remind_s": 1}, 422, "reminders"),
        ({"factor": 0.5}, 422, "factor"),
        ({"channels": ["nobody"]}, 404, "nobody"),
        ({"escalations": [{"after_s": 60, "channels": []}]}, 422, "channels"),
        ({"escalations": [{"after_s": 0, "channels": ["ops"]}]}, 422, "after_s"),
        ({"escalations": [{"after_s": 60, "channels": ["nobody"]}]}, 404, "nobody"),
        (
            {"escalations": [{"after_s": s, "channels": ["ops"]} for s in (60, 30)]},
            422,
            "later",
        ),
        ({"escalations": [{"after_s": 60}] * 50}, 422, "escalations"),
        ({"recovered": "maybe"}, 422, "recovered"),
    ],
)
async def test_a_rule_that_makes_no_sense_is_refused_by_name(
    site, world, pager, more, status, said
):
    await channel(world)
    answer = await ask(site, "POST", ALL, {"name": "x", **more})
    assert (answer.status, said in answer.text) == (status, True), answer.text
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert len((await ask(site, "GET", ALL)).json["items"]) == 1


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"x"', b"\xff", b"[" * 5000])
async def test_what_is_no_rule_at_all_is_refused(site, body):
    headers = {**site.headers("token"), "Content-Type": "application/json"}
    async with site.http.post(ALL, data=body, headers=headers) as answer:
        assert answer.status in (400, 422)


async def test_deliveries_are_read_in_pages_and_what_was_refused_is_tried_again(
    site, world, pager
):
    for name, number in (("ops", "1"), ("boss", "2")):
        await channel(world, name, number)
    pager.does = [Refused("no such pager")]
    scene = await Site.begin(world)
    await scene.down(scene.jobs[0])
    (down,) = await pager.until(1)
    await settled(site, "sent", "dead")
    page = await ask(site, "GET", SENT, by="viewer", params={"limit": "1"})
    assert len(page.json["items"]) == 1
    rest = await ask(
        site, "GET", SENT, params={"limit": "1", "cursor": page.json["next"]}
    )
    assert (len(rest.json["items"]), rest.json["next"]) == (1, None)
    dead = (await ask(site, "GET", SENT, params={"state": "dead"})).json["items"]
    assert [one["answer"] for one in dead] == ["no such pager"]
    mine = {"incident": down.thread, "channel": dead[0]["channel"]}
    assert (await ask(site, "GET", SENT, params=mine)).json["items"] == dead
    one = f"{SENT}/{dead[0]['id']}"
    detail = (await ask(site, "GET", one)).json
    assert [a["outcome"] for a in detail["attempts"]] == ["refused"]
    assert (await ask(site, "POST", f"{one}/retry", by="viewer")).status == 403
    assert (await ask(site, "POST", f"{one}/retry", by="operator")).status == 200
    await pager.until(2)
    await settled(site, "sent", "sent")
    assert (await ask(site, "POST", f"{one}/retry")).status == 409


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"state": "lost"}, 422),
        ({"limit": "0"}, 422),
        ({"limit": "100000"}, 422),
        ({"limit": "x"}, 422),
        ({"cursor": "x"}, 422),
        ({"cursor": "1." + "9" * 500}, 200),
        ({"cursor": "9" * 400 + ".a"}, 422),
        ({"channel": "nobody"}, 404),
        ({"channel": "x" * 64}, 422),
        ({"incident": "' OR 1=1 --"}, 200),
        ({"colour": "red"}, 422),
    ],
)
async def test_what_cannot_be_asked_of_deliveries_is_refused(site, query, status):
    answer = await ask(site, "GET", SENT, params=query)
    assert answer.status == status, answer.text
    if status == 200:
        assert answer.json == {"items": [], "next": None}


@pytest.mark.parametrize("number", ["x", "%00", "..%2f", "a" * 5000])
async def test_a_delivery_that_there_is_not(site, number):
    for path in (f"{SENT}/{number}", f"{SENT}/{number}/retry"):
        method = "POST" if path.endswith("retry") else "GET"
        assert (await ask(site, method, path)).status in (400, 404, 414)
