"""DNS probe: does the name server answer this question, and rightly?"""

from typing import Annotated, Any, ClassVar, Literal, Self

import dns.exception
import dns.inet
import dns.name
import dns.rdataclass
import dns.rdatatype
import dns.reversename
from msgspec import Meta, Struct, field

from pangea.core.durations import milliseconds
from pangea.core.errors import UsageError
from pangea.core.failure import ProbeFailed
from pangea.core.model import Outcome
from pangea.core.options import nearest
from pangea.core.text import safe_text

from .base import Trace, register
from .connect import Family, resolve
from .dns_answer import Answer, broken
from .dns_content import SHOWN, Content, Memory, read
from .dns_https import ask_https
from .dns_rdata import type_text
from .dns_servers import NameServer, Transport, label, parse_server_name, parse_servers
from .dns_several import ask_several
from .dns_socket import ROOM
from .dns_stream import Secure, ask_tls
from .dns_wanted import Wanted
from .dns_wire import ADDITIONAL, ANSWER, AUTHORITY, Query, WireError, Wish
from .tools import Tools

#: bytes that fit into one packet on any path (DNS flag day 2020)
EDNS_SIZE = 1232
MOST_SERVERS = 8
_SECTIONS = {"answer": ANSWER, "authority": AUTHORITY, "additional": ADDITIONAL}
#: types that do not ask for data, or ask for a whole zone
_NO_QUESTIONS = {"NONE", "OPT", "TKEY", "TSIG", "IXFR", "AXFR", "MAILA", "MAILB"}

Ttl = Annotated[int, Meta(ge=0, le=0x7FFF_FFFF)]
Values = Annotated[tuple[str, ...], Meta(max_length=256)]
_Text = Annotated[str, Meta(max_length=4096)]
_Regex = Annotated[str, Meta(max_length=512)]


class DnsOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to ask of whom, and which answer is right.

    ``resolver`` is one or several of ``host``, ``host:port`` and URL, perhaps with
    a transport of its own (``tls://192.0.2.1``); all must give the right answer.
    Every value of ``expect_all`` (and of ``expect_answer``, its older name) must be
    in the answer, one at least of ``expect_any``, none of ``expect_none``.
    ``min_answers`` counts only if NOERROR comes.
    """

    type: str = "A"
    class_: Literal["IN", "CH"] = field(default="IN", name="class")
    resolver: Annotated[tuple[_Text, ...], Meta(max_length=MOST_SERVERS)] = ()
    transport: Transport = "udp"
    family: Family = "any"
    recursion: bool = True
    checking_disabled: bool = False
    dnssec: bool = False
    edns_size: Annotated[int, Meta(ge=512, le=ROOM)] | None = None
    nsid: bool = False
    section: Literal["answer", "authority", "additional"] = "answer"
    expect_rcode: tuple[str, ...] = ("NOERROR",)
    expect_all: Values = ()
    expect_any: Values = ()
    expect_none: Values = ()
    expect_answer: Values = ()
    answer_regex: _Regex | None = None
    answer_regex_all: _Regex | None = None
    answer_regex_none: _Regex | None = None
    min_answers: Annotated[int, Meta(ge=0, le=256)] = 1
    require_aa: bool = False
    require_ad: bool = False
    min_serial: Annotated[int, Meta(ge=0, le=0xFFFF_FFFF)] | None = None
    min_ttl: Ttl | None = None
    max_ttl: Ttl | None = None
    warn_latency_ms: Annotated[float, Meta(gt=0, le=60_000)] | None = None
    verify: bool = True
    server_name: Annotated[str, Meta(max_length=253)] = ""
    ca_file: _Text = ""


@register
class DnsProbe:
    """Asks one question of one name server, or the same of several."""

    __slots__ = (
        "_memories", "_question", "_section", "_secure", "_servers", "_wanted",
        "options", "query",
    )  # fmt: skip
    Options: ClassVar[type[Struct]] = DnsOptions
    type: ClassVar[str] = "dns"
    default_interval_s: ClassVar[float] = 60.0

    def __init__(self, query: Query, options: DnsOptions) -> None:
        self.query, self.options = query, options
        kind = type_text(query.rdtype)
        self._question = safe_text(f"{query.name} {options.class_} {kind}", 300)
        self._section = _SECTIONS[options.section]
        self._wanted = Wanted(options, query)
        self._servers = parse_servers(
            options.resolver, options.transport, options.family
        )
        name = parse_server_name(options.server_name)
        self._secure = Secure(name, options.verify, options.ca_file)
        self._memories = tuple(Memory() for _ in self._servers)

    @classmethod
    def parse(cls, target: str, options: Any) -> Self:
        """Return the probe that asks for the name *target*.

        With the type PTR an address stands for its reverse name.
        """
        kind = _type(options.type)
        wish = Wish(
            recursion=options.recursion,
            ad=options.require_ad,
            cd=options.checking_disabled,
            do=options.dnssec,
            nsid=options.nsid,
            edns_size=options.edns_size or (options.dnssec or options.nsid) * EDNS_SIZE,
        )
        query = Query(
            _name(target.strip(), kind),
            dns.rdatatype.from_text(kind),
            rdclass=dns.rdataclass.from_text(options.class_),
            wish=wish,
        )
        return cls(query, options)

    async def run(self, trace: Trace, tools: Tools) -> None:
        """Ask once; a wrong code or answer is a failure."""
        trace.readings["question"] = self._question
        if self._section != ANSWER:
            trace.readings["section"] = self.options.section
        if len(self._servers) == 1:
            await self._ask_one(0, trace, tools)
        else:
            names = [server.text for server in self._servers]
            await ask_several(names, self._ask_one, trace, tools)
        limit, took = self.options.warn_latency_ms, trace.duration_ms
        if limit is not None and took is not None and took > limit:
            trace.warn(
                "latency", f"got {milliseconds(took)}, wanted at most {limit:g} ms"
            )

    async def _ask_one(self, number: int, trace: Trace, tools: Tools) -> None:
        """Ask the server of this *number* and judge its answer."""
        server = self._servers[number]
        if server.known and server.transport == "udp":
            # The way of nearly all, without a detour.
            trace.readings["resolver"] = server.label
            where = server.host, server.port
            answer = await tools.dns.ask(self.query, where, "udp", trace)
        else:
            answer = await self._ask(server, trace, tools)
        trace.duration_ms = answer.duration_ms
        trace.readings["transport"] = answer.transport
        content = self._read(answer, self._memories[number])
        _note(content, trace)
        if content.observed is not None:
            trace.observe("answer", content.observed)
        if content.failure is not None:
            raise ProbeFailed(*content.failure)
        self._wanted.judge_ttl(content)

    async def _ask(self, server: NameServer, trace: Trace, tools: Tools) -> Answer:
        if server.url:
            trace.readings["resolver"] = str(server.url)
            family, secure = self.options.family, self._secure
            return await ask_https(self.query, server.url, family, trace, tools, secure)
        host, port = server.host, server.port
        if not host:
            host, port = tools.dns.system_resolver()
        elif not server.known:
            host = await resolve(host, self.options.family, trace)
        trace.readings["resolver"] = label(host, port)
        if server.transport != "tls":
            where = (host, port)
            return await tools.dns.ask(self.query, where, server.transport, trace)
        secure = self._secure
        if not secure.name:
            secure = secure._replace(name=server.host)
        return await ask_tls(self.query, host, port, trace, tools.tls, secure)

    def _read(self, answer: Answer, memory: Memory) -> Content:
        """Return what the answer says, and has been judged to be."""
        data = answer.reply.data
        content = memory.find(data)
        if content is not None:
            return content
        try:
            content, keys = read(answer.reply, self.query, self._section)
        except WireError as error:
            raise broken(error) from error
        try:
            self._wanted.judge(content, keys)
        except ProbeFailed as failure:
            if failure.outcome is Outcome.ERROR:
                raise
            content.failure = failure.reason, failure.detail
        memory.keep(content)
        return content


def _note(content: Content, trace: Trace) -> None:
    readings = trace.readings
    readings["rcode"] = content.rcode_text
    readings["answers"] = content.texts[:SHOWN]
    readings["ttl_min"] = content.ttl_min
    readings["size"] = len(content.body) + 2
    readings["authoritative"] = content.authoritative
    if content.more:
        readings.update(content.more)


def _name(target: str, kind: str) -> dns.name.Name:
    if not target:
        raise UsageError("the target is empty", hint="give the name to ask for")
    try:
        if kind == "PTR" and dns.inet.is_address(target):
            return dns.reversename.from_address(target)
        codec = dns.name.IDNA_2008_Practical
        return dns.name.from_text(target, idna_codec=codec)
    except (dns.exception.DNSException, ValueError) as error:
        said = safe_text(error, 100)
        hint = "write a name such as example.org"
        raise UsageError(f"{target!r} is not a DNS name: {said}", hint=hint) from error


def _type(text: str) -> str:
    kind = text.strip().upper()
    try:
        if kind not in _NO_QUESTIONS:
            return dns.rdatatype.to_text(dns.rdatatype.from_text(kind))
    except (dns.exception.DNSException, ValueError):
        pass
    known = [t.name for t in dns.rdatatype.RdataType if t.name not in _NO_QUESTIONS]
    said = f"dns option: unknown type {safe_text(text, 40)!r}"
    raise UsageError(said, hint=nearest(kind, known))
