"""From which of this machine's addresses a packet is sent, where a job says so."""

import ipaddress
import re
import time

import ifaddr

from pangea.core.errors import UsageError
from pangea.core.failure import ProbeError

from .connect import Family
from .target import is_address, parse_host

_INTERFACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@:-]{0,14}")
#: asking the system for all of its addresses takes longer than a ping
_KEPT_S = 2.0


class Source:
    """An address of ours, an interface that has one, or "": the system chooses.

    ``family`` is what the target is resolved to: that of an address given here,
    else *family*. Raises UsageError if the two contradict each other, and for
    text that is neither an address nor the name of an interface.
    """

    def __init__(self, text: str, family: Family) -> None:
        self._address = parse_host(text) if text and is_address(text) else ""
        self._interface = "" if self._address else text
        self.family = family
        if self._address:
            own: Family = "ipv6" if ":" in self._address else "ipv4"
            if family not in ("any", own):
                raise UsageError(f"source {self._address} is not an {family} address")
            self.family = own
        elif text and not _INTERFACE.fullmatch(text):
            hint = "give an address of this machine, or an interface such as eth0"
            raise UsageError(f"source {text!r} is not an address", hint=hint)

    def for_target(self, target: str) -> str:
        """Return the address from which to send to the address *target*.

        Raises ProbeError ``no_route`` if the interface has none of its family.
        """
        if not self._interface:
            return self._address
        found = _INTERFACES.address(self._interface, target)
        if not found:
            kind = "IPv6" if ":" in target else "IPv4"
            said = f"the interface {self._interface} has no {kind} address here"
            raise ProbeError("no_route", said)
        return found


class _Interfaces:
    """The addresses of this machine's interfaces, asked for now and then."""

    def __init__(self) -> None:
        self._addresses: dict[str, list[str]] = {}
        self._asked_at = float("-inf")

    def address(self, name: str, target: str) -> str:
        """Return the best address of *name* for sending to *target*, or ""."""
        now = time.monotonic()
        if now - self._asked_at > _KEPT_S:
            self._addresses, self._asked_at = _all_addresses(), now
        wanted = ipaddress.ip_address(target)
        same = [
            one
            for one in self._addresses.get(name, ())
            if (":" in one) == (wanted.version == 6)
        ]
        near = [one for one in same if _is_near(one) == wanted.is_link_local]
        return next(iter(near or same), "")


def _all_addresses() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            if isinstance(ip.ip, str):
                address = ip.ip
            else:
                host, _, zone = ip.ip
                address = f"{host}%{zone}" if zone else host
            found.setdefault(adapter.name, []).append(address)
    return found


def _is_near(address: str) -> bool:
    return ipaddress.ip_address(address).is_link_local


_INTERFACES = _Interfaces()
