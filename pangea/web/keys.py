"""What the application and a request carry, each under a typed key."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING, Any

from aiohttp import web

from pangea.mesh.channel import Channel

if TYPE_CHECKING:
    # A worker has this module for its door, and needs none of these.
    from .accounts import Accounts
    from .events import Hub
    from .service import Service

#: Given by whoever builds the site: takes a channel of the mesh, the address of its
#: other end, and what to call as soon as the handshake has succeeded (until then it
#: counts as half-open, and if it never is, as a failure of that address). Returns
#: when the link has ended.
AcceptLink = Callable[[Channel, str, Callable[[], None]], Awaitable[None]]

#: Each role may what those below it may.
RANKS = {"viewer": 0, "operator": 1, "admin": 2}


@dataclass(frozen=True, slots=True)
class Who:
    """Who asks: an account by its session, or a program with the admin token.

    ``session`` is the hash under which the session is stored, None for a token.
    """

    account: int
    name: str
    org: int
    role: str
    session: bytes | None = None

    @property
    def is_admin(self) -> bool:
        """Tell whether *who* may change things."""
        return self.role == "admin"

    def may(self, role: str) -> bool:
        """Tell whether *who* may do what takes *role*, or one below it."""
        return RANKS[role] <= RANKS.get(self.role, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """How the site behaves; durations in seconds.

    ``hosts`` are the names, beside addresses and the machine's own, under which
    browsers may call it; ``"*"`` allows every name. ``proxies`` are believed who
    asked them. A ``public`` one answers plain HTTP to this machine alone, and with
    ``hsts`` browsers are told never to try it (RFC 6797). ``intervals`` are those of
    new jobs of types that have another one than their own.
    """

    admin_token: str
    session_s: float = 7 * 86400.0
    idle_s: float = 86400.0
    hosts: frozenset[str] = frozenset()
    proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    public: bool = False
    hsts: bool = False
    heartbeat_s: float = 15.0
    recheck_s: float = 60.0
    body_s: float = 10.0
    wall: Callable[[], float] = time.time
    intervals: Mapping[str, float] = field(default_factory=dict)


SERVICE: "web.AppKey[Service]" = web.AppKey("service")
HUB: "web.AppKey[Hub]" = web.AppKey("hub")
ACCOUNTS: "web.AppKey[Accounts]" = web.AppKey("accounts")
SITE: web.AppKey[Site] = web.AppKey("site", Site)
ACCEPT_LINK: web.AppKey[AcceptLink] = web.AppKey("accept_link")

WHO: web.RequestKey[Who | None] = web.RequestKey("who")
QUERY: web.RequestKey[Any] = web.RequestKey("query")
BODY: web.RequestKey[Any] = web.RequestKey("body")


def who_is(request: web.Request) -> Who:
    """Return who asks, on a route that nobody reaches without having logged in."""
    who: Who | None = request.get(WHO)
    if who is None:
        raise LookupError(f"{request.path} is open to all: nobody is known here")
    return who
