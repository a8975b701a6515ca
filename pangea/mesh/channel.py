"""A channel carries whole byte messages, unverified; a WebSocket is one."""

import socket
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from aiohttp import WSMessage, WSMsgType

from pangea.core.errors import LinkClosed
from pangea.mesh.stream import MAX_PLAIN
from pangea.mesh.tls_binding import PLAIN

#: The largest WebSocket message that either side takes.
MAX_MESSAGE = MAX_PLAIN + 1024
#: The largest before the peer has proven anything, and how many of those there are
#: for each side: its second is verified before a third is taken.
MAX_FIRST, FIRST = 2048, 2
#: Data that nobody acknowledges for so long ends the connection, in seconds.
SILENCE = 20.0


class Channel(Protocol):
    """What a handshake and a link run on."""

    @property
    def prologue(self) -> bytes:
        """What a handshake on it is bound to; both ends must see the same."""
        ...

    async def send(self, data: bytes) -> None:
        """Send one message, whole even if cancelled; raise `LinkClosed` if gone."""
        ...

    async def receive(self) -> bytes:
        """Return the next message; raise `LinkClosed` when there is none any more."""
        ...

    async def close(self) -> None:
        """End it; may be called again and at any time."""
        ...


class WebSocket(Protocol):
    """What aiohttp's client and server WebSockets have in common."""

    async def receive(self) -> WSMessage:
        """Return the next message of any type."""
        ...

    async def send_bytes(self, data: bytes, compress: int | None = None) -> None:
        """Send one binary message."""
        ...

    async def close(self) -> bool:
        """Say goodbye and end the connection."""
        ...

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return a property of the transport."""
        ...


class WebSocketChannel:
    """A `Channel` of binary WebSocket messages; any other kind ends it.

    *after_close* releases what the connection hangs on, such as a client session;
    *prologue* is what a handshake on it is bound to. With *cut*, which ends the
    connection at once, it closes by that, and not by the two sides' agreement, until
    it is `trusted`.
    """

    def __init__(
        self,
        websocket: WebSocket,
        after_close: Callable[[], Awaitable[None]] | None = None,
        prologue: bytes = PLAIN,
        cut: Callable[[], None] | None = None,
    ) -> None:
        self.prologue = prologue
        self._websocket = websocket
        self._after_close = after_close
        self._cut = cut
        self._small = FIRST
        _limit_silence(websocket.get_extra_info("socket"))
        name = websocket.get_extra_info("peername")
        #: The address of the other end, "" if there is none.
        self.remote = str(name[0]) if isinstance(name, tuple) and name else ""

    def trusted(self) -> None:
        """Note that the peer is worth waiting for when this closes."""
        self._cut = None
        self._small = 0

    async def send(self, data: bytes) -> None:
        """Send one message; raise `LinkClosed` if the peer is gone."""
        try:
            await self._websocket.send_bytes(data)
        except (OSError, RuntimeError) as error:
            raise LinkClosed("the connection is gone") from error

    async def receive(self) -> bytes:
        """Return the next message; raise `LinkClosed` if there is none any more."""
        try:
            message = await self._websocket.receive()
        except (OSError, RuntimeError) as error:
            raise LinkClosed("the connection is gone") from error
        small, self._small = self._small > 0, max(0, self._small - 1)
        if message.type is WSMsgType.BINARY:
            if not small or len(message.data) <= MAX_FIRST:
                return bytes(message.data)
            await self.close()
            raise LinkClosed("the first message is too large")
        await self.close()
        if message.type is WSMsgType.TEXT:
            raise LinkClosed("the peer sent text where only bytes are spoken")
        if message.type is WSMsgType.ERROR:
            raise LinkClosed("the connection broke, or a message was too large")
        raise LinkClosed("the peer closed the connection")

    async def close(self) -> None:
        """End the connection and release what it hangs on."""
        after, self._after_close = self._after_close, None
        if self._cut is not None:
            self._cut()
            return
        try:
            await self._websocket.close()
        except (OSError, RuntimeError):
            pass  # it is gone already, which is what was wanted
        finally:
            if after is not None:
                await after()


def _limit_silence(sock: socket.socket | None) -> None:
    # Half-open connections last a quarter of an hour without this (RFC 5482).
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if sock is None or option is None or sock.family == socket.AF_UNIX:
        return
    sock.setsockopt(socket.IPPROTO_TCP, option, int(SILENCE * 1000))
