"""The first bytes of a connection: whoever is shut out goes no further than this.

A request costs hundreds of microseconds until it is refused by the site; a flood of
knocks from addresses that have failed too often must not, or pages would wait. What
ends here is refused by what is cheapest: one look, one answer, no request.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import cast

from aiohttp.web_protocol import RequestHandler

from .mesh import DoorGuard
from .meter import MOST, Meter

#: A new connection has so long for the head of its first request, in seconds.
HEAD_S = 15.0
#: How often silent connections are looked for, in seconds.
SWEEP_S = 1.0
#: Knocks that wait because their addresses have failed, and the time between two.
LANE = 128
SPACE_S = 0.02
_KNOCK = b"GET /mesh "
_SHUT_OUT = b"\r\n".join(
    (
        b"HTTP/1.1 429 Too Many Requests",
        b"Retry-After: 2",
        b"Content-Length: 0",
        b"Connection: close",
        b"Server: pangea",
        b"",
        b"",
    )
)


class Silence:
    """Ends connections that ask nothing; aiohttp waits for a first request for ever."""

    def __init__(self) -> None:
        self._silent: dict[asyncio.Transport, float] = {}
        self._sweeping: asyncio.TimerHandle | None = None

    def begin(self, transport: asyncio.Transport) -> None:
        """Give a new connection its time to say the head of a first request."""
        loop = asyncio.get_running_loop()
        self._silent[transport] = loop.time() + HEAD_S
        if self._sweeping is None:
            self._sweeping = loop.call_later(SWEEP_S, self._sweep)

    def end(self, transport: asyncio.Transport | None) -> None:
        """Note that a connection has asked something, or is gone."""
        if transport is not None:
            self._silent.pop(transport, None)

    def _sweep(self) -> None:
        loop, self._sweeping = asyncio.get_running_loop(), None
        now = loop.time()
        over = [it for it, until in self._silent.items() if until <= now]
        for transport in over:
            del self._silent[transport]
            transport.abort()
        if self._silent:
            self._sweeping = loop.call_later(SWEEP_S, self._sweep)


class Lane:
    """Where knocks of addresses that have failed wait for their turn, evenly spaced.

    Else all of them would be heard in the same moment, as soon as they may be.
    """

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()
        self._next: asyncio.TimerHandle | None = None

    def join(self, enter: Callable[[], None]) -> bool:
        """Call *enter* when it is its turn; False if too many wait."""
        if len(self._waiting) >= LANE:
            return False
        self._waiting.append(enter)
        if self._next is None:
            self._next = asyncio.get_running_loop().call_later(SPACE_S, self._let_in)
        return True

    def _let_in(self) -> None:
        self._next = None
        self._waiting.popleft()()
        if self._waiting:
            self._next = asyncio.get_running_loop().call_later(SPACE_S, self._let_in)


class Threshold(asyncio.Protocol):
    """Hands a connection to what *inside* makes once it has said something.

    *guard* tells whose knocks are refused, and whose wait in the *lane*.
    """

    __slots__ = ("_guard", "_heard", "_inside", "_lane", "_silence", "_transport")

    def __init__(
        self,
        inside: Callable[[], RequestHandler],
        guard: DoorGuard,
        silence: Silence,
        lane: Lane,
    ) -> None:
        self._inside = inside
        self._guard = guard
        self._silence = silence
        self._lane = lane
        self._heard = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for the first bytes."""
        # uvloop's are not asyncio's by inheritance.
        self._transport = cast(asyncio.Transport, transport)
        self._silence.begin(self._transport)

    def data_received(self, data: bytes) -> None:
        """Refuse a knock that is shut out; hand all else on."""
        if self._transport is None:
            return  # refused, and it goes on talking
        waits = bool(self._heard)
        self._heard += data
        if waits:
            return
        if not data.startswith(_KNOCK):
            self._enter()
            return
        address = _address(self._transport)
        if len(data) > MOST or self._guard.is_flooding(address):
            self._close()
        elif self._guard.is_shut(address):
            self._refuse()
        elif not self._guard.is_suspect(address):
            self._enter()
        elif self._lane.join(self._enter):
            self._transport.pause_reading()
        else:
            self._refuse()

    def _refuse(self) -> None:
        transport, self._transport = self._transport, None
        if transport is not None:
            self._guard.refused(_address(transport))
            self._silence.end(transport)
            transport.write(_SHUT_OUT)
            transport.close()

    def _close(self) -> None:
        """End it without a word."""
        transport, self._transport = self._transport, None
        if transport is not None:
            self._silence.end(transport)
            transport.abort()

    def _enter(self) -> None:
        transport, heard = self._transport, self._heard
        if transport is None or transport.is_closing():
            return
        handler = self._inside()
        transport.set_protocol(handler)
        knocks = heard.startswith(_KNOCK)
        first = Meter(transport, handler) if knocks else handler
        handler.connection_made(transport)
        transport.resume_reading()
        first.data_received(heard)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it; it has never been inside."""
        self._silence.end(self._transport)
        self._transport = None


def _address(transport: asyncio.Transport) -> str:
    peer = transport.get_extra_info("peername")
    return str(peer[0]) if isinstance(peer, tuple) else ""
