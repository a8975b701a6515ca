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
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

from pangea.core.clock import Clock
from pangea.core.errors import StorageError
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
from .decided import Decided
from .epochs import NewEpochs
from .hearing import Hearing
from .judging import Judging
from .pace import Pace
from .parcel import Parcel, stored, to_answer
from .telling import Telling
from .unpacking import Unpacking
from .walk import Spell, in_steps

log = logging.getLogger(__name__)

#: Batches judged and written together, and those that may wait.
GROUP = 32
QUEUE = 128
#: A link waits no longer until what its digest changed is written.
VIEW_S = 0.25


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
        self._pace = Pace(GROUP)
        self._own_turn = asyncio.Lock()
        self._begin_own()
        self.marks: Marks = {}
        self.taken = 0
        #: What workers may say, of which jobs.
        self.claims = Claims(board)
        self._unpacking = Unpacking(board, self.claims, clock)
        self.hearing = Hearing(
            board,
            judging,
            self._committing,
            self._telling,
            self._unpack,
            self._pace.hurry,
        )
        #: The electorates that are logged.
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

        News come in small ones, and wait for no commit.
        """
        if self._pace.is_waiting:
            self._pace.came(parcel)
        self.hearing.came(parcel, waits=self._pace.is_waiting)

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
        read, _ = self._unpacking.read(batch, worker, 0)
        rows = [row for row in read if row is not None]
        async for some in in_steps(rows):
            self._committing.add(self._judging.hear(some))
        if self._committing.is_late:
            async for some in in_steps(rows):
                self._telling.heard(some)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(VIEW_S):
                await self.note(Decided())

    async def run(self) -> None:
        """Take in batches for ever."""
        while True:
            parcels = self._more([await self._queue.get()])
            await self._gather(parcels)
            await self.take(parcels)
            for _ in parcels:
                self._queue.task_done()

    def _more(self, parcels: list[Parcel]) -> list[Parcel]:
        while len(parcels) < GROUP and not self._queue.empty():
            parcels.append(self._queue.get_nowait())
        return parcels

    async def _gather(self, parcels: list[Parcel]) -> None:
        """Let a group grow for a moment; what is in it is judged at once."""
        if self._pace.rests:
            for parcel in parcels:
                self.hearing.news(parcel)
        await self._pace.gather(parcels)
        self._more(parcels)

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
            intakes.append(self.hearing.open(parcel))
            await spell.rest()
        await self.hearing.judge_all(parcels, intakes)
        try:
            try:
                marks = await self._committing.commit(intakes)
            except StorageError:
                await self.hearing.all([*parcels, *self._queued()])
                marks = await self._committing.commit_at_last(intakes)
        except POISON as error:
            await self._take_apart(parcels, error)
            return
        self.credits.took(self._clock.monotonic() - min(p.came for p in parcels))
        fresh = list(stored(intakes, self.marks, marks))
        self.marks |= marks
        self.taken += len(fresh)
        for parcel in to_answer(parcels):
            epoch = parcel.batch.epoch
            parcel.answer(Ack(epoch, marks[(parcel.worker.id, epoch)]))
        for parcel in parcels:
            mark = marks[(parcel.worker.id, parcel.batch.epoch)]
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

    def _begin_own(self) -> None:
        """Number what the coordinator finds out from 1 on, in an epoch of its own."""
        self._epoch, self._own = secrets.token_hex(16), 1

    def add(self, decided: Decided) -> None:
        """Have what was decided written with the next commit."""
        self._committing.add(decided)

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

    def _unpack(self, parcel: Parcel) -> ingest.Intake:
        mark = self.marks.get((parcel.worker.id, parcel.batch.epoch), 0)
        return self._unpacking.open(parcel, mark)
