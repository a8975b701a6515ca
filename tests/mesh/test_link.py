"""Links over a channel in memory: admission, order, endings and attackers."""

import asyncio

import pytest

from pangea.core.errors import LinkClosed, ProtocolError
from pangea.mesh.info import NodeInfo
from pangea.mesh.link import initiate, respond
from pangea.mesh.messages import Ack, Applied, Goodbye, Welcome
from pangea.mesh.refusal import Refusal, Refused
from pangea.mesh.replay import ReplayCache
from tests.mesh.fakes import Stillness, memory_channels
from tests.mesh.parties import COORDINATOR, OTHER_SECRET, SECRET, WORKER, anyone

WORKER_SAYS = NodeInfo(role="worker", name="w1")
COORDINATOR_SAYS = NodeInfo(role="coordinator", name="c")
WELCOME = Welcome(status="approved", sid=b"sid")


async def both(channels, *, dialling=None, dialled=None):
    """Return what each side of a handshake got: a link or an exception."""
    one, two = channels
    out = {
        "identity": WORKER,
        "secret": SECRET,
        "info": WORKER_SAYS,
        "check_peer": anyone,
        "clock": Stillness(),
        "timeout": 0.15,
    } | (dialling or {})
    answer = {
        "identity": COORDINATOR,
        "secrets": [SECRET],
        "info": COORDINATOR_SAYS,
        "check_peer": anyone,
        "replays": ReplayCache(),
        "clock": Stillness(),
        "timeout": 0.15,
    } | (dialled or {})
    return await asyncio.gather(
        initiate(one, **out), respond(two, **answer), return_exceptions=True
    )


@pytest.fixture
def channels():
    return memory_channels()


@pytest.fixture
async def links(channels):
    """Yield (worker's, coordinator's) end of a link, already welcomed."""
    worker, coordinator = await both(channels)
    await coordinator.send(WELCOME)
    assert await worker.receive() == WELCOME
    return worker, coordinator


async def hear_all(link):
    while True:
        await link.receive()


def refuse(public_key, info):
    raise Refused(Refusal.PEER, "not the one we want")


async def test_messages_go_both_ways_between_proven_nodes(links):
    worker, coordinator = links
    assert worker.peer_key == COORDINATOR.public_key
    assert coordinator.peer_key == WORKER.public_key
    assert coordinator.peer_info == WORKER_SAYS
    assert worker.sid == coordinator.sid
    await worker.send(Applied(7))
    await coordinator.send(Ack("e", 5))
    assert await coordinator.receive() == Applied(7)
    assert await worker.receive() == Ack("e", 5)


async def test_each_handshake_message_and_header_is_one_channel_message(channels):
    await both(channels)
    one, two = channels
    assert [len(data) for data in one.sent][::2] == [62, 24]
    assert [len(data) for data in two.sent][1:] == [24]


async def test_counters_count_what_was_on_the_wire(links, channels):
    worker, coordinator = links
    await worker.send(Applied(7))
    await coordinator.receive()
    assert worker.bytes_sent == coordinator.bytes_received == len(channels[0].sent[-1])
    assert worker.messages_sent == coordinator.messages_received == 1


async def test_nothing_readable_is_on_the_wire(links, channels):
    worker, _ = links
    await worker.send(Goodbye("a-reason-to-leave"))
    wire = b"".join(channels[0].sent + channels[1].sent)
    # Long words only: two bytes come about by chance.
    for word in (b"worker", b"coordinator", b"a-reason", WORKER.public_key):
        assert word not in wire


# admission


async def test_before_welcome_the_worker_may_not_speak(channels):
    worker, _ = await both(channels)
    with pytest.raises(ProtocolError, match="before Welcome"):
        await worker.send(Applied(7))


async def test_before_welcome_the_coordinator_says_nothing_else(channels):
    _, coordinator = await both(channels)
    with pytest.raises(ProtocolError, match="before Welcome"):
        await coordinator.send(Ack("e", 5))


async def test_a_worker_that_speaks_too_early_is_cut_off(channels):
    worker, coordinator = await both(channels)
    worker._welcomed = True  # a worker that does not keep to the rules
    await worker.send(Applied(7))
    with pytest.raises(ProtocolError, match="Applied before Welcome"):
        await coordinator.receive()
    assert channels[1].closed


async def test_a_worker_cannot_welcome_its_coordinator(channels):
    worker, coordinator = await both(channels)
    worker._welcomed = True
    await worker.send(WELCOME)
    with pytest.raises(ProtocolError, match="Welcome before Welcome"):
        await coordinator.receive()


async def test_a_refusal_in_words_may_come_instead_of_welcome(channels):
    worker, coordinator = await both(channels)
    await coordinator.send(Goodbye("this node is revoked"))
    assert await worker.receive() == Goodbye("this node is revoked")
    with pytest.raises(ProtocolError, match="before Welcome"):
        await worker.send(Applied(7))


@pytest.mark.parametrize(
    ("dialling", "dialled", "admits"),
    [
        ("worker", "coordinator", "dialled"),
        ("coordinator", "worker", "dialling"),
        ("worker", "worker", "dialled"),
        ("coordinator", "coordinator", "dialled"),
    ],
)
async def test_who_says_welcome(channels, dialling, dialled, admits):
    one, two = await both(
        channels,
        dialling={"info": NodeInfo(role=dialling)},
        dialled={"info": NodeInfo(role=dialled)},
    )
    assert (one.admits, two.admits) == (admits == "dialling", admits == "dialled")


# endings


async def test_a_closed_link_is_told_from_one_that_was_cut(links, channels):
    worker, coordinator = links
    await coordinator.send(Ack("e", 5))
    await coordinator.close()
    assert await worker.receive() == Ack("e", 5)
    with pytest.raises(LinkClosed, match="peer has closed"):
        await worker.receive()
    assert not worker.cut
    assert channels[0].closed


async def test_a_link_without_its_last_frame_was_cut(links, channels):
    worker, _ = links
    await channels[1].close()
    with pytest.raises(LinkClosed, match="cut"):
        await worker.receive()
    assert worker.cut


async def test_a_closed_link_can_be_closed_again_but_not_used(links):
    worker, _ = links
    await worker.close()
    await worker.close()
    with pytest.raises(LinkClosed):
        await worker.send(Applied(7))
    with pytest.raises(LinkClosed):
        await worker.receive()
    assert not worker.cut


async def test_many_senders_do_not_mix_up_the_order_of_frames(links):
    worker, coordinator = links
    await asyncio.gather(*(worker.send(Applied(n)) for n in range(50)))
    received = [(await coordinator.receive()).version for _ in range(50)]
    assert sorted(received) == list(range(50))


@pytest.mark.slow
async def test_a_close_that_cannot_be_said_does_not_hang(links, channels):
    worker, _ = links

    async def stuck(data):
        await asyncio.Event().wait()

    channels[0].send = stuck
    async with asyncio.timeout(20):
        await asyncio.gather(worker.close(), worker.close())
    assert channels[0].closed


# attackers on the wire


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda n, data: [data, data], id="twice"),
        pytest.param(lambda n, data: [], id="left out"),
        pytest.param(lambda n, data: [data[:-1]], id="cut"),
        pytest.param(lambda n, data: [data[:-1] + bytes([data[-1] ^ 1])], id="changed"),
        pytest.param(lambda n, data: [b""], id="empty"),
    ],
)
async def test_a_changed_stream_ends_the_link(links, channels, change):
    worker, coordinator = links
    channels[0].change = change
    await worker.send(Applied(1))
    channels[0].change = lambda n, data: [data]
    await worker.send(Applied(2))
    with pytest.raises(ProtocolError, match="a frame"):
        await hear_all(coordinator)
    assert channels[1].closed
    with pytest.raises(LinkClosed):
        await coordinator.send(Ack("e", 1))


async def test_sealed_rubbish_is_refused(links, channels):
    worker, coordinator = links
    await channels[0].send(worker._sealer.seal(b"\xc1rubbish", 0.0))
    with pytest.raises(ProtocolError, match="bad message"):
        await coordinator.receive()
    assert channels[1].closed


# versions


async def speaking(channels, ours, theirs):
    """Return what each side of a handshake got, which speak these versions."""
    return await both(
        channels,
        dialling={"info": NodeInfo(role="worker", versions=ours)},
        dialled={"info": NodeInfo(role="coordinator", versions=theirs)},
    )


@pytest.mark.parametrize(
    ("ours", "theirs", "spoken"),
    [
        ((1, 1), (1, 2), 1),
        ((1, 2), (1, 1), 1),
        ((1, 2), (1, 2), 2),
        ((1, 3), (1, 2), 2),
    ],
)
async def test_a_link_speaks_the_highest_version_of_both(
    channels, ours, theirs, spoken
):
    one, two = await speaking(channels, ours, theirs)
    assert one.version == two.version == spoken


async def test_a_node_that_speaks_only_later_versions_is_refused(channels):
    one, _ = await speaking(channels, (1, 2), (3, 3))
    assert one.reason is Refusal.VERSION
    assert "the peer speaks versions 3 to 3 of the mesh, we speak 1 to 2" in str(one)


async def test_a_message_newer_than_the_link_is_never_said(links, channels):
    worker, _ = links
    worker.version = Ack.since - 1
    before = len(channels[0].sent)
    with pytest.raises(ProtocolError, match="this link speaks version 0"):
        await worker.send(Ack("e", 1))
    assert not worker.speaks(Ack)
    assert len(channels[0].sent) == before


async def test_a_message_newer_than_the_link_is_not_heard(links, channels):
    worker, coordinator = links
    coordinator.version = Ack.since - 1
    await worker.send(Ack("e", 1))
    with pytest.raises(ProtocolError, match="Ack is of version 1 of the mesh"):
        await coordinator.receive()
    assert channels[1].closed


async def test_a_message_of_a_later_version_is_refused_by_its_name(links, channels):
    worker, coordinator = links
    await channels[0].send(worker._sealer.seal(b"\x91\xa6Future", 0.0))
    with pytest.raises(ProtocolError, match="Future is no message of the mesh up to"):
        await coordinator.receive()
    assert channels[1].closed


# refusals


async def test_with_another_secret_the_initiator_learns_that_it_is_the_secret(channels):
    one, two = await both(channels, dialling={"secret": OTHER_SECRET})
    assert two.reason is Refusal.SECRET
    assert one.reason is Refusal.CLOSED
    assert "does not hold the cluster secret" in one.hint
    assert "revoked" not in one.hint
    assert channels[0].closed
    assert channels[1].closed
    assert channels[1].sent == []


async def test_a_refused_worker_is_told_nothing(channels):
    one, two = await both(channels, dialled={"check_peer": refuse})
    assert (one.reason, two.reason) == (Refusal.CLOSED, Refusal.PEER)
    assert len(channels[1].sent) == 1
    assert "revoked" in one.hint
    assert "cluster secret" not in one.hint


async def test_a_false_coordinator_does_not_learn_who_dialled(channels):
    one, two = await both(channels, dialling={"check_peer": refuse})
    assert (one.reason, two.reason) == (Refusal.PEER, Refusal.CLOSED)
    assert len(channels[0].sent) == 1


async def test_another_prologue_is_refused(channels):
    one, _ = await both(channels, dialled={"prologue": b"tls"})
    assert one.reason is Refusal.SEAL


@pytest.mark.parametrize("silent", [0, 1])
async def test_a_peer_that_falls_silent_is_given_up(channels, silent):
    one, two = channels

    def mute(channel, number):
        channel.change = lambda n, data: [] if n >= number else [data]

    mute(two, silent)
    mute(one, silent + 1)
    dialling, dialled = await both(channels, dialled={"timeout": 0.1})
    assert {dialling.reason, dialled.reason} <= {Refusal.TIMEOUT, Refusal.CLOSED}
    assert one.closed
    assert two.closed


async def test_a_cancelled_handshake_closes_its_channel(channels):
    task = asyncio.create_task(
        initiate(channels[0], WORKER, SECRET, WORKER_SAYS, anyone, clock=Stillness())
    )
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert channels[0].closed


async def test_a_recorded_session_played_back_is_refused():
    recorded, replays = memory_channels(), ReplayCache()
    await both(recorded, dialled={"replays": replays})
    thief, victim = memory_channels()
    for data in recorded[0].sent:
        await thief.send(data)
    for memory, reason in ((replays, Refusal.REPLAY), (ReplayCache(), Refusal.SEAL)):
        with pytest.raises(Refused) as caught:
            await respond(
                victim,
                COORDINATOR,
                [SECRET],
                COORDINATOR_SAYS,
                anyone,
                memory,
                clock=Stillness(),
            )
        assert caught.value.reason is reason
        thief, victim = memory_channels()
        for data in recorded[0].sent:
            await thief.send(data)
