"""Slots: everybody fires once an interval, at their phase, whatever the clock does."""

import asyncio
import itertools
import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from pangea.core.phase import base_phase, next_due
from pangea.scheduling import TOGETHER, Slots, slot_of, slot_width
from tests.mesh.fakes import Stillness

#: Most of these look at when something happens.
pytestmark = pytest.mark.alone


class SteppedClock:
    """The real clock, moved by ``step`` seconds of wall time."""

    step = 0.0

    def wall(self):
        return time.time() + self.step

    def monotonic(self):
        return time.monotonic()

    def boot(self):
        return time.monotonic()


@pytest.fixture
async def slots():
    clock, fired = SteppedClock(), []
    made = Slots(clock, lambda key, due, late: fired.append((key, due, clock.wall())))
    made.clock, made.fired = clock, fired
    made.start()
    yield made
    made.stop()


def test_slots_are_a_tenth_of_a_second_to_a_second_wide():
    assert [slot_width(i) for i in (0.5, 5.0, 3600.0)] == [0.1, 0.5, 1.0]
    assert slot_of(30.0, 29.99).number == 29


async def test_everybody_fires_once_an_interval_at_its_phase(slots):
    for key in range(200):
        slots.put(key, 1.0, base_phase(key, 1.0))
    begun = slots.clock.wall()
    await asyncio.sleep(3.2)

    counts = Counter(key for key, *_ in slots.fired)
    assert set(counts) == set(range(200))
    assert all(3 <= n <= 4 for n in counts.values())
    for key, due, _ in slots.fired:
        place = (due - base_phase(key, 1.0)) % 1.0
        assert min(place, 1 - place) < 0.001
        assert due > begun - 0.02


async def test_what_is_dropped_fires_no_more_even_if_it_was_queued(slots):
    wall = slots.clock.wall()
    slots.put(1, 1.0, (wall + 0.15) % 1.0)
    await asyncio.sleep(0.1)
    slots.drop(1)
    await asyncio.sleep(1.2)

    assert slots.fired == []


async def test_the_only_one_in_a_slot_may_move_within_it(slots):
    slots.put(1, 3.0, 2.71)
    slots.put(1, 3.0, 2.72)
    slots.drop(1)
    slots.put(1, 3.0, 2.71)


async def test_any_moves_leave_what_is_there(slots):
    chance = random.Random(5)
    there = set()
    for _ in range(3000):
        key = chance.randrange(6)
        if chance.random() < 0.3:
            slots.drop(key)
            there.discard(key)
        else:
            slots.put(key, chance.choice((1.0, 3.0)), chance.randrange(300) / 100)
            there.add(key)
        assert set(slots._members) == there
        assert set(slots._slots) == set(slots._same)


async def test_who_joins_a_slot_under_way_fires_in_this_turn_of_it(slots):
    wall = slots.clock.wall()
    start = wall // 1
    slots.set_offset(start - wall)  # now is the beginning of a slot of a second
    slots.put(1, 10.0, (start + 0.5) % 10.0)
    slots.put(2, 10.0, (start + 0.2) % 10.0)
    await asyncio.sleep(0.1)
    slots.put(3, 10.0, (start + 0.3) % 10.0)
    slots.put(4, 10.0, (start + 0.05) % 10.0)
    await asyncio.sleep(0.6)

    assert [key for key, *_ in slots.fired] == [2, 3, 1]


async def test_who_is_put_into_a_slot_that_has_begun_need_not_wait_for_the_next(slots):
    wall = slots.clock.wall()
    start = wall // 1
    slots.set_offset(start - wall)  # now is the beginning of a slot of a second
    slots.put(1, 10.0, (start + 0.1) % 10.0)
    await asyncio.sleep(0.2)  # its queue is empty, and gone
    slots.put(2, 10.0, (start + 0.5) % 10.0)
    slots.put(3, 10.0, (start + 0.3) % 10.0)
    slots.put(1, 10.0, (start + 0.4) % 10.0)
    slots.put(4, 10.0, (start + 0.15) % 10.0)
    await asyncio.sleep(0.5)

    assert [key for key, *_ in slots.fired] == [1, 3, 1, 2]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
async def test_who_moves_fires_at_its_next_moment_and_then_every_interval(slots, seed):
    dice, put = random.Random(seed), {}
    for key in range(40):
        slots.put(key, 1.0, dice.random())
    for _ in range(60):
        await asyncio.sleep(dice.uniform(0, 0.03))
        key, phase = dice.randrange(40), dice.random()
        put[key] = (slots.clock.wall(), phase)
        slots.put(key, 1.0, phase)
    await asyncio.sleep(2.1)

    for key, (at, phase) in put.items():
        fired = [due for who, due, wall in slots.fired if who == key and wall > at]
        ahead = next_due(at, 1.0, phase)
        # What is due in a moment may be in a turn that is over by a hair.
        assert fired[0] == pytest.approx(ahead, abs=0.002) or ahead - at < 0.01
        assert fired[1] - fired[0] == pytest.approx(1.0, abs=0.002)


async def test_a_turn_that_begins_anew_takes_the_place_of_the_one_under_way(slots):
    wall = slots.clock.wall()
    start = wall // 1
    slots.set_offset(start - wall)  # now is the beginning of a slot of a second
    slots.put(1, 10.0, (start + 0.3) % 10.0)
    await asyncio.sleep(0.1)
    slots.set_offset(start - wall - 0.2)  # and now that moment is still to come
    await asyncio.sleep(0.7)

    assert [key for key, *_ in slots.fired] == [1]


async def test_whom_a_busy_loop_owes_the_turn_before_fires_in_the_next():
    clock, fired = Stillness(), []
    slots = Slots(clock, lambda key, due, late: fired.append((due, late)))
    slots.put(1, 0.5, 0.25)
    slot, begun = slot_of(0.5, 0.25), clock.now // 0.5 * 0.5
    clock.now = begun + 0.2002
    await slots._fire_slot(slot)
    clock.now += 0.5
    await slots._fire_slot(slot)
    slots.stop()

    assert fired == [(begun + 0.25, pytest.approx(0.45, abs=0.01))]


async def test_of_many_that_are_due_at_once_answers_are_read_after_each_few():
    order = []
    loop = asyncio.get_running_loop()

    def fire(key, due, late):
        order.append(key)
        loop.call_soon(order.append, "answers are read")

    slots = Slots(SteppedClock(), fire)
    slots.start()
    members = 2 * TOGETHER + 1
    ahead = (time.time() + 0.3) % 1.0
    for key in range(members):
        slots.put(key, 1.0, ahead)
    async with asyncio.timeout(20):
        while len(order) < 2 * members:
            await asyncio.sleep(0.01)
    slots.stop()

    in_a_row = [
        len(list(group))
        for read, group in itertools.groupby(order, lambda x: x == "answers are read")
        if not read
    ]
    # On a machine that stands still meanwhile a group may be cut in two.
    assert max(in_a_row) == TOGETHER


async def test_an_offset_moves_all_to_coordinator_time(slots):
    slots.set_offset(0.5)
    slots.put(1, 1.0, 0.25)
    await asyncio.sleep(1.1)

    _, due, wall = slots.fired[0]
    assert due % 1.0 == pytest.approx(0.25, abs=1e-6)
    assert (wall + 0.5) % 1.0 == pytest.approx(0.25, abs=0.15)


async def test_an_interval_of_no_round_number_keeps_its_grid_for_weeks():
    clock, fired = Stillness(), []
    slots = Slots(clock, lambda key, due, late: fired.append((key, due, late)))
    slots.put(1, 100 / 3, 33.3333)
    slots.put(2, 100 / 3, 0.0)
    for job in slots._scheduler.get_jobs():
        (slot,) = job.args
        start = slot.number * slot_width(slot.interval_s)
        first = next_due(clock.now, slot.interval_s, start)
        for turn in (0, 1, 1_000, 30_000, 60_000):
            step = turn * job.trigger.interval_length
            # The timer is 0.2 ms late.
            slots._clock = Stillness(first + step + 0.0002)
            await slots._fire_slot(slot)
            await asyncio.sleep(0.02)

    assert len(fired) == 10
    assert max(late for *_, late in fired) < 0.1
    slots.stop()


async def test_who_wants_to_know_is_told_of_a_step():
    clock, steps = SteppedClock(), []
    slots = Slots(clock, lambda *_: None, steps.append)
    slots.start()
    await asyncio.sleep(0.05)
    clock.step = -7200.0
    async with asyncio.timeout(20):
        while not steps:
            await asyncio.sleep(0.05)
    slots.stop()

    assert steps == [pytest.approx(-7200, abs=0.1)]


FIRING = """
import asyncio, pathlib, sys, time
from pangea.core.phase import base_phase
from pangea.scheduling import Slots
from pangea.system_clock import SystemClock

async def main(path, step):
    fired = set()
    slots = Slots(SystemClock(), lambda key, due, late: fired.add(key))
    slots.start()
    for key in range(20):
        slots.put(key, 1.0, base_phase(key, 1.0))
    await asyncio.sleep(1.2)
    before = time.time()
    path.write_text(step)
    await asyncio.sleep(0.8)
    fired.clear()
    await asyncio.sleep(1.5)
    print(len(fired), slots.rearmed, round((time.time() - before) / 3600))

asyncio.run(main(pathlib.Path(sys.argv[1]), sys.argv[2]))
"""


@pytest.mark.slow
@pytest.mark.needs("faketime")
@pytest.mark.parametrize(("step", "hours"), [("-3600", -1), ("+3600", 1)])
def test_a_step_of_the_clock_blinds_nobody(tmp_path, step, hours):
    moved = tmp_path / "moved"
    moved.write_text("+0")
    library = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    surroundings = {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(moved),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    ran = subprocess.run(
        [sys.executable, "-c", FIRING, str(moved), step],
        env=os.environ | surroundings,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )

    fired, rearmed, stepped = map(int, ran.stdout.split())
    assert stepped == hours, "the test must really have moved the clock"
    assert fired == 20
    assert rearmed >= 1
