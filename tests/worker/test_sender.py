"""After an outage: how things are, then what is new, then what has waited."""

import asyncio
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from pangea.core.errors import StorageError
from pangea.core.model import Outcome
from pangea.mesh.info import NodeInfo
from pangea.mesh.messages import (
    WINDOW,
    Ack,
    Batch,
    Credit,
    Digest,
    Heartbeat,
    decode_row,
    encode_row,
)
from pangea.storage.spool import Spool
from pangea.worker.allowance import BURST_ROWS, Allowance
from pangea.worker.sender import Sender
from tests.worker.test_session import CLOCK, Bench, result

OLD = 1300


@pytest.fixture
async def bench(tmp_path):
    made = Bench(await Spool.open(tmp_path / "spool.db", boot="this-boot"))
    yield made
    await made.close()


def of_job(job, number, outcome=Outcome.OK):
    return replace(result(number), job=job, outcome=outcome)


async def fill(bench, count):
    """Let *count* results of five jobs wait."""
    for number in range(count):
        bench.reporter.put(of_job(number % 5, number))
    await bench.reporter.flush()


class Taker:
    """Takes batches as a coordinator does, and acknowledges them."""

    def __init__(self, bench):
        self.bench, self.rows, self.batches = bench, {}, []
        self.digests = []

    async def take(self, seconds):
        try:
            async with asyncio.timeout(seconds):
                while True:
                    await self.take_one(await self.bench.next((Batch, Digest)))
        except TimeoutError:
            return

    async def take_one(self, said):
        if isinstance(said, Digest):
            self.digests.append(said)
            return
        self.batches.append(said)
        held = self.rows.setdefault(said.epoch, [])
        assert said.first == len(held) + 1, "every epoch comes in order"
        held += [decode_row(row).started_at_us // 1_000_000 for row in said.rows]
        await self.bench.far.send(Ack(said.epoch, len(held)))


async def test_the_latest_of_each_job_comes_first_and_the_backlog_by_credit(
    bench, tmp_path
):
    await fill(bench, OLD)
    before = bench.spool.epoch
    await bench.link(tmp_path)
    taker = Taker(bench)
    await taker.take(0.6)

    (digest,) = taker.digests
    latest = {decode_row(r).job: decode_row(r) for r in digest.latest.rows}
    assert {j: r.started_at_us // 1_000_000 for j, r in latest.items()} == {
        job: OLD - 5 + job for job in range(5)
    }
    assert len(taker.rows[before]) == BURST_ROWS
    assert bench.spool.epoch != before

    bench.reporter.put(of_job(1, 9000))
    await bench.reporter.flush()
    async with asyncio.timeout(20):
        await taker.take_one(await bench.next(Batch))
    assert taker.rows[bench.spool.epoch] == [9000], "news waits for no credit"

    await bench.far.send(Credit(2000.0))
    await taker.take(1.2)
    assert taker.rows[before] == list(range(OLD))
    assert await bench.spool.waiting() == 0


async def test_credit_of_nothing_holds_the_backlog(bench, tmp_path):
    await fill(bench, OLD)
    await bench.link(tmp_path)
    await bench.far.send(Credit(0.0))
    taker = Taker(bench)
    await taker.take(0.8)
    assert sum(map(len, taker.rows.values())) <= BURST_ROWS
    await bench.far.send(Credit(float("nan")))
    held = sum(map(len, taker.rows.values()))
    await taker.take(0.4)
    assert sum(map(len, taker.rows.values())) == held
    await bench.far.send(Credit(5000.0))
    await taker.take(0.8)
    assert sum(map(len, taker.rows.values())) == OLD


async def test_a_coordinator_of_the_first_version_gets_all_without_credit(
    bench, tmp_path
):
    await fill(bench, OLD)
    bench.coordinator_info = NodeInfo(role="coordinator", name="n", versions=(1, 1))
    await bench.link(tmp_path)
    taker = Taker(bench)
    await taker.take(1.0)
    assert taker.digests == []
    assert taker.rows == {bench.spool.epoch: list(range(OLD))}
    assert {batch.boot_ns for batch in taker.batches} == {()}


async def test_a_short_pause_needs_no_digest(bench, tmp_path):
    await fill(bench, 20)
    await bench.link(tmp_path)
    taker = Taker(bench)
    await taker.take(0.5)
    assert taker.digests == []
    assert taker.rows == {bench.spool.epoch: list(range(20))}


async def test_rows_carry_the_boot_clock_and_its_offset(bench, tmp_path):
    bench.ahead_us = 3_600_000_000
    now_ns = CLOCK.boot() * 1e9
    at = round(CLOCK.wall() * 1e6) - 40_000
    bench.reporter.put(replace(result(1), started_at_us=at))
    await bench.reporter.flush()
    await bench.link(tmp_path)
    batch = await bench.next(Batch)

    assert batch.boot == "this-boot"
    (boot_ns,) = batch.boot_ns
    assert boot_ns == pytest.approx(now_ns - 40e6, abs=30e6)
    placed = boot_ns // 1000 + batch.boot_offset_us
    assert placed == pytest.approx(at + 3_600_000_000, abs=30_000)
    assert 0 <= batch.error_us < 500_000


async def test_rows_of_an_earlier_boot_come_with_what_that_boot_has_measured(tmp_path):
    path = tmp_path / "spool.db"
    spool = await Spool.open(path, boot="first")
    measured = Bench(spool)
    await measured.link(tmp_path)
    measured.reporter.put(result(1))
    await measured.next(Batch)
    measured.reporter.put(result(2))
    await measured.reporter.flush()
    first = measured.offset.boot_time
    await measured.close()
    unmeasured = await Spool.open(path, boot="second")
    await unmeasured.add([unmeasured.keep(1, 5, encode_row(result(5)), 7)])
    await unmeasured.close()

    bench = Bench(await Spool.open(path, boot="third"))
    await bench.link(tmp_path)
    one, two = await bench.next(Batch), await bench.next(Batch)
    assert (one.boot, two.boot) == ("first", "second")
    assert one.boot_offset_us == pytest.approx(first.offset_us, abs=2000)
    assert two.boot_offset_us is None
    began = (CLOCK.wall() - CLOCK.boot()) * 1e6
    assert two.before_us == pytest.approx(began, abs=500_000)
    await bench.close()


async def test_a_heartbeat_tells_of_jumps_and_of_the_disk_once(bench, tmp_path):
    bench.disk.refused("results", StorageError("no space"))
    bench.offset.forget(-3600.0)
    await bench.link(tmp_path)
    first, second = await bench.next(Heartbeat), await bench.next(Heartbeat)
    assert (first.stepped_ms, first.slept_ms) == (-3_600_000, 0)
    assert second.stepped_ms == 0
    assert first.trouble == "no space"


class Hand:
    """A clock that a test moves."""

    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now


def test_an_allowance_grows_by_its_rate_up_to_a_burst():
    clock = Hand()
    allowance = Allowance(clock, limited=True)
    assert allowance.rows == BURST_ROWS
    allowance.spend(BURST_ROWS)
    assert (allowance.rows, allowance.wait_s(100)) == (0, None)
    allowance.grant(50.0)
    assert allowance.wait_s(100) == pytest.approx(2.0)
    clock.now += 2.0
    assert (allowance.rows, allowance.wait_s(100)) == (100, 0.0)
    clock.now += 1000
    assert allowance.rows == BURST_ROWS
    allowance.grant(0.0)
    assert allowance.rows == 0


def test_without_limit_there_is_always_enough():
    allowance = Allowance(Hand(), limited=False)
    allowance.spend(10**6)
    assert allowance.rows == BURST_ROWS


async def test_long_results_go_in_as_many_batches_as_they_need(bench, tmp_path):
    for number in range(600):
        long = {"path": "x" * 5_000}
        bench.reporter.put(replace(of_job(number, number), readings=long))
    await bench.reporter.flush()
    epoch = bench.spool.epoch
    await bench.link(tmp_path)
    await bench.far.send(Credit(5000.0))
    taker = Taker(bench)
    await taker.take(1.5)

    assert taker.rows[epoch] == list(range(600))
    latest = [decode_row(r).job for d in taker.digests for r in d.latest.rows]
    assert latest == list(range(600))
    assert await bench.spool.waiting() == 0


@pytest.mark.slow
async def test_without_acks_each_job_still_says_how_it_looks_and_no_row_comes_twice(
    bench, tmp_path
):
    await bench.link(tmp_path)
    batches = []
    for number in range(WINDOW):
        bench.reporter.put(of_job(number, number))
        await bench.reporter.flush()
        batches.append(await bench.next(Batch))
    for number, outcome in ((10, Outcome.OK), (11, Outcome.FAILED), (12, Outcome.OK)):
        bench.reporter.put(of_job(number % 2, number, outcome))
    first = await bench.next(Digest)
    bench.reporter.put(of_job(3, 20, Outcome.FAILED))
    second = await bench.next(Digest)

    looks = {decode_row(r).job: decode_row(r) for r in first.latest.rows}
    assert {job: r.started_at_us // 1_000_000 for job, r in looks.items()} == {
        0: 12,
        1: 11,
        2: 2,
        3: 3,
    }
    assert looks[1].outcome is Outcome.FAILED
    assert [decode_row(r).job for r in second.latest.rows] == [3]
    await bench.far.send(Ack(batches[-1].epoch, WINDOW))
    rest = await bench.next((Batch, Digest))
    assert isinstance(rest, Batch)
    assert (rest.first, len(rest.rows)) == (WINDOW + 1, 3)


def test_an_ack_settles_all_of_its_epoch_that_was_sent_before():
    acked, flows = [], []
    sender = object.__new__(Sender)
    sender._in_flight = [("old", 10), ("new", 1), ("old", 20), ("new", 2)]
    sender._sent = {"old": 20, "new": 2}
    sender._clock, sender._room = CLOCK, asyncio.Event()
    latest = SimpleNamespace(flows=flows.append)
    sender._reporter = SimpleNamespace(latest=latest, written=asyncio.Event())
    sender._spool = SimpleNamespace(
        has_backlog=False, ack=lambda *mark: acked.append(mark)
    )
    sender.settle(Ack("old", 20))
    assert sender._in_flight == [("new", 1), ("new", 2)]
    sender.settle(Ack("new", 1))
    assert sender._in_flight == [("new", 2)]
    assert acked == [("old", 20), ("new", 1)]
    assert len(flows) == 2
