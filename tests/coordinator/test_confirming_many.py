"""Confirmations of very many jobs are looked at in steps, and nothing is left out."""

import asyncio

import pytest

from pangea.core.confirm import Ask
from tests.coordinator.by_hand import ByHand, job, well

JOBS = range(1, 7)


@pytest.fixture
async def hand(tmp_path, monkeypatch):
    """Six jobs that are up, for a coordinator to which two are very many."""
    monkeypatch.setattr("pangea.coordinator.confirming.MANY", 1)
    monkeypatch.setattr("pangea.coordinator.walk.STEP", 1)
    monkeypatch.setattr("pangea.coordinator.walk.SPELL_S", 0.0)
    made = await ByHand(tmp_path).open([job(n) for n in JOBS], workers=3)
    await made.steps(30, well)
    made.runs.clear()
    made.clock.now += 0.5
    yield made
    await made.close()


async def until(what):
    async with asyncio.timeout(20):
        while not what():
            await asyncio.sleep(0.005)


async def test_the_others_are_asked_about_each_of_them(hand):
    await hand.hear([hand.row(n, 1, False) for n in JOBS])
    wanted = {(n, w) for n in JOBS for w in (2, 3)}
    await until(lambda: {(n, w) for _, n, w in hand.runs} >= wanted)
    assert len(hand.runs) == len(wanted)
    assert hand.c.confirming.asked == len(wanted)


async def test_what_is_answered_while_much_is_looked_at_is_not_asked(hand):
    hand.c.intake.hearing.judge([hand.row(n, 1, False) for n in JOBS])
    hand.c.confirming._look()
    await asyncio.sleep(0)
    hand.clock.now += 0.01
    hand.c.intake.hearing.judge([hand.row(3, w) for w in (2, 3)])
    hand.board.drop_job(hand.board.jobs[4])
    wanted = {(n, w) for n in (1, 2, 5, 6) for w in (2, 3)}
    await until(lambda: {(n, w) for _, n, w in hand.runs} >= wanted)
    assert {n for _, n, _ in hand.runs} == {1, 2, 5, 6}
    asked = hand.c.confirming.asked
    hand.c.confirming._ask(Ask(4, 2), hand.clock.monotonic())
    assert hand.c.confirming.asked == asked


async def test_a_worker_that_comes_takes_up_what_is_open(hand):
    await hand.hear([hand.row(n, 1, False) for n in JOBS])
    hand.c.confirming.open.clear()
    hand.c.confirming.linked(2)
    await until(lambda: set(hand.c.confirming.open) == set(JOBS))
