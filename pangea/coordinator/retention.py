"""How long things are kept, and forgetting them in steps that block nobody.

Age is told by a wall clock, and one that was set wrong would make all results old
in a moment. So nothing is forgotten for a day after it jumped.
"""

import asyncio
import logging
import math
from collections.abc import Callable
from functools import partial

from pangea.core.clock import Clock
from pangea.core.clock_step import ClockStep
from pangea.core.durations import format_duration
from pangea.core.retention_table import RetentionTable
from pangea.core.rollup import DAY, HOUR, MINUTE, TEN_MINUTES
from pangea.storage import ingest, results, rollup_rows, room
from pangea.storage.database import Store

from .sealing import Sealing

DAY_S = 86400
#: Far longer than any spool keeps a row: a forgotten epoch would be new again.
WATERMARK_S = 60 * DAY_S
PAUSE_S = 0.05
#: A clock that jumped by more may be wrong; so long has somebody to set it right.
JUMP_S, HOLD_S = 3600.0, DAY_S
#: Nor is a clock believed at the start that is further past the last result.
ABSENT_S = DAY_S

log = logging.getLogger(__name__)

Forgotten = Callable[[list[tuple[int, str]]], None]


class Retention:
    """Forgets what is past its time, while the wall clock can be believed.

    *forgotten* hears which epochs of workers went; ``keep`` says how long what is
    kept. Verdicts and gaps are kept for ever.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        forgotten: Forgotten = lambda epochs: None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._step = ClockStep(clock, clock.boot)
        self._from = clock.boot()
        self._forgotten = forgotten
        self.sealing = Sealing(store, clock)

    def keep(self, kept: RetentionTable) -> None:
        """Keep what is kept so long."""
        self.sealing.kept = kept

    async def load(self) -> None:
        """Compare the clock with what an earlier run stored; before this one does."""
        newest_us = await self._store.read(results.newest_arrival)
        if newest_us is not None:
            since_s = self._clock.wall() - newest_us / 1e6
            if since_s > ABSENT_S:
                self._hold(f"the last result is {format_duration(since_s)} old")

    async def run(self) -> None:
        """Forget what is past its time now."""
        now = self._clock.wall()
        step_s = self._step.take()
        if abs(step_s) > JUMP_S:
            way = "forward" if step_s > 0 else "back"
            self._hold(f"the clock was set {way} by {format_duration(abs(step_s))}")
        if self._clock.boot() >= self._from:
            await expire(self._store, now, self._forgotten, self.sealing.kept)

    def _hold(self, why: str) -> None:
        self._from = self._clock.boot() + HOLD_S
        log.warning("nothing is forgotten for a day: %s", why)


async def expire(
    store: Store, now: float, forgotten: Forgotten, kept: RetentionTable
) -> None:
    """Forget what is past its time at *now* (UTC seconds), and give room back."""
    rollups = {
        MINUTE: kept.minutes,
        TEN_MINUTES: kept.ten_minutes,
        HOUR: kept.hours,
        DAY: kept.days_s,
    }
    steps: list[Callable[[], int]] = [
        partial(results.expire, round((now - kept.raw) * 1e6))
    ]
    steps += [
        partial(rollup_rows.expire, step, int(now - kept_s))
        for step, kept_s in rollups.items()
        if kept_s < math.inf
    ]
    steps.append(room.give_back)
    for forget in steps:
        gone = 1
        while gone:
            gone = await store.write(forget)
            await asyncio.sleep(PAUSE_S)
    heard_before = round((now - WATERMARK_S) * 1e6)
    forgotten(await store.write(lambda: ingest.expire_watermarks(heard_before)))
