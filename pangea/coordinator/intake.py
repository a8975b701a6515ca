"""Results in: judged, committed once, acknowledged, told.

Batches of all links are taken in groups. A group is judged in memory, written in
one transaction together with its watermarks and the changes of verdict, and only
then acknowledged and published.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from pangea.core.clock import Clock
from pangea.core.errors import ProtocolError, StorageError
from pangea.core.model import COORDINATOR, Flag, Result, Worker
from pangea.core.text import safe_text
from pangea.mesh.messages import Ack, Batch, decode_row
from pangea.storage import ingest
from pangea.storage.database import Store
from pangea.storage.rollups import OpenBuckets
from pangea.web.events import Hub

from .board import Board
from .judging import Decided, Judging
from .telling import Telling

log = logging.getLogger(__name__)

#: Batches judged and written together, and those that may wait.
GROUP = 32
QUEUE = 128
#: A result from further in the future or the past cannot be true.
FUTURE_US = 2_000_000
PAST_US = 30 * 86_400_000_000
RETRY_S = 2.0

Answer = Callable[[Ack], None]


class Parcel(Struct):
    """A batch on its way in; ``answer`` sends the ack over its link."""

    worker: Worker
    batch: Batch
    answer: Answer


class Intake:
    """The one way in for results."""

    def __init__(
        self,
        board: Board,
        store: Store,
        judging: Judging,
        buckets: OpenBuckets,
        hub: Hub,
        clock: Clock,
    ) -> None:
        self._board = board
        self._store = store
        self._judging = judging
        self._buckets = buckets
        self._telling = Telling(board, hub)
        self._clock = clock
        self._queue: asyncio.Queue[Parcel] = asyncio.Queue(QUEUE)
        self.marks: dict[tuple[int, str], int] = {}
        self._epoch, self._own = secrets.token_hex(16), 1
        self.taken = 0
        self.trouble = ""

    async def put(self, parcel: Parcel) -> None:
        """Queue a batch; waits while too many wait, which holds its link back."""
        await self._queue.put(parcel)

    async def run(self) -> None:
        """Take in batches for ever."""
        while True:
            parcels = [await self._queue.get()]
            while len(parcels) < GROUP and not self._queue.empty():
                parcels.append(self._queue.get_nowait())
            await self.take(parcels)
            for _ in parcels:
                self._queue.task_done()

    async def drain(self) -> None:
        """Wait until all that was queued has been taken in."""
        await self._queue.join()

    async def take(self, parcels: list[Parcel]) -> None:
        """Judge, commit, acknowledge and publish a group of batches.

        While the database refuses, nothing is acknowledged and nothing more is
        taken in: the workers keep their rows.
        """
        intakes, fresh = [], []
        for parcel in parcels:
            intake, results = self._open(parcel)
            intakes.append(intake)
            fresh.extend(results)
        decided = self._judging.hear(fresh)
        await self._commit_at_last(intakes, decided)
        self.taken += len(fresh)
        self._telling.results(fresh)
        self._telling.decided(decided)
        for parcel in parcels:
            key = (parcel.worker.id, parcel.batch.epoch)
            parcel.answer(Ack(parcel.batch.epoch, self.marks[key]))

    async def take_own(self, results: list[Result]) -> None:
        """Judge, commit and publish what the coordinator itself found out."""
        intake = ingest.Intake(
            worker=COORDINATOR, epoch=self._epoch, first=self._own, rows=results
        )
        decided = self._judging.hear(results)
        if await self._commit([intake], decided):
            self._own += len(results)
            self._telling.results(results)
            self._telling.decided(decided)

    def know(self, worker: int, watermarks: Mapping[str, int]) -> None:
        """Take the watermarks of the database, before a worker's first batch."""
        for epoch, mark in watermarks.items():
            self.marks.setdefault((worker, epoch), mark)

    async def note(self, decided: Decided) -> None:
        """Write and publish changes of verdict that no result brought."""
        if decided and await self._commit([], decided):
            self._telling.decided(decided)

    async def _commit_at_last(
        self, intakes: list[ingest.Intake], decided: Decided
    ) -> None:
        while True:
            if await self._commit(intakes, decided):
                return
            await asyncio.sleep(RETRY_S)

    async def _commit(self, intakes: list[ingest.Intake], decided: Decided) -> bool:
        now_us = round(self._clock.wall() * 1e6)
        states = {
            job: msgspec.msgpack.encode(self._board.states[job])
            for job in decided.touched
            if job in self._board.states
        }
        try:
            await self._store.write(
                lambda: ingest.commit(
                    intakes,
                    now_us,
                    vote_changes=decided.changes,
                    transitions=decided.transitions,
                    states=states,
                    buckets=self._buckets,
                )
            )
        except StorageError as error:
            if not self.trouble:
                log.error("results cannot be stored: %s", error)
            self.trouble = str(error)
            return False
        self.trouble = ""
        return True

    def _open(self, parcel: Parcel) -> tuple[ingest.Intake, list[Result]]:
        """Unpack what is new in a batch; rows beyond repair are set aside."""
        batch, worker = parcel.batch, parcel.worker
        key = (worker.id, batch.epoch)
        mark = self.marks.get(key, 0)
        rows: list[Result | None] = []
        bad: list[tuple[int, str, bytes]] = []
        skip = max(0, mark + 1 - batch.first)
        first = batch.first + skip
        for number, raw in enumerate(batch.rows[skip:], first):
            try:
                rows.append(self._correct(decode_row(raw), worker, batch.offset_us))
            except ProtocolError as error:
                rows.append(None)
                bad.append((number, safe_text(error), bytes(raw)[:512]))
        last = first + len(rows) - 1
        self.marks[key] = max([mark, last, *(gap.last for gap in batch.gaps)])
        intake = ingest.Intake(
            worker=worker.id,
            epoch=batch.epoch,
            first=first,
            rows=rows,
            gaps=list(batch.gaps),
            bad=bad,
        )
        return intake, [row for row in rows if row is not None]

    def _correct(self, result: Result, worker: Worker, offset_us: int) -> Result:
        """Put a result on coordinator time; impossible times become now."""
        now_us = round(self._clock.wall() * 1e6)
        at_us, flags = result.started_at_us + offset_us, result.flags
        if not now_us - PAST_US <= at_us <= now_us + FUTURE_US:
            at_us, flags = now_us, flags | int(Flag.CLAMPED)
        return replace(
            result,
            started_at_us=at_us,
            flags=flags,
            worker=worker.id,
            reason=result.reason and safe_text(result.reason, 40),
            detail=result.detail and safe_text(result.detail, 500),
        )
