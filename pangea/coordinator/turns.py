"""Turns: so many begin to send at a time, and who is slow goes on beside them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

#: So many have a turn, and each for so long: then the next begins as well. A channel
#: sends one message at a time, so there are never more than channels.
AT_ONCE, PATIENCE_S = 64, 0.5


class Turns:
    """A turn is given back when its owner is done, or takes too long."""

    def __init__(self, at_once: int = AT_ONCE, patience_s: float = PATIENCE_S) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._patience_s = patience_s
        self._busy = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @asynccontextmanager
    async def take(self) -> AsyncIterator[None]:
        """Wait for a turn, and have it for as long as this lasts, or for a while."""
        self._busy += 1
        self._idle.clear()
        try:
            await self._free.acquire()
            turn = _Turn(self._free.release)
            late = asyncio.get_running_loop().call_later(self._patience_s, turn.end)
            try:
                yield
            finally:
                late.cancel()
                turn.end()
        finally:
            self._busy -= 1
            if not self._busy:
                self._idle.set()

    async def all_done(self) -> None:
        """Wait until nobody sends, or waits for a turn."""
        await self._idle.wait()


class _Turn:
    """Is given back once."""

    def __init__(self, give_back: Callable[[], None]) -> None:
        self._give_back: Callable[[], None] | None = give_back

    def end(self) -> None:
        """Give it back, unless it was."""
        give_back, self._give_back = self._give_back, None
        if give_back:
            give_back()
