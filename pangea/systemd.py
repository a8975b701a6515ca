"""What systemd is told of this process: sd_notify(3), without its library.

Where no manager asks (``NOTIFY_SOCKET`` is not set) nothing is told.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")

#: So often is more time asked for, in seconds, and so much of it.
ASK_S, MORE_S = 20.0, 90.0


class Systemd:
    """Tells that we are ready, alive, or stopping."""

    def __init__(self, address: str = "", watchdog_s: float = 0.0) -> None:
        self._address = address
        #: How often to say that we are alive; 0 if nobody wants to know.
        self.every_s = watchdog_s / 3

    @classmethod
    def claim(cls, environment: MutableMapping[str, str]) -> "Systemd":
        """Return the manager that *environment* names, and take it out of there.

        So no child speaks in our name. A watchdog meant for another process is none.
        """
        address = environment.pop("NOTIFY_SOCKET", "")
        usec = environment.pop("WATCHDOG_USEC", "")
        pid = environment.pop("WATCHDOG_PID", "")
        ours = pid in ("", str(os.getpid()))
        watchdog_s = int(usec) / 1e6 if ours and usec.isdecimal() else 0.0
        return cls(address, watchdog_s if address else 0.0)

    def ready(self, status: str) -> None:
        """We serve; *status* is a line for people."""
        self._tell(f"READY=1\nSTATUS={status}")

    async def wait_for(self, work: Awaitable[T]) -> T:
        """Return what *work* does; while it goes on we are not late to start.

        A migration takes as long as it takes, whatever ``TimeoutStartSec`` is.
        """
        task = asyncio.ensure_future(work)
        try:
            while not (await asyncio.wait([task], timeout=ASK_S))[0]:
                self._tell(f"EXTEND_TIMEOUT_USEC={MORE_S * 1e6:.0f}")
            return await task
        finally:
            task.cancel()

    async def feed(self, ticks: Callable[[], int]) -> None:
        """Feed the watchdog as long as *ticks* grows; until cancelled.

        A loop that turns is not enough: what must go on is the work.
        """
        before = -1
        while self.every_s:
            if (now := ticks()) != before:
                self._tell("WATCHDOG=1")
            before = now
            await asyncio.sleep(self.every_s)
        await asyncio.Event().wait()

    def stopping(self) -> None:
        """We are on our way out."""
        self._tell("STOPPING=1")

    def _tell(self, text: str) -> None:
        if not self._address:
            return
        # A name in the abstract space is written with an @.
        where = "\0" + self._address[1:] if self._address[0] == "@" else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
                link.settimeout(1)
                link.sendto(text.encode(), where)
        except OSError as error:
            log.warning("the service manager does not listen: %s", error)
