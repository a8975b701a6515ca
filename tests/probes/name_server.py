"""Real name servers on loopback, honest or not."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

Answer = Callable[[dns.message.Message], bytes | list[bytes]]


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, answer: Answer, say: "asyncio.DatagramTransport | None") -> None:
        self.answer, self.say = answer, say
        self.asked: list[dns.message.Message] = []

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:
        self.say = self.say or transport

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        question = dns.message.from_wire(data)
        self.asked.append(question)
        for wire in _wires(self.answer(question)):
            self.say.sendto(wire, address)


def _wires(said: bytes | list[bytes]) -> list[bytes]:
    return [said] if isinstance(said, bytes) else said


@asynccontextmanager
async def udp_server(
    answer: Answer, *, host: str = "127.0.0.1", from_elsewhere: bool = False
) -> AsyncIterator[int]:
    """Serve *answer* on a free port and yield it; perhaps answer from another."""
    loop = asyncio.get_running_loop()
    other = None
    if from_elsewhere:
        other, _ = await loop.create_datagram_endpoint(
            asyncio.DatagramProtocol, local_addr=(host, 0)
        )
    transport, _ = await loop.create_datagram_endpoint(
        lambda: _Udp(answer, other), local_addr=(host, 0)
    )
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        transport.close()
        if other:
            other.close()


@asynccontextmanager
async def tcp_server(answer: Answer, *, port: int = 0) -> AsyncIterator[int]:
    """Serve *answer* over TCP, each wire behind its length; b"" hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        length = int.from_bytes(await reader.readexactly(2), "big")
        question = dns.message.from_wire(await reader.readexactly(length))
        for wire in _wires(answer(question)):
            if wire:
                writer.write(len(wire).to_bytes(2, "big") + wire)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


@asynccontextmanager
async def both_servers(udp: Answer, tcp: Answer) -> AsyncIterator[int]:
    """Serve *udp* and *tcp* on one port, as name servers do."""
    for attempt in range(20):
        async with AsyncExitStack() as stack:
            port = await stack.enter_async_context(udp_server(udp))
            try:
                await stack.enter_async_context(tcp_server(tcp, port=port))
            except OSError:  # somebody else has the port of that number over TCP
                assert attempt < 19
                continue
            yield port
            return


@asynccontextmanager
async def stream_server(
    talk: Callable[[bytes, asyncio.StreamWriter], Awaitable[None]],
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[int]:
    """Let *talk* write what it likes to whoever asks; the query comes without length.

    What still talks at the end is cut off.
    """
    busy: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        busy.add(asyncio.current_task())
        try:
            length = int.from_bytes(await reader.readexactly(2), "big")
            await talk(await reader.readexactly(length), writer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in busy:
            task.cancel()
        await asyncio.gather(*busy, return_exceptions=True)


def respond(
    question: dns.message.Message,
    *texts: str,
    kind: str = "",
    ttl: int = 300,
    rcode: str = "NOERROR",
    flags: int = 0,
) -> dns.message.Message:
    """Return a response to *question* with a record per text."""
    response = dns.message.make_response(question)
    response.set_rcode(dns.rcode.from_text(rcode))
    response.flags |= flags
    asked = question.question[0]
    kind = kind or dns.rdatatype.to_text(asked.rdtype)
    if texts:
        record = dns.rrset.from_text(asked.name, ttl, "IN", kind, *texts)
        response.answer.append(record)
    return response


def truncated(question: dns.message.Message) -> bytes:
    """Return a response that says to come back over TCP."""
    return respond(question, flags=dns.flags.TC).to_wire()
