"""The simulator on a few worlds, and that each mechanism is good for something."""

import logging

import pytest

from .__main__ import PANGEA, judged
from .score import Score
from .world import Kind, Plan, World


@pytest.fixture(autouse=True)
def quiet():
    """Say nothing of the doubts of invented coordinators."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_no_page_is_false_and_no_outage_missed(size):
    total = Score()
    for seed in range(10):
        total += judged(seed, size=size, off=(), others=False)[PANGEA]

    assert total.outages > 20
    assert not total.false
    assert not total.missed


#: Worlds in which something goes wrong without the mechanism, and nothing with it.
NEEDED = [
    ("confirm", 2, 1),
    ("expiry", 2, 376),
    ("self-test", 1, 0),
    ("isolation", 3, 105),
    ("up-rounds", 3, 2),
    ("electorate", 2, 29),
]


@pytest.mark.slow
@pytest.mark.parametrize(("mechanism", "size", "seed"), NEEDED)
def test_what_a_mechanism_is_good_for(mechanism, size, seed):
    with_it = judged(seed, size=size, off=(), others=False)[PANGEA]
    without = judged(seed, size=size, off=(mechanism,), others=False)[PANGEA]

    assert not with_it.false + with_it.missed
    assert without.false + without.missed


def test_a_world_is_what_its_seed_says():
    once, again, other = (World(seed, Plan(3)) for seed in (7, 7, 8))

    assert once.outages == again.outages
    assert once.unwell == again.unwell
    assert once.outages != other.outages


def test_every_kind_of_fault_happens():
    kinds = set()
    for seed in range(60):
        world = World(seed, Plan(3))
        faults = [*world.outages.values(), *world.unwell.values(), world.restarts]
        kinds |= {fault.kind for some in faults for fault in some}
        kinds |= {fault.kind for fault in world.paths.values()}

    assert kinds == set(Kind)


def test_the_same_moment_always_answers_the_same():
    world = World(3, Plan(2))

    assert world.probe(1, 2, 500.25) == world.probe(1, 2, 500.25)
    with_outage = next(t for t, faults in world.outages.items() if faults)
    (fault,) = world.outages[with_outage]
    healthy = [w for w in (1, 2) if world.worker(w, fault.start + 5) is None]
    assert healthy
    assert world.probe(healthy[0], with_outage, fault.start + 5).outcome == "failed"


#: Worlds in which a worker that is alone was believed again as soon as another one was
#: lost, or the coordinator had restarted; then a lost packet of a third was an outage.
MIXED = (99, 229, 279, 299)


@pytest.mark.slow
@pytest.mark.parametrize("seed", MIXED)
def test_no_page_is_false_where_many_faults_fall_together(seed):
    assert World(seed, Plan(3, mixed=True)).loss > World(seed, Plan(3)).loss
    total = judged(seed, size=3, off=(), others=False)[PANGEA]
    assert not total.false + total.missed
