"""The first words of a coordinator, as a worker hears them."""

import asyncio
import logging
import secrets

import pytest

from pangea.core.errors import ConfigError, LinkClosed, ProtocolError
from pangea.mesh.identity import load_or_create, node_id
from pangea.mesh.info import NodeInfo
from pangea.mesh.join_token import JoinToken
from pangea.mesh.link import initiate, respond
from pangea.mesh.messages import Goodbye, Heartbeat, HeartbeatAck, Welcome
from pangea.mesh.replay import ReplayCache
from pangea.mesh.ring_file import RingFile
from pangea.mesh.secret_ring import SecretRing
from pangea.worker import entrance
from pangea.worker.credentials import Credentials, Offer, credentials_of
from pangea.worker.entrance import Entrance
from pangea.worker.node import told
from pangea.worker.trust import Trust
from tests.mesh.fakes import memory_channels
from tests.worker.stub import CLOCK

SECRET = secrets.token_bytes(32)
RING = SecretRing.fresh(0)
TOKEN = JoinToken.fresh(b"k" * 32, 1_800_000_000, ["192.0.2.1:7464"])


@pytest.fixture
async def ends(tmp_path):
    """Return both ends of a link, the worker's first."""
    near, far = memory_channels()

    def anybody(key, info):
        return None

    def info(role):
        return NodeInfo(role=role, name=role, boot="0" * 32)

    return await asyncio.gather(
        initiate(
            near, load_or_create(tmp_path / "w.key"), SECRET, info("worker"), anybody,
            clock=CLOCK,
        ),
        respond(
            far, load_or_create(tmp_path / "c.key"), [SECRET], info("coordinator"),
            anybody, ReplayCache(), clock=CLOCK,
        ),
    )  # fmt: skip


def entering(link, credentials=None, name="hel"):
    door = Entrance(link, CLOCK, credentials, "my-id", name)
    return asyncio.create_task(door.enter())


async def test_a_worker_that_must_wait_says_what_to_do_and_stays(ends, caplog):
    link, far = ends
    entered = entering(link)
    await far.send(Welcome("pending", b""))
    beat = await far.receive()
    await far.send(HeartbeatAck(beat.sent_us, 1, 1))
    await far.send(Welcome("approved", b"", 1, "hel", {"e": 3}))
    welcome = await entered

    assert isinstance(beat, Heartbeat)
    assert (beat.spooled, beat.applied) == (0, 0), "nothing is told but that it lives"
    assert welcome.watermarks == {"e": 3}
    assert "pangea worker approve my-id" in caplog.text


async def test_a_coordinator_that_falls_silent_is_left(ends, monkeypatch):
    monkeypatch.setattr(entrance, "SILENCE_S", 0.05)
    link, far = ends
    entered = entering(link)
    await far.send(Welcome("pending", b""))
    with pytest.raises(LinkClosed):
        await entered


@pytest.mark.parametrize("pending", [False, True])
async def test_a_refusal_in_words_is_told(ends, pending):
    link, far = ends
    entered = entering(link)
    if pending:
        await far.send(Welcome("pending", b""))
    await far.send(Goodbye("two\x1b machines"))
    with pytest.raises(LinkClosed, match="two") as caught:
        await entered
    assert "\x1b" not in str(caught.value)


async def test_pending_twice_is_no_welcome(ends):
    link, far = ends
    entered = entering(link)
    await far.send(Welcome("pending", b""))
    await far.send(Welcome("pending", b""))
    with pytest.raises(ProtocolError):
        await entered


async def test_the_secrets_of_a_welcome_are_kept_for_later_starts(ends, tmp_path):
    link, far = ends
    path = tmp_path / "secrets.json"
    entered = entering(link, Credentials(path, None, TOKEN))
    await far.send(Welcome("approved", b"", 1, "hel", {}, RING.json))
    await entered
    later = credentials_of(path, "", None)

    assert later.secrets() == [RING.current.raw]
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("packed", [b"{}", b"\xff", b"{" * 9999, b"pangea-secret-1.x"])
async def test_secrets_that_are_none_end_the_link_and_are_not_kept(
    ends, tmp_path, packed
):
    link, far = ends
    path = tmp_path / "secrets.json"
    entered = entering(link, Credentials(path, None, TOKEN))
    await far.send(Welcome("approved", b"", 1, "hel", {}, packed))
    with pytest.raises(ProtocolError):
        await entered
    assert not path.exists()


@pytest.mark.parametrize(
    ("own", "given", "warned"),
    [("hel", "hel", False), ("Hel", "hel", False), ("hel", "hel-2", True)],
)
async def test_another_name_than_its_own_is_told(ends, caplog, own, given, warned):
    caplog.set_level(logging.INFO)
    link, far = ends
    entered = entering(link, name=own)
    await far.send(Welcome("approved", b"", 1, given, {}))
    await entered
    assert (f"calls itself {own}, but is {given} here" in caplog.text) is warned


def test_who_holds_the_secret_tries_it_before_the_token(tmp_path):
    path = tmp_path / "secrets.json"
    ring = RingFile(path, RING)
    token = Offer(TOKEN.proof, 1, TOKEN.id)
    assert Credentials(path, ring, TOKEN).offers() == [Offer(RING.current.raw), token]
    assert Credentials(path, None, TOKEN).offers() == [token]


def test_a_worker_with_nothing_is_told_both_ways(tmp_path):
    with pytest.raises(ConfigError) as caught:
        credentials_of(tmp_path / "secrets.json", "", None)
    assert "worker token" in caught.value.hint
    assert "--secret-file" in caught.value.hint


def test_a_token_brings_its_addresses():
    token, addresses = told(["10.0.0.1", TOKEN.text])
    assert token == TOKEN
    assert addresses == ["10.0.0.1", "192.0.2.1:7464"]
    assert told(["10.0.0.1"]) == (None, ["10.0.0.1"])


def test_the_coordinator_of_a_token_is_the_only_one_from_the_start(tmp_path):
    own, stranger = (load_or_create(tmp_path / n).public_key for n in ("c", "s"))
    info = NodeInfo(role="coordinator", name="c", boot="0" * 32)
    trust = Trust(tmp_path / "last-good.json", own)
    with pytest.raises(ProtocolError, match="the join token is of"):
        trust.check(stranger, info)
    trust.check(own, info)
    assert not trust.pinned


def test_a_token_of_elsewhere_moves_no_worker(tmp_path, caplog):
    own, other = (load_or_create(tmp_path / n).public_key for n in ("c", "o"))
    info = NodeInfo(role="coordinator", name="c", boot="0" * 32)
    Trust(tmp_path / "last-good.json").keep(own, "192.0.2.1:7464")
    trust = Trust(tmp_path / "last-good.json", other)
    trust.check(own, info)
    with pytest.raises(ProtocolError):
        trust.check(other, info)
    assert node_id(other) in caplog.text


async def test_another_name_is_told_once_and_not_at_every_link(tmp_path, caplog):
    kept = Credentials(tmp_path / "secrets.json", None, TOKEN)
    for name in ("oslo", "oslo", "york"):
        Entrance(None, CLOCK, kept, "my-id", "hel")._greet(
            Welcome("approved", b"", 1, name, {})
        )
    said = [line for line in caplog.messages if "calls itself hel" in line]
    assert [("oslo" in line, "york" in line) for line in said] == [
        (True, False),
        (False, True),
    ]
