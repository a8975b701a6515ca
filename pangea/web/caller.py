"""Who is at the other end, also behind a proxy: his address, and whether by TLS.

The one place that looks: what a header claims counts only from a proxy that the
configuration names.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from aiohttp import web

from .keys import SITE

_FOR, _PROTO = "X-Forwarded-For", "X-Forwarded-Proto"
#: Addresses in one header that are looked at; a chain of proxies is not longer.
MAX_HOPS = 16


@dataclass(frozen=True, slots=True)
class Caller:
    """Where a request is from: ``address`` as text, whether it came by TLS all the
    way to us or to our proxy, and whether a ``proxied`` one ended that TLS.
    """

    address: str
    secure: bool
    proxied: bool = False


CALLER: web.RequestKey[Caller] = web.RequestKey("caller")


def caller_of(request: web.Request) -> Caller:
    """Return where *request* is from."""
    found: Caller | None = request.get(CALLER)
    if found is None:
        found = _look(request)
        request[CALLER] = found
    return found


def address_of(request: web.Request) -> str:
    """Return the address of who asks, "" if there is none (a Unix socket)."""
    return caller_of(request).address


def is_secure(request: web.Request) -> bool:
    """Tell whether what is said here crosses the network by TLS."""
    return caller_of(request).secure


def is_here(request: web.Request) -> bool:
    """Tell whether who asks is on this machine."""
    caller = caller_of(request)
    if caller.proxied:
        return False
    own = request.transport.get_extra_info("sockname") if request.transport else None
    if own and _ip(str(own[0])) == _ip(caller.address) is not None:
        return True
    return is_loopback(caller.address)


def is_loopback(address: str | None) -> bool:
    """Tell whether *address* is this machine itself."""
    ip = _ip(address or "")
    return ip.is_loopback if ip else address == "localhost"


def is_proxy(address: str, proxies: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    """Tell whether *address* is one of *proxies*."""
    return _is_one(_ip(address), proxies)


def _look(request: web.Request) -> Caller:
    direct = Caller(request.remote or "", request.secure)
    claims = request.headers.getall(_FOR, []), request.headers.getall(_PROTO, [])
    if not any(claims):
        return direct
    site = request.app.get(SITE)  # a worker's door has none, and no proxies
    proxies = site.proxies if site else ()
    if not _is_one(_ip(direct.address), proxies):
        return direct
    hops = [hop.strip() for line in claims[0] for hop in line.split(",")][-MAX_HOPS:]
    secure = [p.strip().lower() for line in claims[1] for p in line.split(",")][-1:]
    return Caller(
        _first_stranger(hops, direct.address, proxies), secure == ["https"], True
    )


def _first_stranger(
    hops: list[str], proxy: str, proxies: tuple[IPv4Network | IPv6Network, ...]
) -> str:
    """Return who asked our outermost proxy; what stands before him, he wrote."""
    last = proxy
    for hop in reversed(hops):
        ip = _ip(hop)
        if ip is None:
            return last
        last = str(ip)
        if not _is_one(ip, proxies):
            return last
    return last


def _is_one(
    ip: IPv4Address | IPv6Address | None,
    proxies: tuple[IPv4Network | IPv6Network, ...],
) -> bool:
    return ip is not None and any(ip in network for network in proxies)


def _ip(text: str) -> IPv4Address | IPv6Address | None:
    try:
        ip = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(ip, "ipv4_mapped", None) or ip
