"""Which workers keep links to which: few for each, and still one mesh.

Everybody works it out from the same roster and comes to the same answer, so
nothing has to be agreed upon. The graph is a ring through all workers in an order
that a hash gives (hence connected, whatever else fails to be), a bridge between
each two regions while their workers have room, and chords of the ring (hence short
ways). Places on the ring are a matter of each key alone, so a worker that comes or
goes changes few links of others.
"""

import hashlib
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from itertools import combinations

#: So many workers all know each other.
ALL_UP_TO = 8
#: Links of one worker in a larger mesh: two of the ring, and others while fewer.
LINKS = 6
#: How far along the ring chords reach, as shares of it.
REACH = (0.5, 0.25, 0.75, 0.125, 0.0625)

Edge = tuple[bytes, bytes]


def neighbours(
    regions: Mapping[bytes, str], *, all_up_to: int = ALL_UP_TO, links: int = LINKS
) -> dict[bytes, frozenset[bytes]]:
    """Return for each worker, given by key with its region, whom it links to.

    It is symmetric, and nobody has more than *links*, or all in a mesh of at most
    *all_up_to*. Bridges between regions come before chords.
    """
    ring = sorted(regions, key=_place)
    if len(ring) <= all_up_to:
        everybody = frozenset(ring)
        return {key: everybody - {key} for key in ring}
    found: dict[bytes, set[bytes]] = {key: set() for key in ring}
    for index, key in enumerate(ring):
        _join(found, key, ring[index - 1])
    for one, other in _bridges(regions, found, links):
        _join(found, one, other)
    places = [_place(key) for key in ring]
    for share in REACH:
        for key, place in zip(ring, places, strict=True):
            other = ring[bisect_left(places, (place + share) % 1.0) % len(ring)]
            if len(found[key]) < links and len(found[other]) < links:
                _join(found, key, other)
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


def _bridges(
    regions: Mapping[bytes, str], found: Mapping[bytes, set[bytes]], links: int
) -> Iterator[Edge]:
    """Yield a link for each two regions that have none: from their least busy."""
    members: dict[str, list[bytes]] = {}
    for key, region in sorted(regions.items()):
        members.setdefault(region, []).append(key)
    joined = {
        frozenset((regions[key], regions[other]))
        for key, others in found.items()
        for other in others
    }
    full: set[str] = set()
    for pair in combinations(sorted(members), 2):
        if not full.isdisjoint(pair) or frozenset(pair) in joined:
            continue
        salt = "\0".join(pair).encode()
        ends = [min(members[region], key=_by(found, salt)) for region in pair]
        spent = [
            region
            for region, key in zip(pair, ends, strict=True)
            if len(found[key]) >= links
        ]
        full.update(spent)
        if not spent:
            yield ends[0], ends[1]


def _by(
    found: Mapping[bytes, set[bytes]], salt: bytes
) -> Callable[[bytes], tuple[int, bytes]]:
    return lambda key: (len(found[key]), _mixed(salt, key))


def _place(key: bytes) -> float:
    """Return the place of *key* on the ring, from 0 to 1."""
    return int.from_bytes(_mixed(b"ring", key)) / 2**64


def _mixed(salt: bytes, key: bytes) -> bytes:
    return hashlib.blake2b(salt + b"\0" + key, digest_size=8).digest()
