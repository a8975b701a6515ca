"""Sends what the spool holds over one link: news first, then what has waited."""

import asyncio
import logging
from collections.abc import Mapping, Sequence

from msgspec import Raw

from pangea.core.clock import Clock
from pangea.core.errors import StorageError
from pangea.mesh.link import Link
from pangea.mesh.messages import (
    BATCH_BYTES,
    BATCH_ROWS,
    WINDOW,
    Ack,
    Batch,
    Digest,
)
from pangea.storage.spool import Run, Spool

from .allowance import Allowance
from .clock_offset import ClockOffset
from .disk import RETRY_S, Disk
from .reporter import Reporter

log = logging.getLogger(__name__)

#: So many results wait after an outage; then new ones get numbers of their own.
OUTAGE_ROWS = BATCH_ROWS
#: Batches of the backlog that may be on their way, so that news finds room.
BACKLOG_WINDOW = WINDOW - 1
#: So long no ack comes while the window is full; then what is new is told by digests.
HELD_S = 1.0
#: However much credit there is, the spool is asked no sooner again.
LEAST_PAUSE_S = 0.02


class Sender:
    """The results of one link, a window of batches ahead of the acks."""

    def __init__(
        self,
        link: Link,
        spool: Spool,
        reporter: Reporter,
        disk: Disk,
        offset: ClockOffset,
        clock: Clock,
    ) -> None:
        self._link = link
        self._spool = spool
        self._reporter = reporter
        self._disk = disk
        self._offset = offset
        self._clock = clock
        #: From the version that knows digests on batches carry boot time as well.
        self._timed = link.speaks(Digest)
        self._allowance = Allowance(clock, limited=self._timed)
        self._sent: dict[str, int] = {}
        self._in_flight: list[tuple[str, int]] = []
        self._room = asyncio.Event()

    async def run(self, watermarks: Mapping[str, int]) -> None:
        """Send for ever, from the coordinator's *watermarks* on."""
        await self._rewind(watermarks)
        if self._timed and await self._spool.waiting() > OUTAGE_ROWS:
            await self._after_outage()
        while True:
            self._reporter.written.clear()
            news = await self._pending(BATCH_ROWS, backlog=False)
            runs = news or await self._backlog()
            for run in runs:
                for part in run.parts(BATCH_BYTES):
                    await self._wait_for_room(WINDOW)
                    await self._send(part)
            if not runs:
                await self._wait_for_more()

    def settle(self, ack: Ack) -> None:
        """Forget the batches that are safe now, and let others follow."""
        flying = self._in_flight = [
            sent
            for sent in self._in_flight
            if sent[0] != ack.epoch or sent[1] > ack.upto
        ]
        if len(flying) < WINDOW:
            self._reporter.latest.flows(self._clock.monotonic())
        self._room.set()
        if self._spool.has_backlog:
            self._reporter.written.set()
        if ack.epoch in self._sent:
            self._spool.ack(ack.epoch, ack.upto)

    def grant(self, rows_s: float) -> None:
        """Take the coordinator's credit for the backlog."""
        self._allowance.grant(rows_s)
        self._reporter.written.set()

    async def is_done(self) -> bool:
        """Tell whether all is sent and acknowledged."""
        return not self._in_flight and not await self._spool.waiting()

    async def _rewind(self, watermarks: Mapping[str, int]) -> None:
        while True:
            if await self._disk.takes("marks", self._spool.rewind(watermarks)):
                return
            await asyncio.sleep(RETRY_S)

    async def _after_outage(self) -> None:
        """Tell how things are now, and let new results wait for no old ones."""
        await self._disk.takes("marks", self._spool.begin_epoch())
        try:
            latest = await self._spool.latest()
        except StorageError as error:
            log.debug("cannot read the spool: %s", error)
            return
        await self._offset.known()
        for run in latest:
            await self._digest(run)

    async def _pending(self, limit: int, *, backlog: bool) -> list[Run]:
        while True:
            try:
                return await self._spool.pending(self._sent, limit, backlog=backlog)
            except StorageError as error:
                log.debug("cannot read the spool: %s", error)
                await asyncio.sleep(RETRY_S)

    async def _backlog(self) -> Sequence[Run]:
        """Return of what waits as much as there is credit and room for."""
        rows = min(self._allowance.rows, BATCH_ROWS)
        if not rows or len(self._in_flight) >= BACKLOG_WINDOW:
            return ()
        if not self._spool.has_backlog:
            return ()
        runs = await self._pending(rows, backlog=True)
        self._allowance.spend(sum(len(run.rows) for run in runs))
        return runs

    async def _wait_for_more(self) -> None:
        """Wait for results, acks or credit."""
        if not self._spool.has_backlog or len(self._in_flight) >= BACKLOG_WINDOW:
            await self._reporter.written.wait()
            return
        delay_s = self._allowance.wait_s(BATCH_ROWS)
        if delay_s is not None:
            delay_s = max(delay_s, LEAST_PAUSE_S)
        try:
            async with asyncio.timeout(delay_s):
                await self._reporter.written.wait()
        except TimeoutError:
            pass  # there is credit again

    async def _send(self, run: Run) -> None:
        """Send *run*, once it is known how far our clock is off."""
        await self._offset.known()
        self._sent[run.epoch] = run.last
        self._in_flight.append((run.epoch, run.last))
        await self._link.send(self._batch(run))

    def _batch(self, run: Run) -> Batch:
        """Return *run* as it is said, with what places it in time."""
        rows, gaps = tuple(map(Raw, run.rows)), tuple(run.gaps)
        offset_us = self._offset.best.offset_us
        if not self._timed:
            return Batch(run.epoch, run.first, rows, gaps, offset_us)
        now = self._offset.boot_time
        known = now if run.boot == self._spool.boot else self._spool.boots.get(run.boot)
        return Batch(
            run.epoch,
            run.first,
            rows,
            gaps,
            offset_us,
            boot=run.boot,
            boot_ns=run.boot_ns,
            boot_offset_us=known.offset_us if known else None,
            error_us=known.error_us if known else 0,
            before_us=now.offset_us if now and run.boot != self._spool.boot else 0,
        )

    async def _wait_for_room(self, window: int) -> None:
        """Wait for acks; while the coordinator stores nothing it still hears of us."""
        while len(self._in_flight) >= window:
            self._room.clear()
            try:
                async with asyncio.timeout(HELD_S if self._timed else None):
                    await self._room.wait()
            except TimeoutError:
                await self._tell_latest()

    async def _tell_latest(self) -> None:
        """Tell how each job looks that was probed since this was told last."""
        rows = self._reporter.latest.take()
        for start in range(0, len(rows), BATCH_ROWS):
            some = rows[start : start + BATCH_ROWS]
            bodies, boot_ns = [r.body for r in some], tuple(r.boot_ns for r in some)
            run = Run("", 0, bodies, [], self._spool.boot, boot_ns)
            await self._digest(run)

    async def _digest(self, run: Run) -> None:
        for part in run.parts(BATCH_BYTES):
            await self._link.send(Digest(self._batch(part)))
