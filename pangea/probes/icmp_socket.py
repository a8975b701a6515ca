"""Which sockets may ping here: datagram, raw, or none at all."""

import shutil
import socket
import struct

from pangea.core.failure import ProbeError

from .datagram import LINUX, literal
from .icmp_packet import ECHO_REPLY, ECHO_REPLY_V6

#: Linux numbers that Python 3.11 has no names for
_SOL_RAW = 255
_ICMP_FILTER = 1
_ICMP6_FILTER = 1
_IP_RECVTTL = 12
_IP_MTU_DISCOVER = 10
_IPV6_MTU_DISCOVER = 23
_PMTUDISC_DONT, _PMTUDISC_PROBE = 0, 3

FIX = (
    "allow this user's group by the sysctl net.ipv4.ping_group_range "
    '(sysctl -w net.ipv4.ping_group_range="0 2147483647"), '
    "or give the program the capability CAP_NET_RAW"
)


def icmp_right() -> tuple[bool, str]:
    """Tell whether this process may ping, and how (dgram, raw, ping) or why not."""
    for name, kind in (("dgram", socket.SOCK_DGRAM), ("raw", socket.SOCK_RAW)):
        try:
            socket.socket(socket.AF_INET, kind, socket.IPPROTO_ICMP).close()
        except OSError:
            continue
        return True, name
    if shutil.which("ping"):
        return True, "ping"
    return False, f"no right to send ICMP: {FIX}"


def open_socket(
    family: socket.AddressFamily, source: str, dont_fragment: bool
) -> tuple[socket.socket, bool]:
    """Return a bound ICMP socket for *family* and whether it is a raw one.

    Raises PermissionError if neither kind is allowed, another OSError if the
    family or the source address does not exist here.
    """
    sock, raw = _open(family)
    try:
        _configure(sock, family, raw, dont_fragment)
        sock.bind(literal(source)[1] if source else ("", 0))
    except OSError:
        sock.close()
        raise
    return sock, raw


def no_right() -> ProbeError:
    """Return the failure of a machine on which nothing may ping."""
    return ProbeError("no_right", f"no right to send ICMP: {FIX}")


def _open(family: socket.AddressFamily) -> tuple[socket.socket, bool]:
    v6 = family == socket.AF_INET6
    protocol = socket.IPPROTO_ICMPV6 if v6 else socket.IPPROTO_ICMP
    try:
        return socket.socket(family, socket.SOCK_DGRAM, protocol), False
    except OSError:
        return socket.socket(family, socket.SOCK_RAW, protocol), True


def _configure(
    sock: socket.socket, family: socket.AddressFamily, raw: bool, dont_fragment: bool
) -> None:
    if not LINUX:
        return
    # PROBE sets the bit without trusting a remembered path: each run asks anew.
    discover = _PMTUDISC_PROBE if dont_fragment else _PMTUDISC_DONT
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_MTU_DISCOVER, discover)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVHOPLIMIT, 1)
        if raw:
            sock.setsockopt(socket.IPPROTO_ICMPV6, _ICMP6_FILTER, _filter_v6())
        return
    sock.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, discover)
    if raw:
        only_replies = struct.pack("=I", 0xFFFFFFFF & ~(1 << ECHO_REPLY))
        sock.setsockopt(_SOL_RAW, _ICMP_FILTER, only_replies)
    else:
        sock.setsockopt(socket.IPPROTO_IP, _IP_RECVTTL, 1)


def _filter_v6() -> bytes:
    """Return the ICMP6_FILTER that lets only echo replies in (RFC 3542, 3.2)."""
    words = [0xFFFFFFFF] * 8
    words[ECHO_REPLY_V6 >> 5] &= ~(1 << (ECHO_REPLY_V6 & 31))
    return struct.pack("=8I", *words)
