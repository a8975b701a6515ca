"""Peers: links to the roster's workers alone, one each, measured from both ends."""

import asyncio
import contextlib

import pytest
from msgspec.structs import replace

from pangea.core.errors import ProtocolError, Unreachable
from pangea.core.peer_stats import NO_ADDRESS
from pangea.mesh import messages
from pangea.mesh.dial import dial, parse_join
from pangea.mesh.info import NodeInfo
from pangea.mesh.link import initiate
from pangea.mesh.messages import Goodbye, RunNow, Welcome
from pangea.mesh.peer_messages import AskPeer, PeerReport, Ping, Pong, Roster
from pangea.mesh.roster import RosterNode
from pangea.worker import peers as peers_module
from pangea.worker.listener import addresses_of, listen
from pangea.worker.peer_address import addresses_of_peer, can_reach
from tests.worker.mesh import CLOCK, Mesh, until, worker_config


@pytest.fixture
async def mesh(tmp_path, monkeypatch):
    # The one with the larger key waits less than in life.
    monkeypatch.setattr(peers_module, "LATER_S", 0.3)
    monkeypatch.setattr(peers_module, "REACH_FIRST_S", 0.05)
    made = Mesh(tmp_path)
    yield made
    await asyncio.gather(*(link.close() for link in made.calls))
    await made.stop()


async def three(mesh):
    workers = await mesh.start("one", "two", "three")
    await mesh.issue()
    for worker in workers:
        others = [w for w in workers if w is not worker]
        await until(lambda w=worker, o=others: w.linked(*o), why="a whole mesh")
    return workers


def state(worker, other):
    return next(s for s in worker.peers.states() if s.key == other.key)


async def call(worker, caller, *, info=None, secret=None, versions=None):
    """Dial the listener of *worker* as *caller*; return the link."""
    channel = await dial(parse_join(f"127.0.0.1:{worker.running.port}"))
    said = info or NodeInfo(role="worker", name="x", boot="0" * 32)
    if versions:
        said = NodeInfo(role="worker", name="x", boot="0" * 32, versions=versions)
    link = await initiate(
        channel, caller.identity, secret or worker.secrets[0], said,
        lambda key, info: None, clock=CLOCK,
    )  # fmt: skip
    worker.mesh.calls.append(link)
    return link


async def test_three_workers_find_each_other_and_measure(mesh):
    workers = await three(mesh)
    for worker in workers:
        for other in workers:
            if other is not worker:
                await until(
                    lambda w=worker, o=other: state(w, o).rtt_us > 0, why="a ping"
                )
                seen = state(worker, other)
                assert seen.linked
                assert seen.loss == 0.0
                assert abs(seen.offset_us) < 100_000  # one clock for all
                assert not seen.deaf
                assert not seen.mute
                assert seen.path == "direct"


async def test_a_revoked_worker_loses_its_links_at_once(mesh):
    one, two, three_ = await three(mesh)
    await mesh.issue(one, two, to=[one, two])
    await until(lambda: one.linked(two) and two.linked(one), 2.0, "a cut")
    await until(lambda: three_.linked(), 2.0, "a cut at the other end")
    # It still has its old roster and dials; nobody lets it in.
    await asyncio.sleep(0.5)
    assert not three_.peers.links
    assert {s.key for s in one.peers.states()} == {two.key}


async def test_a_revocation_reaches_also_who_the_coordinator_does_not(mesh):
    one, two, _ = await three(mesh)
    roster = await mesh.issue(one, two, to=[one])
    # One tells two with its next ping, which brings the roster.
    await one.peers.links[two.key].ping()
    await two.peers.links[one.key].ping()
    await until(lambda: two.roster.signed == roster, why="the roster passed on")
    await until(lambda: two.linked(one), why="a cut")


async def test_a_peer_cannot_pass_on_a_roster_of_its_own_making(mesh):
    one, two, three_ = await three(mesh)
    forged = mesh.signed(one, two, signer=two.identity)
    before = one.roster.version
    await two.peers.links[one.key].say(Roster(forged.body, forged.signature))
    await asyncio.sleep(0.2)
    assert one.roster.version == before
    assert one.linked(two, three_)


async def test_a_stranger_with_the_secret_is_not_let_in(mesh):
    one, two = await mesh.start("one", "two")
    await mesh.issue(one)
    with pytest.raises(ProtocolError):
        await (await call(one, two)).receive()
    assert not one.peers.links


async def test_without_the_secret_nobody_is_let_in(mesh):
    one, two = await mesh.start("one", "two")
    await one.roster.take(mesh.signed())
    with pytest.raises(ProtocolError):
        await call(one, two, secret=bytes(32))


async def test_without_a_secret_of_its_own_a_worker_lets_nobody_in(mesh):
    one, two = await mesh.start("one", "two")
    secret, one.secrets = one.secrets[0], []
    await one.roster.take(mesh.signed())
    with pytest.raises(ProtocolError):
        await call(one, two, secret=secret)


@pytest.mark.parametrize("role", ["coordinator", "peer", ""])
async def test_a_peer_is_a_worker_and_says_so(mesh, role):
    one, two = await mesh.start("one", "two")
    await one.roster.take(mesh.signed())
    with pytest.raises(ProtocolError):
        await (await call(one, two, info=NodeInfo(role=role, name="x"))).receive()
    assert not one.peers.links


async def test_a_coordinator_of_the_roster_is_no_peer(mesh):
    one, two = await mesh.start("one", "two")
    await one.roster.take(mesh.signed(one, two.node(role="coordinator")))
    with pytest.raises(ProtocolError):
        await (await call(one, two)).receive()


async def test_another_node_at_a_peers_address_gets_no_link(mesh):
    one, two, three_ = await mesh.start("one", "two", "three")
    # The roster says that two is where three listens.
    lie = replace(two.node(), addresses=three_.addresses)
    await mesh.issue(one, lie, three_, to=[one, three_])
    await until(lambda: state(one, two).dial, why="a dial")
    assert "another node answers" in state(one, two).dial
    assert two.key not in one.peers.links


async def test_who_cannot_dial_is_linked_by_the_other_and_says_so(mesh):
    one, two = sorted(await mesh.start("one", "two"), key=lambda m: m.key)
    # Nobody listens where one is told to dial two: as behind a firewall.
    two.addresses = ("127.0.0.1:1025",)
    await mesh.issue()
    await until(lambda: one.linked(two) and two.linked(one), why="a link")
    await until(lambda: "refused" in state(one, two).dial, why="why it cannot")
    assert state(one, two).linked
    assert state(two, one).dial == ""


async def test_why_a_dial_failed_once_is_no_news_when_the_other_has_dialled(mesh):
    one, two = sorted(await mesh.start("one", "two"), key=lambda m: m.key)
    two.peers._dial_said[one.key] = "it did not answer then"
    # So that only the other can dial.
    one.addresses = ("127.0.0.1:1025",)
    said = []
    two.peers.met.append(lambda: said.append(state(two, one).dial))
    await mesh.issue()
    await until(lambda: said, 10, why="a link")
    assert said[0] == ""


async def test_who_listens_nowhere_is_linked_all_the_same(mesh):
    one = await mesh.member("one").start("off")
    two = await mesh.member("two").start()
    await mesh.issue()
    await until(lambda: one.linked(two) and two.linked(one), why="a link")
    await until(lambda: state(one, two).rtt_us > 0, why="a ping")
    assert state(two, one).dial in ("", NO_ADDRESS)


async def test_of_two_links_at_once_one_stays_and_it_is_the_same(mesh):
    workers = [mesh.member("one"), mesh.member("two")]
    small, large = sorted(workers, key=lambda m: m.key)
    for worker in workers:
        worker.task = asyncio.create_task(asyncio.sleep(60))  # nobody dials by himself
        worker.running = await listen(worker_config(), worker.peers.accept)
        worker.addresses = addresses_of(worker.running)
    await mesh.issue()
    both = [
        asyncio.create_task(large.peers._dial(small.key)),
        asyncio.create_task(small.peers._dial(large.key)),
    ]

    def agreed():
        near, far = small.peers.links.get(large.key), large.peers.links.get(small.key)
        return near and far and near.link.sid == far.link.sid and near.dialled

    await until(agreed, why="the link that the smaller key dialled")
    await asyncio.sleep(0.1)
    assert agreed()
    for task in both:
        task.cancel()
    await asyncio.gather(*both, return_exceptions=True)


async def test_a_worker_that_started_anew_takes_the_place_of_its_old_link(mesh):
    one, two, _ = await three(mesh)
    before = one.peers.links[two.key]
    await two.stop()
    again = await mesh.member("two").start()
    await mesh.issue()
    await until(lambda: again.linked(*[m for m in mesh.members if m is not again]))
    assert one.peers.links[again.key] is not before


async def test_a_peer_that_leaves_is_shown_as_gone(mesh):
    one, two, _ = await three(mesh)
    await two.stop()
    await until(lambda: two.key not in one.peers.links, why="an end")
    await until(lambda: state(one, two).dial, 15, why="a dial that fails")
    assert not state(one, two).linked
    assert state(one, two).rtt_us == 0
    assert state(one, two).path == ""


async def test_a_stale_roster_keeps_those_we_met_and_refuses_new_ones(mesh):
    one, _, _ = await three(mesh)
    four = await mesh.member("four").start()
    await mesh.issue(to=mesh.members)
    await until(lambda: four.key in one.peers.links, why="four")
    five = await mesh.member("five").start()
    # One heard of five before it became stale, and never had a link.
    one.roster._known.discard(five.key)
    roster = mesh.signed()
    one.ahead_us = 0
    await one.roster.take(roster)
    one.ahead_us = 90_000_000_000
    assert one.roster.stale
    with pytest.raises(ProtocolError):
        await (await call(one, five)).receive()
    assert one.linked(*[m for m in mesh.members if m not in (one, five)])


async def test_a_peer_hears_or_does_not_hear_another(mesh):
    one, two, _ = await three(mesh)
    assert await one.peers.hears(two.key, 1.0)
    assert not await one.peers.hears(b"x" * 32, 1.0)
    await two.stop()
    assert not await one.peers.hears(two.key, 0.5)


async def linked_by_hand(mesh, **more):
    """Return a worker and a link to it whose other end is the test's."""
    one, two = await mesh.start("one", "two")
    await two.leave()
    await one.roster.take(mesh.signed())
    link = await call(one, two, **more)
    assert isinstance(await link.receive(), Welcome)
    return one, two, link


async def test_pings_are_answered_with_both_timestamps(mesh):
    _, _, link = await linked_by_hand(mesh)
    await link.send(Ping(41, 5))
    async with asyncio.timeout(20):
        while not isinstance(said := await link.receive(), Pong):
            pass
    assert said.number == 41
    assert 0 <= said.answered_us - said.received_us < 1_000_000


async def test_who_does_not_hear_is_deaf(mesh):
    one, two, link = await linked_by_hand(mesh)
    await link.send(Ping(1, 5, heard_ms=60_000))
    await until(lambda: state(one, two).deaf, why="deafness")
    await link.send(Ping(2, 5, heard_ms=10))
    await until(lambda: not state(one, two).deaf, why="hearing")


@pytest.mark.parametrize("wild", [0, -(1 << 62), (1 << 64) - 1])
async def test_wild_timestamps_of_a_peer_do_no_harm(mesh, wild):
    one, two, link = await linked_by_hand(mesh)
    for _ in range(3):
        async with asyncio.timeout(20):
            while not isinstance(said := await link.receive(), Ping):
                pass
        await link.send(Pong(said.number, wild, -wild // 2))
    await asyncio.sleep(0.05)
    seen = state(one, two)
    assert abs(seen.offset_us) <= 1 << 53
    assert 0 <= seen.rtt_us <= 1 << 53
    messages.encode(PeerReport((seen,)))


@pytest.mark.parametrize(
    "said", [RunNow(1), AskPeer(1, b"k" * 32), messages.Applied(0)]
)
async def test_what_is_no_word_of_peers_ends_the_link(mesh, said):
    one, two, link = await linked_by_hand(mesh)
    await link.send(said)
    await until(lambda: two.key not in one.peers.links, why="an end")


async def test_who_talks_far_too_much_is_cut_off(mesh):
    one, two, link = await linked_by_hand(mesh)
    with contextlib.suppress(ProtocolError):
        for number in range(200):
            await link.send(Ping(number, 5))
            await asyncio.sleep(0)
    await until(lambda: two.key not in one.peers.links, why="an end")


async def test_a_goodbye_is_the_end(mesh):
    one, two, link = await linked_by_hand(mesh)
    await link.send(Goodbye("off"))
    await until(lambda: two.key not in one.peers.links, why="an end")


async def test_a_node_of_version_1_is_no_peer(mesh):
    one, two = await mesh.start("one", "two")
    await one.roster.take(mesh.signed())
    link = await call(one, two, versions=(1, 1))
    with pytest.raises(ProtocolError):
        await link.receive()
    assert not one.peers.links


async def test_other_parts_may_speak_on_peer_links_too(mesh):
    one, two, link = await linked_by_hand(mesh)
    heard = []

    async def hear(peer, message):
        heard.append((peer.key, message))
        return isinstance(message, RunNow)

    one.peers.others.append(hear)
    await link.send(RunNow(7))
    await until(lambda: heard, why="a word")
    assert heard == [(two.key, RunNow(7))]
    assert two.key in one.peers.links


@pytest.mark.parametrize(
    ("text", "near", "dialled"),
    [
        ("192.0.2.7:7464", False, True),
        ("[2001:db8::7]:7464", False, True),
        ("127.0.0.1:7464", False, False),
        ("127.0.0.1:7464", True, True),
        ("192.0.2.7:22", False, False),
        ("example.org:7464", True, False),
        ("224.0.0.251:7464", True, False),
        ("255.255.255.255:7464", True, False),
        ("0.0.0.0:7464", True, False),
        ("169.254.169.254:7464", True, False),
        ("[fe80::1]:7464", True, False),
        ("[::ffff:127.0.0.1]:7464", False, False),
        ("[::ffff:127.0.0.1]:7464", True, True),
        ("[::ffff:0.0.0.0]:7464", False, False),
        ("[::ffff:224.0.0.251]:7464", True, False),
        ("", True, False),
        ("a b", True, False),
        ("192.0.2.7:99999", True, False),
    ],
)
def test_only_addresses_that_lead_to_one_machine_are_dialled(text, near, dialled):
    node = RosterNode(b"k" * 32, "n", "worker", (text,))
    assert bool(addresses_of_peer(node, near=near)) is dialled


async def test_whether_an_address_can_be_reached_is_seen_without_a_word():
    server = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    address = parse_join(f"127.0.0.1:{port}")
    assert await can_reach([address]) == ""
    server.close()
    await server.wait_closed()
    assert "refused" in await can_reach([address])
    assert await can_reach([]) == NO_ADDRESS


async def test_a_worker_that_cannot_be_reached_does_not_answer():
    with pytest.raises(Unreachable):
        await dial(parse_join("127.0.0.1:1"), timeout=1.0)


async def test_who_is_displaced_by_a_later_process_stays_quiet(mesh):
    one, two, _ = await three(mesh)
    two.peers.hush()
    await until(lambda: not two.peers.links, why="an end of all links")
    await until(lambda: two.key not in one.peers.links, why="an end there too")
    with pytest.raises(ProtocolError):
        await (await call(two, one)).receive()
    assert not two.peers.states()
    two.peers.hush(quiet=False)
    await until(lambda: two.key in one.peers.links, why="a link again")


async def test_an_earlier_process_of_a_peer_does_not_drive_out_the_later(mesh):
    first, second = "1" * 32, "2" * 32
    one, two = await mesh.start("one", "two")
    await two.leave()
    await one.roster.take(mesh.signed())
    said = NodeInfo(role="worker", name="two", boot=first)
    earlier = await call(one, two, info=said)
    assert isinstance(await earlier.receive(), Welcome)
    later = await call(one, two, info=NodeInfo(role="worker", name="two", boot=second))
    assert isinstance(await later.receive(), Welcome)
    await until(lambda: one.peers.links[two.key].boot == second, why="the later one")
    again = await call(one, two, info=said)
    refused = await again.receive()
    assert isinstance(refused, Goodbye)
    assert refused.twin
    assert one.peers.links[two.key].boot == second
    await later.close()
    await until(lambda: two.key not in one.peers.links, why="an end")
    assert isinstance(await (await call(one, two, info=said)).receive(), Welcome)


@pytest.mark.parametrize("behind", ["one", "two"])
async def test_a_peer_that_missed_a_step_of_the_rotation_is_reached_still(mesh, behind):
    one, two = mesh.member("one"), mesh.member("two")
    ahead, late = (two, one) if behind == "one" else (one, two)
    ahead.secrets = [b"new" + bytes(29), mesh.secret, b"old" + bytes(29)]
    late.secrets = [mesh.secret]
    await ahead.start()
    await late.start()
    # Only who is ahead dials.
    late.addresses, ahead.addresses = late.addresses, ()
    await mesh.issue()
    await until(lambda: one.linked(two) and two.linked(one), why="a link")
    assert ahead.peers.links[late.key].dialled


async def test_another_secret_is_not_tried_on_who_proved_to_be_another(mesh):
    one, two = await mesh.start("one", "two")
    dialled = []

    async def way():
        dialled.append(1)
        return await dial(parse_join(f"127.0.0.1:{two.running.port}"))

    def wrong(key, info):
        raise ProtocolError("not the one we want")

    one.secrets = [mesh.secret, bytes(32)]
    with pytest.raises(ProtocolError, match="not the one we want"):
        await one.peers._proof.offer(way, wrong)
    assert len(dialled) == 1
