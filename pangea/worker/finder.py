"""Where to look for the coordinator: configured, last good, then mDNS."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack

from pangea.core.clock import Clock
from pangea.core.errors import Unreachable
from pangea.mesh.dial import Address, parse_join
from pangea.mesh.discovery import Browser

from .trust import Trust

log = logging.getLogger(__name__)


class Finder:
    """Yields addresses to try; looks on the link only while it is asked."""

    def __init__(
        self,
        join: Sequence[str],
        trust: Trust,
        secrets: Sequence[bytes],
        clock: Clock,
        *,
        mdns: bool,
    ) -> None:
        self._join = [parse_join(text) for text in join]
        self._trust = trust
        self._secrets = secrets
        self._clock = clock
        self._mdns = mdns

    @property
    def blind(self) -> bool:
        """Whether there is nowhere to look."""
        return not (self._mdns or self._join or self._trust.addresses)

    def known(self) -> list[Address]:
        """Return the configured addresses, then the last good ones."""
        both = [*self._join, *map(parse_join, self._trust.addresses)]
        return list(dict.fromkeys(both))

    async def look(self, seconds: float) -> AsyncIterator[Address]:
        """Yield what mDNS finds within *seconds*; without mDNS only wait."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        async with AsyncExitStack() as stack:
            browser = await self._browse(stack)
            if browser is None:
                await asyncio.sleep(seconds)
                return
            found: asyncio.Queue[Address] = asyncio.Queue()
            pump = asyncio.create_task(_pump(browser, found), name="browse")
            stack.callback(pump.cancel)
            while (left := until - loop.time()) > 0:
                try:
                    async with asyncio.timeout(left):
                        address = await found.get()
                except TimeoutError:
                    return
                yield address

    async def _browse(self, stack: AsyncExitStack) -> Browser | None:
        if not self._mdns:
            return None
        try:
            return await stack.enter_async_context(Browser(self._secrets, self._clock))
        except Unreachable as error:
            log.warning("%s", error)
            self._mdns = False
            return None


async def _pump(browser: Browser, found: asyncio.Queue[Address]) -> None:
    async for host, port in browser.candidates():
        found.put_nowait(Address(host, port))
