"""The coordinator's part of the mesh: roster out, matrix in, peers asked."""

import asyncio

import pytest
from msgspec.structs import replace

from pangea.coordinator.membership import Membership
from pangea.coordinator.mesh_service import MeshService
from pangea.coordinator.mesh_view import cut_reason
from pangea.coordinator.roster import MOST_AHEAD, told_addresses
from pangea.core.errors import ProtocolError
from pangea.core.liveness import LOST_S, SUSPECT_S, Presence
from pangea.core.model import Worker
from pangea.core.peer_stats import NO_ADDRESS, PeerState
from pangea.core.witnesses import ASK_AGAIN_S
from pangea.mesh import identity
from pangea.mesh.info import NodeInfo
from pangea.mesh.link import initiate
from pangea.mesh.messages import Desired, Heartbeat, Introduce
from pangea.mesh.peer_messages import AskPeer, PeerReport, PeerSaid, Roster
from pangea.mesh.roster import SignedRoster, read_roster
from pangea.storage.database import Store
from tests.coordinator.conftest import BOOT, CLOCK, SECRET, Far, World
from tests.mesh.fakes import memory_channels


async def join(world, name, *, versions=(1, 2), **said):
    """Let *name* join, which says *said* of itself; return its end and its key."""
    ours, theirs = memory_channels()
    accepting = world.coordinator.reception.accept(theirs, "192.0.2.9", lambda: None)
    world.tasks.append(asyncio.create_task(accepting))
    own = identity.load_or_create(world.place / f"{name}.key")
    link = await initiate(
        ours, own, SECRET,
        NodeInfo(role="worker", name=name, boot=BOOT, versions=versions),
        lambda key, info: None, clock=CLOCK,
    )  # fmt: skip
    far = Far(link, await link.receive())
    far.key = own.public_key
    await link.send(Introduce("b", "1", probes=("http", "tcp"), **said))
    await far.until(lambda f: any(isinstance(m, Desired) for m in f.heard))
    world.workers.append(far)
    return far


def rosters(far):
    return [m for m in far.heard if isinstance(m, Roster)]


def names(world, far):
    """Return who is on the newest roster that came, as the worker reads it."""
    return {node.name for node in body(world, far).nodes}


def body(world, far):
    said = rosters(far)[-1]
    return read_roster(
        SignedRoster(said.body, said.signature),
        [world.own.public_key],
        now_us=round(CLOCK.wall() * 1e6),
    )


async def until_listed(world, far, *wanted):
    await far.until(lambda f: rosters(f) and names(world, f) == set(wanted))


async def test_every_worker_gets_a_roster_of_all_that_it_can_verify(world):
    hel = await join(world, "hel", port=7464, addresses=("192.0.2.1:7464",))
    osl = await join(world, "osl")
    for far in (hel, osl):
        await until_listed(world, far, "hel", "osl")
    listed = body(world, osl).node(hel.key)
    assert listed.role == "worker"
    assert listed.addresses == ("192.0.2.9:7464", "192.0.2.1:7464")
    assert body(world, osl).node(osl.key).addresses == ()
    assert body(world, osl).coordinators == (world.own.public_key,)


async def test_a_revoked_worker_is_off_the_roster_at_once(world):
    hel, osl = await join(world, "hel"), await join(world, "osl")
    await until_listed(world, hel, "hel", "osl")
    before = body(world, hel).version
    worker = world.coordinator.board.worker("osl")
    await Membership(world.coordinator).revoke(worker, "somebody", "")
    await until_listed(world, hel, "hel")
    assert body(world, hel).version > before
    # Nothing more is said to the one that was revoked.
    assert names(world, osl) == {"hel", "osl"}


async def test_only_who_is_approved_is_on_the_roster(world):
    hel = await join(world, "hel")
    await until_listed(world, hel, "hel")
    for number, state in enumerate(("pending", "revoked", "removed"), 70):
        world.coordinator.board.workers[number] = Worker(
            id=number, key=bytes([number]) * 32, name=state, state=state
        )
    await join(world, "osl")
    await until_listed(world, hel, "hel", "osl")


async def test_a_worker_that_holds_the_roster_is_not_sent_it_again(world):
    hel = await join(world, "hel")
    await until_listed(world, hel, "hel")
    version = body(world, hel).version
    await hel.leave()
    again = await join(world, "hel", roster=version)
    await asyncio.sleep(0.2)
    assert not rosters(again)


async def test_versions_go_up_also_after_a_restart(store, tmp_path):
    first = World(store, tmp_path)
    await first.start()
    hel = await join(first, "hel", port=7464, addresses=("192.0.2.1:7464",))
    await until_listed(first, hel, "hel")
    version = body(first, hel).version
    await first.close()
    second = World(store, tmp_path)
    await second.start()
    try:
        osl = await join(second, "osl")
        await until_listed(second, osl, "hel", "osl")
        assert body(second, osl).version > version
        # What hel said of itself is remembered, though it is not here.
        assert body(second, osl).node(hel.key).addresses
    finally:
        await second.close()


async def test_a_coordinator_from_a_backup_goes_above_what_workers_hold(world):
    far_ahead = round(CLOCK.wall() * 1000) + (1 << 42)
    hel = await join(world, "hel", roster=far_ahead)
    await hel.until(lambda f: rosters(f) and body(world, f).version > far_ahead)


async def test_a_lie_about_the_version_does_not_keep_a_backup_from_it(
    world, store, tmp_path
):
    most = round(CLOCK.wall() * 1000) + MOST_AHEAD
    for number, lie in enumerate(((1 << 60) - 1, most - 1)):
        await join(world, f"liar-{number}", roster=lie)
    good = await join(world, "good")
    await good.until(lambda f: rosters(f) and body(world, f).version >= most - 1)
    held = body(world, good).version
    await asyncio.sleep(0.02)
    backup = World(await Store.open(tmp_path / "backup.db"), tmp_path)
    await backup.start()
    again = await join(backup, "good", roster=held)
    await again.until(lambda f: rosters(f) and body(backup, f).version > held)
    await backup.close()
    await backup.store.close()


async def test_a_roster_of_many_that_say_much_can_still_be_sent(world):
    far, board = await join(world, "hel"), world.coordinator.board
    office = world.coordinator.roster
    told = tuple(f"[2001:db8:1111:2222:3333:4444:5555:{n}]:65535" for n in range(8))
    for number in range(1000, 3000):
        key = number.to_bytes(32, "big")
        board.workers[number] = Worker(
            id=number,
            key=key,
            name="n" * 63,
            region="\U0001f300" * 63,
            state="approved",
        )
        office._told[key] = told
    office.changed()
    await far.until(lambda f: rosters(f) and len(body(world, f).nodes) > 1000, 10)
    assert "hel" in names(world, far), "the newest are left out"


async def test_a_worker_of_version_1_hears_and_says_nothing_of_peers(world):
    old = await join(world, "old", versions=(1, 1))
    new = await join(world, "new")
    await until_listed(world, new, "old", "new")
    await asyncio.sleep(0.1)
    assert not rosters(old)
    assert not any(isinstance(m, ProtocolError) for m in old.heard)
    worker = world.coordinator.board.worker("new")
    world.coordinator.mesh.view.take(1, report(new.key), 0.0)
    assert await world.coordinator.mesh.ask(worker) is None


def report(*keys, whole=False, stale=False, **state):
    given = {"linked": True, "rtt_us": 1500, "offset_us": 250} | state
    return PeerReport(tuple(PeerState(k, **given) for k in keys), whole, stale)


async def matrix(world):
    return {
        (a.source, a.target): a for a in await MeshService(world.coordinator).pairs(1)
    }


async def until_seen(world, pair, what=lambda answer: True):
    async with asyncio.timeout(20):
        while True:
            found = (await matrix(world)).get(pair)
            if found and what(found):
                return found
            await asyncio.sleep(0.01)


async def test_the_matrix_is_what_workers_report(world):
    hel, osl = await join(world, "hel"), await join(world, "osl")
    await hel.link.send(report(osl.key))
    seen = await until_seen(world, ("hel", "osl"))
    assert (seen.rtt_ms, seen.offset_ms, seen.loss) == (1.5, 0.25, 0.0)
    assert (seen.path, seen.one_way) == ("direct", False)
    await osl.link.send(report(hel.key, linked=False, dial="refused"))
    back = await until_seen(world, ("osl", "hel"))
    assert (back.rtt_ms, back.offset_ms, back.loss, back.path) == (
        None,
        None,
        1.0,
        None,
    )
    assert back.reason == "refused"


async def test_strangers_and_the_worker_itself_are_not_in_its_report(world):
    hel, osl = await join(world, "hel"), await join(world, "osl")
    await hel.link.send(report(b"x" * 32, b"", hel.key, osl.key))
    await until_seen(world, ("hel", "osl"))
    assert len(await matrix(world)) == 1


async def test_a_worker_that_takes_the_place_of_a_forgotten_one_is_seen(world):
    hel, board = await join(world, "hel"), world.coordinator.board
    board.workers[900] = Worker(id=900, key=b"x" * 32, name="x", state="pending")
    await hel.link.send(report(hel.key))
    await until_reported(world)
    del board.workers[900]
    nyc = await join(world, "nyc")
    await hel.link.send(report(nyc.key))
    await until_seen(world, ("hel", "nyc"))


async def until_reported(world):
    view = world.coordinator.mesh.view
    async with asyncio.timeout(20):
        while not view._seen:
            await asyncio.sleep(0.01)


async def test_wild_numbers_and_texts_are_made_safe(world):
    hel, osl = await join(world, "hel"), await join(world, "osl")
    wild = PeerState(
        osl.key, True, -5, float("nan"), -(1 << 63), dial="\x1b[31m" * 99, path="\n"
    )
    await hel.link.send(PeerReport((wild,)))
    seen = await until_seen(world, ("hel", "osl"))
    assert seen.loss == 0.0
    assert "\x1b" not in seen.reason
    assert len(seen.reason) < 200


async def test_who_reports_far_too_often_loses_its_link(world):
    hel, osl = await join(world, "hel"), await join(world, "osl")
    for _ in range(40):
        await hel.link.send(report(osl.key))
    await hel.until(lambda f: any(isinstance(m, ProtocolError) for m in f.heard))


async def test_a_whole_report_takes_the_place_of_all_before(world):
    hel, osl = await join(world, "hel"), await join(world, "osl")
    await join(world, "sto")
    sto = world.coordinator.board.worker("sto")
    await hel.link.send(report(osl.key, sto.key))
    await until_seen(world, ("hel", "sto"))
    await hel.link.send(report(osl.key, whole=True, stale=True))
    async with asyncio.timeout(20):
        while ("hel", "sto") in await matrix(world):
            await asyncio.sleep(0.01)
    hel_id = world.coordinator.board.worker("hel").id
    assert world.coordinator.mesh.view.best(hel_id) == (1, 1, 1.5)
    assert world.coordinator.mesh.view.stale == {hel_id}


async def test_what_a_lost_worker_said_is_a_gap(world):
    hel, osl = await join(world, "hel"), await join(world, "osl")
    await hel.link.send(report(osl.key))
    await osl.link.send(report(hel.key, deaf=True))
    assert (await until_seen(world, ("osl", "hel"), lambda a: a.one_way)).one_way
    await until_seen(world, ("hel", "osl"))
    hel_worker = world.coordinator.board.worker("hel")
    told = world.coordinator.mesh.notices
    assert told(hel_worker) == ["one direction to or from osl is cut"]
    worker = await silent(world, osl)
    assert set(await matrix(world)) == {("hel", "osl")}
    assert told(hel_worker) == []
    assert world.coordinator.mesh.view.best(worker.id) == (0, 0, None)


A = PeerState(b"b" * 32, linked=True)


@pytest.mark.parametrize(
    ("there", "cut"),
    [
        (A, ""),
        (replace(A, deaf=True), "does not arrive"),
        (replace(A, mute=True), ""),  # the other direction is cut, or both are
        (replace(A, deaf=True, mute=True), ""),  # both are
        (replace(A, dial="refused"), "cannot connect: refused"),
        (replace(A, dial="refused", mute=True), ""),  # both are
        (replace(A, dial=NO_ADDRESS), ""),  # it does not want to be dialled
        (replace(A, linked=False, dial="refused"), ""),  # no way at all
        (replace(A, linked=False, deaf=True), ""),
    ],
)
def test_which_direction_is_cut(there, cut):
    reason = cut_reason(there)
    assert cut in reason
    assert bool(reason) is bool(cut)


async def silent(world, far):
    """Make the worker at *far* vanish without a word; return it."""
    worker = world.coordinator.board.worker(far.welcome.name)
    await far.link._channel.close()
    async with asyncio.timeout(20):
        while worker.id in world.coordinator.board.connected:
            await asyncio.sleep(0.01)
    return worker


async def answer(far, *, heard):
    """Answer the next question on *far*."""
    await far.until(lambda f: any(isinstance(m, AskPeer) for m in f.heard))
    asked = next(m for m in far.heard if isinstance(m, AskPeer))
    await far.link.send(PeerSaid(asked.number, heard))
    return asked


async def test_a_silent_worker_that_a_peer_hears_is_not_lost(world):
    hel, osl = await join(world, "hel"), await join(world, "osl")
    await hel.link.send(report(osl.key))
    await until_seen(world, ("hel", "osl"))
    worker = await silent(world, osl)
    asked = await answer(hel, heard=True)
    assert asked.key == osl.key
    async with asyncio.timeout(20):
        while not world.coordinator.mesh.alive_via(worker.id):
            await asyncio.sleep(0.01)
    assert world.coordinator.mesh.alive_via(worker.id) == "hel"
    sight = world.coordinator.watch.sights[worker.id]
    assert sight.presence is Presence.SUSPECT
    assert sight.vouched > sight.heard


async def test_who_is_silent_on_a_link_that_stands_is_alive_via_a_peer(world):
    hel, osl = await join(world, "hel"), await join(world, "osl")
    await hel.link.send(report(osl.key))
    await until_seen(world, ("hel", "osl"))
    board, watch = world.coordinator.board, world.coordinator.watch
    worker = board.worker("osl")

    def age(seconds):
        sight = watch.sights[worker.id]
        watch.sights[worker.id] = replace(sight, heard=CLOCK.monotonic() - seconds)
        watch.look()
        return watch.presence(worker.id)

    async def how():
        return await world.members.worker(1, "osl")

    assert age(SUSPECT_S) is Presence.SUSPECT
    await answer(hel, heard=True)
    async with asyncio.timeout(20):
        while (await how()).alive_via is None:
            await asyncio.sleep(0.01)
    assert worker.id in board.connected
    assert (await how()).health == "unreachable from here, alive via hel"
    # Its link is given up now, and not for a moment is it lost.
    assert age(LOST_S) is Presence.SUSPECT
    await silent(world, osl)
    assert age(LOST_S + 1) is Presence.SUSPECT
    assert worker.id not in board.lost
    assert (await how()).alive_via == "hel"


async def test_who_speaks_again_on_its_link_needs_no_peers_word(world):
    hel, osl = await join(world, "hel"), await join(world, "osl")
    await hel.link.send(report(osl.key))
    await until_seen(world, ("hel", "osl"))
    mesh, watch = world.coordinator.mesh, world.coordinator.watch
    number = world.coordinator.board.worker("osl").id
    now = CLOCK.monotonic()
    watch.sights[number] = replace(watch.sights[number], heard=now - SUSPECT_S)
    watch.look()
    await answer(hel, heard=True)
    async with asyncio.timeout(20):
        while not mesh.alive_via(number):
            await asyncio.sleep(0.01)
    await osl.link.send(Heartbeat(1))
    async with asyncio.timeout(20):
        while mesh.alive_via(number):
            await asyncio.sleep(0.01)


async def test_those_that_hear_it_are_asked_before_those_that_do_not(world):
    hel, osl = await join(world, "hel"), await join(world, "osl")
    sto = await join(world, "sto")
    await hel.link.send(report(osl.key))
    await until_seen(world, ("hel", "osl"))
    await sto.link.send(report(osl.key, mute=True))
    await until_seen(world, ("sto", "osl"))
    board, view = world.coordinator.board, world.coordinator.mesh.view
    asked = view.links_of(board.worker("osl").id)
    assert [board.voter(number) for number in asked] == ["hel", "sto"]


async def test_a_silent_worker_that_nobody_hears_is_on_its_own(world):
    hel, osl = await join(world, "hel"), await join(world, "osl")
    await hel.link.send(report(osl.key))
    await until_seen(world, ("hel", "osl"))
    worker = await silent(world, osl)
    await answer(hel, heard=False)
    await asyncio.sleep(0.1)
    assert not world.coordinator.mesh.alive_via(worker.id)
    assert world.coordinator.watch.sights[worker.id].vouched == float("-inf")


async def test_a_worker_is_suspect_before_it_is_lost(world):
    await join(world, "hel")
    osl = await join(world, "osl")
    worker, watch = await silent(world, osl), world.coordinator.watch

    async def health(name):
        return (await world.members.worker(1, name)).health

    assert (await health("osl")).startswith("suspect")
    sight = watch.sights[worker.id]
    watch.sights[worker.id] = replace(sight, presence=Presence.LOST)
    assert await health("osl") == "lost"
    watch.sights[worker.id] = replace(sight, presence=Presence.LINKED)
    assert "has not told yet" in await health("osl")


async def test_only_who_was_asked_may_answer(world):
    hel, osl = await join(world, "hel"), await join(world, "osl")
    sto = await join(world, "sto")
    await hel.link.send(report(osl.key))
    await until_seen(world, ("hel", "osl"))
    worker = await silent(world, osl)
    await hel.until(lambda f: any(isinstance(m, AskPeer) for m in f.heard))
    asked = next(m for m in hel.heard if isinstance(m, AskPeer))
    await sto.link.send(PeerSaid(asked.number, True))
    await sto.link.send(PeerSaid(asked.number + 9, True))
    await asyncio.sleep(0.2)
    assert not world.coordinator.mesh.alive_via(worker.id)


async def test_a_peer_is_not_asked_all_the_time(world):
    hel, osl = await join(world, "hel"), await join(world, "osl")
    await hel.link.send(report(osl.key))
    await until_seen(world, ("hel", "osl"))
    await silent(world, osl)
    await answer(hel, heard=True)
    await asyncio.sleep(1.3)
    assert sum(isinstance(m, AskPeer) for m in hel.heard) == 1
    assert ASK_AGAIN_S > 1.3


@pytest.mark.parametrize(
    ("port", "told", "source", "addresses"),
    [
        (0, ("192.0.2.1:7464",), "192.0.2.9", ()),
        (70_000, ("192.0.2.1:7464",), "192.0.2.9", ()),
        (7464, (), "192.0.2.9", ("192.0.2.9:7464",)),
        (7464, ("192.0.2.1:1",), "192.0.2.9", ("192.0.2.9:7464", "192.0.2.1:7464")),
        (7464, ("192.0.2.9:7464",), "192.0.2.9", ("192.0.2.9:7464",)),
        (7464, ("127.0.0.1:7464",), "127.0.0.1", ("127.0.0.1:7464",)),
        # Only on loopback: where it is seen from leads nowhere.
        (7464, ("127.0.0.1:7464",), "192.0.2.9", ("127.0.0.1:7464",)),
        (7464, ("victim.example:80", "x y", ""), "memory", ()),
        (7464, ("[2001:db8::1]:7464",), "", ("[2001:db8::1]:7464",)),
    ],
)
def test_where_a_worker_may_be_dialled(port, told, source, addresses):
    assert told_addresses(port, told, source) == addresses


def test_of_many_addresses_few_are_listed():
    told = [f"192.0.2.{n}:7464" for n in range(200)]
    assert len(told_addresses(7464, told, "198.51.100.1")) == 8
