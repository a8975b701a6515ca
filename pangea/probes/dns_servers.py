"""Name servers as people write them: an address, a host, a URL, several of these."""

from typing import Literal, NamedTuple

from pangea.core.errors import UsageError
from pangea.core.options import nearest
from pangea.core.text import safe_text

from .connect import Family
from .target import Url, is_address, parse_host, parse_host_port, parse_url

Transport = Literal["udp", "tcp", "tls", "https"]
PORTS: dict[str, int] = {"udp": 53, "tcp": 53, "tls": 853}
#: where a DoH server is asked if its URL says nothing else (RFC 8484, 4.1)
_PATH = "/dns-query"


class NameServer(NamedTuple):
    """One server and how to speak to it.

    ``text`` is how it was written, ``host`` "" for the system's own; ``known``
    tells that no name need be looked up, ``label`` is for the reading then; ``url``
    is for HTTPS alone.
    """

    text: str
    transport: Transport
    host: str
    port: int
    known: bool = False
    label: str = ""
    url: Url | None = None


def parse_servers(
    texts: tuple[str, ...], transport: Transport, family: Family
) -> tuple[NameServer, ...]:
    """Return the servers in *texts*, without repetitions; none is the system's.

    One may begin with a transport of its own, ``tls://192.0.2.1``. Raises
    UsageError.
    """
    if not texts and transport in ("tls", "https"):
        hint = "give resolver=…, for the system's own speaks UDP and TCP only"
        raise UsageError(f"dns option: {transport} needs a resolver", hint=hint)
    if not texts:
        return (NameServer("", transport, "", PORTS[transport]),)
    return tuple(_parse(text, transport, family) for text in dict.fromkeys(texts))


def label(host: str, port: int) -> str:
    """Return how a reading names a server."""
    return f"{host} port {port}"


def parse_server_name(text: str) -> str:
    """Return the name to look for in a certificate, "" for the host's own."""
    return parse_host(text) if text else ""


def _parse(text: str, transport: Transport, family: Family) -> NameServer:
    scheme, separator, rest = text.partition("://")
    if separator:
        transport = _transport(scheme)
    if transport == "https":
        url = parse_url(rest if separator else text)
        url = url if url.path != "/" else url._replace(path=_PATH)
        return NameServer(text, transport, url.host, url.port, url=url)
    if separator:
        rest = rest.rstrip("/")
    host, port = parse_host_port(rest if separator else text, PORTS[transport])
    fits = family == "any" or (":" in host) == (family == "ipv6")
    known = is_address(host) and fits
    return NameServer(text, transport, host, port, known, label(host, port))


def _transport(scheme: str) -> Transport:
    match scheme.lower():
        case "udp" | "tcp" | "tls" | "https" as transport:
            return transport
    said = f"dns option: a resolver by {safe_text(scheme, 20)!r}"
    raise UsageError(said, hint=nearest(scheme, ["udp", "tcp", "tls", "https"]))
