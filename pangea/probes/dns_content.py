"""What a response says, read once for as long as only its TTLs differ."""

import struct
from hashlib import sha256
from typing import Any

import dns.name
import dns.rcode
import dns.rdata
import dns.rdatatype
from dns.rdtypes.ANY.CNAME import CNAME
from dns.rdtypes.ANY.SOA import SOA

from pangea.core.text import safe_text

from .dns_rdata import Decoder, canonical, rcode_text, shown
from .dns_wire import (
    ADDITIONAL,
    ANSWER,
    EXTENDED_ERROR,
    NSID,
    READ_AT_MOST,
    Edns,
    Query,
    Record,
    Reply,
    without_ttls,
)

#: answers shown in a reading
SHOWN = 20
#: different answers that are remembered, for servers that rotate them
KEPT = 8
#: bytes of an answer that is worth remembering
LARGEST = 2048
#: characters of an observed answer; a digest stands for the rest
_OBSERVED = 1800
_TTL = struct.Struct("!I")
#: a TTL with the highest bit counts as zero (RFC 2181, 8)
_LONGEST = 0x7FFF_FFFF
#: types whose text reads the same in capitals
_CASELESS = {"A", "AAAA", "CNAME", "DNAME", "MX", "NS", "PTR", "SOA", "SRV"}
_CASELESS_TYPES = {int(dns.rdatatype.from_text(kind)) for kind in _CASELESS}


class Content:
    """What was read: the texts and canonical keys of our records, code and flags.

    ``observed`` is the answer in a form that stays the same while the answer does,
    None where the server gave no definite one. ``failure`` is what the judge said.
    """

    __slots__ = (
        "authoritative", "blank", "body", "failure", "fields", "more", "observed",
        "ours_at", "rcode", "rcode_text", "strangers", "texts", "total", "ttl_max",
        "ttl_min",
    )  # fmt: skip

    def __init__(self, reply: Reply) -> None:
        self.body = reply.data[2:]
        self.rcode = reply.rcode
        self.rcode_text = ""
        self.authoritative = reply.authoritative
        self.blank = b""
        self.fields: tuple[int, ...] = ()
        self.ours_at: tuple[int, ...] = ()
        self.texts: list[str] = []
        self.total = self.strangers = 0
        self.ttl_min: int | None = None
        self.ttl_max: int | None = None
        self.more: dict[str, Any] = {}
        self.observed: str | None = None
        self.failure: tuple[str, str] | None = None

    def says(self, data: bytes) -> bool:
        """Tell whether *data* says the same, and take over its TTLs."""
        body = data[2:]
        if body == self.body:
            return True
        if len(body) != len(self.blank) or not self.fields:
            return False
        if without_ttls(data, self.fields) != self.blank:
            return False
        self.body = body
        self.note_ttls(data)
        return True

    def note_ttls(self, data: bytes) -> None:
        """Read the TTLs of our records out of *data*."""
        ttls = [_TTL.unpack_from(data, at)[0] for at in self.ours_at]
        ttls = [ttl if ttl <= _LONGEST else 0 for ttl in ttls]
        self.ttl_min, self.ttl_max = min(ttls, default=None), max(ttls, default=None)


class Memory:
    """The contents that came last, the newest first."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: list[Content] = []

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, data: bytes) -> Content | None:
        """Return what *data* says, if it has been read before."""
        for n, content in enumerate(self._kept):
            if content.says(data):
                if n:
                    self._kept.insert(0, self._kept.pop(n))
                return content
        return None

    def keep(self, content: Content) -> None:
        """Remember *content*, unless it is too large for that."""
        if len(content.body) <= LARGEST:
            self._kept.insert(0, content)
            del self._kept[KEPT:]


def read(reply: Reply, query: Query, section: int) -> tuple[Content, list[bytes]]:
    """Return what *reply* says in *section*, and the canonical bytes of each record.

    In the answer only those records count that have the type asked for and the
    name, or one that aliases lead to. Raises WireError.
    """
    content, decoder = Content(reply), Decoder(reply.data)
    sections = reply.sections()
    if section == ANSWER:
        ours = _ours(sections[ANSWER], query, decoder, content)
    else:
        ours = [r for r in sections[section] if r.type != dns.rdatatype.OPT]
    content.total = len(ours)
    ours = ours[:READ_AT_MOST]
    rdatas = [decoder.rdata(record) for record in ours]
    content.texts = [shown(rdata) for rdata in rdatas]
    if query.wish.edns_size:
        _note_edns(reply.edns(sections[ADDITIONAL]), content)
    content.rcode_text = rcode_text(content.rcode)
    _note_more(reply, query, rdatas, content)
    content.observed = _observed(content, query.rdtype)
    ttls = (r.ttl_at for s in sections for r in s if r.type != dns.rdatatype.OPT)
    content.fields = tuple(ttls)
    content.ours_at = tuple(record.ttl_at for record in ours)
    content.blank = without_ttls(reply.data, content.fields)
    content.note_ttls(reply.data)
    return content, [canonical(rdata) for rdata in rdatas]


def _ours(
    records: list[Record], query: Query, decoder: Decoder, content: Content
) -> list[Record]:
    """Return the records that answer *query*; others of its type are counted."""
    every = query.rdtype == dns.rdatatype.ANY
    right = [
        record
        for record in records
        if record.rdclass == query.rdclass and (every or record.type == query.rdtype)
    ]
    owners = _owners(records, query, decoder)
    if len(owners) > 1:
        content.more["alias"] = safe_text(owners[-1].to_text())
    # A name costs time to read: of more records than are read, the first ones do.
    ours = [r for r in right[:READ_AT_MOST] if decoder.name(r) in owners]
    content.strangers = min(len(right), READ_AT_MOST) - len(ours)
    return ours + right[READ_AT_MOST:]


def _owners(
    records: list[Record], query: Query, decoder: Decoder
) -> list[dns.name.Name]:
    """Return the name asked for, and those to which aliases lead from it."""
    owners, rdtype = [query.name], dns.rdatatype.CNAME
    if query.rdtype in (rdtype, dns.rdatatype.ANY):
        return owners
    found = [r for r in records[:READ_AT_MOST] if r.type == rdtype]
    aliases = {decoder.name(r): decoder.rdata(r) for r in found}
    while isinstance(alias := aliases.pop(owners[-1], None), CNAME):
        owners.append(alias.target)
    return owners


def _note_edns(edns: Edns | None, content: Content) -> None:
    content.more["edns_size"] = edns.size if edns else None
    if not edns:
        return
    content.rcode |= edns.high_rcode << 4
    if NSID in edns.options:
        content.more["nsid"] = _name_of_server(edns.options[NSID])
    error = edns.options.get(EXTENDED_ERROR, b"")
    if len(error) >= 2:
        code, said = int.from_bytes(error[:2], "big"), safe_text(error[2:])
        content.more["extended_error"] = f"{code}: {said}" if said else str(code)


def _name_of_server(nsid: bytes) -> str:
    """Return an NSID as text if it is meant as such, else in hexadecimal."""
    readable = nsid.isascii() and nsid.decode("ascii", "replace").isprintable()
    return safe_text(nsid if readable else nsid[:100].hex())


def _note_more(
    reply: Reply, query: Query, rdatas: list[dns.rdata.Rdata], content: Content
) -> None:
    if query.wish.ad or query.wish.do:
        content.more["authenticated"] = reply.authenticated
    serials = [rdata.serial for rdata in rdatas if isinstance(rdata, SOA)]
    if serials:
        content.more["serial"] = serials[0]
    if content.total > SHOWN:
        content.more["answers_count"] = content.total


def _observed(content: Content, rdtype: int) -> str | None:
    if content.rcode == dns.rcode.NXDOMAIN:
        return "NXDOMAIN"
    if content.rcode != dns.rcode.NOERROR:
        return None  # a refusal or a fault says nothing of the answer
    texts = content.texts
    if rdtype in _CASELESS_TYPES:
        texts = [text.lower() for text in texts]
    whole = ", ".join(sorted(texts)) or "no records"
    if len(whole) <= _OBSERVED:
        return whole
    return f"{whole[:_OBSERVED]}… sha256 {sha256(whole.encode()).hexdigest()}"
