"""GET /live: frames for all pages of an organisation, and what was missed."""

import asyncio
import json

import pytest

from pangea.web import live
from pangea.web.events import Hub
from pangea.web.live import BEAT, RESYNC, Feed


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(live, "GATHER_S", 0.0)
    monkeypatch.setattr(live, "GAP_S", 0.02)


def told(frame):
    """Return the events of one frame."""
    lines = dict(line.split(": ", 1) for line in frame.decode().strip().split("\n"))
    assert lines["event"] == "frame"
    return int(lines["id"]), json.loads(lines["data"])


async def test_a_frame_is_built_once_and_holds_what_came_together():
    hub, feed = Hub(), None
    feed = Feed(1, hub)
    with feed.listen(0) as one, feed.listen(0) as other:
        hub.publish("verdict", 1, {"job": "a"})
        hub.publish("result", 1, {"job": "b\n"})
        hub.publish("result", 2, {"job": "of others"})
        frame = await one.take(1)
        assert told(frame) == (
            2,
            [["verdict", {"job": "a"}], ["result", {"job": "b\n"}]],
        )
        assert await other.take(1) is not None
        assert feed._past[0][1] in (frame,)
    feed.close()


async def test_who_comes_back_is_told_what_it_missed():
    hub = Hub(10)
    feed = Feed(1, hub)
    with feed.listen(10) as first:
        hub.publish("verdict", 1, {"n": 1})
        await first.take(1)
    hub.publish("verdict", 1, {"n": 2})
    await asyncio.sleep(0.05)
    with feed.listen(11) as again:
        assert told(await again.take(1)) == (12, [["verdict", {"n": 2}]])
    with feed.listen(12) as nothing:
        assert await nothing.take(0.01) == b""
    feed.close()


@pytest.mark.parametrize("after", [3, 11, -1])
async def test_who_cannot_be_told_all_is_told_to_load_again(after):
    feed = Feed(1, Hub(10))
    with feed.listen(after) as listener:
        assert await listener.take(1) == RESYNC
    feed.close()


async def test_nobody_keeps_what_nobody_heard_for_long(monkeypatch):
    monkeypatch.setattr(live, "LINGER_S", 0.0)
    hub = Hub(10)
    feed = Feed(1, hub)
    with feed.listen(10):
        assert hub.streams == 1
    await asyncio.sleep(0.01)
    assert hub.streams == 0
    hub.skip()
    with feed.listen(10) as listener:
        assert await listener.take(1) == RESYNC
    feed.close()


async def test_a_browser_that_lags_is_told_to_load_again():
    hub = Hub()
    feed = Feed(1, hub)
    with feed.listen(0) as slow:
        for n in range(live.BACKLOG + 1):
            slow.push(b"%d" % n)
        assert (await slow.take(1)).startswith(RESYNC)
    feed.close()


async def test_what_is_kept_is_bounded(monkeypatch):
    monkeypatch.setattr(live, "KEPT_BYTES", 200)
    hub = Hub()
    feed = Feed(1, hub)
    with feed.listen(0) as listener:
        for _ in range(20):
            hub.publish("verdict", 1, {"x": "y" * 50})
            await listener.take(1)
        assert sum(len(frame) for _, frame in feed._past) <= 200
    with feed.listen(1) as late:
        assert await late.take(1) == RESYNC
    feed.close()


async def test_the_stream_begins_with_a_beat_and_ends_with_the_site(site):
    headers = site.headers("viewer")
    async with site.http.get("/live?after=0", headers=headers) as answer:
        assert answer.content_type == "text/event-stream"
        begun = await answer.content.readuntil(BEAT)
        assert begun.startswith(b"retry: ")
        site.service.hub.publish("verdict", 1, {"job": "a"})
        frame = await answer.content.readuntil(b"\n\n")
        assert told(frame)[1] == [["verdict", {"job": "a"}]]
        await site.running.stop()
        await answer.content.read()


async def test_an_account_has_so_many_browsers(site, monkeypatch):
    monkeypatch.setattr(live, "BROWSERS_EACH", 1)
    headers = site.headers("viewer")
    async with site.http.get("/live", headers=headers) as first:
        assert first.status == 200
        assert (await site.get("/live", by="viewer")).status == 429
        assert (await site.get("/live")).status in (302, 303)
