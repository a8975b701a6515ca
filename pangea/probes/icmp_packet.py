"""The bytes of echo requests, replies and errors (RFC 792, RFC 4443)."""

import struct

from .datagram import Bytes

ECHO_REQUEST, ECHO_REPLY = 8, 0
ECHO_REQUEST_V6, ECHO_REPLY_V6 = 128, 129
TOKEN = 8
_HEADER = struct.Struct("!BBHHH")
#: checksum, identifier, sequence and token, from the third byte on
_CHANGING = struct.Struct("!HHHQ")
_CHANGING_SHORT = struct.Struct("!HHH")
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


class EchoRequest:
    """An echo request of *size* payload bytes that is filled in for each packet.

    IPv6 leaves the checksum to the kernel, as datagram sockets do. ``payload`` is
    what follows the token.
    """

    def __init__(self, v6: bool, identifier: int, size: int) -> None:
        self._v6, self._identifier, self._size = v6, identifier, size
        self.payload = FILLING[: max(0, size - TOKEN)]
        type_ = ECHO_REQUEST_V6 if v6 else ECHO_REQUEST
        blank = _HEADER.pack(type_, 0, 0, identifier, 0)
        self._packet = bytearray(blank + bytes(min(size, TOKEN)) + self.payload)
        self._sum = 0xFFFF - checksum(self._packet)

    def fill(self, sequence: int, token: int) -> bytearray:
        """Return the packet of *sequence* and *token*, valid until the next call.

        The sum of the words of a number is the number itself modulo 65535, so
        that what stays the same is summed only once.
        """
        if self._size < TOKEN:
            return self._short(sequence, token)
        sum_ = 0 if self._v6 else 0xFFFF - (self._sum + sequence + token) % 0xFFFF
        _CHANGING.pack_into(self._packet, 2, sum_, self._identifier, sequence, token)
        return self._packet

    def _short(self, sequence: int, token: int) -> bytearray:
        packet = self._packet
        _CHANGING_SHORT.pack_into(packet, 2, 0, self._identifier, sequence)
        packet[_HEADER.size :] = token.to_bytes(TOKEN, "big")[: self._size]
        if not self._v6:
            packet[2:4] = checksum(packet).to_bytes(2, "big")
        return packet


def checksum(data: Bytes) -> int:
    """Return the Internet checksum (RFC 1071).

    The one's complement sum of 16 bit words is the whole number modulo 65535,
    which Python computes in C.
    """
    if len(data) % 2:
        data = data + b"\0"
    return 0xFFFF - int.from_bytes(data, "big") % 0xFFFF


def find_reply(v6: bool, data: Bytes, size: int) -> int:
    """Return where the echo reply begins in *size* bytes of *data*, -1: none there.

    An IPv4 header in front, as raw sockets and macOS have it, is told by its
    version: no echo reply begins with 4.
    """
    start = 0
    if not v6 and size and data[0] >> 4 == 4:
        start = (data[0] & 15) * 4
        if start < _IP_HEADER:
            return -1
    if size < start + _HEADER.size or data[start + 1]:
        return -1
    return start if data[start] == (ECHO_REPLY_V6 if v6 else ECHO_REPLY) else -1


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
