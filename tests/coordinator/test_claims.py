"""Whatever a worker says of itself, the past of a job that it never had stays."""

import asyncio

import pytest
from msgspec.structs import replace

from pangea.coordinator.seat_log import SeatLog
from pangea.core.model import FIRST_ORG, Flag, Outcome
from pangea.mesh.messages import Desired
from pangea.storage import lateness, log_then
from pangea.storage.connection import connection
from tests.coordinator.conftest import CLOCK, row
from tests.coordinator.test_coordinator import add, stored

OK, FAILED = Outcome.OK, Outcome.FAILED
CLAMPED, DRILL = int(Flag.CLAMPED), int(Flag.DRILL)


def far_off(job, **more):
    """Return a row whose time has to be guessed."""
    return replace(row(job, **more), started_at_us=1 << 60)


@pytest.fixture
async def two(world):
    """Yield a job of hel alone, and both ends; nyc was sent its set long ago."""
    hel, nyc = await world.join("hel"), await world.join("nyc")
    job = await add(world, world.spec(name="web", on="hel", interval_s=5.0))
    await hel.until(lambda f: job in f.held)
    since = world.coordinator.dispatch._known_since
    assert nyc.welcome.worker in since, "it counts though nobody said Applied"
    since[nyc.welcome.worker] -= 3600.0
    return job, hel, nyc


async def kept(world, far, rows, first=1):
    """Return how many rows are there once all *rows* were reported."""
    before = len(await stored(world))
    await far.report(rows, first)
    await far.until(lambda f: f.acks.get("e") == first + len(rows) - 1)
    return len(await stored(world)) - before


async def test_who_never_said_that_it_took_its_set_cannot_report_another_job(
    world, two
):
    job, _, nyc = two
    assert await kept(world, nyc, [row(job, -30.0), row(job)]) == 0


async def test_only_we_say_that_a_time_was_put_right(world, two):
    job, hel, nyc = two
    assert await kept(world, nyc, [row(job, -30.0, flags=CLAMPED)]) == 0
    assert await kept(world, hel, [row(job, -1.0, flags=CLAMPED | 1)]) == 1
    (one,) = await stored(world)
    assert one.flags == ["warn"]


async def test_a_time_that_we_guess_is_taken_from_who_ever_sat_there(world, two):
    job, hel, nyc = two
    assert await kept(world, hel, [far_off(job)]) == 1
    assert await kept(world, nyc, [far_off(job)]) == 0
    seats = world.coordinator.intake.seats
    seats.once[job] = (nyc.welcome.worker,)
    assert await kept(world, nyc, [far_off(job)], 2) == 1


async def test_who_sat_there_before_a_restart_is_known_after_it(world, two):
    job, hel, nyc = two
    number = nyc.welcome.worker
    log = [(FIRST_ORG, job, 1, (number,)), (FIRST_ORG, job, 2, (number, 99))]
    await world.store.write(lambda: lateness.log_seats(log))
    past = world.coordinator.past
    await past.start()
    assert past._c.intake.seats.sat(number, job)
    assert past._c.intake.seats.sat(hel.welcome.worker, job)
    assert not past._c.intake.seats.sat(98, job)


def test_who_left_a_seat_once_had_it():
    seats = SeatLog(board=None)
    seats.written([(1, 7, 0, (1, 2))])
    seats.written([(1, 7, 0, (2, 3))])
    seats.written([(1, 7, 0, (1, 3))])
    assert [w for w in range(5) if seats.sat(w, 7)] == [1, 2, 3]
    assert seats.once[7] == (1, 2)


async def test_a_drill_that_never_was_is_neither_drill_nor_failure(world, two):
    job, hel, _ = two
    assert await kept(world, hel, [row(job, -1.0)]) == 1
    lie = row(job, 0, FAILED, flags=DRILL)
    assert await kept(world, hel, [lie], 2) == 0
    assert world.coordinator.board.states[job].verdict == "up"


@pytest.mark.parametrize("flags", [0, CLAMPED])
async def test_forged_rows_of_an_hour_change_no_verdict_of_it(world, flags):
    """Rows from before we knew what a worker had are taken, and judge nothing."""
    hel, nyc = await world.join("hel"), await world.join("nyc")
    job = await add(
        world, world.spec(name="web", on="hel", interval_s=30.0, rule="any")
    )
    await hel.until(lambda f: job in f.held)
    board, past = world.coordinator.board, world.coordinator.past
    since = round((CLOCK.wall() - 7200) * 1e6)
    board.jobs[job] = replace(board.jobs[job], created_at_us=since)
    seats = [(FIRST_ORG, job, since, (hel.welcome.worker,))]

    def before():
        connection().execute("UPDATE job SET created_at_us = ?", (since,))
        connection().execute("DELETE FROM seat_change")
        lateness.log_seats(seats)

    await world.store.write(before)
    past.correction.quiet_s = 0.2
    good = [row(job, at) for at in range(-3600, -60, 30)]
    lies = [row(job, at, FAILED, flags=flags) for at in range(-2400, -1200, 10)]
    await hel.report(good)
    await nyc.report(lies)
    await nyc.until(lambda f: f.acks.get("e"))
    await hel.until(lambda f: f.acks.get("e"))
    assert past.correction.waiting
    async with asyncio.timeout(20):
        while past.correction.waiting:
            await asyncio.sleep(0.05)
    log = await world.store.read(lambda: log_then.held(job, 0, 1 << 62))
    found = {turn.after for turn in log}
    assert "up" in found
    assert "down" not in found
    assert any(isinstance(m, Desired) for m in nyc.heard)
