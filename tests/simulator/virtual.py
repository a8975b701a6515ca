"""An event loop whose time is simulated: it jumps to whatever comes next."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any

#: Simulated time begins here, in UTC seconds.
EPOCH = 1_700_000_000.0


class _Jumps(selectors.SelectSelector):
    """Waits for nothing: a wait moves the clock on instead."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        """Let *timeout* pass at once."""
        if timeout is None:
            raise RuntimeError("nothing is left that could ever happen")
        self.now += max(0.0, timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Runs timers in their order, in no time."""

    def __init__(self) -> None:
        self.jumps = _Jumps()
        super().__init__(self.jumps)
        self._clock_resolution = 1e-6

    def time(self) -> float:
        """Return the simulated time, from 0 on."""
        return self.jumps.now


class VirtualClock:
    """The loop's time as a clock; the wall begins at EPOCH."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def wall(self) -> float:
        """Return UTC seconds."""
        return EPOCH + self._loop.time()

    def monotonic(self) -> float:
        """Return seconds since the beginning."""
        return self._loop.time()

    boot = monotonic


def run(main: Coroutine[Any, Any, Any], loop: VirtualLoop) -> Any:
    """Run *main* to its end in simulated time, and end what it left."""
    try:
        return loop.run_until_complete(main)
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.close()
