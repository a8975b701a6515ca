"""Parents are proposed from what workers tell of the way, and accepted by a person."""

import asyncio

import pytest

from pangea.coordinator.dependency_service import DependencyService
from pangea.core.errors import NotFound, UsageError
from pangea.core.model import FIRST_ORG
from tests.coordinator.conftest import row
from tests.coordinator.test_moving import add

PROBES = ("http", "icmp", "traceroute")
ROUTER = "192.0.2.1"


def hops(*addresses):
    return {"hops": [{"ttl": n, "address": a} for n, a in enumerate(addresses, 1)]}


@pytest.fixture
async def desk(world):
    return DependencyService(world.coordinator, world.service)


async def watch(world):
    """Add two targets with a way each, and their router; return the ways' jobs."""
    await add(world, "gw", type="icmp", target=ROUTER)
    for name in ("one", "two"):
        await add(world, name, target=f"http://{name}.test/")
    return [
        await add(world, f"way-{n}", type="traceroute", target=f"{n}.test")
        for n in ("one", "two")
    ]


async def test_a_shared_router_is_proposed_and_accepted(world, desk):
    far = await world.join("a", probes=PROBES)
    first, second = await watch(world)
    assert await desk.proposed(FIRST_ORG) == []
    strange = row(first, readings={"hops": [None, {"address": 5}, {"addresses": "x"}]})
    await far.report(
        [
            strange,
            row(first, 0.1, readings=hops(ROUTER, "198.51.100.1")),
            row(second, 0.1, readings=hops(None, ROUTER, "198.51.100.2")),
        ]
    )
    async with asyncio.timeout(20):
        while not await desk.proposed(FIRST_ORG):
            await asyncio.sleep(0.02)
    found = await desk.proposed(FIRST_ORG)
    assert [(p.child, p.parent, p.address, p.shared) for p in found] == [
        ("one", "gw", ROUTER, 2),
        ("two", "gw", ROUTER, 2),
    ]
    assert await desk.proposed(FIRST_ORG + 1) == []
    assert (await world.service.job(FIRST_ORG, "one")).depends_on == []
    answer = await desk.accept(FIRST_ORG, "one", "gw")
    assert answer.depends_on == ["gw"]
    assert [p.child for p in await desk.proposed(FIRST_ORG)] == ["two"]
    await desk.accept(FIRST_ORG, "one", "way-one")
    again = await world.service.job(FIRST_ORG, "one")
    assert sorted(again.depends_on) == ["gw", "way-one"]


async def test_what_cannot_be_is_not_accepted(world, desk):
    await watch(world)
    with pytest.raises(NotFound):
        await desk.accept(FIRST_ORG, "one", "nix")
    await desk.accept(FIRST_ORG, "one", "gw")
    with pytest.raises(UsageError, match="depend on itself"):
        await desk.accept(FIRST_ORG, "gw", "one")
