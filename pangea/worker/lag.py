"""How late the event loop runs: timings taken while it was busy carry a flag."""

import asyncio

from pangea.core.clock import Clock

EVERY_S = 0.05
#: From here on a timing cannot be believed to the millisecond.
BAD_S = 0.05


class LagMeter:
    """Measures the delay of the loop's timers; ``run`` must be running."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._worst_s = 0.0
        self._bad_until = 0.0

    async def run(self) -> None:
        """Measure for ever."""
        while True:
            before = self._clock.monotonic()
            await asyncio.sleep(EVERY_S)
            now = self._clock.monotonic()
            late = now - before - EVERY_S
            self._worst_s = max(self._worst_s, late)
            if late > BAD_S:
                self._bad_until = now + 1.0

    @property
    def bad(self) -> bool:
        """Whether the loop was too busy within the last second."""
        return self._clock.monotonic() < self._bad_until

    def take_worst_ms(self) -> float:
        """Return the worst delay since the last call, in milliseconds."""
        worst, self._worst_s = self._worst_s, 0.0
        return worst * 1000
