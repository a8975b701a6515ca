import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from tests.lab.relay import RETRANSMIT_S, Datagrams, Way

pytestmark = pytest.mark.alone
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
LOCAL = "127.0.0.1"


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send back what comes, and say goodbye when it ends."""
    try:
        while piece := await reader.read(65_536):
            writer.write(piece)
        writer.write(b"bye")
        await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


@asynccontextmanager
async def relayed() -> AsyncIterator[tuple[Way, Callable[[], Awaitable[Streams]]]]:
    """A way to an echo, and how to open a connection through it."""
    far = await asyncio.start_server(echo, LOCAL, 0)
    way = Way(far.sockets[0].getsockname())
    near = await asyncio.start_server(way.accept, LOCAL, 0)
    opened: list[asyncio.StreamWriter] = []

    async def dial() -> Streams:
        ends = await asyncio.open_connection(*near.sockets[0].getsockname())
        opened.append(ends[1])
        return ends

    yield way, dial
    for writer in opened:
        writer.close()
    near.close()
    far.close()
    await asyncio.sleep(0.05)


async def timed(dial: Callable[[], Awaitable[Streams]], data: bytes = b"x") -> float:
    """Return how long a round trip takes."""
    reader, writer = await dial()
    begun = asyncio.get_running_loop().time()
    writer.write(data)
    assert await reader.readexactly(len(data)) == data
    return asyncio.get_running_loop().time() - begun


async def test_each_direction_is_delayed():
    async with relayed() as (way, dial):
        assert await timed(dial) < 0.15
        way.obey({"delay_s": 0.1})
        assert 0.2 <= await timed(dial) < 0.4


async def test_a_lost_piece_comes_later():
    async with relayed() as (way, dial):
        way.obey({"loss": 1.0})
        assert await timed(dial) >= 2 * RETRANSMIT_S


async def test_a_throttle_bounds_the_bytes_of_a_second():
    async with relayed() as (way, dial):
        way.obey({"rate": 20_000})
        assert 0.2 <= await timed(dial, bytes(4_000)) < 0.8


@pytest.mark.parametrize("direction", ["up", "down", "both"])
async def test_a_stalled_direction_carries_nothing_until_it_is_healed(direction):
    async with relayed() as (way, dial):
        reader, writer = await dial()
        writer.write(b"1")
        assert await reader.read(1) == b"1"
        way.obey({"stall": direction})
        writer.write(b"2")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.2)
        way.obey({"stall": ""})
        assert await asyncio.wait_for(reader.read(1), 1) == b"2"


async def test_a_half_close_ends_one_direction_only():
    async with relayed() as (way, dial):
        reader, writer = await dial()
        writer.write(b"1")
        assert await reader.read(1) == b"1"
        way.obey({"act": "half"})
        assert await asyncio.wait_for(reader.read(), 1) == b"bye"


async def test_a_cut_resets_the_connection():
    async with relayed() as (way, dial):
        reader, writer = await dial()
        writer.write(b"1")
        assert await reader.read(1) == b"1"
        way.obey({"act": "cut", "refuse": True})
        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(reader.read(1), 1)
        reader, _ = await dial()
        assert await asyncio.wait_for(_over(reader), 1)


async def _over(reader: asyncio.StreamReader) -> bool:
    try:
        return await reader.read(1) == b""
    except ConnectionResetError:
        return True


async def test_datagrams_are_carried_both_ways_or_lost():
    class Echo(asyncio.DatagramProtocol):
        def connection_made(self, transport):
            self.transport = transport

        def datagram_received(self, data, address):
            self.transport.sendto(data, address)

    class Heard(asyncio.DatagramProtocol):
        def __init__(self):
            self.queue = asyncio.Queue()

        def datagram_received(self, data, address):
            self.queue.put_nowait(data)

    loop = asyncio.get_running_loop()
    local = (LOCAL, 0)
    far, _ = await loop.create_datagram_endpoint(Echo, local)
    way = Way(far.get_extra_info("sockname"))
    near, relay = await loop.create_datagram_endpoint(lambda: Datagrams(way), local)
    to = near.get_extra_info("sockname")
    own, heard = await loop.create_datagram_endpoint(Heard, remote_addr=to)
    own.sendto(b"1")
    assert await asyncio.wait_for(heard.queue.get(), 1) == b"1"
    way.obey({"loss": 1.0})
    own.sendto(b"2")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(heard.queue.get(), 0.2)
    way.obey({"loss": 0.0})
    own.sendto(b"3")
    assert await asyncio.wait_for(heard.queue.get(), 1) == b"3"
    relay.close()
    for transport in (far, near, own):
        transport.close()
    await asyncio.sleep(0.05)
