"""What an operator may let workers ask: nothing that changes or reads a target.

A worker stands where an operator may not reach. So it asks as anybody might, of no
machine's inside, and tells nothing of what lies there. Names are not looked up here.
"""

from collections.abc import Collection, Iterator, Mapping
from ipaddress import ip_address
from typing import Any

from pangea.core.errors import NotAllowed
from pangea.core.options import secret_names
from pangea.probes.base import Probe
from pangea.probes.dns_servers import parse_servers
from pangea.probes.own_resolver import parse_resolver
from pangea.probes.target import parse_url

READING = ("GET", "HEAD")
#: Who may is told so.
HINT = "ask an administrator, or leave it out"
#: What is sent or demanded in words of one's own, the way there, credentials, files.
_RESERVED = frozenset(
    (
        "headers",
        "body",
        "body_contains",
        "body_not_contains",
        "body_regex",
        "body_not_regex",
        "json",
        "expect_headers",
        "proxy",
        "proxy_user",
        "proxy_password",
        "proxy_tunnel",
        "user",
        "password",
        "token",
        "client_cert",
        "client_key",
        "ca_file",
        "send",
        "expect",
        "dialogue",
        "secret",
    )
)

#: A host, and the port or None.
Place = tuple[str, int | None]


def check_operator(
    probe: Probe, options: Mapping[str, Any], own: Collection[str]
) -> None:
    """Refuse what takes an administrator, naming it; *own* are our URLs.

    Raises NotAllowed.
    """
    reserved = _RESERVED | secret_names(type(probe).Options)
    for name in sorted(options):
        if name in reserved or name.endswith("_file"):
            raise NotAllowed(
                f"the option {name!r} needs an administrator to probe once", hint=HINT
            )
    method = getattr(getattr(probe, "options", None), "method", "GET")
    if method not in READING:
        raise NotAllowed(
            f"the option 'method' needs an administrator to be {method}",
            hint="operators may probe with GET and HEAD",
        )
    ours = {(url.host, url.port) for url in map(parse_url, own)}
    for written, port in _places(probe):
        host = written.rstrip(".")
        if _is_inside(host):
            raise NotAllowed(
                f"{host} is inside a machine or on its link: that needs an "
                "administrator to probe once",
                hint=HINT,
            )
        if (host, port) in ours:
            raise NotAllowed(
                f"{host}:{port} is this coordinator: that needs an administrator "
                "to probe once",
                hint=HINT,
            )


def _places(probe: Probe) -> Iterator[Place]:
    """Yield where *probe* sends something, as far as it is written down."""
    url = getattr(probe, "url", None)
    if url is not None:
        yield url.host, url.port
    host = getattr(probe, "host", "")
    if host:
        yield host, getattr(probe, "port", None)
    options: Any = getattr(probe, "options", None)
    resolver = getattr(options, "resolver", "")
    if isinstance(resolver, str) and resolver:
        yield parse_resolver(resolver, "resolver")
    elif isinstance(resolver, tuple) and resolver:
        for server in parse_servers(resolver, options.transport, "any"):
            yield server.host, server.port


def _is_inside(host: str) -> bool:
    """Tell whether *host* is a machine itself, or only on its link."""
    if host.rpartition(".")[2] == "localhost":
        return True
    try:
        found = ip_address(host.partition("%")[0])
    except ValueError:
        return False
    found = getattr(found, "ipv4_mapped", None) or found
    return found.is_loopback or found.is_link_local or found.is_unspecified
