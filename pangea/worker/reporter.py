"""From a result to the spool: safe at once, sent with the next group."""

import asyncio
import logging
from collections import deque

from msgspec.structs import replace

from pangea.alarm import Alarm
from pangea.core.clock import Clock
from pangea.core.model import Result
from pangea.core.text import safe_text
from pangea.mesh.messages import encode_row
from pangea.storage.spool import Lost, Row, Spool

from .disk import RETRY_S, Disk
from .latest import Latest
from .news import ROUTINE_S, News, Pace

log = logging.getLogger(__name__)

#: So many wait for a disk that is full or slow; the oldest make room.
MOST_WAITING = 10_000

#: A result cannot have begun longer ago; then the wall clock was set meanwhile.
LONGEST_RUN_NS = 600_000_000_000

#: A row is never longer, for it must fit into a frame.
MOST_BYTES = 256 * 1024


class Reporter:
    """Keeps results at once, writes them in small groups, says that there are some.

    What the spool refuses is kept and tried again. What no longer fits into
    memory then is counted, and the spool gets it as a gap.
    """

    def __init__(self, spool: Spool, disk: Disk, clock: Clock) -> None:
        self._spool = spool
        self._disk = disk
        self._clock = clock
        self._rows: deque[Row] = deque()
        self._news = News()
        self._lost: Lost | None = None
        self._pace = Pace()
        self._alarm = Alarm(self._ring)
        self._flushing: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()
        self.written = asyncio.Event()
        self.made = 0
        self.latest = Latest()

    def put(self, result: Result) -> None:
        """Take a result; it outlives this process, and is sent shortly after."""
        self.made += 1
        news = self._news.is_in(result)
        began_ns = self._began_ns(result)
        body = packed(result)
        row = self._spool.keep(
            result.job, result.started_at_us, body, began_ns, int(news)
        )
        self._rows.append(row)
        self.latest.put(row)
        if len(self._rows) > MOST_WAITING:
            self._drop_oldest()
        wait_s = self._pace.wait_s(self._clock.wall()) if news else ROUTINE_S
        self._flush_within(wait_s)

    async def flush(self) -> None:
        """Write what is there now."""
        async with self._turn:
            await self._write()

    async def close(self) -> None:
        """Write what is there; what cannot be is left to the journal."""
        self._alarm.hush()
        await self.flush()
        self._alarm.hush()
        missing = len(self._rows) + (self._lost.total if self._lost else 0)
        if missing and self._spool.keeps:
            log.warning("the next start will store %d results", missing)
        elif missing:
            log.error("%d results are lost: %s", missing, self._disk.trouble)

    def _began_ns(self, result: Result) -> int:
        """Return the boot clock at the start of *result*."""
        now_ns = round(self._clock.boot() * 1e9)
        ago_ns = round(self._clock.wall() * 1e9) - result.started_at_us * 1000
        if not 0 <= ago_ns <= LONGEST_RUN_NS:
            ago_ns = round(result.duration_ms * 1e6)
        return now_ns - ago_ns

    def _flush_within(self, seconds: float) -> None:
        """See that what is there is written within so many seconds."""
        self._alarm.within(RETRY_S if self._disk.trouble else seconds)

    def _ring(self) -> None:
        self._pace.left(self._clock.wall())
        self._flushing = asyncio.create_task(self.flush(), name="flush")

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
        if self._rows:
            self._flush_within(RETRY_S)

    def _drop_oldest(self) -> None:
        row = self._rows.popleft()
        if self._lost is None:
            why = self._disk.trouble or "the disk was too slow"
            self._lost = Lost(f"not spooled: {why}", {}, row.started_us, row.started_us)
        self._lost.note(row.job, row.started_us)


def packed(result: Result) -> bytes:
    """Return *result* as it is sent; without readings that nobody could take."""
    try:
        body = encode_row(result)
        if len(body) <= MOST_BYTES:
            return body
        why = f"its readings of {len(body)} bytes are too many"
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        why = f"its readings cannot be packed: {safe_text(error)}"
    log.warning("job %d: %s", result.job, why)
    said = safe_text(result.detail, 500) or why
    return encode_row(replace(result, detail=said, phases={}, readings={}))
