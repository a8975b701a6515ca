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
from pangea.core.verdict import JobState, Transition
from pangea.storage import ingest, lateness
from pangea.storage.database import Store
from pangea.storage.rollups import OpenBuckets

from .backlog import shorten
from .board import Board
from .judging import Decided
from .seat_log import SeatLog
from .telling import Telling

log = logging.getLogger(__name__)

RETRY_S = 2.0
#: A commit that takes longer holds up what comes: that is judged as it arrives.
LATE_S = 1.0
#: Lines of the logs of votes and of verdicts that wait in memory, of each kind.
MOST_WAITING = 100_000
#: What a broken row may still raise where it is stored.
POISON = (ProtocolError, ValueError, TypeError, OverflowError)

Marks = dict[tuple[int, str], int]
#: What tells one transition from all others.
Key = tuple[int, int, str]


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
        self._unwritten = Decided()
        self._early: set[Key] = set()
        #: What else was told early, each by the identity of its words, which wait.
        self._early_words: set[int] = set()
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
        return bool(self._unwritten or self._trouble)

    def add(self, decided: Decided) -> None:
        """Take what the next commit shall write; tell it now if that may be late."""
        if self.is_late:
            self._follow(decided)
            self._tell_early(decided)
        self._unwritten.add(decided)

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
            decided, self._unwritten = self._unwritten, Decided()
            self._follow(decided)
            self._began = self._clock.monotonic()
            try:
                marks = await self._write(intakes, decided)
            except StorageError as error:
                if not self._trouble:
                    log.error("results cannot be stored: %s", error)
                self.trouble = str(error)
                self._tell_early(decided)
                self._put_back(decided)
                raise
            except POISON:
                self._put_back(decided)
                raise
            finally:
                self._began = None
        self._early.difference_update(map(_key, decided.transitions))
        self._early_words.difference_update(id(words) for *_, words in decided.told)
        if not self._held:
            # A little may find room where the results that wait find none.
            self.trouble = ""
        await self._telling.decided(decided)
        return marks

    def _put_back(self, decided: Decided) -> None:
        self._unwritten = decided.before(self._unwritten)
        dropped = shorten(self._unwritten, MOST_WAITING)
        if dropped:
            self._early.intersection_update(map(_key, self._unwritten.transitions))
            log.error("%d lines of the logs of votes and verdicts are lost", dropped)

    def _tell_early(self, decided: Decided) -> None:
        """Tell what was decided and not told yet, as what is not stored."""
        news = [t for t in decided.transitions if _key(t) not in self._early]
        self._early.update(map(_key, news))
        self._telling.verdicts(news, decided.drilled, provisional=True)
        also = [told for told in decided.told if id(told[2]) not in self._early_words]
        self._early_words.update(id(words) for *_, words in also)
        self._telling.early(also)

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


def _key(transition: Transition) -> Key:
    return transition.job, transition.at_us, transition.after
