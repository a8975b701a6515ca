"""A worker's side of a link: it obeys, reports, and forgets only what is safe."""

import asyncio
import secrets

import pytest

from pangea.core.errors import LinkClosed, ProtocolError
from pangea.core.model import Assignment, Outcome, Result
from pangea.mesh.identity import Identity, load_or_create
from pangea.mesh.info import NodeInfo
from pangea.mesh.link import initiate, respond
from pangea.mesh.messages import (
    WINDOW,
    Ack,
    Applied,
    Batch,
    Desired,
    Goodbye,
    Heartbeat,
    HeartbeatAck,
    Introduce,
    Welcome,
    decode_row,
)
from pangea.mesh.replay import ReplayCache
from pangea.probes.tools import Tools
from pangea.storage.spool import Spool
from pangea.system_clock import SystemClock
from pangea.vault import Vault
from pangea.worker.clock_offset import ClockOffset
from pangea.worker.disk import Disk
from pangea.worker.lag import LagMeter
from pangea.worker.memory import Memory
from pangea.worker.prober import Prober
from pangea.worker.reporter import Reporter
from pangea.worker.session import Session
from pangea.worker.trust import Trust
from tests.mesh.fakes import memory_channels

CLOCK = SystemClock()
SECRET = secrets.token_bytes(32)
VAULT = Vault(secrets.token_bytes(32))
FAR_AWAY = Assignment(7, "tcp", "127.0.0.1:9", 3600.0, 1.0, 0.0, {})


class Bench:
    """A session and the coordinator's end of its link, driven by a test."""

    def __init__(self, spool):
        self.spool = spool
        self.ahead_us = 0
        self.coordinator_info = info("coordinator")
        self.disk = Disk()
        self.reporter = Reporter(spool, self.disk, CLOCK)
        self.lag = LagMeter(CLOCK)
        self.offset = ClockOffset(CLOCK)
        self.memory = Memory(spool, VAULT, self.disk)
        self.prober = Prober(
            Tools(), CLOCK, self.reporter.put, self.lag, self.memory.seen
        )
        self.prober.start()

    async def link(self, place, watermarks=None):
        near, far = memory_channels()
        both = asyncio.gather(
            initiate(near, key(place, "w"), SECRET, info("worker"), any_, clock=CLOCK),
            respond(
                far, key(place, "c"), [SECRET], self.coordinator_info, any_,
                ReplayCache(), clock=CLOCK,
            ),
        )  # fmt: skip
        ours, self.far = await both
        self.session = Session(
            ours,
            spool=self.spool,
            prober=self.prober,
            reporter=self.reporter,
            memory=self.memory,
            lag=self.lag,
            disk=self.disk,
            offset=self.offset,
            clock=CLOCK,
            introduce=Introduce("boot", "1"),
        )
        self.running = asyncio.create_task(self.session.run())
        welcome = Welcome("approved", b"", 1, "hel", watermarks or {})
        await self.far.send(welcome)

    async def next(self, kind):
        """Return the next message of *kind*; answer heartbeats, forget the rest."""
        async with asyncio.timeout(20):
            while True:
                message = await self.far.receive()
                if isinstance(message, kind):
                    return message
                if isinstance(message, Heartbeat) and self.ahead_us is not None:
                    now = round(CLOCK.wall() * 1e6) + self.ahead_us
                    await self.far.send(HeartbeatAck(message.sent_us, now, now))

    async def close(self):
        await self.far.close()
        await asyncio.gather(self.running, return_exceptions=True)
        await self.prober.stop(0.1)
        await self.spool.close()


def key(place, name) -> Identity:
    return load_or_create(place / f"{name}.key")


def info(role):
    return NodeInfo(role=role, name="n", boot="0" * 32)


def any_(peer, said):
    """Trust everybody."""


def result(number):
    return Result(
        job=7, started_at_us=1_000_000 * number, duration_ms=1.0, outcome=Outcome.OK
    )


@pytest.fixture
async def bench(tmp_path):
    made = Bench(await Spool.open(tmp_path / "spool.db"))
    yield made
    await made.close()


async def test_it_introduces_itself_and_takes_its_assignments(bench, tmp_path):
    await bench.link(tmp_path)
    assert await bench.next(Introduce) == Introduce("boot", "1")
    await bench.far.send(Desired(5, None, (FAR_AWAY,)))
    await bench.next(Applied)
    while (await bench.next(Applied)).version != 5:
        pass

    assert set(bench.prober.assignments) == {7}
    assert await Memory(bench.spool, VAULT, Disk()).recall() == [FAR_AWAY]


async def test_a_change_to_a_set_it_does_not_hold_makes_it_ask_for_all(bench, tmp_path):
    await bench.link(tmp_path)
    await bench.next(Applied)
    await bench.far.send(Desired(9, 8, (FAR_AWAY,)))

    assert (await bench.next(Applied)).version == 0
    assert bench.prober.assignments == {}


async def test_results_are_sent_in_order_and_forgotten_when_acknowledged(
    bench, tmp_path
):
    await bench.link(tmp_path)
    for number in range(3):
        bench.reporter.put(result(number))
    batch = await bench.next(Batch)
    rows = [decode_row(row).started_at_us for row in batch.rows]

    assert (batch.first, rows) == (1, [0, 1_000_000, 2_000_000])
    assert await bench.spool.waiting() == 3
    await bench.far.send(Ack(batch.epoch, 3))
    async with asyncio.timeout(20):
        while await bench.spool.waiting():
            await asyncio.sleep(0.01)


async def test_no_more_than_a_window_is_sent_without_an_ack(bench, tmp_path):
    await bench.link(tmp_path)
    epoch = bench.spool.epoch
    for number in range(WINDOW + 2):
        bench.reporter.put(result(number))
        await bench.reporter.flush()
        if number < WINDOW:
            await bench.next(Batch)
    await asyncio.sleep(0.2)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await bench.next(Batch)
    await bench.far.send(Ack(epoch, WINDOW))
    assert (await bench.next(Batch)).first == WINDOW + 1


async def test_after_a_break_it_sends_again_what_was_not_acknowledged(bench, tmp_path):
    await bench.link(tmp_path)
    for number in range(4):
        bench.reporter.put(result(number))
    first = await bench.next(Batch)
    await bench.far.close()
    await asyncio.gather(bench.running, return_exceptions=True)
    await bench.link(tmp_path, {first.epoch: 2})
    again = await bench.next(Batch)

    assert (again.first, len(again.rows)) == (3, 2)


async def test_the_offset_is_measured_and_sent_along(bench, tmp_path):
    await bench.link(tmp_path)
    beat = await bench.next(Heartbeat)
    ahead = beat.sent_us + 60_000_000
    await bench.far.send(HeartbeatAck(beat.sent_us, ahead, ahead))
    later = await bench.next(Heartbeat)
    while not later.offset_us:
        later = await bench.next(Heartbeat)

    assert later.offset_us == pytest.approx(60_000_000, abs=500_000)


async def test_a_worker_that_is_not_approved_learns_the_word(bench, tmp_path):
    near, far = memory_channels()
    ours, bench.far = await asyncio.gather(
        initiate(near, key(tmp_path, "w"), SECRET, info("worker"), any_, clock=CLOCK),
        respond(
            far, key(tmp_path, "c"), [SECRET], info("coordinator"), any_,
            ReplayCache(), clock=CLOCK,
        ),
    )  # fmt: skip
    session = Session(
        ours,
        spool=bench.spool,
        prober=bench.prober,
        reporter=bench.reporter,
        memory=bench.memory,
        lag=bench.lag,
        disk=bench.disk,
        offset=bench.offset,
        clock=CLOCK,
        introduce=Introduce("boot", "1"),
    )
    bench.running = asyncio.create_task(session.run())
    await bench.far.send(Welcome("denied\x1b[2J", b""))
    with pytest.raises(ProtocolError) as caught:
        await bench.running

    assert "\x1b" not in str(caught.value)


async def test_a_goodbye_of_the_coordinator_ends_the_session(bench, tmp_path):
    await bench.link(tmp_path)
    await bench.far.send(Goodbye("shutting down"))
    with pytest.raises(ExceptionGroup) as caught:
        await bench.running

    assert caught.group_contains(LinkClosed, match="shutting down")


def test_the_first_coordinator_is_pinned_and_another_one_refused(tmp_path):
    trust = Trust(tmp_path / "last-good.json")
    trust.check(b"1" * 32, info("coordinator"))
    assert not trust.pinned
    trust.keep(b"1" * 32, "10.0.0.1:7464")

    again = Trust(tmp_path / "last-good.json")
    again.check(b"1" * 32, info("coordinator"))
    assert again.addresses == ("10.0.0.1:7464",)
    with pytest.raises(ProtocolError, match="another coordinator"):
        again.check(b"2" * 32, info("coordinator"))
    with pytest.raises(ProtocolError, match="worker"):
        again.check(b"1" * 32, info("worker"))


async def test_a_set_in_parts_replaces_the_old_one_only_when_it_is_whole(
    bench, tmp_path
):
    def one(job):
        return Assignment(job, "tcp", "127.0.0.1:9", 3600.0, 1.0, 0.0, {})

    bench.prober.replace_all([one(job) for job in range(4)])
    keeps = list(map(id, bench.prober.assignments.values()))
    await bench.link(tmp_path)
    await bench.next(Applied)
    await bench.far.send(Desired(5, None, (one(0), one(1)), more=True))
    await bench.far.send(Desired(6, 5, (one(2), one(3)), more=True))
    await bench.next(Heartbeat)
    assert list(map(id, bench.prober.assignments.values())) == keeps
    await bench.far.send(Desired(7, 6, (one(4),)))

    assert await bench.next(Applied) == Applied(7)
    assert set(bench.prober.assignments) == {0, 1, 2, 3, 4}
    assert list(map(id, bench.prober.assignments.values()))[:4] == keeps


async def test_a_batch_waits_until_the_clocks_offset_is_known(bench, tmp_path):
    bench.ahead_us = 7_200_000_000
    bench.reporter.put(result(1))
    await bench.reporter.flush()
    await bench.link(tmp_path)
    first = await bench.next(Batch)
    assert first.offset_us == pytest.approx(7_200_000_000, abs=500_000)

    bench.ahead_us = -60_000_000
    bench.offset.forget(7260.0)
    bench.reporter.put(result(2))
    second = await bench.next(Batch)
    assert second.offset_us == pytest.approx(-60_000_000, abs=500_000)


async def test_the_offset_outlives_the_link(bench, tmp_path):
    bench.ahead_us = 7_200_000_000
    bench.reporter.put(result(1))
    await bench.link(tmp_path)
    await bench.next(Batch)
    await bench.far.close()
    await asyncio.gather(bench.running, return_exceptions=True)
    bench.ahead_us = None
    await bench.link(tmp_path)

    async with asyncio.timeout(20):
        again = await bench.next(Batch)
    assert again.offset_us == pytest.approx(7_200_000_000, abs=500_000)


async def test_a_coordinator_that_answers_no_heartbeat_still_gets_results(
    bench, tmp_path
):
    bench.ahead_us = None
    await bench.link(tmp_path)
    bench.reporter.put(result(1))
    assert (await bench.next(Batch)).offset_us == 0


async def test_heartbeats_count_what_was_skipped_since_the_last_one(bench, tmp_path):
    bench.prober.skipped = 3
    await bench.link(tmp_path)

    assert [(await bench.next(Heartbeat)).skipped for _ in range(2)] == [3, 0]


@pytest.mark.slow
async def test_a_disk_that_refuses_ends_no_session(bench, tmp_path, caplog):
    await bench.link(tmp_path)
    bench.reporter.put(result(1))
    batch = await bench.next(Batch)
    file = bench.spool._open_file().disk
    file.link.execute("PRAGMA query_only = 1")
    await bench.far.send(Ack(batch.epoch, 1))
    await bench.far.send(Desired(5, None, (FAR_AWAY,)))
    while (await bench.next(Applied)).version != 5:
        pass
    bench.reporter.put(result(2))
    await bench.reporter.flush()

    assert set(bench.prober.assignments) == {7}
    assert not bench.running.done()
    assert len([r for r in caplog.records if r.levelname == "ERROR"]) == 1
    file.link.execute("PRAGMA query_only = 0")
    again = await bench.next(Batch)
    assert (again.first, len(again.rows)) == (2, 1)
    await bench.far.send(Ack(batch.epoch, 2))
    async with asyncio.timeout(20):
        while await bench.spool.waiting():
            await asyncio.sleep(0.05)
        while not await Memory(bench.spool, VAULT, Disk()).recall():
            await asyncio.sleep(0.05)
    assert bench.disk.trouble == ""
