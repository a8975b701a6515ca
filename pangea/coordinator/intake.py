"""Results in: judged, committed once, acknowledged, told.

Batches of all links are taken in groups. A group is judged in memory, written in
one transaction together with its watermarks and the changes of verdict, and only
then acknowledged and published. What is acknowledged is what the database says.
While it refuses, batches wait and are judged as they arrive; what finds no room to
wait stays with its worker, which says how its jobs look now by digests.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import chain, islice, repeat

from pangea.core.clock import Clock
from pangea.core.errors import ProtocolError, StorageError
from pangea.core.model import COORDINATOR, Result, Worker
from pangea.core.text import safe_text
from pangea.mesh.messages import Ack, Batch
from pangea.storage import ingest
from pangea.storage.database import Store
from pangea.storage.rollups import OpenBuckets
from pangea.web.events import Hub

from .board import Board
from .claims import Claims
from .committing import POISON, Committing, Marks
from .credits import Credits
from .epochs import NewEpochs
from .judging import Decided, Judging
from .parcel import Parcel, stored
from .rows import read_row, time_of
from .telling import Telling
from .walk import Spell, in_steps

log = logging.getLogger(__name__)

#: Batches judged and written together, and those that may wait.
GROUP = 32
QUEUE = 128
#: A batch of no more rows is judged as it arrives: to read it twice costs nothing.
NEWS_ROWS = 50
#: A link waits no longer until what its digest changed is written.
VIEW_S = 0.25
HEAD_BYTES = 512


class Intake:
    """The one way in for results.

    ``marks`` are the watermarks that the database has; ``credits`` says how fast
    backlogs may come.
    """

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
        self._judging = judging
        self._telling = Telling(board, hub)
        self._committing = Committing(board, store, buckets, self._telling, clock)
        self._clock = clock
        self._queue: asyncio.Queue[Parcel] = asyncio.Queue(QUEUE)
        self._own_turn = asyncio.Lock()
        self._begin_own()
        self.marks: Marks = {}
        self.taken = 0
        #: What workers may say, of which jobs.
        self.claims = Claims(board)
        #: Marks what comes too late to be judged; the electorates that are logged.
        self.late: Callable[[Iterable[Result]], Decided] = lambda rows: Decided()
        self.seats = self._committing.seats
        #: Are called with what is about to be written, and may add to it.
        self.before_commit = self._committing.before
        self.credits = Credits(clock)
        self.epochs = NewEpochs(clock)

    @property
    def trouble(self) -> str:
        """Why the database refuses, "" while it does not."""
        return self._committing.trouble

    @trouble.setter
    def trouble(self, why: str) -> None:
        self._committing.trouble = why

    @property
    def waiting(self) -> int:
        """How many batches wait."""
        return self._queue.qsize()

    def forget(self, epochs: Iterable[tuple[int, str]]) -> None:
        """Forget the watermarks of *epochs*, which the database has forgotten."""
        for key in epochs:
            self.marks.pop(key, None)

    def came(self, parcel: Parcel) -> None:
        """Judge a batch that has arrived, if its turn may be long in coming.

        News come in small ones, and wait for no commit that is under way.
        """
        news = self._committing.is_busy and len(parcel.batch.rows) <= NEWS_ROWS
        if news or self._committing.is_late:
            self._judge_early([parcel])

    def offer(self, parcel: Parcel) -> bool:
        """Queue a batch if there is room."""
        if self._queue.full():
            return False
        self._queue.put_nowait(parcel)
        return True

    async def put(self, parcel: Parcel) -> None:
        """Queue a batch; waits while too many wait."""
        await self._queue.put(parcel)

    async def view(self, worker: Worker, batch: Batch) -> None:
        """Judge the latest rows of a worker that was away; store none of them.

        The rows themselves follow, and change no vote that is newer than they are.
        """
        read, _ = self._read(batch, worker, 0)
        rows = [row for row in read if row is not None]
        async for some in in_steps(rows):
            self._committing.add(self._judging.hear(some))
        if self._committing.is_late:
            self._telling.heard(rows)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(VIEW_S):
                await self.note(Decided())

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

    def know(self, worker: int, watermarks: Mapping[str, int]) -> None:
        """Take the watermarks of the database, before a worker's first batch."""
        for epoch, mark in watermarks.items():
            key = (worker, epoch)
            self.marks[key] = max(mark, self.marks.get(key, 0))

    async def take(self, parcels: Sequence[Parcel]) -> None:
        """Judge, commit, acknowledge and publish a group of batches.

        While the database refuses, nothing is acknowledged, so the workers keep
        their rows; and what is queued is judged, for its turn may be far.
        """
        intakes, spell = list[ingest.Intake](), Spell()
        for parcel in parcels:
            intakes.append(self._open(parcel))
            await spell.rest()
        rows = [
            row
            for parcel, intake in zip(parcels, intakes, strict=True)
            for row in intake.rows
            if row is not None and not parcel.judged
        ]
        # A host that dies takes thousands of jobs down at once.
        async for some in in_steps(rows):
            self._judge(some)
        try:
            try:
                marks = await self._committing.commit(intakes)
            except StorageError:
                self._telling.heard(rows)
                self._judge_early(self._queued())
                marks = await self._committing.commit_at_last(intakes)
        except POISON as error:
            await self._take_apart(parcels, error)
            return
        self.credits.took(self._clock.monotonic() - min(p.came for p in parcels))
        fresh = list(stored(intakes, self.marks, marks))
        self.marks |= marks
        self.taken += len(fresh)
        for parcel, intake in zip(parcels, intakes, strict=True):
            mark = marks[(intake.worker, intake.epoch)]
            parcel.answer(Ack(intake.epoch, mark))
            if mark < parcel.last:
                parcel.refuse(f"result {mark + 1} is missing without a gap record")
        async for some in in_steps(fresh):
            self._telling.results(some)

    async def take_own(self, results: list[Result]) -> None:
        """Judge, commit and publish what the coordinator itself found out.

        Raises StorageError if it could not be stored.
        """
        self._committing.add(self._judging.hear(results))
        async with self._own_turn:
            intake = ingest.Intake(
                worker=COORDINATOR, epoch=self._epoch, first=self._own, rows=results
            )
            try:
                await self._committing.commit([intake])
            except BaseException:
                # Whether its numbers are taken is not known: nothing may follow them.
                self._begin_own()
                raise
            self._own += len(results)
        self._telling.results(results)

    def _queued(self) -> list[Parcel]:
        """Return what waits in the queue; it stays there, in the same order."""
        waiting = [self._queue.get_nowait() for _ in range(self._queue.qsize())]
        for parcel in waiting:
            self._queue.put_nowait(parcel)
            self._queue.task_done()
        return waiting

    def _judge_early(self, parcels: Sequence[Parcel]) -> None:
        """Judge batches before they are written; their rows stay where they are."""
        rows: list[Result | None] = []
        for parcel in parcels:
            if not parcel.judged:
                rows += self._open(parcel).rows
                parcel.judged = True
        heard = [row for row in rows if row is not None]
        if heard:
            self._judge(heard)
            self._telling.heard(heard)

    def _judge(self, rows: Sequence[Result]) -> None:
        late = self.late(rows)
        self._committing.add(self._judging.hear(rows))
        if late:
            self._committing.add(late)

    def _begin_own(self) -> None:
        """Number what the coordinator finds out from 1 on, in an epoch of its own."""
        self._epoch, self._own = secrets.token_hex(16), 1

    async def note(self, decided: Decided) -> None:
        """Write and publish changes of verdict that no result brought.

        What the database refuses now goes with the next commit. After a refusal it
        is asked again even with nothing to write: no result may ever come.
        """
        self._committing.add(decided)
        if self._committing.has_more:
            # Who asks may be a link that breaks; what was decided must not go with it.
            await asyncio.shield(self._write_down())

    async def _write_down(self) -> None:
        try:
            await self._committing.commit([])
        except StorageError as error:
            log.debug("written later: %s", error)

    async def _take_apart(self, parcels: Sequence[Parcel], error: Exception) -> None:
        """Find the batch that poisoned its group, and end its link."""
        if len(parcels) > 1:
            for parcel in parcels:
                await self.take([parcel])
            return
        (parcel,) = parcels
        log.error("a batch of %s cannot be stored: %s", parcel.worker.name, error)
        parcel.refuse(f"a batch that cannot be stored: {safe_text(error)}")

    def _open(self, parcel: Parcel) -> ingest.Intake:
        """Unpack what is new in a batch; rows beyond repair are set aside."""
        batch, worker = parcel.batch, parcel.worker
        mark = self.marks.get((worker.id, batch.epoch), 0)
        skip = max(0, mark + 1 - batch.first)
        rows, bad = self._read(batch, worker, skip)
        return ingest.Intake(
            worker=worker.id,
            epoch=batch.epoch,
            first=batch.first + skip,
            rows=rows,
            gaps=list(batch.gaps),
            bad=bad,
        )

    def _read(
        self, batch: Batch, worker: Worker, skip: int
    ) -> tuple[list[Result | None], list[tuple[int, str, bytes]]]:
        """Return the rows of *batch* after the first *skip*, and what is bad."""
        now_us = round(self._clock.wall() * 1e6)
        time = time_of(batch)
        rows: list[Result | None] = []
        bad: list[tuple[int, str, bytes]] = []
        given, jobs, org = self.claims.given(worker.id), self._board.jobs, worker.org
        boots = chain(batch.boot_ns, repeat(0))
        timed = zip(batch.rows, boots, strict=False)
        for at, (raw, boot_ns) in islice(enumerate(timed), skip, None):
            try:
                row = read_row(raw, worker, time, now_us, boot_ns)
                if row.flags or row.job not in given:
                    self.claims.check(row, given)
            except ProtocolError as error:
                rows.append(None)
                number = batch.first + at
                bad.append((number, safe_text(error), bytes(raw)[:HEAD_BYTES]))
                continue
            # What is left of jobs that do not exist any more is dropped.
            job = jobs.get(row.job)
            rows.append(row if job is not None and job.org == org else None)
        return rows, bad
