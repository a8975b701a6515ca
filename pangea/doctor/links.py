"""Does multicast pass here, and does anybody answer: the links of this machine."""

import asyncio
import select
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Interface
from pathlib import Path
from typing import Protocol

import dns.message
import ifaddr

from pangea.core.errors import Unreachable
from pangea.mesh.advert import SERVICE_TYPE
from pangea.mesh.dial import Address
from pangea.mesh.discovery import Browser
from pangea.mesh.interfaces import local_addresses
from pangea.system_clock import SystemClock

from .patient import Patient
from .row import Row, fail, ok, skipped, warn
from .tentative import settled

GROUP, GROUP6, PORT = "224.0.0.251", "ff02::fb", 5353
ECHO_S = 1.0
LOOK_S = 3.5
_IFF_MULTICAST = 0x1000
_OFF = "discovery does not use mdns (see --discovery)"


def interfaces(patient: Patient) -> Iterator[Row]:
    """List the interfaces that reach somebody, and whether they do multicast."""
    found = list(_linked())
    if not found:
        yield fail(
            "interfaces",
            "no interface but loopback has an address",
            "bring one up: ip link, ip address",
        )
    for adapter in found:
        addresses = ", ".join(str(_text(own)) for own in adapter.ips[:6])
        said = f"{adapter.nice_name}: {addresses}"
        if _can_multicast(adapter.nice_name):
            yield ok("interfaces", said)
        else:
            yield warn(
                "interfaces",
                f"{said}, no multicast",
                "mDNS may not work on it: use --join, or SRV records",
            )


def mdns(patient: Patient) -> Iterator[Row]:
    """Send one mDNS question on each interface, and see whether it is heard here.

    A firewall that drops either way is noticed; one on another machine is not.
    """
    if "mdns" not in patient.mesh.discovery:
        yield skipped("mDNS", _OFF)
        return
    for adapter in _linked():
        for own in adapter.ips:
            if own.is_IPv4 and not IPv4Interface(f"{own.ip}/32").ip.is_link_local:
                yield echo(adapter.nice_name, _Four(str(own.ip)))
                break
        if any(own.is_IPv6 for own in adapter.ips) and adapter.index:
            yield _echo_six(adapter.nice_name, adapter.index)


def _echo_six(interface: str, index: int) -> Row:
    """Ask by IPv6 once an address there may be used, or say why none may be."""
    state = settled(index)
    if state.trouble:
        tell = fail if state.taken else warn
        return tell(
            f"mDNS {interface} IPv6",
            f"cannot send: {state.trouble}",
            "give one of them another address"
            if state.taken
            else "look again in a moment",
        )
    return echo(interface, _Six(index))


async def coordinators(patient: Patient) -> tuple[Row, list[Address]]:
    """Listen on the links for coordinators of our cluster."""
    check = "coordinators on the link"
    if "mdns" not in patient.mesh.discovery:
        return skipped(check, _OFF), []
    if not patient.secrets:
        return skipped(check, "without a secret none is known"), []
    try:
        found = await _browse(patient.secrets)
    except Unreachable as error:
        return fail(check, str(error), error.hint), []
    if found:
        return ok(check, ", ".join(map(str, found))), found
    return warn(
        check,
        f"none with our secret advertises within {LOOK_S:g} s",
        "mDNS does not pass routers, most clouds, containers and guest Wi-Fi: "
        "give --join HOST[:PORT], or publish an SRV record",
    ), []


async def _browse(secrets: Sequence[bytes]) -> list[Address]:
    found: list[Address] = []
    async with Browser(lambda: secrets, SystemClock()) as browser:
        try:
            async with asyncio.timeout(LOOK_S):
                async for host, port in browser.candidates():
                    found.append(Address(host, port))
        except TimeoutError:
            pass  # whoever was there has answered
    return found


class Group(Protocol):
    """The mDNS group of one IP version, on one interface."""

    family: socket.AddressFamily
    name: str
    to: tuple[str | int, ...]

    def listen(self, sock: socket.socket) -> None:
        """Let *sock* hear what is sent to the group there."""
        ...

    def aim(self, sock: socket.socket) -> None:
        """Let *sock* send to the group there."""
        ...


class _Four:
    """The mDNS group on one IPv4 interface."""

    family, name = socket.AF_INET, "IPv4"

    def __init__(self, own: str) -> None:
        self.to: tuple[str | int, ...] = (GROUP, PORT)
        self._own = socket.inet_aton(own)

    def listen(self, sock: socket.socket) -> None:
        sock.bind(("", PORT))
        joined = socket.inet_aton(GROUP) + self._own
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, joined)

    def aim(self, sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, self._own)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)


class _Six:
    """The mDNS group on one IPv6 interface."""

    family, name = socket.AF_INET6, "IPv6"

    def __init__(self, index: int) -> None:
        self._index = index
        self.to: tuple[str | int, ...] = (GROUP6, PORT, 0, index)

    def listen(self, sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(("::", PORT))
        joined = socket.inet_pton(socket.AF_INET6, GROUP6) + struct.pack(
            "@I", self._index
        )
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, joined)

    def aim(self, sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, self._index)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 1)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)


def echo(interface: str, group: Group, wait_s: float = ECHO_S) -> Row:
    """Say whether what is sent to *group* on *interface* is heard here in time."""
    check = f"mDNS {interface} {group.name}"
    # Its number is what we know it by; others see an ordinary question.
    question = dns.message.make_query(SERVICE_TYPE, "PTR", flags=0).to_wire()
    try:
        with (
            _udp(group.family) as ear,
            _udp(group.family) as mouth,
        ):
            group.listen(ear)
            group.aim(mouth)
            mouth.sendto(question, group.to)
            heard = _hears(ear, question, wait_s)
    except OSError as error:
        return fail(
            check,
            f"cannot send or listen: {error.strerror or error}",
            "look at the firewall (UDP 5353), or use --join",
        )
    if heard:
        return ok(check, "what we send is heard here")
    return fail(
        check,
        "what we send does not come back",
        "a firewall drops UDP 5353 here: let 224.0.0.251 and ff02::fb pass, "
        "or use --join",
    )


def _hears(ear: socket.socket, question: bytes, wait_s: float) -> bool:
    until = time.monotonic() + wait_s
    while (left := until - time.monotonic()) > 0:
        if select.select([ear], [], [], left)[0] and ear.recv(9000) == question:
            return True
    return False


def _udp(family: socket.AddressFamily) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if hasattr(socket, "SO_REUSEPORT"):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    return sock


def _linked() -> Iterator[ifaddr.Adapter]:
    """Yield the interfaces with an address that others could reach."""
    far = {str(own.ip).partition("%")[0] for own in local_addresses()
           if not own.ip.is_loopback}  # fmt: skip
    for adapter in ifaddr.get_adapters():
        if any(_text(own) in far for own in adapter.ips):
            yield adapter


def _text(own: ifaddr.IP) -> str:
    return str(own.ip if isinstance(own.ip, str) else own.ip[0])


def _can_multicast(name: str) -> bool:
    try:
        flags = int(Path(f"/sys/class/net/{name}/flags").read_text("ascii"), 16)
    except (OSError, ValueError):
        return True  # not Linux, or gone: nothing speaks against it
    return bool(flags & _IFF_MULTICAST)
