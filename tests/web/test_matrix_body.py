"""What the scripts of the dashboard ask for is made once for all that ask together."""

import asyncio

import pytest

from pangea.web.live import FEEDS


@pytest.fixture
def made(site, monkeypatch):
    """Return a list that grows by one each time all jobs are read."""
    found, jobs = [], site.service.jobs

    async def counting(org):
        found.append(org)
        await asyncio.sleep(0.02)
        return await jobs(org)

    monkeypatch.setattr(site.service, "jobs", counting)
    return found


async def ask(site, after=""):
    answer = await site.get(f"/dash/jobs{after}", by="viewer")
    assert answer.status == 200
    return answer.json


async def test_many_that_ask_together_get_the_same(site, made):
    found = await asyncio.gather(*(ask(site) for _ in range(20)))
    assert made == [1]
    assert all(one == found[0] for one in found)
    assert found[0]["jobs"]


@pytest.mark.parametrize(
    ("asked", "encoding"),
    [
        ("gzip", "gzip"),
        ("br, GZIP;q=0.5", "gzip"),
        ("identity", "identity"),
        ("gzip;q=0, br", "identity"),
        ("gzip; q=0.000", "identity"),
        ("gzipped", "identity"),
    ],
)
async def test_it_is_sent_as_the_browser_reads_it(site, asked, encoding):
    headers = site.headers("viewer") | {"Accept-Encoding": asked}
    async with site.http.get("/dash/jobs", headers=headers) as answer:
        assert answer.headers.get("Content-Encoding", "identity") == encoding
        assert answer.headers["Cache-Control"] == "no-store"
        assert (await answer.json())["event"] == site.service.hub.last_id


async def test_a_page_that_knows_more_gets_more(site, made):
    await ask(site)
    site.service.hub.publish("job", 1, {"job": "api", "change": "edited"})
    event = site.service.hub.last_id
    assert (await ask(site, f"?after={event}"))["event"] == event
    assert len(made) == 2
    for garbage in ("?after=", "?after=x", "?after=-1", "?after=" + "9" * 40):
        await ask(site, garbage)


async def test_an_event_that_never_was_is_not_waited_for(site, made):
    for _ in range(3):
        await ask(site, "?after=999999999999999999")
    assert len(made) == 1


async def test_what_pages_were_told_is_in_it(site, made):
    headers, hub = site.headers("viewer"), site.service.hub
    feed = site.running.runner.app[FEEDS].of(1)
    async with site.http.get("/live?after=0", headers=headers) as stream:
        await ask(site)
        hub.publish("verdict", 1, {"job": "api"})
        while b"verdict" not in await stream.content.readany():
            pass
        assert feed.told == hub.last_id
        assert (await ask(site))["event"] == hub.last_id
    assert len(made) == 2
