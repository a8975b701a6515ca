"""The bytes of DNS messages, read no further than a probe must (RFC 1035, 4.1)."""

import struct
from typing import NamedTuple

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype

from pangea.core.text import safe_text

_HEADER = struct.Struct("!HHHHHH")
_RECORD = struct.Struct("!HHIH")
_QR, _OPCODE, _AA, _TC, _RD = 0x8000, 0x7800, 0x0400, 0x0200, 0x0100
_IN = 1
#: records of one answer that are read; a longer one is only counted
READ_AT_MOST = 256
#: characters kept of one record
_TEXT = 1000


class WireError(ValueError):
    """The bytes are no DNS message that we can read."""


class Record(NamedTuple):
    """Where a resource record lies: its TTL field and its data."""

    type: int
    ttl: int
    ttl_at: int
    data_at: int
    data_length: int


class Query:
    """A question as bytes, kept and sent again with another identifier."""

    def __init__(self, name: dns.name.Name, rdtype: int, recursion: bool) -> None:
        self.rdtype = int(rdtype)
        self._name = name.to_wire() or b"\0"
        self._kind = struct.pack("!HH", self.rdtype, _IN)
        self.question = self._name + self._kind
        flags = struct.pack("!HHHHH", _RD if recursion else 0, 1, 0, 0, 0)
        self._tail = flags + self.question

    def wire(self, identifier: int) -> bytes:
        """Return the message to send."""
        return identifier.to_bytes(2, "big") + self._tail

    def is_answered_by(self, data: bytes) -> bool:
        """Tell whether *data*, whose identifier fits, answers this question.

        False means a sound answer to another question. Raises WireError for
        anything that no name server may send.
        """
        if len(data) < _HEADER.size:
            raise WireError(f"{len(data)} bytes are shorter than a header")
        _, flags, questions, *_ = _HEADER.unpack_from(data)
        if not flags & _QR or flags & _OPCODE:
            raise WireError("it is not a response")
        if questions == 0 and flags & 15:
            return True  # a server that refuses may leave the question out
        if questions != 1:
            raise WireError(f"it repeats {questions} questions, not one")
        end = _HEADER.size + len(self._name)
        name, kind = data[_HEADER.size : end], data[end : end + 4]
        if kind == self._kind and name.lower() == self._name.lower():
            return True
        if _skip_name(data, _HEADER.size) + 4 > len(data):
            raise WireError("its question is cut")
        return False


class Reply:
    """The header and the answer section of a response; raises WireError."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        _, flags, questions, self.count, _, _ = _HEADER.unpack_from(data)
        self.rcode = flags & 15
        self.truncated = bool(flags & _TC)
        self.authoritative = bool(flags & _AA)
        self._begin = _HEADER.size
        for _question in range(questions):
            self._begin = _skip_name(data, self._begin) + 4

    def records(self) -> list[Record]:
        """Return the answer section, at most READ_AT_MOST records of it."""
        found, at = [], self._begin
        for _ in range(min(self.count, READ_AT_MOST)):
            fixed = _skip_name(self.data, at)
            data_at = fixed + _RECORD.size
            if data_at > len(self.data):
                raise WireError("a record is cut")
            type_, _class, ttl, length = _RECORD.unpack_from(self.data, fixed)
            at = data_at + length
            if at > len(self.data):
                raise WireError("a record is longer than the message")
            found.append(Record(type_, ttl, fixed + 4, data_at, length))
        return found

    def text(self, record: Record) -> str:
        """Return the data of *record* as one safe line; raises WireError."""
        try:
            data = dns.rdata.from_wire(
                dns.rdataclass.IN,
                dns.rdatatype.RdataType.make(record.type),
                self.data,
                record.data_at,
                record.data_length,
            )
            return safe_text(data.to_text(), _TEXT)
        except (dns.exception.DNSException, ValueError) as error:
            raise WireError(f"a record cannot be read: {error}") from error


def without_ttls(data: bytes, records: list[Record]) -> bytes:
    """Return *data* with identifier and TTLs blanked, to see what else changed."""
    blank = bytearray(data)
    blank[:2] = b"\0\0"
    for record in records:
        blank[record.ttl_at : record.ttl_at + 4] = b"\0\0\0\0"
    return bytes(blank)


def _skip_name(data: bytes, at: int) -> int:
    """Return where the name at *at* ends; a pointer ends it and is not followed."""
    try:
        while length := data[at]:
            if length >= 0xC0:
                return at + 2
            if length > 63:
                raise WireError("a label has an unknown kind")
            at += length + 1
    except IndexError:
        raise WireError("a name is cut") from None
    return at + 1
