"""An alarm rings at the earliest of the moments that it was set to."""

import asyncio

import pytest

from pangea.alarm import Alarm


@pytest.fixture
def rang():
    return []


@pytest.fixture
def alarm(rang):
    return Alarm(lambda: rang.append(asyncio.get_running_loop().time()))


async def test_the_earliest_moment_wins_whatever_came_first(alarm, rang):
    for order in ((30.0, 0.02, 60.0), (0.02, 30.0)):
        for seconds in order:
            alarm.within(seconds)
        assert alarm.is_set
        async with asyncio.timeout(10):
            while not rang:
                await asyncio.sleep(0.005)
        assert not alarm.is_set
        rang.clear()


async def test_it_rings_once_for_all_that_set_it(alarm, rang):
    for _ in range(5):
        alarm.within(0.01)
    await asyncio.sleep(0.1)
    assert len(rang) == 1


async def test_it_can_be_set_while_it_rings():
    rang = []

    def ring():
        rang.append(1)
        if len(rang) < 3:
            alarm.within(0.0)

    alarm = Alarm(ring)
    alarm.within(0.0)
    await asyncio.sleep(0.1)
    assert len(rang) == 3


async def test_one_that_is_hushed_does_not_ring(alarm, rang):
    alarm.within(0.01)
    alarm.hush()
    alarm.hush()
    await asyncio.sleep(0.05)
    assert not rang
    assert not alarm.is_set
