"""Turns: who is slow holds up nobody for long."""

import asyncio

from pangea.coordinator.turns import Turns


async def test_a_turn_that_takes_too_long_is_the_next_ones_too():
    turns, begun, go_on = Turns(at_once=2, patience_s=0.01), [], asyncio.Event()
    ended = []

    async def slowly(number):
        async with turns.take():
            begun.append(number)
            await go_on.wait()
            await asyncio.sleep(0)
            ended.append(number)

    tasks = [asyncio.create_task(slowly(n)) for n in range(6)]
    await asyncio.sleep(0)
    assert begun == [0, 1]
    async with asyncio.timeout(5):
        while len(begun) < 6:
            await asyncio.sleep(0.01)
    go_on.set()
    await turns.all_done()
    assert sorted(ended) == list(range(6))
    await asyncio.gather(*tasks)


async def test_as_many_turns_are_given_back_as_were_taken():
    turns, most, now = Turns(at_once=2, patience_s=10.0), 0, 0

    async def quickly():
        nonlocal most, now
        async with turns.take():
            now += 1
            most = max(most, now)
            await asyncio.sleep(0)
            now -= 1

    await asyncio.gather(*(quickly() for _ in range(20)))
    assert most == 2
    await turns.all_done()
