"""Workers that wait for a person: they are told so, and nothing else.

Their links stay open, so that an approval needs no new connection. A waiting node
may send heartbeats, at a low rate, and say goodbye; anything else ends its link.
"""

import asyncio
import logging
from typing import Any

from pangea.core.clock import Clock
from pangea.core.errors import LinkClosed, ProtocolError
from pangea.core.model import Worker
from pangea.core.text import safe_text
from pangea.mesh.link import Link
from pangea.mesh.messages import Goodbye, Heartbeat, HeartbeatAck, Welcome

log = logging.getLogger(__name__)

#: Links that may wait at the same time, and how long one may be silent.
MOST = 100
IDLE_S = 600.0
#: So long has one that is denied to hear of it.
LAST_WORD_S = 0.5
#: Heartbeats that a waiting node may send at once, and then a second.
BURST, RATE = 20, 1.0
#: The first version of the mesh in which a pending worker stays on its link.
STAYS = 2
REPLACED = (
    "a newer link of the same worker took its place; if this goes on, two machines "
    "use one identity (a cloned disk or state directory?)"
)


class WaitingRoom:
    """Holds the links of pending workers, by worker."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._inside: dict[int, asyncio.Future[Worker]] = {}

    @property
    def inside(self) -> set[int]:
        """The workers that wait here now."""
        return set(self._inside)

    async def wait(self, link: Link, worker: Worker) -> Worker:
        """Return *worker* when it has been approved; tell it nothing until then.

        Raises ProtocolError if it is denied, leaves, or says what it must not.
        """
        self.dismiss(worker.id, REPLACED)
        if len(self._inside) >= MOST:
            await link.send(Goodbye("too many workers wait for approval"))
            raise ProtocolError(f"{MOST} workers wait for approval already")
        decided: asyncio.Future[Worker] = asyncio.get_running_loop().create_future()
        # Before the first word: it may be decided while that is on its way.
        self._inside[worker.id] = decided
        try:
            await link.send(Welcome("pending", link.sid))
            if link.version < STAYS:
                raise ProtocolError(f"worker {worker.name} waits for approval")
            return await self._decision(link, decided)
        except ProtocolError as error:
            if decided.done():
                await _say(link, str(error))
            raise
        finally:
            if self._inside.get(worker.id) is decided:
                del self._inside[worker.id]
            decided.cancel()

    async def _decision(self, link: Link, decided: "asyncio.Future[Worker]") -> Worker:
        """Return what is *decided*, unless *link* ends before."""
        listening = asyncio.create_task(self._listen(link), name="waiting")
        try:
            either: list[asyncio.Future[Any]] = [decided, listening]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not decided.done():
                listening.result()  # raises why it ended
            return decided.result()
        finally:
            await _ended(listening)

    def approve(self, worker: Worker) -> None:
        """Let *worker* in, if it waits here."""
        decided = self._inside.get(worker.id)
        if decided and not decided.done():
            decided.set_result(worker)

    def dismiss(self, worker: int, reason: str) -> None:
        """End the link of *worker*, if it waits here."""
        decided = self._inside.pop(worker, None)
        if decided and not decided.done():
            decided.set_exception(ProtocolError(reason))

    async def _listen(self, link: Link) -> None:
        allowed, at = float(BURST), self._clock.monotonic()
        while True:
            message = await self._next(link)
            now = self._clock.monotonic()
            allowed, at = min(BURST, allowed + (now - at) * RATE) - 1, now
            match message:
                case Heartbeat() if allowed >= 0:
                    received = round(self._clock.wall() * 1e6)
                    await link.send(HeartbeatAck(message.sent_us, received, received))
                case Goodbye():
                    raise LinkClosed(f"left: {safe_text(message.reason)}")
                case Heartbeat():
                    raise ProtocolError("a pending worker talks too much")
                case _:
                    said = type(message).__name__
                    raise ProtocolError(f"a pending worker may not say {said}")

    async def _next(self, link: Link) -> object:
        try:
            async with asyncio.timeout(IDLE_S):
                return await link.receive()
        except TimeoutError as error:
            raise LinkClosed(f"silent for {IDLE_S:g} s while it waited") from error


async def _say(link: Link, reason: str) -> None:
    """Let the peer know why its link ends, if it listens."""
    try:
        async with asyncio.timeout(LAST_WORD_S):
            await link.send(Goodbye(reason))
    except (TimeoutError, ProtocolError):
        log.debug("nobody heard: %s", reason)


async def _ended(task: asyncio.Task[None]) -> None:
    """Cancel *task* and wait for its end; what it raises has been told by then."""
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.exception()
