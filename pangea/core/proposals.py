"""Which job may depend on which: routers that the ways to several targets share."""

import ipaddress
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from .dependencies import Graph

#: A way to a target: the addresses of each hop that answered, in order.
Way = Sequence[Sequence[str]]
#: Targets that must share a router, and proposals that are made at most.
LEAST_SHARED, MOST = 2, 1000


class Proposal(Struct, frozen=True):
    """*child* may depend on *parent*, the router at *address* on the way to it.

    So many targets *shared* that router.
    """

    child: int
    parent: int
    address: str
    shared: int


def proposals(
    ways: Mapping[str, Iterable[Way]],
    targets: Mapping[int, str],
    routers: Mapping[str, int],
    graph: Graph,
) -> list[Proposal]:
    """Return what may depend on what, by child.

    *ways* are those to each host, one for each worker that walked there, *targets*
    the host of each job, *routers* the jobs that watch an address. Of the routers
    that all workers pass on the way to a host, and that other hosts share, the last
    one is proposed; never what would go round in a circle, or is so already.
    """
    routers = {plain(address): job for address, job in routers.items()}
    passed = {host: _passed(list(found), routers) for host, found in ways.items()}
    shared = Counter(address for on_way in passed.values() for address in on_way)
    made = []
    for child, host in sorted(targets.items()):
        for address in reversed(passed.get(host, [])):
            parent = routers[address]
            if shared[address] < LEAST_SHARED or address == plain(host):
                continue
            if _is_new(child, parent, graph):
                made.append(Proposal(child, parent, address, shared[address]))
            break
    return made[:MOST]


def plain(address: str) -> str:
    """Return an address as it is compared; what is none stays as it is."""
    try:
        return str(ipaddress.ip_address(address.strip("[]").partition("%")[0]))
    except ValueError:
        return address


def _passed(ways: list[Way], routers: Mapping[str, int]) -> list[str]:
    """Return the routers that are on all of *ways*, in the order of the first."""
    walked = [[{plain(a) for a in hop} for hop in way] for way in ways if way]
    if not walked:
        return []
    everywhere = set.intersection(*(set().union(*hops) for hops in walked))
    found = [a for hop in walked[0] for a in sorted(hop)]
    return [a for a in dict.fromkeys(found) if a in everywhere and a in routers]


def _is_new(child: int, parent: int, graph: Graph) -> bool:
    return not (
        child == parent
        or parent in graph.ancestors(child)
        or child in graph.ancestors(parent)
    )
