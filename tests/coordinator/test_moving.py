"""Jobs that move: leases, drain, make before break, and who is there at all."""

import asyncio

import pytest
from msgspec.structs import replace

from pangea.coordinator.board import Board
from pangea.coordinator.watch import LEASED_SINCE, Watch
from pangea.core.liveness import (
    FROZEN_S,
    LEASE_S,
    LEAVES_S,
    LOST_S,
    MOVES_AFTER_S,
    SETTLED_S,
    Presence,
)
from pangea.core.model import FIRST_ORG, Outcome, Worker
from pangea.core.verdict import JobState
from pangea.mesh.messages import Desired, Heartbeat, HeartbeatAck
from pangea.storage.verdicts import vote_changes
from pangea.web.schema import JobPatch
from tests.coordinator.conftest import CLOCK, row
from tests.coordinator.test_coordinator import stored
from tests.mesh.fakes import Stillness


async def add(world, name="web", **more):
    """Add an http job; return its number."""
    spec = world.spec(name=name, **more)
    return (await world.service.add_job(FIRST_ORG, spec, dry_run=False)).job.id


def board_of(*numbers):
    board = Board()
    for number in numbers:
        board.workers[number] = Worker(
            id=number, key=bytes([number]) * 32, name=f"w{number}", probes=("http",)
        )
    return board


class Scene:
    """A watch over some linked workers, on a clock that a test moves."""

    def __init__(self, *numbers, version=LEASED_SINCE):
        self.clock, self.board = Stillness(), board_of(*numbers)
        self.watch = Watch(self.board, self.clock)
        self.version = version
        self.beat(*numbers)
        self.watch.look()

    def beat(self, *numbers):
        for number in numbers:
            self.watch.heard(number)
            self.watch.lease(number, self.version)

    def pass_(self, seconds, *beating):
        """Let time go by a second at a time; *beating* workers speak."""
        moved = False
        for _ in range(round(seconds)):
            self.clock.now += 1.0
            self.beat(*beating)
            moved |= self.watch.look()
        return moved


# who is there


def test_silence_suspends_and_a_word_brings_back():
    scene = Scene(1, 2, 3)
    scene.pass_(LOST_S - 1, 2, 3)
    assert scene.board.lost == set()
    assert scene.watch.presence(1) is Presence.SUSPECT
    scene.pass_(1, 2, 3)
    assert scene.board.lost == {1}
    scene.watch.heard(1)
    assert scene.board.lost == set()


def test_who_is_heard_by_a_peer_is_not_lost():
    scene = Scene(1, 2, 3)
    scene.pass_(LOST_S - 2, 2, 3)
    scene.watch.vouched(1)
    scene.watch.vouched(99)
    scene.pass_(LOST_S - 1, 2, 3)
    assert scene.watch.presence(1) is Presence.SUSPECT
    assert scene.board.lost == set()
    scene.pass_(1, 2, 3)
    assert scene.board.lost == {1}
    assert scene.watch.presence(99) is Presence.LOST


def test_our_own_standstill_loses_nobody():
    scene = Scene(1, 2, 3)
    scene.clock.now += 120.0
    scene.watch.look()
    assert scene.board.lost == set()
    assert scene.watch.doubt is None


def test_most_of_them_at_once_is_our_own_fault_and_moves_nothing():
    scene = Scene(1, 2, 3)
    moved = scene.pass_(LEASE_S + MOVES_AFTER_S + 5, 3)
    assert scene.watch.doubt.gone == {1, 2}
    assert scene.board.lost == set()
    assert not moved
    scene.pass_(FROZEN_S, 3)
    assert scene.watch.doubt is None
    assert scene.board.lost == {1, 2}
    assert scene.board.away == {1, 2}


def test_those_that_come_back_end_the_doubt():
    scene = Scene(1, 2, 3)
    scene.pass_(LOST_S + 5, 3)
    scene.pass_(1, 1, 2, 3)
    assert scene.watch.doubt is None
    assert scene.board.lost == set()


# leases


def test_a_lease_ends_and_then_others_take_over():
    scene = Scene(1, 2, 3)
    assert not scene.pass_(LEASE_S + MOVES_AFTER_S - 1, 2, 3)
    assert scene.board.away == set()
    assert scene.pass_(1, 2, 3)
    assert scene.board.away == {1}


def test_who_takes_leave_gives_its_leases_back_at_once():
    scene = Scene(1, 2, 3)
    scene.watch.left(1, farewell=True)
    assert scene.pass_(1, 2, 3)
    assert scene.board.away == {1}
    scene.watch.left(2, farewell=False)
    scene.pass_(1, 3)
    assert scene.board.away == {1}, "one that broke off may still be probing"


def test_who_comes_back_has_to_stay_a_while_first():
    scene = Scene(1, 2, 3)
    scene.pass_(LEASE_S + MOVES_AFTER_S, 2, 3)
    assert not scene.pass_(SETTLED_S, 1, 2, 3)
    assert scene.board.away == {1}
    assert scene.pass_(1, 1, 2, 3)
    assert scene.board.away == set()


def test_coming_back_for_a_moment_begins_the_wait_anew():
    scene = Scene(1, 2, 3)
    scene.pass_(LEASE_S + MOVES_AFTER_S, 2, 3)
    scene.pass_(SETTLED_S - 5, 1, 2, 3)
    scene.watch.left(1, farewell=False)
    scene.pass_(2, 2, 3)
    scene.pass_(10, 1, 2, 3)
    assert scene.board.away == {1}


def test_a_worker_that_knows_no_leases_keeps_its_jobs():
    scene = Scene(1, 2, 3, version=1)
    assert scene.watch.lease(1, 1) == 0.0
    assert not scene.pass_(LEAVES_S, 2, 3)
    assert scene.board.away == set()


def test_after_a_start_nobody_is_away_before_it_could_come_back():
    board, clock = board_of(1, 2, 3), Stillness()
    watch = Watch(board, clock)
    watch.start()
    for _ in range(round(LEAVES_S + MOVES_AFTER_S) - 1):
        clock.now += 1.0
        watch.look()
    assert board.away == set()
    clock.now += 1.0
    assert watch.look()
    assert board.away == {1, 2, 3}
    assert watch.doubt is None


def test_who_was_lost_before_we_stopped_is_lost_until_it_is_heard():
    board = board_of(1, 2)
    board.states[7] = JobState(7, electorate=(1, 2), suspended=(2,))
    watch = Watch(board, Stillness())
    watch.start()
    watch.look()
    assert board.lost == {2}
    watch.heard(2)
    assert board.lost == set()


async def test_a_heartbeat_renews_the_leases_of_all_jobs(world):
    far = await world.join("hel")
    await far.link.send(Heartbeat(7))
    await far.until(lambda f: any(isinstance(m, HeartbeatAck) for m in f.heard))
    (ack,) = [m for m in far.heard if isinstance(m, HeartbeatAck)]
    assert (ack.sent_us, ack.lease_s) == (7, LEASE_S)


async def test_only_what_others_can_take_over_is_leased(world):
    far = await world.join("hel")
    everywhere = await add(world)
    counted = await add(world, name="counted", on="count:1")
    await far.until(lambda f: len(f.held) == 2)
    assert not far.held[everywhere].leased
    assert far.held[counted].leased


# moving


async def gone(board, number):
    """Wait until worker *number* has no link."""
    async with asyncio.timeout(20):
        while number in board.connected:
            await asyncio.sleep(0.01)


async def moving_world(world, count="count:1"):
    """Return the job, and its workers' ends with those that have it first."""
    fars = {}
    for name in ("hel", "nyc", "syd"):
        far = await world.join(name)
        fars[far.welcome.worker] = far
    job = await add(world, on=count, interval_s=30.0, rule="any")
    placed = world.coordinator.board.placements[job]
    has = [w.id for w in placed.workers]
    for number in has:
        await fars[number].until(lambda f: job in f.held)
    return job, fars, has


async def drain(world, number):
    """Say that worker *number* is draining, and carry it out."""
    board = world.coordinator.board
    worker = replace(board.workers[number], draining=True)
    board.workers[number] = worker
    await world.coordinator.moving.worker_changed(worker)


async def test_drain_moves_and_makes_before_it_breaks(world):
    job, fars, (old,) = await moving_world(world)
    await fars[old].report([row(job)])
    await fars[old].until(lambda f: f.acks.get("e") == 1)
    before = fars[old].held[job]
    await drain(world, old)

    placement = world.coordinator.board.placements[job]
    (new,) = placement.slots
    assert new != old
    await fars[new].until(lambda f: job in f.held)
    assert fars[new].held[job] == before, "it takes the place on the grid as well"
    assert job in fars[old].held, "the old one goes on"
    answer = await world.service.job(FIRST_ORG, "web")
    assert answer.verdict == "up"
    assert {v.state for v in answer.votes} == {"moving", "waiting"}

    await fars[new].report([row(job)])
    await fars[old].until(lambda f: job not in f.held)
    answer = await world.service.job(FIRST_ORG, "web")
    assert answer.verdict == "up", "one vote took the place of the other"
    assert [v.outcome for v in answer.votes] == ["ok"]
    states = world.coordinator.board.states[job]
    assert states.electorate == (new,)
    assert not fars[new].runs, "a move makes no burst"


async def test_drain_moves_nothing_that_runs_everywhere_or_by_name(world):
    _, fars, (old,) = await moving_world(world)
    name = world.coordinator.board.workers[old].name
    everywhere = await add(world, name="everywhere")
    by_name = await add(world, name="by-name", on=name)
    await drain(world, old)
    board = world.coordinator.board
    assert set(board.placements[everywhere].slots) == set(fars)
    assert set(board.placements[by_name].slots) == {old}


async def test_a_worker_that_is_gone_is_not_waited_for(world):
    job, fars, (old,) = await moving_world(world)
    await fars[old].leave()
    board = world.coordinator.board
    await gone(board, old)
    board.away = {old}
    await world.coordinator.moving.look(away_changed=True)
    placement = board.placements[job]
    assert old not in placement.slots
    assert placement.takes == {}
    assert board.states[job].electorate == tuple(placement.slots)


async def test_a_new_worker_that_cannot_ask_hands_on(world):
    job, fars, (old,) = await moving_world(world)
    await drain(world, old)
    board = world.coordinator.board
    (new,) = board.placements[job].slots
    said = row(job, 0, Outcome.ERROR, reason="unsupported", detail="no such option")
    await fars[new].report([replace(said, reason="unsupported")])
    await fars[new].until(lambda f: f.acks.get("e") == 1)
    await world.coordinator.moving.look(away_changed=False)

    (third,) = board.placements[job].slots
    assert third not in (old, new)
    assert board.placements[job].takes == {third: old}
    await fars[new].until(lambda f: job not in f.held)
    answer = await world.service.job(FIRST_ORG, "web")
    cell = {v.worker: v for v in answer.votes}[board.workers[new].name]
    assert (cell.state, cell.detail) == ("refused", "no such option")

    await world.service.edit_job(FIRST_ORG, "web", JobPatch(timeout_s=2.0))
    assert board.cannot == {}, "another question may be one that it can ask"


async def test_another_version_may_be_able_to(world):
    far = await world.join("hel")
    job = await add(world)
    said = replace(row(job, 0, Outcome.ERROR), reason="unsupported", detail="no")
    await far.report([said])
    await far.until(lambda f: f.acks.get("e") == 1)
    await world.coordinator.moving.look(away_changed=False)
    await far.until(lambda f: job not in f.held)
    await far.leave()

    back = await world.join("hel", probes=("http", "tcp", "later"))
    await back.until(lambda f: job in f.held)


async def test_what_one_cannot_ask_the_others_still_judge(world):
    hel, nyc = await world.join("hel"), await world.join("nyc")
    job = await add(world)
    said = row(job, 0, Outcome.ERROR)
    await hel.report([replace(said, reason="unsupported", detail="no such option")])
    await nyc.report([row(job)])
    await hel.until(lambda f: f.acks.get("e") == 1)
    await nyc.until(lambda f: f.acks.get("e") == 1)
    await world.coordinator.moving.look(away_changed=False)
    await hel.until(lambda f: job not in f.held)

    answer = await world.service.job(FIRST_ORG, "web")
    assert answer.verdict == "up"
    assert [(v.worker, v.state) for v in answer.votes] == [
        ("hel", "refused"),
        ("nyc", "probing"),
    ]


# lost votes


async def test_the_vote_of_a_lost_worker_is_shown_and_does_not_count(world):
    hel, nyc = await world.join("hel"), await world.join("nyc")
    job = await add(world, interval_s=600.0)
    for far in (hel, nyc):
        await far.report([row(job)])
        await far.until(lambda f: f.acks.get("e") == 1)
    coordinator, number = world.coordinator, hel.welcome.worker
    await hel.leave()
    await gone(coordinator.board, number)
    coordinator.board.lost.add(number)
    await coordinator.intake.note(coordinator.judging.expire())

    state = coordinator.board.states[job]
    assert state.suspended == (number,)
    assert state.verdict == "up", "the other one agrees"
    answer = await world.service.job(FIRST_ORG, "web")
    assert {v.worker: (v.state, v.outcome) for v in answer.votes} == {
        "hel": ("lost", "ok"),
        "nyc": ("probing", "ok"),
    }
    await nyc.report([row(job, 0.1, Outcome.FAILED)], first=2)
    await nyc.until(lambda f: f.acks.get("e") == 2)
    assert coordinator.board.states[job].verdict == "unknown", "never down by one"

    coordinator.board.lost.discard(number)
    await coordinator.intake.note(coordinator.judging.expire())
    assert coordinator.board.states[job].suspended == ()
    log = await world.store.read(lambda: vote_changes(job))
    causes = [change.cause for change in log if change.worker == number]
    assert causes[-2:] == ["worker lost", "worker is back"]


# rows of jobs that a worker never had


@pytest.fixture
async def two(world):
    """Yield a job of hel alone, and both ends, all known to run what they have."""
    hel, nyc = await world.join("hel"), await world.join("nyc")
    job = await add(world, on="hel")
    await hel.until(lambda f: job in f.held)
    dispatch = world.coordinator.dispatch
    for far in (hel, nyc):
        number = far.welcome.worker
        await dispatch.applied(number, dispatch.outboxes[number], first_set(far))
    return job, hel, nyc


def first_set(far):
    return next(m.version for m in far.heard if isinstance(m, Desired))


async def test_rows_of_a_job_that_a_worker_never_had_are_set_aside(world, two):
    job, hel, nyc = two
    later = world.coordinator.dispatch
    later._known_since = dict.fromkeys(later._known_since, 0.0)
    await nyc.report([row(job)])
    await nyc.until(lambda f: f.acks.get("e") == 1)
    await hel.report([row(job)])
    await hel.until(lambda f: f.acks.get("e") == 1)
    assert [r.worker for r in await stored(world)] == ["hel"]


async def test_rows_from_before_we_knew_what_it_had_are_taken(world, two):
    job, _, nyc = two
    await nyc.report([row(job, -3600.0)])
    await nyc.until(lambda f: f.acks.get("e") == 1)
    assert [r.worker for r in await stored(world)] == ["nyc"]


async def test_rows_of_a_job_that_has_moved_away_are_taken(world, two):
    job, hel, _ = two
    await world.service.edit_job(FIRST_ORG, "web", JobPatch(on="nyc"))
    await hel.until(lambda f: job not in f.held)
    later = world.coordinator.dispatch
    later._known_since = dict.fromkeys(later._known_since, 0.0)
    await hel.report([row(job, -1.0)])
    await hel.until(lambda f: f.acks.get("e") == 1)
    assert [r.worker for r in await stored(world)] == ["hel"]


# cut off ourselves


async def test_a_coordinator_that_is_cut_off_freezes_its_verdicts(world):
    fars = [await world.join(name) for name in ("hel", "nyc", "syd")]
    for name in ("hel", "nyc", "syd"):
        await world.members.approve(FIRST_ORG, name, "ada")
    job = await add(world, interval_s=1.0, timeout_s=0.5)
    for far in fars:
        await far.report([row(job)])
        await far.until(lambda f: f.acks.get("e") == 1)
    coordinator = world.coordinator
    for far in fars[:2]:
        await far.leave()
        await gone(coordinator.board, far.welcome.worker)
    await coordinator._look(CLOCK.wall())
    assert coordinator.watch.doubt
    held = coordinator.board.states[job].votes
    assert min(v.expires for v in held.values()) > CLOCK.wall() + FROZEN_S
    await coordinator._expire(CLOCK.wall() + 10.0)
    answer = await world.service.job(FIRST_ORG, "web")
    assert answer.verdict == "up"
    assert answer.trust.startswith("verdicts are frozen: most workers vanished")
    fars += [await world.join(name) for name in ("hel", "nyc")]
    await coordinator._look(CLOCK.wall())
    assert (await world.service.job(FIRST_ORG, "web")).trust.startswith("3 of 3")
    for far in fars[-2:]:
        await far.leave()
        await gone(coordinator.board, far.welcome.worker)
    await coordinator._look(CLOCK.wall())
    trouble = (await world.service.status(FIRST_ORG)).trouble
    assert any("2 workers vanished at once" in line for line in trouble)
