"""A channel in memory, and a clock that stands still."""

import asyncio

from pangea.core.errors import LinkClosed


class Stillness:
    """A clock that moves when told to."""

    def __init__(self, now=1_700_000_000.0):
        self.now = now

    def wall(self):
        return self.now

    def monotonic(self):
        return self.now

    def boot(self):
        return self.now


class MemoryChannel:
    """One end of a pair; what is sent here is received there.

    ``sent`` keeps every message; *change* may replace one on its way by any number.
    """

    prologue = b"tcp"

    def __init__(self):
        self.sent = []
        self.closed = False
        self.change = lambda number, data: [data]
        self._inbox = asyncio.Queue()
        self.other = None

    async def send(self, data):
        if self.closed or self.other.closed:
            raise LinkClosed("the connection is gone")
        self.sent.append(data)
        for arriving in self.change(len(self.sent) - 1, data):
            self.other._inbox.put_nowait(arriving)

    async def receive(self):
        if self.closed:
            raise LinkClosed("the connection is gone")
        data = await self._inbox.get()
        if data is None:
            self._inbox.put_nowait(None)
            raise LinkClosed("the peer closed the connection")
        return data

    async def close(self):
        if not self.closed:
            self.closed = True
            self._inbox.put_nowait(None)
            self.other._inbox.put_nowait(None)


def memory_channels():
    """Return two joined channels."""
    one, two = MemoryChannel(), MemoryChannel()
    one.other, two.other = two, one
    return one, two
