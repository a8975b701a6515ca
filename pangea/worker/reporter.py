"""From a result to the spool: news at once, the rest within half a second."""

import asyncio
import logging
from collections import deque

from pangea.core.model import Result
from pangea.mesh.messages import encode_row
from pangea.storage.spool import Lost, Spool

from .disk import RETRY_S, Disk
from .news import News

log = logging.getLogger(__name__)

#: So many wait for a disk that is full or slow; the oldest make room.
MOST_WAITING = 10_000

Row = tuple[int, int, bytes]


class Reporter:
    """Writes results to the spool in small groups and says that there are some.

    What the spool refuses is kept and tried again. What no longer fits into
    memory then is counted, and the spool gets it as a gap.
    """

    def __init__(self, spool: Spool, disk: Disk) -> None:
        self._spool = spool
        self._disk = disk
        self._rows: deque[Row] = deque()
        self._news = News()
        self._lost: Lost | None = None
        self._flushing: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()
        self.written = asyncio.Event()
        self.made = 0

    def put(self, result: Result) -> None:
        """Take a result; it is in the spool shortly after."""
        self.made += 1
        self._rows.append((result.job, result.started_at_us, encode_row(result)))
        self._news.look_at(result)
        if len(self._rows) > MOST_WAITING:
            self._drop_oldest()
        self._see_to_it()

    async def flush(self) -> None:
        """Write what is there now."""
        async with self._turn:
            await self._write()

    async def close(self) -> None:
        """Write what is there, and give up what cannot be written."""
        await self.flush()
        if self._flushing:
            self._flushing.cancel()
        missing = len(self._rows) + (self._lost.total if self._lost else 0)
        if missing:
            log.error("%d results are lost: %s", missing, self._disk.trouble)

    def _see_to_it(self) -> None:
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush_soon(), name="flush")

    async def _flush_soon(self) -> None:
        # The loop, because results that come during the write need one as well.
        while self._rows:
            if self._disk.trouble:
                await asyncio.sleep(RETRY_S)
            else:
                await self._news.company()
            await self.flush()

    async def _write(self) -> None:
        rows, self._rows = self._rows, deque()
        lost, self._lost = self._lost, None
        if not rows:
            return
        if await self._disk.takes("results", self._spool.add(rows, lost)):
            self.written.set()
        else:
            self._take_back(rows, lost)

    def _take_back(self, rows: deque[Row], lost: Lost | None) -> None:
        """Put what was refused before what has come since."""
        if lost and self._lost:
            lost.join(self._lost)
        self._lost = lost or self._lost
        rows.extend(self._rows)
        self._rows = rows
        while len(self._rows) > MOST_WAITING:
            self._drop_oldest()
        self._see_to_it()

    def _drop_oldest(self) -> None:
        job, at_us, _ = self._rows.popleft()
        if self._lost is None:
            why = self._disk.trouble or "the disk was too slow"
            self._lost = Lost(f"not spooled: {why}", {}, at_us, at_us)
        self._lost.note(job, at_us)
