"""Which workers keep links to which: few for each, and still one mesh.

Everybody works it out from the same roster and comes to the same answer, so
nothing has to be agreed upon. The graph is a ring through all workers in an order
that a hash gives (hence connected, whatever else fails to be), a bridge between
each two regions, and, while there is room, chords of the ring (hence short ways).
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations

#: So many workers all know each other.
ALL_UP_TO = 8
#: Links of one worker in a larger mesh; bridges between regions may add to them.
LINKS = 6

Edge = tuple[bytes, bytes]


def neighbours(
    regions: Mapping[bytes, str], *, all_up_to: int = ALL_UP_TO, links: int = LINKS
) -> dict[bytes, frozenset[bytes]]:
    """Return for each worker, given by key with its region, whom it links to.

    It is symmetric. Bridges are spread over the workers of a region, so nobody
    has more than *links* of them beside the ring unless regions outnumber the
    workers that can carry them.
    """
    ring = sorted(regions, key=lambda key: _mixed(b"ring", key))
    if len(ring) <= all_up_to:
        everybody = frozenset(ring)
        return {key: everybody - {key} for key in ring}
    found: dict[bytes, set[bytes]] = {key: set() for key in ring}
    for one, other in [*_circle(ring, 1), *_bridges(regions, found)]:
        _join(found, one, other)
    for step in _steps(len(ring)):
        for one, other in _circle(ring, step):
            if len(found[one]) < links and len(found[other]) < links:
                _join(found, one, other)
    return {key: frozenset(others) for key, others in found.items()}


def dials_first(one: bytes, other: bytes) -> bool:
    """Tell whether *one* is the one of the two that dials: the smaller key."""
    return one < other


def keeps_own(ours: bytes, theirs: bytes, *, we_dialled: bool) -> bool:
    """Tell whether of two links between us the one in question is kept.

    Of two the one stays that the smaller key has dialled; both sides see it so.
    """
    return we_dialled == (ours < theirs)


def _join(found: dict[bytes, set[bytes]], one: bytes, other: bytes) -> None:
    if one != other:
        found[one].add(other)
        found[other].add(one)


def _circle(ring: Sequence[bytes], step: int) -> Iterator[Edge]:
    for place, key in enumerate(ring):
        yield key, ring[(place + step) % len(ring)]


def _steps(size: int) -> list[int]:
    """Return how far chords reach: an even spread over the logarithm of *size*."""
    reach = [max(2, round(size**power)) for power in (0.5, 0.75, 0.25, 0.875)]
    return [step for step in dict.fromkeys([*reach, 2, 3]) if step < size]


def _bridges(
    regions: Mapping[bytes, str], found: Mapping[bytes, set[bytes]]
) -> Iterator[Edge]:
    """Yield a link for each pair of regions, each from the least busy of both."""
    members: dict[str, list[bytes]] = {}
    for key, region in regions.items():
        members.setdefault(region, []).append(key)
    load = dict.fromkeys(found, 0)
    for one, other in combinations(sorted(members), 2):
        pair = f"{one}\0{other}".encode()
        a = min(members[one], key=_by(load, pair))
        b = min(members[other], key=_by(load, pair))
        load[a] += 1
        load[b] += 1
        yield a, b


def _by(load: Mapping[bytes, int], pair: bytes) -> Callable[[bytes], tuple[int, bytes]]:
    return lambda key: (load[key], _mixed(pair, key))


def _mixed(salt: bytes, key: bytes) -> bytes:
    return hashlib.blake2b(salt + b"\0" + key, digest_size=8).digest()
