"""GET /live: frames for all pages of an organisation, and what was missed."""

import asyncio
import json
import zlib

import pytest

from pangea.web import live
from pangea.web.events import Hub
from pangea.web.listening import BACKLOG, BEAT, RESYNC, Listener, Told, pack
from pangea.web.live import Feed


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
        assert feed._past[0][1].plain == frame
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
        assert await listener.take(1) == RESYNC.plain
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
        assert await listener.take(1) == RESYNC.plain
    feed.close()


async def test_a_browser_that_lags_is_told_to_load_again():
    hub = Hub()
    feed = Feed(1, hub)
    with feed.listen(0) as slow:
        for n in range(BACKLOG + 1):
            slow.push(Told.of(b"%d" % n))
        assert (await slow.take(1)).startswith(RESYNC.plain)
    feed.close()


async def test_what_is_kept_is_bounded(monkeypatch):
    monkeypatch.setattr(live, "KEPT_BYTES", 200)
    hub = Hub()
    feed = Feed(1, hub)
    with feed.listen(0) as listener:
        for _ in range(20):
            hub.publish("verdict", 1, {"x": "y" * 50})
            await listener.take(1)
        assert sum(len(told) for _, told in feed._past) <= 200
    with feed.listen(1) as late:
        assert await late.take(1) == RESYNC.plain
    feed.close()


async def test_the_stream_begins_with_a_beat_and_ends_with_the_site(site):
    headers = site.headers("viewer")
    async with site.http.get("/live?after=0", headers=headers) as answer:
        assert answer.content_type == "text/event-stream"
        begun = await answer.content.readuntil(BEAT.plain)
        assert begun.startswith(b"retry: ")
        site.service.hub.publish("verdict", 1, {"job": "a"})
        frame = await answer.content.readuntil(b"\n\n")
        assert told(frame)[1] == [["verdict", {"job": "a"}]]
        await site.running.stop()
        await answer.content.read()


async def test_one_beat_for_all_pages_while_nothing_happens(monkeypatch):
    monkeypatch.setattr(live, "BEAT_S", 0.2)
    hub = Hub()
    feed = Feed(1, hub)
    with feed.listen(0) as one, feed.listen(0) as other:
        assert await one.take(5) == BEAT.plain
        assert await other.take(0) == BEAT.plain
        for n in range(12):
            hub.publish("verdict", 1, {"n": n})
            await asyncio.sleep(0.05)
        said = await one.take(0)
        assert b'"n":11' in said
        assert BEAT.plain not in said, "whoever hears frames needs none"
        assert await one.take(5) == BEAT.plain
    await asyncio.sleep(0.5)
    assert feed._beating is None, "nobody is there"
    feed.close()


async def test_frames_for_very_many_pages_come_more_seldom(monkeypatch):
    monkeypatch.setattr(live, "SHARE", 1e-9)
    monkeypatch.setattr(live, "LONGEST_GAP_S", 0.3)
    hub = Hub()
    feed = Feed(1, hub)
    with feed.listen(0) as one:
        hub.publish("verdict", 1, {"n": 0})
        assert b'"n":0' in await one.take(5)
        begun = asyncio.get_running_loop().time()
        hub.publish("verdict", 1, {"n": 1})
        assert b'"n":1' in await one.take(5)
        assert asyncio.get_running_loop().time() - begun > 0.2
    feed.close()


async def test_an_account_has_so_many_browsers(site, monkeypatch):
    monkeypatch.setattr(live, "BROWSERS_EACH", 1)
    headers = site.headers("viewer")
    async with site.http.get("/live", headers=headers) as first:
        assert first.status == 200
        assert (await site.get("/live", by="viewer")).status == 429
        assert (await site.get("/live")).status in (302, 303)


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
async def test_frames_that_go_straight_and_others_come_in_order(site, encoding):
    headers = site.headers("viewer") | {"Accept-Encoding": encoding}
    hub, said = site.service.hub, b""
    async with site.http.get("/live?after=0", headers=headers) as answer:
        assert answer.headers.get("Content-Encoding", "identity") == encoding
        for n in range(30):
            hub.publish("verdict", 1, {"n": n})
            if n % 3:
                await asyncio.sleep(0.01)
        async with asyncio.timeout(20):
            while b'{"n":29}' not in said:
                said += await answer.content.readany()
    assert [b'{"n":%d}' % n in said for n in range(30)] == [True] * 30
    places = [said.index(b'{"n":%d}' % n) for n in range(30)]
    assert places == sorted(places)


class Slow:
    """A transport whose buffer somebody fills."""

    def __init__(self):
        self.wrote, self.waits = [], 0

    def write(self, data):
        self.wrote.append(data)

    def is_closing(self):
        return False

    def get_write_buffer_size(self):
        return self.waits


async def test_nothing_overtakes_what_waits_for_a_slow_browser():
    listener, out = Listener(), Slow()
    listener.straight = out
    told = [Told.of(b"%d" % n) for n in range(5)]

    def push(n):
        listener.push(told[n], {False: told[n].plain, True: b""})

    push(0)
    out.waits = 9
    push(1)
    out.waits = 0
    push(2)
    assert await listener.take(1) == b"12"
    push(3)
    assert out.wrote == [b"0"]
    listener.wrote()
    assert await listener.take(1) == b"3"
    listener.wrote()
    push(4)
    assert out.wrote == [b"0", b"4"]


def test_packed_frames_follow_each_other_in_any_order():
    frames = [b"id: %d\ndata: the same words\n\n" % n for n in range(4)]
    packed = [pack(frame) for frame in frames]
    for order in ((0, 1, 2, 3), (3, 1), (2, 2, 0)):
        opening = zlib.decompressobj(-zlib.MAX_WBITS)
        told = b"".join(opening.decompress(packed[n]) for n in order)
        assert told == b"".join(frames[n] for n in order)
