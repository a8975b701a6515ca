"""What every request must look like, and what every answer carries."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from pangea.core.errors import NotAllowed
from pangea.core.text import safe_text

from .auth import holds_token
from .caller import is_here, is_secure
from .keys import SITE
from .refusals import Misdirected
from .route import Handler

#: The longest body of a request, in bytes.
LARGEST_BODY = 256 * 1024
#: How long browsers remember that this name is asked by TLS only: a year.
HSTS_S = 31_536_000
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
#: Asked by load balancers and by nodes: no cookie, no secret, any name.
ALIVE = frozenset({"/healthz", "/readyz"})
ANY_HOST = ALIVE | {"/mesh"}

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; "
        "img-src 'self' data:; connect-src 'self'; font-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'"
    ),
    "X-Content-Type-Options": "nosniff",
    # Not no-referrer: under it browsers send "Origin: null" with our own forms
    # (Fetch, "append a request Origin header"), and over plain HTTP, where there is
    # no Sec-Fetch-Site, they could not be told from foreign ones. Other sites learn
    # nothing under this policy either.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": (
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
    ),
    "Server": "pangea",
}


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what comes under a foreign name or from a foreign page."""
    _check_way(request)
    # A page that rebinds its own name to our address has no token to send.
    by_token = holds_token(request)
    if not by_token and request.path not in ANY_HOST:
        _check_host(request.headers.get(hdrs.HOST, ""), request.app[SITE].hosts)
    if not by_token and request.method not in SAFE:
        _check_origin(request)
    return await handler(request)


def _check_way(request: web.Request) -> None:
    """Raise NotAllowed if a public site is asked in the clear, from elsewhere."""
    if not request.app[SITE].public or request.path in ALIVE:
        return
    if not is_secure(request) and not is_here(request):
        raise NotAllowed(
            "plain HTTP is not spoken here",
            hint="use https; a proxy must say X-Forwarded-Proto and "
            "X-Forwarded-For, and stand in server.tls_proxies",
        )


def _check_host(host: str, known: frozenset[str]) -> None:
    """Raise Misdirected unless *host* is a name of this site (DNS rebinding)."""
    name = host_name(host)
    if not is_ours(name, known):
        raise Misdirected(
            f"this site is not called {safe_text(name, 80)!r}",
            hint="use its address, or add the name to allowed_hosts in pangea.toml",
        )


def host_name(host: str) -> str:
    """Return the name in a Host header, without port, brackets and final dot."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def is_ours(name: str, known: frozenset[str]) -> bool:
    """Tell whether a browser may call us *name*.

    Addresses, ``localhost`` and names of the local link cannot be given to us by a
    stranger's name server; all other names must be known (lower case).
    """
    if name in known or "*" in known:
        return True
    if name == "localhost" or name.endswith((".localhost", ".local")):
        return True
    try:
        return bool(ip_address(name.partition("%")[0]))
    except ValueError:
        return False


def _check_origin(request: web.Request) -> None:
    """Raise NotAllowed if a page of another site sent this (CSRF).

    A request without either header does not come from a browser that would have
    sent our SameSite cookie with it.
    """
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get(hdrs.ORIGIN)
    if site is not None:
        foreign = site not in ("same-origin", "none")
    elif origin is not None:
        foreign = not same_origin(origin, request.headers.get(hdrs.HOST, ""))
    else:
        foreign = False
    if foreign:
        raise NotAllowed(
            "this came from a page of another site",
            hint="open Pangea itself and do it there; programs send the admin token",
        )


def same_origin(origin: str, host: str) -> bool:
    """Tell whether *origin* is a page of *host*.

    The scheme is not compared: a proxy in front may speak TLS for us.
    """
    try:
        return bool(host) and urlsplit(origin).netloc.lower() == host.lower()
    except ValueError:
        return False


async def dress(request: web.Request, response: web.StreamResponse) -> None:
    """Give every answer its headers; nothing is cached unless the answer says so."""
    for name, value in HEADERS.items():
        response.headers[name] = value
    response.headers.setdefault("Cache-Control", "no-store")
    if request.app[SITE].hsts and is_secure(request):
        response.headers["Strict-Transport-Security"] = f"max-age={HSTS_S}"
