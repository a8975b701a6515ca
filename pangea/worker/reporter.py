"""From a result to the spool, within a tenth of a second."""

import asyncio
import logging

from pangea.core.errors import StorageError
from pangea.core.model import Result
from pangea.mesh.messages import encode_row
from pangea.storage.spool import Spool

log = logging.getLogger(__name__)

#: Results wait this long for company before they are written.
FLUSH_S = 0.1


class Reporter:
    """Writes results to the spool in small groups and says that there are some."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._rows: list[tuple[int, int, bytes]] = []
        self._flushing: asyncio.Task[None] | None = None
        self.written = asyncio.Event()
        self.made = 0

    def put(self, result: Result) -> None:
        """Take a result; it is in the spool shortly after."""
        self.made += 1
        self._rows.append((result.job, result.started_at_us, encode_row(result)))
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush_soon(), name="flush")

    async def flush(self) -> None:
        """Write what is there now."""
        if self._flushing and not self._flushing.done():
            await self._flushing
        await self._write()

    async def _flush_soon(self) -> None:
        # The loop, because results that come during the write need one as well.
        while self._rows:
            await asyncio.sleep(FLUSH_S)
            await self._write()

    async def _write(self) -> None:
        rows, self._rows = self._rows, []
        if not rows:
            return
        try:
            await self._spool.add(rows)
        except StorageError as error:
            log.error("%d results could not be spooled: %s", len(rows), error)
        self.written.set()
