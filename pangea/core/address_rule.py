"""Which addresses messages may be sent to: judged on the address itself. Pure.

A name is looked up once, each address is judged, and that address is connected to.
"""

from collections.abc import Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

#: Where clouds tell a machine its secrets; not all of them are link-local.
_METADATA = {
    ip_address("169.254.169.254"),
    ip_address("100.100.100.200"),
    ip_address("192.0.0.192"),
    ip_address("168.63.129.16"),
    ip_address("fd00:ec2::254"),
}
_NAT64 = ip_network("64:ff9b::/96")
_6TO4 = ip_network("2002::/16")
_THIS_NETWORK = ip_network("0.0.0.0/8")
#: Shared by providers and their customers (RFC 6598): as private as the others.
_SHARED = ip_network("100.64.0.0/10")


class AddressRule:
    """Judges addresses: the machine itself, its link and cloud metadata are closed.

    Private networks are open unless *private* is False. What lies in one of
    *allow* is open whatever it is.
    """

    def __init__(self, allow: Iterable[str] = (), *, private: bool = True) -> None:
        self._allow = [ip_network(text, strict=False) for text in allow]
        self._private = private

    def refusal(self, text: str) -> str:
        """Return "" if *text* may be connected to, else why not, for people."""
        try:
            whole = ip_address(text.partition("%")[0])
        except ValueError:
            return "it is no address"
        found = _inner(whole)
        if any(
            _within(one, network) for network in self._allow for one in {whole, found}
        ):
            return ""
        return _closed(found) or self._private_refusal(found)

    def _private_refusal(self, found: Address) -> str:
        private = found.is_private or _within(found, _SHARED)
        return "it is private" if private and not self._private else ""


def _closed(found: Address) -> str:
    """Return why *found* is closed to everybody, "" if it is not."""
    if found.is_loopback:
        return "it is this machine itself"
    if found in _METADATA:
        return "it tells a cloud machine's secrets"
    if found.is_link_local:
        return "it is on the link alone"
    if found.is_unspecified or _within(found, _THIS_NETWORK):
        return "it is no address of a machine"
    if found.is_multicast or found == IPv4Address("255.255.255.255"):
        return "it is many machines"
    return ""


def _inner(found: Address) -> Address:
    """Return the IPv4 address that an IPv6 one stands for, else itself."""
    if isinstance(found, IPv4Address):
        return found
    if found.ipv4_mapped:
        return found.ipv4_mapped
    if found in _NAT64:
        return IPv4Address(int(found) & 0xFFFFFFFF)
    if found in _6TO4:
        return IPv4Address((int(found) >> 80) & 0xFFFFFFFF)
    if int(found) >> 32 == 0 and int(found) > 1:
        return IPv4Address(int(found))  # IPv4-compatible: obsolete, but routed by some
    return found


def _within(found: Address, network: Network) -> bool:
    return found.version == network.version and found in network
