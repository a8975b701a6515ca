"""The bytes of DNS messages, read no further than a probe must (RFC 1035, 4.1)."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

import dns.name

_HEADER = struct.Struct("!HHHHHH")
_RECORD = struct.Struct("!HHIH")
_OPTION = struct.Struct("!HH")
_QR, _OPCODE, _AA, _TC, _RD = 0x8000, 0x7800, 0x0400, 0x0200, 0x0100
_AD, _CD = 0x0020, 0x0010
_OPT, _DO = 41, 0x8000
IN = 1
NSID, EXTENDED_ERROR = 3, 15
ANSWER, AUTHORITY, ADDITIONAL = range(3)
#: records of one section that are read; more are only counted
READ_AT_MOST = 256


class WireError(ValueError):
    """The bytes are no DNS message that we can read."""


class Record(NamedTuple):
    """Where a resource record lies: its owner, its TTL field and its data."""

    type: int
    rdclass: int
    ttl: int
    name_at: int
    ttl_at: int
    data_at: int
    data_length: int


class Edns(NamedTuple):
    """What a server says by EDNS: its packet size, more of the code, options."""

    size: int
    high_rcode: int
    options: dict[int, bytes]


class Wish(NamedTuple):
    """What a query wishes for beside the answer; *edns_size* 0 sends no EDNS.

    ``ad`` asks to be told whether the answer was validated (RFC 6840, 5.7),
    ``cd`` forbids to check it, ``do`` wants signatures, ``nsid`` the server's
    own name (RFC 5001).
    """

    recursion: bool = True
    ad: bool = False
    cd: bool = False
    do: bool = False
    nsid: bool = False
    edns_size: int = 0

    def flags(self) -> int:
        """Return the flags of the header."""
        return self.recursion * _RD | self.ad * _AD | self.cd * _CD

    def edns(self) -> bytes:
        """Return the OPT record (RFC 6891, 6.1), or nothing."""
        if not self.edns_size:
            return b""
        options = _OPTION.pack(NSID, 0) if self.nsid else b""
        fixed = _RECORD.pack(_OPT, self.edns_size, self.do * _DO, len(options))
        return b"\0" + fixed + options


class Query:
    """A question as bytes, kept and sent again with another identifier."""

    __slots__ = ("_end", "_tail", "name", "question", "rdclass", "rdtype", "wish")

    def __init__(
        self,
        name: dns.name.Name,
        rdtype: int,
        recursion: bool = True,
        *,
        rdclass: int = IN,
        wish: Wish | None = None,
    ) -> None:
        self.name, self.rdtype, self.rdclass = name, int(rdtype), rdclass
        self.wish = wish or Wish(recursion)
        kind = struct.pack("!HH", self.rdtype, rdclass)
        self.question = (name.to_wire() or b"\0") + kind
        self._end = _HEADER.size + len(self.question)
        edns = self.wish.edns()
        header = struct.pack("!HHHHH", self.wish.flags(), 1, 0, 0, bool(edns))
        self._tail = header + self.question + edns

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
        if data[2] & 0xF8 != _QR >> 8:
            raise WireError("it is not a response")
        if data[4:6] == b"\0\1" and data[_HEADER.size : self._end] == self.question:
            return True
        return self._is_repeated_in(data)

    def _is_repeated_in(self, data: bytes) -> bool:
        """Look closer: servers may change the case, or leave the question out."""
        _, flags, questions, *_ = _HEADER.unpack_from(data)
        if questions == 0 and flags & 15:
            return True  # a server that refuses may leave the question out
        if questions != 1:
            raise WireError(f"it repeats {questions} questions, not one")
        got = data[_HEADER.size : self._end]
        if got.lower() == self.question.lower() and got[-4:] == self.question[-4:]:
            return True
        if skip_name(data, _HEADER.size) + 4 > len(data):
            raise WireError("its question is cut")
        return False


class Reply:
    """The header and the sections of a response; reading raises WireError."""

    __slots__ = ("count", "data", "flags")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.flags = data[2] << 8 | data[3]
        self.count = data[6] << 8 | data[7]

    @property
    def rcode(self) -> int:
        """The code of the header; EDNS may hold more of it."""
        return self.flags & 15

    @property
    def truncated(self) -> bool:
        """Whether the answer was cut to fit."""
        return bool(self.flags & _TC)

    @property
    def authoritative(self) -> bool:
        """Whether the server answers for its own zone."""
        return bool(self.flags & _AA)

    @property
    def authenticated(self) -> bool:
        """Whether the server says that it validated the answer."""
        return bool(self.flags & _AD)

    def records(self) -> list[Record]:
        """Return the answer section, at most READ_AT_MOST records of it."""
        _, _, questions, count, _, _ = _HEADER.unpack_from(self.data)
        at, found = self._after_questions(questions), []
        for _ in range(min(count, READ_AT_MOST)):
            record, at = self._record(at)
            found.append(record)
        return found

    def sections(self) -> tuple[list[Record], list[Record], list[Record]]:
        """Return every record of answer, authority and additional section."""
        _, _, questions, *counts = _HEADER.unpack_from(self.data)
        at = self._after_questions(questions)
        found: tuple[list[Record], list[Record], list[Record]] = ([], [], [])
        for section, count in zip(found, counts, strict=True):
            for _ in range(count):
                record, at = self._record(at)
                section.append(record)
        return found

    def edns(self, additional: list[Record]) -> Edns | None:
        """Return what the server says by EDNS; it may say so once (RFC 6891, 6.1)."""
        found = [record for record in additional if record.type == _OPT]
        if len(found) > 1:
            raise WireError("it has two OPT records")
        for record in found:
            options = dict(self._options(record))
            return Edns(record.rdclass, record.ttl >> 24, options)
        return None

    def _options(self, record: Record) -> Iterator[tuple[int, bytes]]:
        at, end = record.data_at, record.data_at + record.data_length
        while at < end:
            if at + _OPTION.size > end:
                raise WireError("an EDNS option is cut")
            code, length = _OPTION.unpack_from(self.data, at)
            at += _OPTION.size + length
            if at > end:
                raise WireError("an EDNS option is longer than its record")
            yield code, self.data[at - length : at]

    def _after_questions(self, questions: int) -> int:
        at = _HEADER.size
        for _ in range(questions):
            at = skip_name(self.data, at) + 4
        return at

    def _record(self, at: int) -> tuple[Record, int]:
        fixed = skip_name(self.data, at)
        data_at = fixed + _RECORD.size
        if data_at > len(self.data):
            raise WireError("a record is cut")
        type_, class_, ttl, length = _RECORD.unpack_from(self.data, fixed)
        if data_at + length > len(self.data):
            raise WireError("a record is longer than the message")
        record = Record(type_, class_, ttl, at, fixed + 4, data_at, length)
        return record, data_at + length


def without_ttls(data: bytes, fields: tuple[int, ...]) -> bytes:
    """Return *data* behind its identifier with the TTL *fields* blanked."""
    blank = bytearray(data)
    for at in fields:
        blank[at : at + 4] = b"\0\0\0\0"
    return bytes(blank[2:])


def skip_name(data: bytes, at: int) -> int:
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
