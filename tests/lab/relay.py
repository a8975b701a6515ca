"""A relay of our own that bends what it carries; netem is not in every kernel.

Runs as a process: ``python -m tests.lab.relay WAYS``, with WAYS in JSON: of each
way a name, where to listen, where to, and ``udp`` true or false. On stdin it takes
lines ``{"way": NAME, …}``: ``delay_s`` (each direction), ``loss`` (0 to 1),
``rate`` (bytes a second, 0 for all), ``stall`` (``""``, ``up``, ``down``, ``both``),
``refuse``, and once ``act``: ``cut`` (reset), ``end`` (close) or ``half`` (ends the
direction up only). TCP loses nothing: a lost piece comes one retransmission later,
and all behind it wait, as they would.
"""

import asyncio
import json
import random
import socket
import struct
import sys
from typing import Any

PIECE = 16_384
RETRANSMIT_S = 0.2
#: Pieces on their way; beyond that the sender waits, as with a full window.
WINDOW = 64
LOOK_S = 0.02
RESET = struct.pack("ii", 1, 0)
SETTINGS = ("delay_s", "loss", "rate", "stall", "refuse")


class Way:
    """One way through the relay, and how it is bent now."""

    def __init__(self, to: tuple[str, int]) -> None:
        self.to = to
        self.delay_s = self.loss = self.rate = 0.0
        self.stall = ""
        self.refuse = False
        self.writers: set[tuple[str, asyncio.StreamWriter]] = set()
        self._dice = random.Random(0)

    def lost(self) -> bool:
        """Throw the dice."""
        return self._dice.random() < self.loss

    def obey(self, order: dict[str, Any]) -> None:
        """Set what *order* says, and do its act."""
        for name in SETTINGS:
            if name in order:
                setattr(self, name, order[name])
        for direction, writer in list(self.writers):
            match order.get("act"):
                case "cut":
                    sock = writer.get_extra_info("socket")
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    writer.transport.abort()
                case "end":
                    writer.close()
                case "half" if direction == "up" and not writer.is_closing():
                    writer.write_eof()

    async def stalled(self, direction: str) -> None:
        """Wait while *direction* is stalled."""
        while self.stall in (direction, "both"):
            await asyncio.sleep(LOOK_S)

    async def accept(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Carry one connection."""
        if self.refuse:
            writer.transport.abort()
            return
        await self.stalled("up")
        try:
            far_reader, far_writer = await asyncio.open_connection(*self.to)
        except OSError:
            writer.transport.abort()
            return
        ends = {("up", far_writer), ("down", writer)}
        self.writers |= ends
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._carry(reader, far_writer, "up"))
                both.create_task(self._carry(far_reader, writer, "down"))
        except* OSError:
            pass
        finally:
            self.writers -= ends
            for _, end in ends:
                end.close()

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, name: str
    ) -> None:
        pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(WINDOW)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._deliver(pieces, writer, name))
            clock = asyncio.get_running_loop().time
            while piece := await reader.read(PIECE):
                await pieces.put((clock() + self.delay_s, piece))
            await pieces.put((clock() + self.delay_s, b""))

    async def _deliver(
        self,
        pieces: "asyncio.Queue[tuple[float, bytes]]",
        writer: asyncio.StreamWriter,
        name: str,
    ) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            due, piece = await pieces.get()
            await asyncio.sleep(max(0.0, due - clock()))
            await self.stalled(name)
            if self.lost():
                await asyncio.sleep(RETRANSMIT_S + 2 * self.delay_s)
            if self.rate:
                await asyncio.sleep(len(piece) / self.rate)
            if not piece:
                if writer.can_write_eof() and not writer.is_closing():
                    writer.write_eof()
                return
            writer.write(piece)
            await writer.drain()


class Datagrams(asyncio.DatagramProtocol):
    """The same for datagrams, which are truly lost."""

    def __init__(self, way: Way, back: "Datagrams | None" = None, to: Any = None):
        self._way, self._back, self._to = way, back, to
        self._far: dict[Any, asyncio.Task[Any]] = {}

    def connection_made(self, transport: Any) -> None:
        """Keep the transport."""
        self.transport = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        """Carry one datagram up, or an answer back."""
        if self._back is None and address not in self._far:
            self._far[address] = asyncio.create_task(self._open(address))
        name = "down" if self._back else "up"
        if self._way.lost() or self._way.stall in (name, "both"):
            return
        asyncio.create_task(self._send(data, address))  # noqa: RUF006

    def close(self) -> None:
        """Close what was opened towards the other side."""
        for opened in self._far.values():
            opened.result().close()

    async def _open(self, address: Any) -> asyncio.DatagramTransport:
        loop = asyncio.get_running_loop()
        far, _ = await loop.create_datagram_endpoint(
            lambda: Datagrams(self._way, self, address), remote_addr=self._way.to
        )
        return far

    async def _send(self, data: bytes, address: Any) -> None:
        await asyncio.sleep(self._way.delay_s)
        if self._back:
            self._back.transport.sendto(data, self._to)
        else:
            (await self._far[address]).sendto(data)


async def main(ways: list[dict[str, Any]]) -> None:
    """Listen on every way and obey stdin until it ends."""
    loop, known = asyncio.get_running_loop(), {}
    for given in ways:
        way = known[given["name"]] = Way(tuple(given["to"]))
        host, port = given["listen"]
        if given.get("udp"):
            await loop.create_datagram_endpoint(
                lambda way=way: Datagrams(way), (host, port)
            )
        else:
            await asyncio.start_server(way.accept, host, port)
    orders = asyncio.StreamReader()
    await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(orders), sys.stdin
    )
    print("ready", flush=True)
    while line := await orders.readline():
        order = json.loads(line)
        known[order["way"]].obey(order)
        print("done", flush=True)


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
