"""Keeps the log of pauses: a year later it is known when a job was stopped."""

from collections.abc import Iterable

from pangea.core.clock import Clock
from pangea.storage import log_then
from pangea.storage.database import Store

from .board import Board
from .decided import Decided


class Pauses:
    """Knows which jobs were paused when it last looked, and tells the board."""

    def __init__(self, board: Board, store: Store, clock: Clock) -> None:
        self._board, self._store, self._clock = board, store, clock

    async def start(self) -> None:
        """Take up the log, and note what an older version left out of it."""
        self._board.paused = await self._store.read(log_then.paused_now)
        decided = Decided()
        self.look(self._board.jobs, decided)
        if decided.writes:
            await self._store.write(lambda: [write() for write in decided.writes])

    def look(self, jobs: Iterable[int], decided: Decided) -> None:
        """Write with *decided* which of *jobs* are paused now, or are not any more."""
        now_us = round(self._clock.wall() * 1e6)
        known, changes = self._board.paused, []
        for number in jobs:
            job = self._board.jobs.get(number)
            if job is None:
                continue
            paused = self._board.verdict(job) == "paused"
            if paused == (number in known):
                continue
            if paused:
                known[number] = now_us
            else:
                del known[number]
            changes.append((job.org, number, now_us, paused))
        if changes:
            decided.writes.append(lambda: log_then.log_pauses(changes))
