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
#: jumps of compressed names in one message; an honest name makes one or two
_JUMPS = 4096
_TEXTS = {dns.rdatatype.TXT, dns.rdatatype.SPF}


class Decoder:
    """Reads names and data out of one message; all raise WireError."""

    def __init__(self, data: bytes) -> None:
        self._parser = _Parser(data)

    def name(self, record: Record) -> dns.name.Name:
        """Return the owner of *record*."""
        self._parser.move(record.name_at)
        try:
            return dns.name.from_wire_parser(self._parser)
        except (dns.exception.DNSException, ValueError) as error:
            detail = f"the name of a record cannot be read: {_said(error)}"
            raise WireError(detail) from error

    def rdata(self, record: Record) -> dns.rdata.Rdata:
        """Return the data of *record*."""
        self._parser.move(record.data_at)
        try:
            with self._parser.restrict_to(record.data_length):
                return dns.rdata.from_wire_parser(
                    dns.rdataclass.RdataClass.make(record.rdclass),
                    dns.rdatatype.RdataType.make(record.type),
                    self._parser,
                )
        except (dns.exception.DNSException, ValueError) as error:
            kind = type_text(record.type)
            detail = f"a {kind} record cannot be read: {_said(error)}"
            raise WireError(detail) from error


class _Parser(dns.wire.Parser):
    """A parser for all of a message, in which no name can lead in circles for long."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._jumps = 0

    def move(self, to: int) -> None:
        """Go on from *to*."""
        self.current = self.furthest = to
        self.end = len(self.wire)

    def seek(self, where: int) -> None:
        """Follow a pointer."""
        self._jumps += 1
        if self._jumps > _JUMPS:
            raise ValueError("too many pointers")
        super().seek(where)


def shown(rdata: dns.rdata.Rdata) -> str:
    """Return *rdata* as one safe line, in the form of zone files."""
    return safe_text(rdata.to_text(), TEXT)


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
