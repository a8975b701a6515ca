"""The worker's self-test: a failure waits for it, and a cut is known afterwards."""

import asyncio

import pytest

from pangea.core.config import SelfTestTable
from pangea.core.model import Assignment, Flag, Outcome, Result
from pangea.core.self_test import Finding
from pangea.mesh.messages import HeartbeatAck
from pangea.system_clock import SystemClock
from pangea.worker.clock_offset import ClockOffset
from pangea.worker.lag import LagMeter
from pangea.worker.self_test import Wellness
from pangea.worker.self_test_memory import NAME, load
from pangea.worker.self_test_start import self_test_of

CLOCK = SystemClock()
GATE = "gateway 192.0.2.1"
SICK = int(Flag.SICK)


class Checks:
    """Finds the gateway as a test wants it; ``slow`` is the rest of a test."""

    def __init__(self):
        self.good, self.slow, self.tests = True, 0.0, 0

    async def run(self, found):
        self.tests += 1
        finding = Finding(GATE, self.good, "" if self.good else "it answers no ping")
        found(finding)
        await asyncio.sleep(self.slow)
        return [finding]


class World:
    def __init__(self, place):
        self.checks, self.place = Checks(), place
        self.lag, self.offset = LagMeter(CLOCK), ClockOffset(CLOCK)
        self.tasks = []

    async def start(self, boot="boot-1", boots=None):
        made = Wellness(
            self.checks,
            self.lag,
            self.offset,
            CLOCK,
            interval_s=60.0,
            path=self.place / NAME,
            boot=boot,
            boots=boots or {},
        )
        before = self.checks.tests
        self.tasks.append(asyncio.create_task(made.run()))
        async with asyncio.timeout(20):
            while self.checks.tests == before or not made.message().checks:
                await asyncio.sleep(0.01)
        return made


@pytest.fixture
async def world(tmp_path):
    made = World(tmp_path)
    yield made
    for task in made.tasks:
        task.cancel()
    await asyncio.gather(*made.tasks, return_exceptions=True)


def job(number=1, **more):
    return Assignment(number, "tcp", "192.0.2.7:1", 30.0, 1.0, 0.0, {}, **more)


def result(outcome=Outcome.FAILED, ago=0.1, number=1):
    reason = "" if outcome is Outcome.OK else "timeout"
    return Result(
        job=number,
        started_at_us=round((CLOCK.wall() - ago) * 1e6),
        duration_ms=ago * 1000,
        outcome=outcome,
        reason=reason,
    )


async def until_well(well):
    """Wait until the test that found a way is over, and written down."""
    async with asyncio.timeout(20):
        while well.cause:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)


async def test_a_first_failure_waits_for_a_test_and_is_believed_if_there_is_a_way(
    world,
):
    well = await world.start()
    world.checks.slow = 30.0  # nobody waits for the rest, once a gateway answers
    async with asyncio.timeout(20):
        assert await well.weigh(job(), result()) == 0
    assert world.checks.tests == 2


async def test_a_first_failure_of_a_cut_is_flagged_before_any_interval_is_over(world):
    well = await world.start()
    world.checks.good = False
    async with asyncio.timeout(20):
        assert await well.weigh(job(), result()) == SICK
    assert well.cause == "gateway: it answers no ping"
    # An answer counts, with the flag that its timings do not.
    assert await well.weigh(job(), result(Outcome.OK)) == SICK


async def test_only_the_first_failure_asks_for_a_test(world):
    well = await world.start()
    for _ in range(3):
        await well.weigh(job(), result())
    assert world.checks.tests == 2
    await well.weigh(job(), result(Outcome.OK))
    await asyncio.sleep(0)
    async with asyncio.timeout(20):
        await well.weigh(job(), result())
    assert world.checks.tests == 3


async def test_many_failures_at_once_share_one_test(world):
    well = await world.start()
    world.checks.good = False
    async with asyncio.timeout(20):
        flags = await asyncio.gather(
            *(well.weigh(job(n), result(number=n)) for n in range(1, 101))
        )
    assert set(flags) == {SICK}
    assert world.checks.tests <= 3


async def test_where_nothing_must_answer_silence_is_what_waits(world):
    well = await world.start()
    world.checks.good = False
    mirrored = job(expect="fail")
    async with asyncio.timeout(20):
        assert await well.weigh(mirrored, result(Outcome.OK)) == SICK
    assert await well.weigh(mirrored, result()) == SICK


async def test_a_gateway_that_never_answered_delays_and_voids_nothing(world):
    world.checks.good = False
    well = await world.start()
    begun = CLOCK.monotonic()
    assert await well.weigh(job(), result()) == 0
    assert CLOCK.monotonic() - begun < 3
    (check,) = well.message().checks
    assert check.detail == "not counted: it answers no ping"


async def test_a_result_of_a_window_that_has_ended_is_flagged_still(world):
    well = await world.start()
    world.checks.good = False
    await well.weigh(job(), result())
    world.checks.good = True
    assert await well.weigh(job(2), result(number=2)) == SICK
    await until_well(well)
    assert await well.weigh(job(3), result(number=3, ago=5.0)) == SICK
    await asyncio.sleep(0.1)
    assert await well.weigh(job(3), result(number=3, ago=0.05)) == 0


async def test_a_loop_that_stood_still_takes_the_vote_of_that_second(world):
    well = await world.start()
    world.lag.note(0.6)
    assert await well.weigh(job(), result()) == SICK
    world.lag.note(0.06)
    assert world.lag.bad


async def test_a_restart_in_a_cut_knows_that_there_was_a_gateway(world):
    well = await world.start()
    world.checks.good = False
    await well.weigh(job(), result())
    again = await world.start()
    assert again.cause == "gateway: it answers no ping"
    (stretch,) = load(world.place / NAME).stretches
    assert stretch.until == 0.0
    world.checks.good = True
    await again.weigh(job(2), result(number=2))
    await until_well(again)
    (stretch,) = load(world.place / NAME).stretches
    assert stretch.until > stretch.since


async def test_windows_are_told_once_it_is_known_when_they_were(world):
    well = await world.start()
    world.checks.good = False
    await well.weigh(job(), result())
    assert well.message().windows == ()  # no coordinator has told its time yet
    sent = world.offset.ask()
    now = round(CLOCK.boot() * 1e6) + 3_600_000_000  # its clock, an hour off
    world.offset.hear(HeartbeatAck(sent, now, now))
    said = well.message()
    (window,) = said.windows
    assert window.until_us == 0
    since = (window.from_us + said.offset_us) / 1e6
    assert 0 <= (now / 1e6) - since < 5


async def test_a_file_that_cannot_be_read_is_forgotten(world):
    (world.place / NAME).write_bytes(b"no json")
    (world.place / NAME).chmod(0o600)
    well = await world.start()
    assert well.cause == ""


def test_off_means_that_nothing_is_made(tmp_path):
    table = SelfTestTable(mode="off")
    assert self_test_of(table, tmp_path, None, None, CLOCK, None) is None
