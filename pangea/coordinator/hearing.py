"""Judges batches as they come, before they are written: no verdict waits for a disk."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from msgspec.structs import replace

from pangea.core.model import Result
from pangea.storage import ingest

from .board import Board
from .committing import Committing
from .decided import Decided
from .judging import Judging
from .pace import NEWS_ROWS
from .parcel import Parcel
from .telling import Telling
from .walk import Spell, in_steps

#: News wait so long, in seconds, for what others say at the same time; so many
#: results are judged at once.
TOGETHER_S, MOST_NEWS = 0.005, 50


class Hearing:
    """Lets each batch have its say once, in order; its rows stay where they are.

    *unpack* returns what is new in a batch; *turned* is called when a verdict changed
    before anything is about to be written.
    """

    def __init__(
        self,
        board: Board,
        judging: Judging,
        committing: Committing,
        telling: Telling,
        unpack: Callable[[Parcel], ingest.Intake],
        turned: Callable[[], None],
    ) -> None:
        self._board = board
        self._judging = judging
        self._committing = committing
        self._telling = telling
        self._unpack = unpack
        self._turned = turned
        #: What came within a moment, and is judged at its end.
        self._news: list[Parcel] = []
        self._timer: asyncio.TimerHandle | None = None
        #: What waits to be heard, in order.
        self._unheard: deque[Parcel] = deque()
        #: Marks what comes too late to be judged.
        self.late: Callable[[Iterable[Result]], Decided] = lambda rows: Decided()

    def came(self, parcel: Parcel, *, waits: bool) -> None:
        """Hear a batch that has arrived, if it *waits* for its turn to be written."""
        if self._unheard:
            self._unheard.append(parcel)
        elif self._committing.is_late:
            self._judge_news()
            self._tell(*self._unknown(parcel))
        elif waits or self._committing.is_busy:
            self.news(parcel)

    def news(self, parcel: Parcel) -> None:
        """Judge a small batch before its turn; news come in such.

        What several workers say at the same time of a job is judged together.
        """
        known = parcel.judged or parcel.opened is not None
        if known or len(parcel.batch.rows) > NEWS_ROWS:
            return
        parcel.opened = self._unpack(parcel)
        self._news.append(parcel)
        if sum(len(news.batch.rows) for news in self._news) >= MOST_NEWS:
            self._judge_early()
        elif len(self._news) == 1:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(TOGETHER_S, self._judge_early)

    def _judge_early(self) -> None:
        if self._judge_news():
            self._turned()

    def _judge_news(self) -> bool:
        """Judge what came within a moment; tell whether a verdict changed."""
        if self._timer:
            self._timer.cancel()
        news, self._news, self._timer = self._news, [], None
        for parcel in news:
            parcel.judged = True
        opened = [parcel.opened for parcel in news if parcel.opened]
        return self.judge([row for each in opened for row in each.rows if row])

    async def all(self, parcels: Iterable[Parcel]) -> None:
        """Judge and tell *parcels* and what comes meanwhile, in steps."""
        self._judge_news()
        self._unheard.extend(parcels)
        spell = Spell()
        try:
            while self._unheard:
                rows, judge = self._unknown(self._unheard[0])
                async for some in in_steps(rows):
                    self._tell(some, judge)
                self._unheard.popleft()
                await spell.rest()
        finally:
            self._unheard.clear()

    async def judge_all(
        self, parcels: Sequence[Parcel], intakes: Sequence[ingest.Intake]
    ) -> None:
        """Judge what is in *parcels*, which were opened as *intakes*, in steps."""
        self._judge_news()
        rows = [
            row
            for parcel, intake in zip(parcels, intakes, strict=True)
            for row in intake.rows
            if row is not None and not parcel.judged
        ]
        for parcel in parcels:
            parcel.judged = True
        # A host that dies takes thousands of jobs down at once.
        async for some in in_steps(rows):
            self.judge(some)

    def judge(self, rows: Sequence[Result]) -> bool:
        """Judge *rows* for the next commit; tell whether a verdict changed."""
        if not rows:
            return False
        late = self.late(rows)
        decided = self._judging.hear(rows)
        self._committing.add(decided)
        if late:
            self._committing.add(late)
        return bool(decided.transitions)

    def open(self, parcel: Parcel) -> ingest.Intake:
        """Return what is in a batch now: jobs may have gone since it was heard."""
        read = parcel.opened
        if read is None:
            return self._unpack(parcel)
        jobs = self._board.jobs
        if all(row is None or row.job in jobs for row in read.rows):
            return read
        rows = [row if row and row.job in jobs else None for row in read.rows]
        return replace(read, rows=rows)

    def _unknown(self, parcel: Parcel) -> tuple[Sequence[Result], bool]:
        """Return what pages are to know of a batch, and whether it is to be judged.

        It counts as both from now on.
        """
        known, judge = parcel.told, not parcel.judged
        parcel.judged = parcel.told = True
        if known:
            return (), False
        return [row for row in self.open(parcel).rows if row is not None], judge

    def _tell(self, rows: Sequence[Result], judge: bool) -> None:
        """Tell rows that are not stored yet, judged first if they are not."""
        if judge:
            self.judge(rows)
        self._telling.heard(rows)
