"""Servers on loopback for the probes to ask, in this process."""

import asyncio
import ssl
import struct
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self, cast

import dns.message
import dns.rrset

from pangea.web.certificate import keep_own

PAGE = b"pangea selftest\n"
BANNER = b"220 pangea selftest ready\r\n"
ADDRESS = "192.0.2.7"
#: From 1900, where NTP begins, to 1970.
_NTP_EPOCH = 2_208_988_800
_MOST = 65_536

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Answer = Callable[[bytes], bytes]


class Servers:
    """A web server, the same with TLS, a name server, a clock and three dialogues.

    ``ports`` are by name (http https tcp smtp udp dns ntp), and ``ca_file`` is who
    vouches for https.
    """

    def __init__(self, place: Path) -> None:
        self.ports: dict[str, int] = {}
        self.ca_file = place / "tls.crt"
        self._place = place
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        certificate, key = keep_own(self._place, ["localhost"], time.time())
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, key)
        await self._stream("http", _page)
        await self._stream("https", _page, context)
        await self._stream("tcp", _greet)
        await self._stream("smtp", _mail)
        for name, answer in (("udp", _echo), ("dns", _name), ("ntp", _clock)):
            await self._datagrams(name, answer)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _stream(
        self, name: str, handle: Handler, context: ssl.SSLContext | None = None
    ) -> None:
        server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
        self._stack.callback(server.close)
        self.ports[name] = server.sockets[0].getsockname()[1]

    async def _datagrams(self, name: str, answer: Answer) -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            lambda: _Datagrams(answer), local_addr=("127.0.0.1", 0)
        )
        self._stack.callback(transport.close)
        self.ports[name] = transport.get_extra_info("sockname")[1]


async def _page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer whatever is asked with the page; a caller who only looks may hang up."""
    try:
        async with asyncio.timeout(5):
            await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(PAGE)}\r\n"
        writer.write(head.encode() + b"Connection: close\r\n\r\n" + PAGE)
        await writer.drain()
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def _greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(BANNER)
    writer.close()


async def _mail(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take a mail (RFC 5321, appendix D.1) and forget it."""
    writer.write(BANNER)
    in_text = False
    try:
        async with asyncio.timeout(5):
            while line := await reader.readline():
                if in_text and line != b".\r\n":
                    continue
                said = line[:4].upper()
                in_text = said == b"DATA"
                writer.write(b"354 go on\r\n" if in_text else b"250 fine\r\n")
                await writer.drain()
                if said == b"QUIT":
                    break
    except (OSError, TimeoutError, ValueError):
        pass
    finally:
        writer.close()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's are none by class.
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self._transport:
            self._transport.sendto(self._answer(data[:_MOST]), addr)


def _echo(data: bytes) -> bytes:
    return data


def _name(data: bytes) -> bytes:
    question = dns.message.from_wire(data)
    answer = dns.message.make_response(question)
    name = question.question[0].name
    answer.answer.append(dns.rrset.from_text(name, 60, "IN", "A", ADDRESS))
    return answer.to_wire()


def _clock(data: bytes) -> bytes:
    """Answer as a server of stratum 1 (RFC 5905, section 7.3)."""
    now = time.time() + _NTP_EPOCH
    stamp = struct.pack(">II", int(now), int(now % 1 * 2**32))
    head = struct.pack(">BBbbII4s", 0x24, 1, 4, -20, 0, 0, b"LOCL")
    return head + stamp + data[40:48] + stamp + stamp
