"""A timer that many may set: it rings at the earliest of the moments asked for."""

import asyncio
from collections.abc import Callable


class Alarm:
    """Calls *ring* once, at the earliest moment that it was set to since it last did.

    To be set in a running loop only.
    """

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_set(self) -> bool:
        """Whether it is going to ring."""
        return self._timer is not None

    def within(self, seconds: float) -> None:
        """Ring in so many seconds, if it does not before."""
        loop = asyncio.get_running_loop()
        due = loop.time() + seconds
        if self._timer:
            if self._timer.when() <= due:
                return
            self._timer.cancel()
        self._timer = loop.call_at(due, self._go)

    def hush(self) -> None:
        """Do not ring."""
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _go(self) -> None:
        self._timer = None
        self._ring()
