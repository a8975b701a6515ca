"""Who is long gone leaves its part of the interval to the others, until it is back."""

import asyncio
import itertools

import pytest

from pangea.core.liveness import LEAVES_S
from pangea.mesh.messages import Desired
from tests.coordinator.conftest import World
from tests.coordinator.test_moving import add, gone


def phases_told(far, job):
    """Return the phases that a worker was given for *job*, one after the other."""
    told = [m for m in far.heard if isinstance(m, Desired)]
    return [a.phase_s for m in told for a in m.put if a.job == job]


async def test_others_share_the_interval_of_one_that_is_long_gone_until_it_is_back(
    world,
):
    fars = {name: await world.join(name) for name in ("hel", "nyc", "syd")}
    job = await add(world, interval_s=30.0, timeout_s=1.0)
    for far in fars.values():
        await far.until(lambda f: job in f.held)
    board, moving = world.coordinator.board, world.coordinator.moving
    hel = fars["hel"].welcome.worker
    await fars.pop("hel").leave()
    await gone(board, hel)
    board.started = 0.0
    await moving.look(away_changed=False)
    assert board.slots(job) == 3, "it may be back soon"
    board.seen[hel] -= LEAVES_S
    for _ in range(3):
        await moving.look(away_changed=False)
    assert board.slots(job) == 2
    assert hel in board.placements[job].seats
    await asyncio.sleep(0.1)
    apart = [phases_told(far, job)[-1] for far in fars.values()]
    assert abs(apart[1] - apart[0]) == pytest.approx(15.0)

    fars["hel"] = await world.join("hel")
    await fars["hel"].until(lambda f: job in f.held)
    await moving.look(away_changed=False)
    assert board.slots(job) == 3
    await asyncio.sleep(0.1)
    told = {name: phases_told(far, job) for name, far in fars.items()}
    now = sorted(phases[-1] for phases in told.values())
    assert [b - a for a, b in itertools.pairwise(now)] == pytest.approx([10.0, 10.0])
    # Given first, and moved at most once for each change.
    assert [len(told[name]) <= 3 + 2 for name in ("nyc", "syd")] == [True, True]
    assert len(told["hel"]) == 1


async def test_a_restart_of_the_coordinator_moves_nobody(world, store, tmp_path):
    fars = [await world.join(name) for name in ("hel", "nyc", "syd")]
    job = await add(world, interval_s=30.0, timeout_s=1.0)
    await fars[0].until(lambda f: job in f.held)
    hel = fars[0].welcome.worker
    await fars[0].leave()
    await gone(world.coordinator.board, hel)
    for far in fars[1:]:
        world.coordinator.board.seen[far.welcome.worker] += LEAVES_S + 60.0
    await world.coordinator._write_seen()
    again = World(store, tmp_path)
    await again.start()
    assert again.coordinator.board.slots(job) == 2
    await again.coordinator.moving.look(away_changed=False)
    assert again.coordinator.board.slots(job) == 2
    await again.close()
