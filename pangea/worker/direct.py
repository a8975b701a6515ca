"""Trying the direct way beside all else: while we look around, and while relayed."""

import asyncio
import logging
import random
from collections.abc import Callable

from pangea.core.errors import Unreachable
from pangea.mesh.dial import Address, TurnedAway

from .finder import Finder
from .race import Connect, Won, each, first_link
from .redial import Redial

log = logging.getLogger(__name__)

#: The last try before a relay is taken holds it up for so long at most, in seconds.
LAST_TRY_S = 3.0
#: After news of the coordinator it is tried within so long; not by all at once.
NEWS_S = (0.1, 1.0)


class Direct:
    """Tries the addresses that are known, again and again, while no link is direct.

    An address that does not answer is tried every few seconds; one that answers and
    refuses us is left to the rounds of the agent, which grow longer.
    """

    def __init__(self, finder: Finder, redial: Redial, connect: Connect) -> None:
        self._finder = finder
        self._redial = redial
        self._connect = connect
        self._refusing: set[Address] = set()
        self._told = asyncio.Event()

    def news(self) -> None:
        """Try soon: a peer came, or brought a newer word of the coordinator."""
        self._told.set()

    def failed(self, address: Address, error: Exception) -> None:
        """Note that *address* gave no link."""
        silent = isinstance(error, Unreachable | TimeoutError)
        if silent and not isinstance(error, TurnedAway):
            self._refusing.discard(address)
        else:
            self._refusing.add(address)

    async def now(self) -> Won | None:
        """Try once, shortly."""
        try:
            async with asyncio.timeout(LAST_TRY_S):
                return await self._try()
        except TimeoutError:
            return None

    async def meanwhile(self, seconds: float) -> Won | None:
        """Try every few seconds, and at news, for so many *seconds*."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while (left := until - loop.time()) > 0:
            pause = self._redial.pause()
            told = await self._told_within(min(pause, left))
            if not told and pause >= left:
                break
            if won := await self._try():
                return won
        return None

    async def again(self, pause: Callable[[], float], look_s: float) -> Won:
        """Return a direct link once there is one, by whatever way it is found.

        *pause* gives the seconds until the next try, unless there is news; then it
        is looked for *look_s* seconds too.
        """
        while True:
            told = await self._told_within(pause())
            if won := await self._try(also_refusing=not told):
                return won
            if told:
                continue
            found = self._finder.look(look_s)
            if won := await first_link(found, self._connect, self._no_good):
                return won

    async def _try(self, *, also_refusing: bool = False) -> Won | None:
        known = self._finder.known()
        self._refusing &= set(known)
        tried = [a for a in known if also_refusing or a not in self._refusing]
        return await first_link(each(tried), self._connect, self.failed)

    def _no_good(self, address: Address, error: Exception) -> None:
        log.debug("%s is no direct way: %s", address, error)

    async def _told_within(self, seconds: float) -> bool:
        """Wait for so long; True if there was news, a moment after that."""
        try:
            async with asyncio.timeout(seconds):
                await self._told.wait()
        except TimeoutError:
            return False
        await asyncio.sleep(random.uniform(*NEWS_S))
        self._told.clear()
        return True
