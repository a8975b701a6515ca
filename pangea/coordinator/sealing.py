"""Seals results in the background, an hour after the other."""

import asyncio
import logging

from pangea.core.clock import Clock
from pangea.core.errors import StorageError
from pangea.storage import sealing
from pangea.storage.database import Store

LOOK_S = 60.0

log = logging.getLogger(__name__)


class Sealing:
    """Looks every minute what is due; a disk that refuses is asked again."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        #: Why nothing is sealed just now.
        self.trouble = ""

    async def run(self) -> None:
        """Seal what is due, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Seal what is due now."""
        try:
            await sealing.seal(self._store, round(self._clock.wall() * 1e6))
        except StorageError as error:
            if not self.trouble:
                log.warning("results are not sealed for now: %s", error)
            self.trouble = str(error)
        else:
            self.trouble = ""
