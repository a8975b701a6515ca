"""Batches of one link that wait for their turn while the link is still heard."""

import asyncio
from collections import deque
from contextlib import suppress

from pangea.core.errors import ProtocolError
from pangea.mesh.messages import WINDOW

from .intake import Intake
from .parcel import Parcel

#: A worker that leaves waits no longer for what it sent; it has kept it.
FLUSH_S = 2.0


class Inflow:
    """Hands the batches of a link to the intake, in order; ``run`` does, when full.

    A link that waited for the intake itself would hear no heartbeat meanwhile, and
    a database that is slow would end the links of all workers.
    """

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._waiting: deque[Parcel] = deque()
        self._some = asyncio.Event()
        self._none = asyncio.Event()
        self._none.set()

    def put(self, parcel: Parcel) -> None:
        """Hand *parcel* on, now or as soon as there is room.

        It is judged at once if its turn may be long in coming. Raises ProtocolError
        if more wait than a worker may have sent unanswered.
        """
        self._intake.came(parcel)
        if not self._waiting and self._intake.offer(parcel):
            return
        if len(self._waiting) > WINDOW:
            raise ProtocolError("it sends more batches than it may without an ack")
        self._waiting.append(parcel)
        self._none.clear()
        self._some.set()

    async def run(self) -> None:
        """Hand on what waits, for ever."""
        while True:
            await self._some.wait()
            await self._intake.put(self._waiting[0])
            self._waiting.popleft()
            if not self._waiting:
                self._some.clear()
                self._none.set()

    async def flush(self) -> None:
        """Wait until all is handed on, but not for long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_S):
                await self._none.wait()
