"""Which way packets leave this machine, as Linux tells it under /proc/net."""

import socket
import sys
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path

from msgspec import Struct

PROC = Path("/proc/net")
#: Bytes of a table that are read: a router's whole table is not needed.
MOST_BYTES = 1 << 18
#: The route is up, and leads through a gateway (route(8)).
_UP, _GATEWAY = 1, 2


class Route(Struct, frozen=True):
    """A route: to *network*, through *gateway* ("": on the link) by *device*."""

    network: IPv4Network | IPv6Network
    gateway: str
    device: str
    metric: int


def routes(proc: Path = PROC) -> list[Route]:
    """Return the routes of both families; none where the system does not tell."""
    return [*_each(proc / "route", _v4), *_each(proc / "ipv6_route", _v6)]


def gateways(known: list[Route]) -> list[Route]:
    """Return the default route of each family that leads through a gateway."""
    found: dict[int, Route] = {}
    for route in sorted(known, key=lambda r: r.metric):
        if route.gateway and not route.network.prefixlen:
            found.setdefault(route.network.version, route)
    return [found[version] for version in sorted(found)]


def is_far(address: str, known: list[Route]) -> bool:
    """Tell whether *address* is reached through a gateway; not for names."""
    try:
        where = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    where = getattr(where, "ipv4_mapped", None) or where
    if where.is_loopback or where.is_link_local:
        return False
    fits = [r for r in known if where in r.network]
    best = max(fits, key=lambda r: (r.network.prefixlen, -r.metric), default=None)
    return best is not None and bool(best.gateway)


def is_neighbour(address: str, proc: Path = PROC) -> bool | None:
    """Tell whether the link knows who has *address*; None if it does not tell."""
    for line in _lines(proc / "arp")[1:]:
        words = line.split()
        if len(words) > 3 and words[0] == address:
            return words[2] != "0x0"
    return None


def _lines(path: Path) -> list[str]:
    try:
        with path.open(encoding="ascii", errors="replace") as file:
            return file.read(MOST_BYTES).splitlines()
    except OSError:
        return []


def _each(path: Path, read: Callable[[list[str]], Route | None]) -> list[Route]:
    found = []
    for line in _lines(path):
        try:
            route = read(line.split())
        except (ValueError, IndexError, OSError):
            continue  # the heading, or a line that was cut
        if route is not None:
            found.append(route)
    return found


def _v4(words: list[str]) -> Route | None:
    """Read a line of ``route``: numbers in the machine's own order of bytes."""
    flags = int(words[3], 16)
    if not flags & _UP:
        return None
    network = ip_network(f"{_dotted(words[1])}/{_dotted(words[7])}", strict=False)
    gateway = _dotted(words[2]) if flags & _GATEWAY else ""
    return Route(network, gateway, words[0], int(words[6]))


def _dotted(word: str) -> str:
    return socket.inet_ntoa(int(word, 16).to_bytes(4, sys.byteorder))


def _v6(words: list[str]) -> Route | None:
    """Read a line of ``ipv6_route``: destination, source, next hop, and the rest."""
    flags = int(words[8], 16)
    if not flags & _UP or words[9] == "lo":
        return None
    network = ip_network((bytes.fromhex(words[0]), int(words[1], 16)), strict=False)
    hop = socket.inet_ntop(socket.AF_INET6, bytes.fromhex(words[4]))
    if hop.startswith("fe80:"):
        hop = f"{hop}%{words[9]}"
    gateway = hop if flags & _GATEWAY else ""
    return Route(network, gateway, words[9], int(words[5], 16))
