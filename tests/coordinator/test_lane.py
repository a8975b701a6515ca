"""A lane: how fast one channel is told, and what waits for it."""

import asyncio

from msgspec.structs import replace

from pangea.coordinator.attempts import try_once
from pangea.coordinator.lane import Failed, Lane
from tests.coordinator.conftest import CLOCK
from tests.core.test_notification import one


class Depot:
    """Takes what a lane delivers."""

    def __init__(self):
        self.closing, self.got, self.fails, self.gathers = False, [], 0, False
        self.refuses = False

    def may_go_unwritten(self):
        return self.refuses

    def is_gathering(self, incident):
        return self.gathers

    async def deliver(self, lane, them):
        self.got.append((CLOCK.monotonic(), [it.id for it in them]))
        if self.fails:
            self.fails -= 1
            raise Failed(0.01)
        lane.forget(them)

    async def has(self, messages):
        """Return when it has got so many messages."""
        async with asyncio.timeout(20):
            while len(self.got) < messages:
                await asyncio.sleep(0.01)


async def while_running(lane, depot, messages):
    task = asyncio.create_task(lane.run())
    try:
        await depot.has(messages)
    finally:
        task.cancel()
    return [ids for _, ids in depot.got]


async def test_what_is_not_written_waits_unless_the_database_refuses():
    depot = Depot()
    lane = Lane(1, depot, CLOCK)
    lane.put([one(1)], written=False)
    task = asyncio.create_task(lane.run())
    await asyncio.sleep(0.4)
    assert depot.got == []
    lane.written(["n001"])
    await depot.has(1)
    lane.put([one(2)], written=False)
    depot.refuses = True
    await depot.has(2)
    task.cancel()


async def test_a_limit_slows_down_and_what_waits_becomes_a_list():
    depot = Depot()
    lane = Lane(1, depot, CLOCK)
    lane.limit(60)
    for _ in range(4):
        lane._bucket.take(1.0, CLOCK.monotonic())
    lane.put([one(1)], written=True)
    task = asyncio.create_task(lane.run())
    await asyncio.sleep(0.35)
    assert depot.got == [], "all of the minute is spent"
    lane.put([one(n) for n in range(2, 6)], written=True)
    task.cancel()
    sent = await while_running(lane, depot, 1)
    assert sent[0] == ["n001", "n002", "n003", "n004", "n005"]


async def test_who_fails_is_left_alone_for_longer_each_time():
    depot = Depot()
    depot.fails = 1
    lane = Lane(1, depot, CLOCK)
    lane.put([one(1)], written=True)
    await while_running(lane, depot, 1)
    assert lane._free_at - CLOCK.monotonic() > 1.5
    lane.hurry()
    await while_running(lane, depot, 2)
    assert lane.pending == {}


async def test_after_a_list_the_next_one_waits_longer_and_longer():
    depot = Depot()
    lane = Lane(1, depot, CLOCK)
    lane.put([one(n) for n in range(9)], written=True)
    await while_running(lane, depot, 1)
    first = lane._free_at - CLOCK.monotonic()
    assert 1.0 < first <= 2.0
    lane._free_at = 0.0
    lane.put([one(n) for n in range(9)], written=True)
    await while_running(lane, depot, 2)
    assert 3.0 < lane._free_at - CLOCK.monotonic() <= 4.0


async def test_of_too_much_the_oldest_is_given_up():
    lane = Lane(1, Depot(), CLOCK)
    lane.put([one(n) for n in range(10)], written=True)
    assert [it.id for it in lane.surplus(7)] == ["n000", "n001", "n002"]
    assert len(lane.pending) == 7
    assert lane.surplus(7) == []


async def test_what_waits_behind_something_that_failed_is_not_asked_for_all_the_time():
    lane = Lane(1, Depot(), CLOCK)
    now_us = round(CLOCK.wall() * 1e6)
    tried = replace(one(1), message="m", tries=8, next_us=now_us + 60_000_000)
    lane.put([tried, replace(one(2), alert=tried.alert, next_us=now_us)], written=True)
    assert lane._wait_s() > 50.0


async def test_a_fault_of_ours_stops_no_lane(monkeypatch):
    depot = Depot()
    lane = Lane(1, depot, CLOCK)
    deliver = depot.deliver

    async def broken(lane, them):
        depot.deliver = deliver
        raise KeyError("no such word")

    depot.deliver = broken
    monkeypatch.setattr("pangea.coordinator.lane.again_after_s", lambda _: 0.1)
    lane.put([one(1)], written=True)
    assert await while_running(lane, depot, 1) == [["n001"]]


async def test_a_notifier_with_a_fault_is_one_that_did_not_send():
    class Broken:
        name = "pager"

        def open_channel(self, channel):
            raise LookupError(channel)

    tried = await try_once(Broken(), Broken(), None, 1)
    assert (tried.outcome, tried.answer) == ("again", "a fault of Pangea: LookupError")
