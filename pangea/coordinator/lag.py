"""How late the coordinator's event loop runs."""

import asyncio

from pangea.core.clock import Clock

#: So long the worst delay is remembered, at least; twice as long at most.
WINDOW_S = 60.0


class Lag:
    """Keeps the worst delay of the last minute or two."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        #: How many timers came: while it grows, the coordinator ticks.
        self.notes = 0
        self._since = self._worst = self._before = 0.0

    async def sleep(self, seconds: float) -> None:
        """Sleep, and take note of how much longer that was."""
        due = self._clock.monotonic() + seconds
        await asyncio.sleep(seconds)
        self.note(self._clock.monotonic() - due, due)

    def note(self, late_s: float, now: float) -> None:
        """Take note, at *now* (monotonic), of a timer that came *late_s* too late."""
        self.notes += 1
        if now - self._since >= WINDOW_S:
            self._since, self._before, self._worst = now, self._worst, 0.0
        self._worst = max(self._worst, late_s)

    @property
    def worst_s(self) -> float:
        """The worst delay, in seconds."""
        return max(self._worst, self._before)
