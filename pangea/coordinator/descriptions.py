"""What workers say of themselves, stored as soon as the database takes it."""

import asyncio
import logging
from functools import partial

from msgspec.structs import replace

from pangea.core.errors import NotFound, StorageError
from pangea.core.model import Worker
from pangea.storage import workers as stored_workers
from pangea.storage.database import Store

from .board import Board

log = logging.getLogger(__name__)

#: A worker that comes in waits no longer for the database.
PATIENCE_S = 2.0


class Descriptions:
    """Stores what changed; a database that is slow or refuses keeps nobody out."""

    def __init__(self, board: Board, store: Store) -> None:
        self._board = board
        self._store = store
        self._owed: set[int] = set()

    async def keep(self, worker: Worker) -> None:
        """Store what *worker* says of itself, now or later; NotFound if it is gone."""
        if same(self._board.workers[worker.id], worker):
            return
        self._owed.add(worker.id)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._store.write(lambda: stored_workers.describe(worker))
        except NotFound:
            self._owed.discard(worker.id)
            raise
        except (StorageError, TimeoutError) as error:
            why = str(error) or "the database is slow"
            log.warning("worker %s is described later: %s", worker.name, why)
        else:
            self._owed.discard(worker.id)

    async def keep_owed(self) -> None:
        """Store what could not be stored before; StorageError if it still cannot."""
        for number in list(self._owed):
            worker = self._board.workers.get(number)
            if worker is not None:
                try:
                    await self._store.write(partial(stored_workers.describe, worker))
                except NotFound:
                    log.debug("worker %s is gone", worker.name)
            self._owed.discard(number)


def same(known: Worker, now: Worker) -> bool:
    """Tell whether two are the same but for when they were seen."""
    return replace(known, last_seen_us=0) == replace(now, last_seen_us=0)
