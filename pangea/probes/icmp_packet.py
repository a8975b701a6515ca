"""The bytes of echo requests, replies and errors (RFC 792, RFC 4443)."""

import struct
from typing import NamedTuple

ECHO_REQUEST, ECHO_REPLY = 8, 0
ECHO_REQUEST_V6, ECHO_REPLY_V6 = 128, 129
TOKEN = 8
_HEADER = struct.Struct("!BBHHH")
_IP_HEADER = 20
#: what follows the token; longer payloads repeat it
FILLING = bytes(range(256)) * 256

_UNREACHABLE = {
    0: "network unreachable",
    1: "host unreachable",
    2: "protocol unreachable",
    3: "port unreachable",
    5: "source route failed",
    6: "network unknown",
    7: "host unknown",
    9: "network administratively prohibited",
    10: "host administratively prohibited",
    11: "network unreachable for this type of service",
    12: "host unreachable for this type of service",
    13: "administratively prohibited",
}
_UNREACHABLE_V6 = {
    0: "no route to the destination",
    1: "administratively prohibited",
    2: "beyond the scope of the source address",
    3: "address unreachable",
    4: "port unreachable",
    5: "source address refused by policy",
    6: "route rejected",
}


class Reply(NamedTuple):
    """An echo reply; ``ttl`` is None where the packet itself does not tell."""

    identifier: int
    sequence: int
    payload: bytes
    ttl: int | None


def echo_request(v6: bool, identifier: int, sequence: int, payload: bytes) -> bytes:
    """Return an echo request; IPv6 leaves the checksum to the kernel."""
    if v6:
        return _HEADER.pack(ECHO_REQUEST_V6, 0, 0, identifier, sequence) + payload
    blank = _HEADER.pack(ECHO_REQUEST, 0, 0, identifier, sequence) + payload
    sealed = _HEADER.pack(ECHO_REQUEST, 0, checksum(blank), identifier, sequence)
    return sealed + payload


def checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071).

    The one's complement sum of 16 bit words is the whole number modulo 65535,
    which Python computes in C.
    """
    if len(data) % 2:
        data += b"\0"
    return 0xFFFF - int.from_bytes(data, "big") % 0xFFFF


def read_reply(v6: bool, data: bytes) -> Reply | None:
    """Return the echo reply in *data*, None if it is anything else.

    An IPv4 header in front, as raw sockets and macOS have it, is told by its
    version: no echo reply begins with 4.
    """
    ttl, start = None, 0
    if not v6 and data and data[0] >> 4 == 4:
        start = (data[0] & 15) * 4
        if start < _IP_HEADER or len(data) < start:
            return None
        ttl = data[8]
    if len(data) < start + _HEADER.size:
        return None
    type_, code, _sum, identifier, sequence = _HEADER.unpack_from(data, start)
    if type_ != (ECHO_REPLY_V6 if v6 else ECHO_REPLY) or code:
        return None
    return Reply(identifier, sequence, data[start + _HEADER.size :], ttl)


def read_quoted(v6: bool, data: bytes) -> tuple[int, int] | None:
    """Return identifier and sequence of our request that an error quotes.

    Routers must quote 8 bytes only, so the token may be missing.
    """
    if len(data) < _HEADER.size:
        return None
    type_, _code, _sum, identifier, sequence = _HEADER.unpack_from(data)
    if type_ != (ECHO_REQUEST_V6 if v6 else ECHO_REQUEST):
        return None
    return identifier, sequence


def explain(v6: bool, type_: int, code: int, info: int) -> tuple[str, str]:
    """Return the reason code and the words of an ICMP error."""
    if (v6 and type_ == 2) or (not v6 and (type_, code) == (3, 4)):
        return "mtu", f"packet too big, {info} bytes pass" if info else "packet too big"
    if type_ == (3 if v6 else 11):
        return "ttl_exceeded", "time to live exceeded"
    if type_ == (1 if v6 else 3):
        known = _UNREACHABLE_V6 if v6 else _UNREACHABLE
        return "unreachable", known.get(code, f"unreachable, code {code}")
    return "unreachable", f"ICMP type {type_} code {code}"
