"""Where to look for the coordinator: configured, last good, then mDNS, then SRV."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING

from pangea.core.clock import Clock
from pangea.core.errors import Unreachable
from pangea.mesh.dial import Address, parse_join

from .lonely import Lonely, alone_words
from .tries import Tries
from .trust import Trust

if TYPE_CHECKING:
    from pangea.mesh.service_records import ServiceRecords

log = logging.getLogger(__name__)

#: The link has so long to answer before name servers are asked.
RECORDS_AFTER_S = 1.0


class Finder:
    """Yields addresses to try; looks on the link only while it is asked.

    *secrets* returns what is valid now. *records* looks up SRV records, None: not.
    What is found, by whatever way, is a hint: ``tries`` says when one that was no
    good may be tried again.
    """

    def __init__(
        self,
        join: Sequence[str],
        trust: Trust,
        secrets: Callable[[], Sequence[bytes]],
        clock: Clock,
        *,
        mdns: bool,
        records: "ServiceRecords | None" = None,
    ) -> None:
        self._join = [parse_join(text) for text in join]
        self._trust = trust
        self._secrets = secrets
        self._clock = clock
        self._mdns = mdns
        self._records = records
        self._said = ""
        self._no_dns = ""
        self._lonely = Lonely(clock)
        self.tries = Tries(clock)

    @property
    def blind(self) -> bool:
        """Whether there is nowhere to look."""
        looks = self._mdns or self._records
        return not (looks or self._join or self._trust.addresses)

    def known(self) -> list[Address]:
        """Return the configured addresses, then the last good ones."""
        both = [*self._join, *map(parse_join, self._trust.addresses)]
        return list(dict.fromkeys(both))

    def met(self) -> None:
        """Note that a coordinator was found."""
        self._lonely.met()

    def nobody(self) -> None:
        """Note that a round found nobody; now and then say so, and what to do."""
        if not self.blind and (alone_s := self._lonely.due()):
            dns = self._records is not None
            known, no_dns = self.known(), self._no_dns
            said = alone_words(alone_s, known, mdns=self._mdns, dns=dns, no_dns=no_dns)
            log.warning("%s", said)

    async def look(self, seconds: float) -> AsyncIterator[Address]:
        """Yield what is found within *seconds*; without a way to look only wait."""
        found: asyncio.Queue[Address] = asyncio.Queue()
        ways = [
            asyncio.create_task(way, name="look")
            for way in (self._browse(found), self._ask(found))
        ]
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        try:
            while (left := until - loop.time()) > 0:
                try:
                    async with asyncio.timeout(left):
                        address = await found.get()
                except TimeoutError:
                    return
                if self.tries.due(address):
                    yield address
        finally:
            for way in ways:
                way.cancel()
            await asyncio.wait(ways)

    async def _browse(self, found: asyncio.Queue[Address]) -> None:
        """Listen on the link; where that is impossible now, the next look tries."""
        if not self._mdns:
            return
        # Three megabytes that a worker with a known address never needs.
        from pangea.mesh.discovery import Browser

        try:
            async with Browser(self._secrets, self._clock) as browser:
                async for address in browser.candidates():
                    found.put_nowait(Address(*address))
        except Unreachable as error:
            self._say(str(error))

    async def _ask(self, found: asyncio.Queue[Address]) -> None:
        if self._records is None:
            return
        if self._mdns:
            await asyncio.sleep(RECORDS_AFTER_S)
        try:
            for address in await self._records.look_up():
                found.put_nowait(Address(*address))
            self._no_dns = ""
        except Unreachable as error:
            self._no_dns = str(error)
            # With another way to look that is worth a word only if none helps.
            if not (self._mdns or self._join or self._trust.addresses):
                self._say(self._no_dns)

    def _say(self, trouble: str) -> None:
        """Log *trouble*, but not the same again at every look."""
        level = logging.DEBUG if trouble == self._said else logging.WARNING
        self._said = trouble
        log.log(level, "%s", trouble)
