"""The groups stored last, still in memory for the one who sends them."""

from collections import deque
from collections.abc import Sequence

from .spool_journal import Row
from .spool_words import Run

#: Groups that are still in memory when they are sent, and their rows at most.
FRESH_GROUPS = 8
FRESH_ROWS = 4_000


class Fresh:
    """Runs of one epoch that follow each other; *boot* is the one they are made in."""

    def __init__(self, boot: str) -> None:
        self._boot = boot
        self._runs: deque[Run] = deque(maxlen=FRESH_GROUPS)

    def clear(self) -> None:
        """Forget all: the file has it."""
        self._runs.clear()

    def hold(self, epoch: str, first: int, rows: Sequence[Row]) -> None:
        """Keep a group in memory for the one who sends it."""
        boot_ns = tuple(row.boot_ns for row in rows)
        bodies = [row.body for row in rows]
        self._runs.append(Run(epoch, first, bodies, [], "", boot_ns))
        while sum(len(run.rows) for run in self._runs) > FRESH_ROWS:
            self._runs.popleft()

    def after(self, number: int, last: int, limit: int) -> Run | None:
        """Return all from *number* to *last*, if it is still in memory."""
        while self._runs and self._runs[0].first <= number:
            self._runs.popleft()
        runs = list(self._runs)
        rows = [row for run in runs for row in run.rows]
        if not runs or runs[0].first != number + 1 or len(rows) > limit:
            return None
        if number + len(rows) != last:
            return None
        boot_ns = tuple(ns for run in runs for ns in run.boot_ns)
        return Run(runs[0].epoch, number + 1, rows, [], self._boot, boot_ns)
