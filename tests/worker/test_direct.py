"""The direct way is tried again while there is none: often, at news, and politely."""

import asyncio
import time

import pytest

from pangea.core.errors import LinkClosed, ProtocolError, Unreachable
from pangea.mesh.dial import Address, TurnedAway
from pangea.worker import direct as direct_module
from pangea.worker import redial as redial_module
from pangea.worker.direct import Direct
from pangea.worker.mesh_side import MeshSide
from pangea.worker.redial import Redial
from tests.worker.mesh import Mesh, until

HEAD = Address("192.0.2.1", 7464)


class Place:
    """Knows one address, finds *found*, and gives a link after so many tries."""

    def __init__(self, after=0, error=None, found=()):
        self.after, self.error = after, error or Unreachable("gone")
        self.found = found
        self.tried = []
        self.direct = Direct(self, Redial(), self.connect)

    def known(self):
        return [HEAD]

    async def look(self, seconds):
        for address in self.found:
            yield address

    async def connect(self, address):
        self.tried.append(address)
        if len(self.tried) <= self.after:
            raise self.error
        return "a link"


@pytest.fixture
def hasty(monkeypatch):
    monkeypatch.setattr(redial_module, "AWAY_S", (0.01, 0.02))
    monkeypatch.setattr(direct_module, "NEWS_S", (0.0, 0.01))


async def test_one_that_does_not_answer_is_tried_again_while_we_look_around(hasty):
    place = Place(after=3)
    async with asyncio.timeout(20):
        assert await place.direct.meanwhile(60) == (HEAD, "a link")
    assert len(place.tried) == 4


async def test_a_short_look_is_over_before_the_next_try():
    place = Place()
    assert await place.direct.meanwhile(0.05) is None
    assert place.tried == []


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (Unreachable("refused"), True),
        (TimeoutError(), True),
        (TurnedAway("HTTP 429"), False),
        (ProtocolError("not our secret"), False),
        (LinkClosed("not now"), False),
    ],
)
async def test_who_answers_and_refuses_us_is_left_to_the_rounds(hasty, error, again):
    place = Place()
    place.direct.failed(HEAD, error)
    won = await place.direct.meanwhile(0.1)
    assert (won is not None) is again
    place.direct.failed(HEAD, Unreachable("refused"))
    assert await place.direct.now() == (HEAD, "a link")


async def test_news_make_a_try_at_once(monkeypatch):
    monkeypatch.setattr(redial_module, "AWAY_S", (60.0, 60.0))
    monkeypatch.setattr(direct_module, "NEWS_S", (0.0, 0.01))
    place = Place()
    trying = asyncio.create_task(place.direct.meanwhile(60))
    await asyncio.sleep(0.02)
    assert not place.tried
    place.direct.news()
    async with asyncio.timeout(20):
        assert await trying == (HEAD, "a link")


async def test_endless_news_are_no_flood():
    place = Place(after=1000)
    trying = asyncio.create_task(place.direct.meanwhile(60))
    begun = time.monotonic()
    while time.monotonic() - begun < 0.15:
        place.direct.news()
        await asyncio.sleep(0)
    trying.cancel()
    assert len(place.tried) <= 2


async def test_one_that_says_nothing_does_not_hold_a_relay_up(monkeypatch):
    monkeypatch.setattr(direct_module, "LAST_TRY_S", 0.05)
    place = Place()
    silence = asyncio.Event()

    async def connect(address):
        await silence.wait()

    place.direct._connect = connect
    async with asyncio.timeout(20):
        assert await place.direct.now() is None


async def test_while_relayed_what_is_found_and_who_refused_before_is_tried_too(hasty):
    other = Address("192.0.2.2", 7464)
    place = Place(after=1, found=[other])
    place.direct.failed(HEAD, ProtocolError("not now"))
    async with asyncio.timeout(20):
        assert await place.direct.again(lambda: 0.01, 0.01) == (other, "a link")
    assert place.tried == [HEAD, other]


async def test_a_peer_that_comes_and_a_newer_roster_are_news(tmp_path):
    mesh = Mesh(tmp_path)
    one, two = await mesh.start("one", "two")
    side, news = MeshSide(one.peers, one.roster, None), []
    side.news = lambda: news.append(one.linked(two))
    await mesh.issue()
    await until(lambda: True in news, why="a peer")
    assert news[0] is False, "the roster was the first"
    await mesh.stop()
