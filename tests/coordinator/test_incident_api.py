"""The API of incidents and notes over a real coordinator: who may, pages, refusals."""

import asyncio
from datetime import UTC, datetime

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pangea.coordinator.incident_service import IncidentService
from pangea.coordinator.note_service import NoteService
from pangea.web.api_incidents import INCIDENTS
from pangea.web.api_notes import NOTES
from pangea.web.app import make_app
from pangea.web.keys import Site
from pangea.web.server import serve
from tests.coordinator.test_moving import add
from tests.coordinator.test_suppression import Scene
from tests.web.memory import MemoryAccounts
from tests.web.site import TOKEN, SiteUnderTest, Wall, member

ALL, NOTE = "/api/v1/incidents", "/api/v1/notes"


class Now(Wall):
    """The clock of the coordinator, which is the real one."""

    def __init__(self):
        self.now = datetime.now(UTC).timestamp()

    def __call__(self):
        return datetime.now(UTC).timestamp()


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
        site=Site(admin_token=TOKEN, wall=wall),
    )
    app[INCIDENTS] = IncidentService(world.coordinator)
    app[NOTES] = NoteService(world.coordinator)
    running = await serve(app, "127.0.0.1", 0)
    base = f"http://127.0.0.1:{running.port}"
    async with aiohttp.ClientSession(base, cookie_jar=aiohttp.DummyCookieJar()) as http:
        yield SiteUnderTest(world.service, accounts, wall, running, http, [])
        await running.stop()


@pytest.fixture
async def scene(world):
    made = Scene(world)
    await made.start()
    return made


async def failing(scene, *names):
    """Let jobs that share nothing be down, and return when that is stored."""
    for number, name in enumerate(names):
        job = await add(scene.world, name, target=f"http://10.1.{number}.9/")
        await scene.down(job)
    await asyncio.sleep(0.05)


async def test_the_list_is_read_in_pages_newest_first(site, scene):
    await failing(scene, "a", "b", "c")
    seen, cursor = [], None
    while True:
        query = {"limit": "2", **({"cursor": cursor} if cursor else {})}
        answer = await site.get(ALL, by="viewer", params=query)
        seen += [item["title"] for item in answer.json["items"]]
        cursor = answer.json["next"]
        if not cursor:
            break
    assert seen == ["c", "b", "a"]


async def test_it_is_filtered_by_state_job_and_time(site, scene):
    await failing(scene, "a", "b")
    await scene.up(scene.world.coordinator.board.job("a").id)
    await asyncio.sleep(0.05)

    async def titles(**query):
        answer = await site.get(ALL, by="token", params=query)
        return [item["title"] for item in answer.json["items"]]

    assert await titles(open="true") == ["b"]
    assert await titles(job="a") == ["a"]
    assert await titles(since="1h") == ["b", "a"]
    assert await titles(since="0s") == ["b"]
    assert (await site.get(ALL, by="token", params={"job": "zz"})).status == 404


async def test_an_operator_acknowledges_and_a_viewer_only_looks(site, scene):
    await failing(scene, "a")
    (item,) = (await site.get(ALL, by="viewer")).json["items"]
    one = f"{ALL}/{item['id']}"
    for path in (f"{one}/ack", f"{one}/comments", NOTE):
        denied = await site.post(path, by="viewer", json={"text": "x"})
        assert denied.status == 403
    acked = await site.post(f"{one}/ack", by="operator", json={"text": "mine"})
    assert acked.status == 200
    assert acked.json["acknowledged_by"] == "operator"
    said = await site.post(f"{one}/comments", by="operator", json={"text": "cable"})
    assert said.status == 201
    kinds = [e["kind"] for e in (await site.get(one, by="viewer")).json["timeline"]]
    assert kinds == ["opened", "acknowledged", "comment"]


async def test_a_note_is_kept_for_its_time_and_found_by_its_label(site, scene):
    labels = {"app": "x"}
    made = await site.post(
        NOTE, by="operator", json={"text": "deployed\nv2", "labels": labels}
    )
    assert made.status == 201
    assert (made.json["text"], made.json["who"]) == ("deployed v2", "operator")
    past = await site.post(NOTE, by="token", json={"text": "old", "at": "2h ago"})
    assert past.json["at"] < made.json["at"]

    async def texts(**query):
        answer = await site.get(NOTE, by="viewer", params=query)
        return [item["text"] for item in answer.json["items"]]

    assert await texts() == ["deployed v2", "old"]
    assert await texts(label="app=x") == ["deployed v2"]
    assert await texts(until="1h") == ["old"]
    await add(scene.world, "web", labels={"app": "x", "env": "a"})
    await add(scene.world, "dns", labels={"app": "y"})
    assert await texts(job="web") == ["deployed v2", "old"]
    assert await texts(job="dns") == ["old"]
    assert await texts(since="1h") == ["deployed v2"]
    first = await site.get(NOTE, by="viewer", params={"limit": "1"})
    assert await texts(cursor=first.json["next"]) == ["old"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (NOTE, {"text": ""}),
        (NOTE, {"text": "x" * 2001}),
        (NOTE, {"text": "x", "at": "tomorrow"}),
        (NOTE, {"text": "x", "at": "1960-01-01"}),
        (NOTE, {"text": "x", "labels": {str(n): "" for n in range(21)}}),
        (NOTE, {"text": "x", "who": "me"}),
        (f"{ALL}/a/comments", {"text": ""}),
        (f"{ALL}/a/comments", {"text": " \n\t "}),
        (NOTE, {"text": "  "}),
        (f"{ALL}/a/ack", {"text": 7}),
    ],
)
async def test_what_makes_no_sense_is_refused(site, path, body):
    assert (await site.post(path, by="token", json=body)).status == 422


@pytest.mark.parametrize(
    "query",
    [
        {"cursor": "x"},
        {"cursor": "1" * 30 + ".a"},
        {"cursor": "²."},
        {"since": "never"},
        {"label": "x"},
        {"open": "perhaps"},
    ],
)
@pytest.mark.parametrize("path", [ALL, NOTE])
async def test_a_query_that_makes_no_sense_is_refused(site, path, query):
    assert (await site.get(path, by="token", params=query)).status == 422


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(TEXT, TEXT, st.dictionaries(TEXT, TEXT, max_size=3))
async def test_whatever_is_said_breaks_nothing(site, one, other, labels):
    body = {"text": one, "labels": labels}
    made = await site.post(NOTE, by="token", json=body)
    assert made.status in (201, 422)
    for query in ({"label": f"{one}={other}"}, {"cursor": other}, {"since": one}):
        found = await site.get(NOTE, by="token", params=query)
        assert found.status in (200, 422)
    listed = await site.get(NOTE, by="token", params={"limit": "1000"})
    assert listed.status == 200


async def test_ids_that_are_none_are_not_found(site):
    for id_ in ("zzzzzzzzzz", "a%2Fb", "%00", "x" * 500):
        assert (await site.get(f"{ALL}/{id_}", by="token")).status == 404


async def test_the_page_of_a_job_names_its_incident_and_its_notes(site, scene):
    await failing(scene, "a")
    await site.post(NOTE, by="operator", json={"text": "<b>v2</b>"})
    await site.post(f"{ALL}/a/ack", by="operator")
    (item,) = (await site.get(ALL, by="viewer")).json["items"]
    page = (await site.get("/jobs/a", by="viewer")).text
    assert f"{item['id']}: a, acknowledged by operator" in page
    assert '&lt;b&gt;v2&lt;/b&gt;</span> <span class="dim outside">operator' in page
