"""The machine's clocks; handed in at the composition root, never looked up."""

import time


class SystemClock:
    """The real clock (``pangea.core.clock.Clock``)."""

    def wall(self) -> float:
        """Return seconds since 1970 UTC."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return time.monotonic()

    def boot(self) -> float:
        """Return seconds since boot; time asleep counts where the system knows."""
        if hasattr(time, "CLOCK_BOOTTIME"):
            return time.clock_gettime(time.CLOCK_BOOTTIME)
        return time.monotonic()
