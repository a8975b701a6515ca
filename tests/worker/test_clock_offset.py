"""How far our clocks are off: the boot clock is measured, steps are told."""

import asyncio

import pytest

from pangea.mesh.messages import HeartbeatAck
from pangea.worker import clock_offset
from pangea.worker.clock_offset import ClockOffset

#: The coordinator's time when the boot clock of the test shows 0.
BOOTED_US = 1_795_000_000_000_000


class Hands:
    """Three clocks that a test moves."""

    def __init__(self, wall):
        self.at, self.slept, self.off = 1000.0, 0.0, wall

    def boot(self):
        return self.at + self.slept

    def monotonic(self):
        return self.at

    def wall(self):
        return self.off + self.boot()


@pytest.fixture(params=[0.0, 3.7e9, BOOTED_US / 1e6])
def hands(request):
    return Hands(request.param)


def measure(offset, hands, there_s=0.01, back_s=0.01):
    sent_us = offset.ask()
    hands.at += there_s
    now_us = BOOTED_US + round(hands.boot() * 1e6)
    hands.at += back_s
    offset.hear(HeartbeatAck(sent_us, now_us, now_us))


def test_both_offsets_are_known_after_one_answer_whatever_the_year(hands):
    offset = ClockOffset(hands)
    assert offset.boot_time is None
    assert offset.best.offset_us == 0
    measure(offset, hands)
    assert offset.boot_time.offset_us == BOOTED_US
    assert offset.boot_time.error_us == 10_000
    wall_us = round(hands.wall() * 1e6) + offset.best.offset_us
    assert wall_us == pytest.approx(BOOTED_US + hands.boot() * 1e6, abs=2)


def test_a_lopsided_way_is_inside_the_error_bound(hands):
    offset = ClockOffset(hands)
    measure(offset, hands, there_s=0.3, back_s=0.0)
    off_by = abs(offset.boot_time.offset_us - BOOTED_US)
    assert 0 < off_by <= offset.boot_time.error_us


def test_a_wall_clock_that_is_set_moves_no_boot_time(hands):
    offset = ClockOffset(hands)
    measure(offset, hands)
    hands.off -= 3600
    wall_us = round(hands.wall() * 1e6) + offset.best.offset_us
    assert wall_us == pytest.approx(BOOTED_US + hands.boot() * 1e6, abs=2)
    offset.forget(-3600.0)
    assert offset.stepped.is_set()
    assert offset.take_jumps_ms() == (-3_600_000, 0)
    assert offset.take_jumps_ms() == (0, 0)
    measure(offset, hands)
    assert offset.boot_time.offset_us == BOOTED_US


def test_a_sleep_is_no_step(hands):
    offset = ClockOffset(hands)
    measure(offset, hands)
    hands.slept += 7200
    offset.forget(7200.0)
    assert offset.take_jumps_ms() == (0, 7_200_000)
    hands.slept += 60
    hands.off += 5
    offset.forget(65.0)
    stepped_ms, slept_ms = offset.take_jumps_ms()
    assert (stepped_ms, slept_ms) == (pytest.approx(5000, abs=1), 60_000)


def test_a_sleep_that_nobody_told_of_is_seen_at_the_next_heartbeat(hands):
    offset = ClockOffset(hands)
    hands.slept += 30
    assert offset.take_jumps_ms() == (0, 30_000)


def test_an_answer_to_what_was_never_asked_is_no_sample(hands):
    offset = ClockOffset(hands)
    offset.hear(HeartbeatAck(5, BOOTED_US, BOOTED_US))
    assert offset.boot_time is None


async def is_known_within(offset, seconds):
    try:
        async with asyncio.timeout(seconds):
            await offset.known()
    except TimeoutError:
        return False
    return True


async def test_a_bad_first_sample_is_waited_out_for_a_good_one(hands):
    offset = ClockOffset(hands)
    measure(offset, hands, there_s=1.3, back_s=0.0)
    assert abs(offset.boot_time.offset_us - BOOTED_US) > 600_000
    assert not await is_known_within(offset, 0.05)
    measure(offset, hands)
    assert await is_known_within(offset, 0.05)
    assert abs(offset.boot_time.offset_us - BOOTED_US) <= 10_000


async def test_a_good_first_sample_is_enough_and_so_are_four_bad_ones(hands):
    good = ClockOffset(hands)
    measure(good, hands)
    assert await is_known_within(good, 0.05)
    slow = ClockOffset(hands)
    for _ in range(3):
        measure(slow, hands, there_s=0.2, back_s=0.2)
    assert not await is_known_within(slow, 0.05)
    measure(slow, hands, there_s=0.2, back_s=0.2)
    assert await is_known_within(slow, 0.05)


async def test_a_good_sample_is_not_waited_for_for_ever(hands, monkeypatch):
    monkeypatch.setattr(clock_offset, "SETTLE_S", 0.02)
    offset = ClockOffset(hands)
    measure(offset, hands, there_s=1.0, back_s=1.0)
    assert await is_known_within(offset, 0.2)
    assert await is_known_within(offset, 0.001), "only once"
    offset.forget(5.0)
    measure(offset, hands, there_s=1.0, back_s=1.0)
    assert not await is_known_within(offset, 0.005), "after a step anew"
