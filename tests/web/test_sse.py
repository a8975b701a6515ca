import asyncio
from contextlib import asynccontextmanager

import pytest

from pangea.web.auth import hash_session
from pangea.web.events import BACKLOG, REPLAY, Event
from pangea.web.sse import STREAMS_EACH, frames, last_id
from tests.web.site import serving, until


@asynccontextmanager
async def stream(site, *, by="viewer", query="", headers=None):
    given = {**site.headers(by), **(headers or {})}
    async with site.http.get(f"/api/v1/events{query}", headers=given) as answer:
        yield answer


async def block(answer):
    """Return the fields of the next event, skipping comments and ``retry``."""
    fields = {}
    while True:
        line = (await asyncio.wait_for(answer.content.readline(), 3)).decode()
        if not line:
            return None
        name, _, value = line.rstrip("\n").partition(": ")
        if not name and not value and fields:
            return fields
        if name in ("id", "event", "data"):
            fields[name] = value


async def opened(answer):
    assert answer.status == 200
    line = await asyncio.wait_for(answer.content.readline(), 3)
    assert line == b"retry: 2000\n"


async def test_what_happens_is_told(site):
    async with stream(site) as answer:
        await opened(answer)
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        assert answer.headers["X-Accel-Buffering"] == "no"
        assert answer.headers["Cache-Control"] == "no-store"
        site.service.hub.publish("verdict", 1, {"job": "shop", "verdict": "up\n\nx"})
        told = await block(answer)
        assert told["event"] == "verdict"
        assert told["data"] == '{"job":"shop","verdict":"up\\n\\nx"}'


async def test_another_organisation_is_not_heard(site):
    async with stream(site) as answer:
        await opened(answer)
        site.service.hub.publish("verdict", 2, {"job": "theirs"})
        site.service.hub.publish("verdict", 1, {"job": "ours"})
        assert (await block(answer))["data"] == '{"job":"ours"}'


async def test_a_stream_that_comes_back_misses_nothing(site):
    hub = site.service.hub
    for number in range(5):
        hub.publish("result", 1, number)
    async with stream(site, headers={"Last-Event-ID": "3"}) as answer:
        assert [await block(answer) for _ in range(2)] == [
            {"id": "4", "event": "result", "data": "3"},
            {"id": "5", "event": "result", "data": "4"},
        ]
        hub.publish("result", 1, 5)
        assert (await block(answer))["id"] == "6"


@pytest.mark.parametrize("last", ["99999", "0", "-1", "garbage", "9" * 40, "٣"])
async def test_a_stream_that_was_away_too_long_is_told_to_load_again(site, last):
    for number in range(REPLAY + 1):
        site.service.hub.publish("result", 1, number)
    encoded = last.encode().decode("latin-1")
    async with stream(site, headers={"Last-Event-ID": encoded}) as answer:
        assert await block(answer) == {"event": "resync", "data": "{}"}


async def test_a_stream_that_is_too_slow_is_told_to_load_again(site):
    async with stream(site) as answer:
        await opened(answer)
        for number in range(BACKLOG + 1):
            site.service.hub.publish("result", 1, number)
        assert await block(answer) == {"event": "resync", "data": "{}"}
        assert (await block(answer))["id"] == str(BACKLOG + 1)


async def test_a_stream_may_choose_kinds(site):
    async with stream(site, query="?kinds=verdict,job") as answer:
        await opened(answer)
        site.service.hub.publish("result", 1, 1)
        site.service.hub.publish("job", 1, 2)
        assert (await block(answer))["event"] == "job"


async def test_silence_is_broken_by_a_comment():
    async with serving(heartbeat_s=0.05) as site, stream(site) as answer:
        await opened(answer)
        await answer.content.readline()
        line = await asyncio.wait_for(answer.content.readline(), 1)
        assert line == b": alive\n"


async def test_an_account_has_ten_streams_and_no_more(site):
    open_streams = []
    for _ in range(STREAMS_EACH):
        answer = await site.http.get("/api/v1/events", headers=site.headers("viewer"))
        await opened(answer)
        open_streams.append(answer)
    refused = await site.get("/api/v1/events", by="viewer")
    assert refused.status == 429
    assert refused.headers["Retry-After"]
    async with stream(site, by="admin") as other:
        await opened(other)
    for answer in open_streams:
        answer.close()


async def test_closed_streams_give_their_places_back():
    async with serving(heartbeat_s=0.02) as site:
        for _ in range(3):
            async with stream(site) as answer:
                await opened(answer)
        await until(lambda: not site.service.hub.streams)


async def test_a_stream_ends_with_its_session():
    async with serving(recheck_s=0.05) as site, stream(site) as answer:
        await opened(answer)
        await site.accounts.close_session(hash_session("sid-of-viewer"))
        assert await block(answer) is None


async def test_an_open_stream_keeps_its_session_alive():
    async with serving(recheck_s=0.05) as site, stream(site) as answer:
        await opened(answer)
        site.wall.now += 80000
        session = hash_session("sid-of-viewer")
        await until(lambda: site.accounts.sessions[session].last_seen == site.wall.now)


async def test_streams_end_at_once_when_the_site_stops(site):
    async with stream(site) as answer:
        await opened(answer)
        async with asyncio.timeout(20):
            await site.running.stop()
            assert await block(answer) is None


def test_a_frame_is_what_the_standard_wants():
    event = Event(7, "job", 1, b"{}")
    assert frames([event], None, lost=False) == b"id: 7\nevent: job\ndata: {}\n\n"
    assert frames([event], ["verdict"], lost=False) == b""


@pytest.mark.parametrize(
    ("header", "after", "begin"),
    [(None, None, None), (None, 4, 4), ("7", 4, 7), ("x", 4, -1), ("", None, -1)],
)
def test_the_header_of_a_browser_comes_first(header, after, begin):
    assert last_id(header, after) == begin
