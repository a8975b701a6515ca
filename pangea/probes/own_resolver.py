"""Finds an address by asking one name server, past the system's resolver and caches."""

import ipaddress
from typing import TYPE_CHECKING

import dns.name
import dns.rcode
import dns.rdatatype

from pangea.core.errors import UsageError
from pangea.core.failure import ProbeFailed

from .base import Trace
from .connect import Family, literal, no_address
from .dns_wire import Query, Reply, WireError
from .target import is_address, parse_host_port

if TYPE_CHECKING:
    from .dns_engine import DnsEngine, Server

PORT = 53
_IPV4 = (dns.rdatatype.A, 4)
_IPV6 = (dns.rdatatype.AAAA, 16)
#: which records are asked for, one kind after the other until there is one
_KINDS = {"any": (_IPV4, _IPV6), "ipv4": (_IPV4,), "ipv6": (_IPV6,)}


def parse_resolver(text: str, where: str) -> "Server":
    """Return address and port of ``address`` or ``address:port``, else port 53."""
    host, port = parse_host_port(text, PORT)
    if not is_address(host):
        hint = "the name server itself cannot be looked up, so give its address"
        raise UsageError(f"{where}: {host} is not an address", hint=hint)
    return host, port


async def resolve_at(
    server: "Server", host: str, family: Family, engine: "DnsEngine", trace: Trace
) -> str:
    """Return the first address that *server* gives for *host*; phase ``resolve``.

    With *family* ``any`` IPv6 is asked for only where there is no IPv4. Raises
    ProbeFailed ``name_not_found``, ``no_address``, ``resolver_failed`` or how
    asking failed.
    """
    if is_address(host):
        return literal(host, family)
    name = dns.name.from_text(host)
    with trace.phase("resolve"):
        for kind, size in _KINDS[family]:
            # What the engine measures of the query is part of our phase.
            answer = await engine.ask(Query(name, kind, True), server, "udp", Trace())
            found = _first(answer.reply, kind, size, host)
            if found:
                return str(ipaddress.ip_address(found))
    raise no_address(host, family)


def _first(reply: Reply, kind: int, size: int, host: str) -> bytes:
    """Return the bytes of the first address in *reply*, b"" if it has none."""
    if reply.rcode == dns.rcode.NXDOMAIN:
        raise ProbeFailed("name_not_found", f"the name {host} does not exist")
    if reply.rcode != dns.rcode.NOERROR:
        said = dns.rcode.to_text(dns.rcode.Rcode.make(reply.rcode))
        raise ProbeFailed("resolver_failed", f"resolving {host}: got {said}")
    try:
        records = reply.records()
    except WireError as error:
        raise ProbeFailed("protocol", f"bad DNS answer: {error}") from error
    for record in records:
        if record.type == kind and record.data_length == size:
            return reply.data[record.data_at : record.data_at + size]
    return b""
