"""Where a peer may be dialled: the roster's hints, and whether they lead there."""

import asyncio
import os
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address

from pangea.core.errors import UsageError
from pangea.core.peer_stats import NO_ADDRESS
from pangea.core.text import safe_text
from pangea.mesh.dial import Address, parse_join
from pangea.mesh.roster import RosterNode

REACH_S = 5.0
#: Below are the ports of other services; a worker listens there if it was told to.
LOWEST_PORT = 1024


def addresses_of_peer(node: RosterNode, *, near: bool) -> list[Address]:
    """Return where to dial *node*; loopback only if we are *near*, on its machine.

    Addresses are what a worker says of itself, so they are checked: numbers, not
    names, and nothing that many machines would answer.
    """
    found = []
    for text in node.addresses:
        try:
            address = parse_join(text)
            number = ip_address(address.host.partition("%")[0])
        except (UsageError, ValueError):
            continue
        if address.port >= LOWEST_PORT and may_be_dialled(number, near=near):
            found.append(address)
    return found


def may_be_dialled(number: IPv4Address | IPv6Address, *, near: bool) -> bool:
    """Tell whether one machine, and not any machine, may be at *number*."""
    # ::ffff:127.0.0.1 is as near as 127.0.0.1, and its properties do not say so.
    number = getattr(number, "ipv4_mapped", None) or number
    if number.is_loopback:
        return near
    wide = number.is_multicast or number.is_unspecified or number.is_link_local
    return not wide and str(number) != "255.255.255.255"


async def can_reach(addresses: Iterable[Address]) -> str:
    """Return "" if one of *addresses* takes a connection, else why none does."""
    why = NO_ADDRESS
    for address in addresses:
        try:
            async with asyncio.timeout(REACH_S):
                loop = asyncio.get_running_loop()
                transport, _ = await loop.create_connection(
                    asyncio.Protocol, address.host, address.port
                )
        except TimeoutError:
            why = f"{address} does not answer within {REACH_S:g} s"
        except OSError as error:
            number = error.errno or 0
            words = os.strerror(number) if number > 0 else safe_text(error)
            why = f"{address} cannot be reached: {words}"
        else:
            transport.close()
            return ""
    return safe_text(why, 120)
