"""A worker's own port: the door of the mesh for its peers, and nothing else."""

import logging
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address

from pangea.core.config import DEFAULT_PORT, LISTEN_OFF, NodeConfig
from pangea.core.errors import ConfigError
from pangea.mesh.dial import show_address
from pangea.mesh.interfaces import local_addresses
from pangea.mesh.roster import MAX_ADDRESSES
from pangea.web.keys import AcceptLink
from pangea.web.server import Running, serve
from pangea.web.worker_site import make_site

log = logging.getLogger(__name__)


async def listen(config: NodeConfig, accept: AcceptLink) -> Running | None:
    """Listen as *config* says; None if it says not to, or nothing can be had.

    Without an address of its own it is 7464 if free, else any free port. Raises
    ConfigError if the address that was given cannot be had.
    """
    if config.server.listen == LISTEN_OFF:
        return None
    host, port = config.listen
    if config.listen_given:
        return await serve(make_site(accept), host, port)
    for wanted in (DEFAULT_PORT, 0):
        try:
            return await serve(make_site(accept), host, wanted)
        except ConfigError as error:
            log.debug("%s", error)
    log.warning("this worker cannot listen: its peers cannot dial it")
    return None


def addresses_of(running: Running | None) -> tuple[str, ...]:
    """Return where peers may reach what listens: hints, the likeliest first."""
    if running is None:
        return ()
    try:
        bound = ip_address(running.host or "0.0.0.0")
    except ValueError:
        return (show_address(running.host, running.port),)
    if not bound.is_unspecified:
        return (show_address(str(bound), running.port),)
    own = (interface.ip for interface in local_addresses())
    usable = (a for a in own if a.version == bound.version and worth_telling(a))
    return tuple(show_address(str(a), running.port) for a in _first(usable))


def worth_telling(address: IPv4Address | IPv6Address) -> bool:
    """Tell whether another machine could reach *address*."""
    return not (
        address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_unspecified
    )


def _first(
    found: Iterable[IPv4Address | IPv6Address],
) -> list[IPv4Address | IPv6Address]:
    return list(dict.fromkeys(found))[: MAX_ADDRESSES - 1]
