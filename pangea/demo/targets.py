"""The targets of the demo: servers on loopback that live the story."""

import asyncio
import random
import ssl
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Self

import dns.exception
import dns.message
import dns.rrset

from pangea.web.certificate import keep_own

from .story import TARGETS, Target, cut, delay_s, state
from .uplink import caller_is

#: An own certificate lives a year: made so long ago, it has five days left.
AGO_S = (365 - 5) * 86_400
_PAGE = b"<h1>The demo</h1>\n"

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Targets:
    """All targets, each on a port of its own; ``isolated`` is the pid that is cut."""

    def __init__(self, place: Path) -> None:
        self.ports: dict[str, int] = {}
        self.ca_file = place / "tls.crt"
        self.isolated = 0
        self._place = place
        self._began = time.monotonic()
        self._stack = AsyncExitStack()
        self._chance = random.Random(7)

    @property
    def seconds(self) -> float:
        """How long the story goes on."""
        return time.monotonic() - self._began

    def jump(self, seconds: float) -> None:
        """Go on with the story from there; for who will not wait."""
        self._began = time.monotonic() - seconds

    async def __aenter__(self) -> Self:
        for target in TARGETS:
            if target.kind == "dns":
                await self._name_server(target)
            else:
                await self._server(target)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _server(self, target: Target) -> None:
        talk = _greet if target.kind == "tcp" else _page
        context = self._certificate() if target.kind == "https" else None
        handle = partial(self._meet, target, talk)
        server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
        self._stack.callback(server.close)
        self.ports[target.name] = server.sockets[0].getsockname()[1]

    def _certificate(self) -> ssl.SSLContext:
        made = keep_own(self._place, ["localhost"], time.time() - AGO_S)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*made)
        return context

    async def _meet(
        self,
        target: Target,
        talk: Callable[..., Awaitable[None]],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """Let a caller in, let it wait, or hang up, as the story goes."""
        try:
            async with asyncio.timeout(10):
                now = self.seconds
                if state(target, now) == "gone" or self._is_cut_off(writer, now):
                    writer.transport.abort()
                    return
                await asyncio.sleep(delay_s(target, now, self._chance.random()))
                await talk(reader, writer, broken=state(target, now) == "broken")
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            pass  # a prober that has seen enough
        finally:
            writer.close()

    def _is_cut_off(self, writer: asyncio.StreamWriter, now: float) -> bool:
        if not self.isolated or not cut(now):
            return False
        return caller_is(self.isolated, writer.get_extra_info("peername")[1])

    async def _name_server(self, target: Target) -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            _Names, local_addr=("127.0.0.1", 0)
        )
        self._stack.callback(transport.close)
        self.ports[target.name] = transport.get_extra_info("sockname")[1]


async def _page(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, broken: bool
) -> None:
    await reader.readuntil(b"\r\n\r\n")
    status = b"503 Service Unavailable" if broken else b"200 OK"
    length = b"Content-Length: %d\r\n\r\n" % len(_PAGE)
    writer.write(b"HTTP/1.1 %b\r\nConnection: close\r\n" % status + length + _PAGE)
    await writer.drain()


async def _greet(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, broken: bool
) -> None:
    writer.write(b"421 not now\r\n" if broken else b"220 the demo\r\n")
    await writer.drain()


class _Names(asyncio.DatagramProtocol):
    """Answers every question with one address (RFC 5737)."""

    _transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # uvloop's has no class

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        try:
            question = dns.message.from_wire(data)
        except dns.exception.DNSException:
            return
        if not question.question:
            return
        answer = dns.message.make_response(question)
        name = question.question[0].name
        answer.answer.append(dns.rrset.from_text(name, 60, "IN", "A", "192.0.2.7"))
        self._transport.sendto(answer.to_wire(), addr)
