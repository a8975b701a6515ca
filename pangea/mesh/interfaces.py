"""Which addresses this machine has now."""

from ipaddress import ip_interface

import ifaddr

from pangea.mesh.advert import Local


def local_addresses() -> tuple[Local, ...]:
    """Return every address of every interface, with its network."""
    found: list[Local] = []
    for adapter in ifaddr.get_adapters():
        for own in adapter.ips:
            address = own.ip if isinstance(own.ip, str) else own.ip[0]
            found.append(ip_interface(f"{address}/{own.network_prefix}"))
    return tuple(found)
