"""What resource records say, as text to show and as bytes to compare."""

from functools import lru_cache

import dns.exception
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.wire
from dns.rdtypes.txtbase import TXTBase

from pangea.core.text import safe_text

from .dns_wire import Record, WireError

#: characters kept of one record
TEXT = 1000
#: the first byte of a name that is a pointer
_POINTER = 0xC0
#: what one message may cost to read, in bytes that are plain to copy
_BUDGET = 100_000
#: as dear as one step of the parser, such as a label of a name
_STEP = 16
#: as dear as one byte of a bitmap, which is text for eight types
_BITMAP = 64
_BITMAPS = {dns.rdatatype.NSEC, dns.rdatatype.NSEC3, dns.rdatatype.CSYNC}
_TEXTS = {dns.rdatatype.TXT, dns.rdatatype.SPF}
#: what dnspython raises for data that is none
_UNREADABLE = (dns.exception.DNSException, ValueError, LookupError, ArithmeticError)


class Decoder:
    """Reads names and data out of one message; all raise WireError.

    The work is bounded: 64 KiB can be packed so that reading them takes seconds.
    """

    def __init__(self, data: bytes) -> None:
        self._parser = _Parser(data)
        self._names: dict[bytes, dns.name.Name] = {}

    def name(self, record: Record) -> dns.name.Name:
        """Return the owner of *record*."""
        at = record.name_at
        pointer = self._parser.wire[at : at + 2]
        if pointer in self._names:
            return self._names[pointer]
        self._parser.move(at)
        try:
            name = dns.name.from_wire_parser(self._parser)
        except _UNREADABLE as error:
            raise self._failure("the name of a record", error) from error
        if pointer[0] >= _POINTER:
            self._names[pointer] = name  # most owners are the same pointer
        return name

    def rdata(self, record: Record) -> dns.rdata.Rdata:
        """Return the data of *record*."""
        parser = self._parser
        parser.move(record.data_at)
        try:
            if record.type in _BITMAPS:
                parser.charge(_BITMAP * record.data_length)
            with parser.restrict_to(record.data_length):
                return dns.rdata.from_wire_parser(
                    dns.rdataclass.RdataClass.make(record.rdclass),
                    dns.rdatatype.RdataType.make(record.type),
                    parser,
                )
        except _UNREADABLE as error:
            what = f"a record of type {type_text(record.type)}"
            raise self._failure(what, error) from error

    def _failure(self, what: str, error: Exception) -> WireError:
        if self._parser.left < 0:
            return WireError("its records take too long to read")
        return WireError(f"{what} cannot be read: {_said(error)}")


class _Parser(dns.wire.Parser):
    """A parser for all of a message that stops when it has worked enough."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.left = _BUDGET

    def move(self, to: int) -> None:
        """Go on from *to*."""
        self.current = self.furthest = to
        self.end = len(self.wire)

    def charge(self, cost: int) -> None:
        """Take *cost* from the budget; ValueError if that is used up."""
        self.left -= cost
        if self.left < 0:
            raise ValueError("too much to read")

    def get_bytes(self, size: int) -> bytes:
        """Return the next *size* bytes."""
        self.charge(_STEP + size)
        return super().get_bytes(size)

    def seek(self, where: int) -> None:
        """Follow a pointer."""
        self.charge(_STEP)
        super().seek(where)


def shown(rdata: dns.rdata.Rdata) -> str:
    """Return *rdata* as one safe line, in the form of zone files.

    Raises WireError for what has no such form.
    """
    try:
        return safe_text(rdata.to_text(), TEXT)
    except _UNREADABLE as error:
        what = f"a record of type {type_text(rdata.rdtype)}"
        raise WireError(f"{what} cannot be shown: {_said(error)}") from error


def canonical(rdata: dns.rdata.Rdata) -> bytes:
    """Return the bytes that are equal for equal data, however it is written.

    The pieces of a text are one text: where it is cut says nothing.
    """
    if isinstance(rdata, TXTBase):
        return b"".join(rdata.strings)
    return rdata.to_digestable() or b""


def parse_wanted(text: str, rdtype: int, rdclass: int) -> bytes:
    """Return the canonical bytes of *text*, as people write data of *rdtype*.

    Names are absolute, with or without the last dot; a text without quotes
    stands for itself. Raises ValueError.
    """
    if rdtype in _TEXTS and not text.startswith('"'):
        return text.encode()
    try:
        rdata = dns.rdata.from_text(
            dns.rdataclass.RdataClass.make(rdclass),
            dns.rdatatype.RdataType.make(rdtype),
            text,
            dns.name.root,
            relativize=False,
        )
    except (dns.exception.DNSException, ValueError) as error:
        raise ValueError(_said(error)) from error
    return canonical(rdata)


@lru_cache(maxsize=256)
def rcode_text(rcode: int) -> str:
    """Return the name of a response code, such as ``NXDOMAIN``."""
    return dns.rcode.to_text(dns.rcode.Rcode.make(rcode))


def type_text(rdtype: int) -> str:
    """Return the name of a record type, such as ``AAAA``."""
    return dns.rdatatype.to_text(dns.rdatatype.RdataType.make(rdtype))


def _said(error: Exception) -> str:
    return safe_text(str(error) or type(error).__name__, 100)
