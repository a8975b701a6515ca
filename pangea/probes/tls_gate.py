"""Bounds how many TLS handshakes begin at once, so that a burst harms nobody."""

import asyncio
from collections import deque

from pangea.core.failure import ProbeError

#: A thousand a second is about what a core can do; evenly, because those that begin
#: together are answered together, and wait for each other then.
STARTS = 1
TICK_S = 0.001
#: who would wait longer than some seconds is told that we are too busy
MAX_WAITING = 4000


class StartGate:
    """Lets *starts* handshakes begin in each tick, in the order they came.

    It is passed, not held: what a server does afterwards, or does not do, keeps
    nobody else waiting. A tick that comes late lets no more through, so that a
    busy loop is given less to do, not more.
    """

    def __init__(self, starts: int = STARTS, tick_s: float = TICK_S) -> None:
        self._starts, self._tick_s = starts, tick_s
        self._left, self._until = starts, 0.0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def is_open(self) -> bool:
        """Pass at once if there is room in this tick; else False: ``wait``."""
        if self._waiting:
            return False
        now = asyncio.get_running_loop().time()
        if now >= self._until:
            self._left, self._until = self._starts, now + self._tick_s
        if not self._left:
            return False
        self._left -= 1
        return True

    async def wait(self) -> None:
        """Wait for a turn and pass. Raises ProbeError ``overload`` at too many."""
        if len(self._waiting) >= MAX_WAITING:
            many = f"{MAX_WAITING} TLS handshakes wait here for their turn"
            raise ProbeError("overload", many)
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        self._waiting.append(turn)
        if self._timer is None:
            self._timer = loop.call_at(self._until, self._tick)
        await turn

    def close(self) -> None:
        """Let everybody through who waits."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        while self._waiting:
            self._release()

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        self._until = loop.time() + self._tick_s
        self._left = self._starts
        while self._left and self._waiting:
            self._left -= self._release()
        again = self._waiting
        self._timer = loop.call_at(self._until, self._tick) if again else None

    def _release(self) -> bool:
        """Let the next one through; False if nobody waits there any more."""
        turn = self._waiting.popleft()
        if turn.done():
            return False
        turn.set_result(None)
        return True
