"""The machine's clocks; handed in at the composition root, never looked up."""

import secrets
import time
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


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


def boot_id() -> str:
    """Return what names this boot of the machine: `SystemClock.boot` counts in it.

    Where the system has no name for it, this process gets one of its own.
    """
    try:
        return _BOOT_ID.read_text().strip()[:36]
    except OSError:
        return secrets.token_hex(16)
