"""How long a group of small batches grows before it is written.

A commit costs as much as dozens of results. The first batch after a while is written
at once; what comes in the moment after it goes together, and is judged meanwhile. What
changes a verdict ends the wait, unless very many do: then a moment more is nothing.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable

from pangea.core.asking import Bucket
from pangea.mesh.messages import WINDOW

from .parcel import Parcel

#: The least time between the beginnings of two commits, in seconds.
GAP_S = 0.2
#: So many changes a second, and so many at once, end the wait.
TURNS_S, TURNS = 1.0, 5.0
#: News come in batches of no more rows; a larger one waits for nothing.
NEWS_ROWS = 50
#: Of so many batches one worker waits for an acknowledgement soon.
FULL = WINDOW - 1


class Pace:
    """Tells when what has come shall be written."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._began = float("-inf")
        self._group: Counter[int] = Counter()
        self._full = asyncio.Event()
        self._turns = Bucket(TURNS_S, TURNS)
        #: Whether a group grows.
        self.is_waiting = False

    def came(self, parcel: Parcel) -> None:
        """Note a batch that joins a group which grows."""
        self._group[parcel.worker.id] += 1
        urgent = len(parcel.batch.rows) > NEWS_ROWS
        crowded = self._group[parcel.worker.id] >= FULL
        if urgent or crowded or self._group.total() >= self._most:
            self._full.set()

    def hurry(self) -> None:
        """Let what changed a verdict wait for no more company, or for none."""
        now = asyncio.get_running_loop().time()
        if not self._full.is_set() and not self._turns.take(1.0, now):
            self._full.set()

    @property
    def rests(self) -> bool:
        """Whether a commit began a moment ago."""
        return self._rest_s() > 0

    def _rest_s(self) -> float:
        return self._began + GAP_S - asyncio.get_running_loop().time()

    async def gather(self, begun: Iterable[Parcel]) -> None:
        """Let the group that has *begun* grow; ``came`` is told of what joins it."""
        self._group.clear()
        for parcel in begun:
            self.came(parcel)
        loop, rest = asyncio.get_running_loop(), self._rest_s()
        if rest > 0 and not self._full.is_set():
            self.is_waiting = True
            # Several times a second: a timer costs less than a timeout.
            timer = loop.call_later(rest, self._full.set)
            try:
                await self._full.wait()
            finally:
                timer.cancel()
                self.is_waiting = False
        self._full.clear()
        self._began = loop.time()
