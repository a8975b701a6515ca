"""GET /mesh: the door of the mesh, a WebSocket on the same port."""

import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import hdrs, web

from pangea.core.errors import NotAllowed, PangeaError, UsageError
from pangea.core.text import safe_text
from pangea.mesh.channel import MAX_MESSAGE, WebSocketChannel
from pangea.mesh.limits import Doorkeeper, Knock
from pangea.mesh.tls_binding import BOUND_PROTOCOL, PLAIN, PROXIED, PROXIED_PROTOCOL

from .caller import caller_of
from .keys import ACCEPT_LINK
from .refusals import TooMany
from .route import Route
from .tls import Shown

log = logging.getLogger(__name__)


class Door:
    """Lets nodes in, a bounded number at a time, and closes behind them."""

    def __init__(self, keeper: Doorkeeper | None = None) -> None:
        self._keeper = keeper or Doorkeeper()
        self._inside: set[WebSocketChannel] = set()

    @asynccontextmanager
    async def handshake(self, address: str) -> AsyncIterator[Callable[[], None]]:
        """Count a handshake until what is given is called, or it has failed.

        Raises TooMany before anything is said.
        """
        knock = self._keeper.knock(address, time.monotonic())
        if knock is not Knock.COME_IN:
            raise TooMany(str(knock.value), retry_s=1.0)
        waiting = True

        def over(*, failed: bool = False) -> None:
            nonlocal waiting
            if waiting:
                waiting = False
                self._keeper.leave(address, time.monotonic(), failed=failed)

        try:
            yield over
        finally:
            over(failed=True)

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
        raise UsageError("this is the door of the mesh", hint="it speaks WebSocket")
    address, door = caller.address, request.app[DOOR]
    async with door.handshake(address) as proven:
        await socket.prepare(request)
        channel = WebSocketChannel(socket, prologue=bound_to(request))
        async with door.inside(channel):
            try:
                await request.app[ACCEPT_LINK](channel, address, proven)
            except PangeaError as error:
                # The peer learns nothing; whoever reads the log does.
                log.info("a link from %s ended: %s", address, safe_text(error))
    return socket


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
)
