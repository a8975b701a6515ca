"""Candidates that nobody vouches for: two at once, each with its own wait."""

import asyncio

from pangea.core.errors import Unreachable
from pangea.mesh.dial import Address
from pangea.worker.race import first_link
from pangea.worker.tries import MOST, Tries
from tests.mesh.fakes import Stillness

PLACES = [Address("10.0.0.1", port) for port in range(1024, 1030)]


class Won:
    """A link that knows whether it was closed."""

    def __init__(self):
        self.closed = False

    async def close(self):
        self.closed = True


async def each(addresses):
    for address in addresses:
        yield address


async def test_never_more_than_two_are_dialled_at_once():
    at_once = most = 0

    async def connect(address):
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.01)
        at_once -= 1
        raise Unreachable("no")

    failed = []
    won = await first_link(each(PLACES), connect, lambda a, e: failed.append(a))
    assert won is None
    assert most == 2
    assert sorted(failed) == PLACES


async def test_one_that_hangs_does_not_hold_up_the_others():
    good = Won()

    async def connect(address):
        if address == PLACES[0]:
            await asyncio.sleep(60)
        if address == PLACES[4]:
            return good
        raise Unreachable("no")

    async with asyncio.timeout(20):
        won = await first_link(each(PLACES), connect, lambda a, e: None)
    assert won == (PLACES[4], good)


async def test_of_two_links_at_the_same_time_one_is_closed():
    links = {place: Won() for place in PLACES[:2]}
    together = asyncio.Barrier(2)

    async def connect(address):
        await together.wait()
        return links[address]

    place, link = await first_link(each(PLACES[:2]), connect, lambda a, e: None)
    others = [links[p] for p in PLACES[:2] if p != place]
    assert not link.closed
    assert [other.closed for other in others] == [True]


async def test_what_a_failure_raises_ends_the_race():
    def failed(address, error):
        raise LookupError("that is enough")

    async def connect(address):
        raise Unreachable("no")

    try:
        await first_link(each(PLACES), connect, failed)
    except LookupError:
        return
    raise AssertionError("it went on")


def test_each_address_waits_by_itself_and_ever_longer():
    clock = Stillness()
    tries = Tries(clock, lambda: 1.0)
    one, other = PLACES[:2]
    waits = []
    for _ in range(8):
        tries.failed(one)
        begun = clock.now
        while not tries.due(one):
            clock.now += 0.5
        waits.append(clock.now - begun)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    assert tries.due(other)
    tries.failed(one)
    tries.good(one)
    assert tries.due(one)


def test_a_flood_of_addresses_is_forgotten_again():
    tries = Tries(Stillness(), lambda: 1.0)
    for port in range(10_000):
        tries.failed(Address("10.0.0.1", port))
    assert len(tries._failed) == MOST
