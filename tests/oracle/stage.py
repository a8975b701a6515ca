"""Servers of our own making, on an event loop in a thread beside the tests."""

import asyncio
import ssl
import threading
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any, TypeVar

import dns.message

from tests.probes import name_server

T = TypeVar("T")
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Stage:
    """Lets servers play until it is closed."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._stack = AsyncExitStack()
        self._busy: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> "Stage":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Run *work* on the stage's loop and return what it returns."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    def tcp(self, handler: Handler, tls: ssl.SSLContext | None = None) -> int:
        """Serve *handler* on a free port and return that."""
        return self.do(self._tcp(handler, tls))

    def udp_dns(self, answer: name_server.Answer, **how: Any) -> int:
        """Answer DNS questions over UDP by *answer*; return the port."""
        server = name_server.udp_server(answer, **how)
        return self.do(self._stack.enter_async_context(server))

    def tcp_dns(
        self,
        answer: name_server.Answer,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> int:
        """Answer DNS over TCP by *answer*, perhaps in TLS; return the port."""

        async def serve(reader: asyncio.StreamReader, writer) -> None:
            length = int.from_bytes(await reader.readexactly(2), "big")
            said = answer(dns.message.from_wire(await reader.readexactly(length)))
            if said:
                writer.write(len(said).to_bytes(2, "big") + said)
                await writer.drain()

        return self.do(self._tcp(serve, tls, port))

    async def _tcp(
        self, handler: Handler, tls: ssl.SSLContext | None, port: int = 0
    ) -> int:
        async def serve(reader, writer) -> None:
            self._busy.add(asyncio.current_task())
            try:
                await handler(reader, writer)
            except (OSError, EOFError, ValueError, asyncio.CancelledError):
                pass  # a client that hangs up is no news here
            finally:
                self._busy.discard(asyncio.current_task())
                writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", port, ssl=tls)
        self._stack.callback(server.close)
        return server.sockets[0].getsockname()[1]

    async def _end(self) -> None:
        await self._stack.aclose()
        for task in self._busy:
            task.cancel()
        await asyncio.gather(*self._busy, return_exceptions=True)
