"""Which workers link to which: few each, one mesh, the same for everybody."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pangea.core.peering import (
    ALL_UP_TO,
    LINKS,
    dials_first,
    keeps_own,
    neighbours,
)


def key(number):
    return hashlib.blake2b(str(number).encode(), digest_size=32).digest()


def mesh(size, regions=1, seed=0):
    return {key((seed, n)): f"region-{n % regions}" for n in range(size)}


meshes = st.builds(
    mesh,
    st.integers(0, 70),
    st.integers(1, 12),
    st.integers(0, 1 << 30),
)


@given(meshes)
def test_who_links_to_whom_is_mutual(regions):
    graph = neighbours(regions)
    assert graph.keys() == regions.keys()
    for one, others in graph.items():
        assert one not in others
        assert all(one in graph[other] for other in others)


@given(meshes)
def test_the_mesh_hangs_together(regions):
    graph = neighbours(regions)
    reached, ahead = set(), list(graph)[:1]
    while ahead:
        one = ahead.pop()
        if one not in reached:
            reached.add(one)
            ahead += graph[one]
    assert reached == set(graph)


@given(meshes)
def test_nobody_has_more_links_than_allowed(regions):
    graph = neighbours(regions)
    most = ALL_UP_TO - 1 if len(regions) <= ALL_UP_TO else LINKS
    assert all(len(others) <= most for others in graph.values())


@given(st.integers(9, 60), st.integers(1, 4), st.integers(0, 1 << 30))
def test_each_two_regions_are_joined(size, count, seed):
    regions = mesh(size, count, seed)
    joined = {
        frozenset((regions[one], regions[other]))
        for one, others in neighbours(regions).items()
        for other in others
    }
    names = sorted(set(regions.values()))
    for index, one in enumerate(names):
        for other in names[index + 1 :]:
            assert {one, other} in joined


@given(meshes, st.randoms(use_true_random=False))
def test_the_order_of_the_roster_does_not_matter(regions, random):
    shuffled = list(regions.items())
    random.shuffle(shuffled)
    assert neighbours(dict(shuffled)) == neighbours(regions)


@pytest.mark.parametrize("size", range(ALL_UP_TO + 1))
def test_in_a_small_mesh_all_know_each_other(size):
    graph = neighbours(mesh(size))
    assert all(len(others) == size - 1 for others in graph.values())


@settings(max_examples=25)
@given(st.integers(0, 1 << 30))
def test_a_worker_that_leaves_changes_few_links_of_others(seed):
    regions = mesh(200, 5, seed)
    gone = key((seed, 7))
    left = {k: r for k, r in regions.items() if k != gone}
    before, after = neighbours(regions), neighbours(left)
    changed = sum(len((before[k] - {gone}) ^ after[k]) for k in left) / 2
    assert changed <= 60  # of more than 500


@given(st.binary(min_size=4, max_size=4), st.binary(min_size=4, max_size=4))
def test_of_two_links_both_sides_keep_the_same_one(one, other):
    if one == other:
        return
    assert dials_first(one, other) != dials_first(other, one)
    # The link that one dialled, seen from both ends; then the other link.
    assert keeps_own(one, other, we_dialled=True) == keeps_own(
        other, one, we_dialled=False
    )
    assert keeps_own(one, other, we_dialled=True) != keeps_own(
        one, other, we_dialled=False
    )
    assert keeps_own(one, other, we_dialled=True) == dials_first(one, other)
