"""What was judged, on its way into the database; from memory while it refuses.

Judging never waits for the disk. While nothing can be written, verdicts stand in
memory and open pages are told of them as *provisional*; each is told once more when
it is stored. What is written is written once, in order, by the commit that succeeds.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import msgspec

from pangea.core.clock import Clock
from pangea.core.errors import ProtocolError, StorageError
from pangea.core.verdict import JobState
from pangea.storage import ingest, lateness
from pangea.storage.database import Store
from pangea.storage.rollups import OpenBuckets

from .backlog import shorten
from .board import Board
from .decided import Decided
from .early import Early
from .seat_log import SeatLog
from .telling import Telling

log = logging.getLogger(__name__)

RETRY_S = 2.0
#: A commit that takes longer holds up what comes: that is judged as it arrives.
LATE_S = 1.0
#: Lines of the logs of votes and of verdicts that wait in memory, of each kind.
MOST_WAITING = 100_000
#: What waits is looked through for what is needless when it has grown by so much.
GROWN = 1000
#: What a broken row may still raise where it is stored.
POISON = (ProtocolError, ValueError, TypeError, OverflowError)

Marks = dict[tuple[int, str], int]


class Committing:
    """The one who writes results, watermarks and verdicts."""

    def __init__(
        self,
        board: Board,
        store: Store,
        buckets: OpenBuckets,
        telling: Telling,
        clock: Clock,
    ) -> None:
        self._board = board
        self._store = store
        self._buckets = buckets
        self._telling = telling
        self._clock = clock
        self.seats = SeatLog(board)
        #: Are called with what is about to be written, and may add to it.
        self.before: list[Callable[[Decided], None]] = []
        self._turn = asyncio.Lock()
        self._early = Early(telling)
        #: What is new; and what was followed already, and waits for the database.
        self._fresh, self._unwritten = Decided(), Decided()
        #: What is being written, and was not told early.
        self._untold = Decided()
        self._least = 0
        self._trouble = ""
        self._began: float | None = None
        #: Whether results wait for a database that refused them.
        self._held = False

    @property
    def trouble(self) -> str:
        """Why the database refuses, or ""; open pages are told when that changes."""
        return self._trouble

    @trouble.setter
    def trouble(self, why: str) -> None:
        before, self._trouble = self._trouble, why
        if bool(before) != bool(why):
            self._telling.trouble(why)

    @property
    def is_busy(self) -> bool:
        """Whether a commit is under way."""
        return self._began is not None

    @property
    def is_late(self) -> bool:
        """Whether what arrives now may wait for long until it is written."""
        began = self._began
        if began is not None and self._clock.monotonic() - began > LATE_S:
            return True
        return bool(self._trouble)

    @property
    def has_more(self) -> bool:
        """Whether there is something to write, or to ask the database for."""
        return bool(self._fresh or self._unwritten or self._trouble)

    def add(self, decided: Decided) -> None:
        """Take what the next commit shall write; tell it now if that may be late."""
        self._fresh.add(decided)
        if self.is_late:
            untold, fresh = self._untold, self._fresh
            self._untold, self._fresh = Decided(), Decided()
            self._follow(fresh)
            # What is being written was decided before this.
            self._early.tell(untold)
            self._early.tell(fresh)
            self._unwritten.add(fresh)

    def _follow(self, decided: Decided) -> None:
        for follow in self.before:
            follow(decided)

    async def commit_at_last(self, intakes: Sequence[ingest.Intake]) -> Marks:
        """Write *intakes* and what was decided, as soon as that can be."""
        self._held = True
        try:
            while True:
                try:
                    marks = await self.commit(intakes)
                    break
                except StorageError:
                    await asyncio.sleep(RETRY_S)
        finally:
            self._held = False
        self.trouble = ""
        return marks

    async def commit(self, intakes: Sequence[ingest.Intake]) -> Marks:
        """Write *intakes* with all that was decided and is not written yet.

        Raises StorageError, or one of POISON; what was decided then goes with the
        next commit.
        """
        async with self._turn:
            decided = self._take_all()
            self._began = self._clock.monotonic()
            try:
                marks = await self._write(intakes, decided)
            except StorageError as error:
                if not self._trouble:
                    log.error("results cannot be stored: %s", error)
                self.trouble = str(error)
                self._put_back(decided)
                untold, self._untold = self._untold, Decided()
                await self._early.tell_in_steps(untold)
                raise
            except POISON:
                self._put_back(decided)
                raise
            finally:
                self._began = None
        self._untold, self._least = Decided(), 0
        if not self._held:
            # A little may find room where the results that wait find none.
            self.trouble = ""
        await self._telling.decided(decided)
        return marks

    def _take_all(self) -> Decided:
        """Return what is to be written, with what follows from the new of it."""
        fresh, decided = self._fresh, self._unwritten
        self._fresh, self._unwritten = Decided(), Decided()
        self._follow(fresh)
        self._untold.add(fresh)
        decided.add(fresh)
        return decided

    def _put_back(self, decided: Decided) -> None:
        """Let *decided* wait; of much that waits look for what is needless."""
        waits = self._unwritten = decided.before(self._unwritten)
        lines = max(len(waits.changes), len(waits.transitions))
        if lines <= MOST_WAITING and _size(waits) <= 2 * self._least + GROWN:
            return
        dropped = shorten(waits, MOST_WAITING)
        self._least = _size(waits)
        if dropped:
            log.error("%d lines of the logs of votes and verdicts are lost", dropped)

    async def _write(self, intakes: Sequence[ingest.Intake], decided: Decided) -> Marks:
        now_us = round(self._clock.wall() * 1e6)
        known = self._board.states
        states = {job: known[job] for job in decided.touched if job in known}
        seats = self.seats.changed(states, now_us)
        also = (partial(lateness.log_seats, seats),) if seats else ()
        marks = await self._store.write(
            lambda: ingest.commit(
                intakes,
                now_us,
                vote_changes=decided.changes,
                transitions=decided.transitions,
                states=_packed(states),  # of thousands not on the loop
                buckets=self._buckets,
                writes=[*decided.writes, *also],
            )
        )
        self.seats.written(seats)
        return marks


def _packed(states: Mapping[int, JobState]) -> dict[int, bytes]:
    encode = msgspec.msgpack.encode
    return {job: encode(state) for job, state in states.items()}


def _size(decided: Decided) -> int:
    """Return how much there is of what may be needless."""
    return len(decided.writes) + len(decided.told)
