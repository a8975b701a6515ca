"""Who is isolated stays so while witnesses are away, or come back one by one."""

import random

import pytest

from pangea.storage import verdicts
from tests.coordinator.by_hand import ByHand, dead, job, well


def but(*numbers):
    return lambda job, worker: worker not in numbers


async def isolated(place):
    """Return a coordinator of five jobs, with one worker of three alone in failing."""
    jobs = [job(n) for n in range(1, 6)]
    hand = await ByHand(place).open(jobs, workers=3)
    await hand.steps(30, well)
    await hand.steps(100, but(1))
    assert hand.board.sick[1].startswith("isolated")
    return hand


async def downs(hand):
    """Return all that ever went down."""
    found = []
    for number in hand.board.jobs:
        turns = await hand.store.read(lambda n=number: verdicts.transitions(n))
        found += [t for t in turns if t.after == "down"]
    return found


async def test_a_witness_that_is_lost_makes_nobody_well(tmp_path):
    hand = await isolated(tmp_path)
    hand.board.connected.discard(3)
    await hand.steps(60, but(1))
    assert 1 in hand.board.sick
    await hand.hear([hand.row(1, 2, False)])  # one lost packet of the last witness
    await hand.steps(400, but(1))
    assert 1 in hand.board.sick
    assert not await downs(hand)
    await hand.close()


async def test_what_the_last_witness_fails_as_well_is_down_when_the_lost_has_left(
    tmp_path,
):
    hand = await isolated(tmp_path)
    hand.board.connected.discard(3)
    await hand.steps(60, but(1))
    await hand.steps(400, dead)
    assert {t.job for t in await downs(hand)} == {1, 2, 3, 4, 5}
    await hand.close()


async def test_after_a_restart_it_waits_for_witnesses_that_come_late(tmp_path):
    hand = await isolated(tmp_path)
    hand.board.connected.discard(3)
    await hand.steps(20, but(1))
    await hand.again(after=10.0)
    hand.board.connected = {1}
    await hand.steps(60, but(1))
    assert 1 in hand.board.sick
    hand.board.connected = {1, 2}
    await hand.steps(100, but(1))
    assert 1 in hand.board.sick
    assert not await downs(hand)
    await hand.close()


async def test_who_reaches_them_again_is_believed_though_a_witness_is_lost(tmp_path):
    hand = await isolated(tmp_path)
    hand.board.connected.discard(3)
    await hand.steps(60, but(1))
    await hand.steps(30, well)
    assert not hand.board.sick
    await hand.close()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
async def test_restarts_lost_workers_and_packets_beside_one_that_is_isolated(
    tmp_path, seed
):
    """One never reaches anything; no packet of two others is lost at a time."""
    dice, last = random.Random(seed), {}
    hand = await isolated(tmp_path)

    def reaches(number, worker):
        if worker == 1:
            return False
        now = hand.clock.now
        lost = dice.random() < 0.03 and now - last.get(number, 0.0) > 25.0
        if lost:
            last[number] = now
        return not lost

    for _ in range(12):
        match dice.choice(["restart", "lose", "back", "back", "none"]):
            case "restart":
                there = set(hand.board.connected)
                await hand.again(after=dice.choice([1.0, 10.0]))
                hand.board.connected = there
            case "lose" if len(hand.board.connected) == 3:
                hand.board.connected.discard(dice.choice([2, 3]))
            case "back":
                hand.board.connected = {1, 2, 3}
        await hand.steps(100, reaches)
    assert not await downs(hand)
    await hand.close()
