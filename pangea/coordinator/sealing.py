"""Seals results in the background, one hour after the other."""

import asyncio
import logging

from pangea.core.clock import Clock
from pangea.core.errors import StorageError
from pangea.core.retention_table import RetentionTable
from pangea.storage import sealing
from pangea.storage.database import Store

from .disk_room import DiskRoom

LOOK_S = 60.0

log = logging.getLogger(__name__)


class Sealing:
    """Looks every minute what is due; a disk that refuses is asked again."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self.room = DiskRoom(store)
        self.kept = RetentionTable()
        self._trouble = ""

    async def run(self) -> None:
        """Seal what is due, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Seal what is due now."""
        try:
            await self.room.look(self.kept)
            await sealing.seal(self._store, round(self._clock.wall() * 1e6))
        except StorageError as error:
            if not self._trouble:
                log.warning("results are not sealed for now: %s", error)
            self._trouble = str(error)
        else:
            self._trouble = ""

    def trouble(self) -> list[str]:
        """Return what is wrong, in sentences."""
        said = [f"results are not sealed: {self._trouble}"] if self._trouble else []
        return said + self.room.trouble()
