"""GET /mesh: the door of the mesh, a WebSocket on the same port."""

import logging
import time
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from aiohttp import hdrs, web

from pangea.core.errors import NotAllowed, PangeaError, UsageError
from pangea.core.text import safe_text
from pangea.mesh.channel import MAX_MESSAGE, WebSocketChannel
from pangea.mesh.limits import Doorkeeper, Knock, source_of
from pangea.mesh.tls_binding import BOUND_PROTOCOL, PLAIN, PROXIED, PROXIED_PROTOCOL

from .caller import caller_of, is_proxy
from .keys import ACCEPT_LINK, SITE
from .meter import metered
from .refusals import TooMany
from .route import Route
from .tls import Shown

log = logging.getLogger(__name__)

#: A handshake older than this may be ended when there is no room for another.
DAWDLES_S = 1.0
#: An address is known so long after somebody proved there who he is, in seconds.
KNOWN_S = 12 * 3600.0
MOST_KNOWN = 4096


class Known:
    """The addresses of those who are linked, or have lately been logged in."""

    def __init__(self) -> None:
        self._linked: Counter[str] = Counter()
        self._seen: OrderedDict[str, float] = OrderedDict()

    def seen(self, address: str) -> None:
        """Note that somebody at *address* has proven who he is."""
        source = source_of(address)
        self._seen[source] = time.monotonic()
        self._seen.move_to_end(source)
        if len(self._seen) > MOST_KNOWN:
            self._seen.popitem(last=False)

    def linked(self, address: str) -> Callable[[], None]:
        """Note that a link from *address* begins; call what is returned at its end."""
        source = source_of(address)
        self._linked[source] += 1

        def ended() -> None:
            self._linked[source] -= 1
            if not self._linked[source]:
                del self._linked[source]
            self.seen(address)

        return ended

    def __contains__(self, address: str) -> bool:
        """Whether *address* is known now."""
        source = source_of(address)
        seen = self._seen.get(source, float("-inf"))
        return source in self._linked or time.monotonic() - seen < KNOWN_S


class Door:
    """Lets nodes in, a bounded number at a time, and closes behind them."""

    def __init__(self, keeper: Doorkeeper | None = None) -> None:
        self.keeper = self._keeper = keeper or Doorkeeper()
        self.known = Known()
        self._inside: set[WebSocketChannel] = set()
        #: What ends each handshake that is going on, and since when; oldest first.
        self._waiting: dict[Callable[[], None], float] = {}

    @asynccontextmanager
    async def handshake(
        self, address: str, cut: Callable[[], None] = lambda: None
    ) -> AsyncIterator[Callable[[], None]]:
        """Count a handshake until what is given is called, or it has failed.

        *cut* ends its connection at once. Raises TooMany before anything is said.
        """
        knock = self._keeper.knock(address, time.monotonic())
        if knock is Knock.TOO_MANY and self._make_room():
            knock = self._keeper.knock(address, time.monotonic())
        if knock is not Knock.COME_IN:
            raise TooMany(str(knock.value), retry_s=1.0)
        waiting = True

        def over(*, failed: bool = False) -> None:
            nonlocal waiting
            if waiting:
                waiting = False
                self._waiting.pop(end, None)
                self._keeper.leave(address, time.monotonic(), failed=failed)

        def end() -> None:
            # No failure: perhaps it is we who are slow.
            over()
            cut()

        self._waiting[end] = time.monotonic()
        try:
            yield over
        finally:
            over(failed=True)

    def _make_room(self) -> bool:
        """End the oldest handshake if it dawdles; tell whether there was one.

        Who means it is through in milliseconds: a crowd that connects and says
        nothing shuts nobody out.
        """
        oldest = next(iter(self._waiting), None)
        if oldest is None or time.monotonic() - self._waiting[oldest] < DAWDLES_S:
            return False
        oldest()
        return True

    @asynccontextmanager
    async def inside(self, channel: WebSocketChannel) -> AsyncIterator[None]:
        """Keep *channel* until its link has ended, then close it."""
        self._inside.add(channel)
        try:
            yield
        finally:
            self._inside.discard(channel)
            await channel.close()

    async def close(self, app: web.Application) -> None:
        """Close all channels, because the site stops."""
        for channel in list(self._inside):
            await channel.close()


DOOR: web.AppKey[Door] = web.AppKey("door", Door)


async def mesh(request: web.Request) -> web.StreamResponse:
    """GET /mesh : binary messages, one handshake or sealed frame each."""
    if hdrs.ORIGIN in request.headers:
        raise NotAllowed("this is the door of nodes, not of web pages")
    caller = caller_of(request)
    unbound = caller.proxied and caller.secure
    socket = web.WebSocketResponse(
        compress=False,
        max_msg_size=MAX_MESSAGE,
        timeout=2.0,
        protocols=(PROXIED_PROTOCOL if unbound else BOUND_PROTOCOL,),
    )
    if not socket.can_prepare(request):
        if SITE in request.app and "text/html" in request.headers.get("Accept", ""):
            raise web.HTTPSeeOther("/mesh-view")  # a person, who wants the page
        raise UsageError("this is the door of the mesh", hint="it speaks WebSocket")
    address, door = caller.address, request.app[DOOR]
    cut = partial(hang_up, request)
    async with door.handshake(address, cut) as proven, AsyncExitStack() as link:
        meter = metered(request.transport) if request.transport else None
        await socket.prepare(request)
        channel = WebSocketChannel(socket, prologue=bound_to(request), cut=cut)

        def admitted() -> None:
            proven()
            channel.trusted()
            if meter is not None:
                meter.lift()
            link.callback(door.known.linked(address))

        async with door.inside(channel):
            try:
                await request.app[ACCEPT_LINK](channel, address, admitted)
            except PangeaError as error:
                # The peer learns nothing; whoever reads the log does.
                log.info("a link from %s ended: %s", address, safe_text(error))
    return socket


def hang_up(request: web.Request) -> None:
    """End the connection of *request* without waiting for the other side."""
    if request.transport is not None:
        request.transport.close()


class DoorGuard:
    """Tells before anything is read whom the door does not hear.

    Who comes by a proxy is always heard: it knocks for others.
    """

    def __init__(self, app: web.Application) -> None:
        site, door = app.get(SITE), app[DOOR] if DOOR in app else Door()
        self._keeper, self._known = door.keeper, door.known
        self._proxies = site.proxies if site else ()

    def is_shut(self, address: str) -> bool:
        """Tell whether a knock of *address*, which has failed, is refused now."""
        shut = self._keeper.is_shut(address, time.monotonic())
        return shut and not self._is_proxy(address)

    def refused(self, address: str) -> None:
        """Note that *address* was told that it is shut out."""
        self._keeper.refused(address, time.monotonic())

    def is_suspect(self, address: str) -> bool:
        """Tell whether *address* has failed lately."""
        return self._keeper.is_suspect(address) and not self._is_proxy(address)

    def is_flooding(self, address: str) -> bool:
        """Tell whether *address* goes on knocking so hard that no knock is answered."""
        return self._keeper.is_flooding(address, time.monotonic())

    def is_unheard(self, address: str) -> bool:
        """Tell whether all of *address* is closed: it floods, and nobody is known.

        Pages and programs go on where somebody is known.
        """
        return self.is_flooding(address) and address not in self._known

    def _is_proxy(self, address: str) -> bool:
        return is_proxy(address, self._proxies)


def bound_to(request: web.Request) -> bytes:
    """Return the prologue: the certificate of this connection, also after a change."""
    caller = caller_of(request)
    if caller.proxied:
        return PROXIED if caller.secure else PLAIN
    connection = request.get_extra_info("ssl_object")
    if connection is None:
        return PLAIN
    shown = connection.context
    if not isinstance(shown, Shown):
        raise LookupError("this port was opened with a context of somebody else")
    return shown.prologue


MESH = Route(
    method="GET",
    path="/mesh",
    handler=mesh,
    summary="WebSocket of the mesh, binary frames only",
    auth="none",
    streams=True,
)
