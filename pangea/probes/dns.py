"""DNS probe: does the name server answer this question, and rightly?"""

import re
from typing import Annotated, Any, ClassVar, Literal, Self

import dns.exception
import dns.inet
import dns.name
import dns.rcode
import dns.rdatatype
import dns.reversename
from msgspec import Meta, Struct

from pangea.core.errors import UsageError
from pangea.core.failure import ProbeFailed
from pangea.core.options import nearest
from pangea.core.text import safe_text

from .base import Trace, register
from .connect import resolve
from .dns_engine import PORT, Server
from .dns_wire import Query, Record, Reply, WireError, without_ttls
from .target import parse_host_port
from .tools import Tools

#: answers shown in a reading
SHOWN = 20
#: different answers whose text is kept, for servers that rotate them
_KEPT = 8
#: types that do not ask for data, or ask for a whole zone
_NO_QUESTIONS = {"NONE", "OPT", "TKEY", "TSIG", "IXFR", "AXFR", "MAILA", "MAILB"}
#: types whose text reads the same in capitals
_CASELESS = {"A", "AAAA", "CNAME", "DNAME", "MX", "NS", "PTR", "SOA", "SRV"}


class DnsOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to ask of whom, and which answer is right.

    ``resolver`` is ``host`` or ``host:port``, "" the system's first. Every value
    of ``expect_answer`` must be in the answer; ``answer_regex`` must be found in
    one of its records. ``min_answers`` counts only if NOERROR comes.
    """

    type: str = "A"
    resolver: str = ""
    transport: Literal["udp", "tcp"] = "udp"
    family: Literal["any", "ipv4", "ipv6"] = "any"
    recursion: bool = True
    expect_rcode: tuple[str, ...] = ("NOERROR",)
    expect_answer: tuple[str, ...] = ()
    answer_regex: str | None = None
    min_answers: Annotated[int, Meta(ge=0, le=256)] = 1
    warn_latency_ms: Annotated[float, Meta(gt=0, le=60_000)] | None = None


@register
class DnsProbe:
    """Asks one question of one name server."""

    Options: ClassVar[type[Struct]] = DnsOptions
    type: ClassVar[str] = "dns"
    default_interval_s: ClassVar[float] = 60.0

    def __init__(self, query: Query, kind: str, options: DnsOptions) -> None:
        self.query, self.kind, self.options = query, kind, options
        self._wanted = [_comparable(kind, text) for text in options.expect_answer]
        self._rcodes = [_rcode(text) for text in options.expect_rcode]
        self._regex = _regex(options.answer_regex)
        self._resolver = _resolver(options.resolver)
        self._known: dict[bytes, list[str]] = {}

    @classmethod
    def parse(cls, target: str, options: Any) -> Self:
        """Return the probe that asks for the name *target*.

        With the type PTR an address stands for its reverse name.
        """
        kind = _type(options.type)
        rdtype = dns.rdatatype.from_text(kind)
        query = Query(_name(target.strip(), kind), rdtype, options.recursion)
        return cls(query, kind, options)

    async def run(self, trace: Trace, tools: Tools) -> None:
        """Ask once; a wrong code or answer is a failure."""
        server = await self._server(trace, tools)
        trace.readings["resolver"] = f"{server[0]} port {server[1]}"
        answer = await tools.dns.ask(self.query, server, self.options.transport, trace)
        trace.duration_ms = answer.duration_ms
        trace.readings["transport"] = answer.transport
        try:
            self._judge(answer.reply, trace)
        except WireError as error:
            raise ProbeFailed("protocol", f"bad DNS answer: {error}") from error
        limit = self.options.warn_latency_ms
        if limit is not None and answer.duration_ms > limit:
            got = f"{answer.duration_ms:.1f} ms, wanted at most {limit:g} ms"
            trace.warn("latency", got)

    async def _server(self, trace: Trace, tools: Tools) -> Server:
        if self._resolver is None:
            return tools.dns.system_resolver()
        host, port = self._resolver
        return await resolve(host, self.options.family, trace), port

    def _judge(self, reply: Reply, trace: Trace) -> None:
        records = reply.records()
        ours = [r for r in records if self.kind == "ANY" or r.type == self.query.rdtype]
        rcode = dns.rcode.to_text(dns.rcode.Rcode.make(reply.rcode))
        texts = self._texts(reply, records, ours)
        trace.readings |= {
            "rcode": rcode,
            "answers": [safe_text(text) for text in texts[:SHOWN]],
            "ttl_min": min((record.ttl for record in ours), default=None),
            "size": len(reply.data),
            "authoritative": reply.authoritative,
        }
        if rcode not in self._rcodes:
            wanted = " or ".join(self._rcodes)
            raise ProbeFailed("rcode", f"got {rcode}, wanted {wanted}")
        if reply.rcode == dns.rcode.NOERROR and len(ours) < self.options.min_answers:
            wanted = f"wanted at least {self.options.min_answers}"
            raise ProbeFailed(
                "answer", f"got {len(ours)} {self.kind} records, {wanted}"
            )
        self._compare(texts)

    def _texts(
        self, reply: Reply, records: list[Record], ours: list[Record]
    ) -> list[str]:
        """Return the text of *ours*; it is made again only when it changed."""
        key = without_ttls(reply.data, records)
        if key not in self._known:
            texts = [reply.text(record) for record in ours]
            if len(self._known) >= _KEPT:
                del self._known[next(iter(self._known))]
            self._known[key] = texts
        return self._known[key]

    def _compare(self, texts: list[str]) -> None:
        got = safe_text(", ".join(texts[:SHOWN]) or "nothing")
        if self._wanted:
            present = {_comparable(self.kind, text) for text in texts}
            missing = [w for w in self._wanted if w not in present]
            if missing:
                detail = f"got {got}, wanted also {', '.join(missing)}"
                raise ProbeFailed("answer", detail)
        if self._regex and not any(self._regex.search(text) for text in texts):
            wanted = f"wanted a match of {self._regex.pattern}"
            raise ProbeFailed("answer", f"got {got}, {wanted}")


def _name(target: str, kind: str) -> dns.name.Name:
    if not target:
        raise UsageError("the target is empty", hint="give the name to ask for")
    try:
        if kind == "PTR" and dns.inet.is_address(target):
            return dns.reversename.from_address(target)
        codec = dns.name.IDNA_2008_Practical
        return dns.name.from_text(target, idna_codec=codec)
    except (dns.exception.DNSException, ValueError) as error:
        hint = "write a name such as example.org"
        raise UsageError(f"{target!r} is not a DNS name: {error}", hint=hint) from error


def _type(text: str) -> str:
    kind = text.strip().upper()
    known = [t.name for t in dns.rdatatype.RdataType if t.name not in _NO_QUESTIONS]
    try:
        if kind not in _NO_QUESTIONS:
            return dns.rdatatype.to_text(dns.rdatatype.from_text(kind))
    except (dns.exception.DNSException, ValueError):
        pass
    raise UsageError(f"dns option: unknown type {text!r}", hint=nearest(kind, known))


def _rcode(text: str) -> str:
    try:
        return dns.rcode.to_text(dns.rcode.from_text(text.strip().upper()))
    except (dns.exception.DNSException, ValueError) as error:
        known = [code.name for code in dns.rcode.Rcode if code < 16]
        message = f"dns option: unknown expect_rcode {text!r}"
        raise UsageError(message, hint=nearest(text.upper(), known)) from error


def _regex(pattern: str | None) -> re.Pattern[str] | None:
    if pattern is None:
        return None
    try:
        return re.compile(pattern)
    except re.error as error:
        raise UsageError(f"dns option: answer_regex: {error}") from error


def _resolver(text: str) -> Server | None:
    return parse_host_port(text, PORT) if text else None


def _comparable(kind: str, text: str) -> str:
    """Return *text* in the one form in which equal answers are equal."""
    bare = text.strip().rstrip(".") if kind in _CASELESS else text.strip()
    if kind in _CASELESS:
        return bare.lower()
    if kind in ("TXT", "SPF"):
        return "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', bare)) or bare
    return bare
