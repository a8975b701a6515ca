"""A drill that ended before its job was up again hides no outage."""

import pytest

from pangea.core.maintenance import Maintenance
from tests.coordinator.by_hand import ByHand, dead, job, well


@pytest.fixture
async def drilled(tmp_path):
    hand = await ByHand(tmp_path).open([job(1)], workers=3)
    await hand.steps(40, well)
    await hand.drill(1)
    yield hand
    await hand.close()


async def test_an_outage_after_a_drill_that_a_restart_cut_short_is_real(drilled):
    await drilled.again()
    await drilled.steps(60, dead)
    assert drilled.verdict(1) == "down"
    assert not drilled.incident(1).drill


async def test_an_outage_after_a_drill_that_did_not_end_well_is_real(drilled):
    drilled.board.connected = set()
    await drilled.steps(200, well)
    assert not drilled.board.drills
    assert drilled.incident(1).drill, "nobody knows yet"
    drilled.board.connected = {1, 2, 3}
    await drilled.steps(60, dead)
    assert not drilled.incident(1).drill


async def test_an_outage_after_maintenance_that_ended_a_drill_is_real(drilled):
    now_us = round(drilled.clock.now * 1e6)
    plan = Maintenance(jobs=(1,), from_us=now_us - 1, until_us=now_us + 20_000_000)
    await drilled.c.planned.upkeep.add(plan)
    await drilled.steps(60, dead)
    assert not drilled.board.maintained
    assert not drilled.incident(1).drill


async def test_a_drill_that_ends_as_it_should_stays_one(drilled):
    _, decided = drilled.c.planned.drills.end(drilled.board.jobs[1])
    await drilled.c.intake.note(decided)
    (id_,) = [i.id for i in drilled.c.incidents.known.values()]
    await drilled.steps(60, well)
    assert drilled.verdict(1) == "up"
    assert drilled.incident(1) is None
    assert drilled.c.incidents.known[id_].drill
