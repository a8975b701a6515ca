"""Who may deliver how fast what waited while it was away."""

from pangea.core.clock import Clock
from pangea.core.credit import rows_a_second
from pangea.mesh.messages import Credit

#: A lag that was measured longer ago says nothing any more.
FORGET_S = 5.0
#: A credit that changes by less is not worth a message.
CHANGE = 0.2


class Credits:
    """Shares out the ingest among the workers that have a backlog."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lag_s, self._measured = 0.0, 0.0
        self._given: dict[int, float] = {}
        self._behind: set[int] = set()

    @property
    def lag_s(self) -> float:
        """How long a batch took from its arrival to its commit, just now."""
        recent = self._clock.monotonic() - self._measured < FORGET_S
        return self._lag_s if recent else 0.0

    def took(self, lag_s: float) -> None:
        """Note how long a group of batches took."""
        self._lag_s, self._measured = lag_s, self._clock.monotonic()

    def begin(self, worker: int) -> Credit:
        """Return the first credit of a worker that has just linked."""
        self._behind.add(worker)
        return Credit(self._give(worker, ""))

    def renew(self, worker: int, spooled: int, trouble: str) -> Credit | None:
        """Return what *worker* is told, at its heartbeat, if that has changed.

        With *trouble* the database takes nothing, and nothing more shall come.
        """
        if spooled:
            self._behind.add(worker)
        else:
            self._behind.discard(worker)
        before = self._given.get(worker, 0.0)
        rows_s = self._give(worker, trouble)
        if abs(rows_s - before) <= CHANGE * before and bool(rows_s) == bool(before):
            self._given[worker] = before
            return None
        return Credit(rows_s)

    def end(self, worker: int) -> None:
        """Forget a worker that is gone."""
        self._behind.discard(worker)
        self._given.pop(worker, None)

    def _give(self, worker: int, trouble: str) -> float:
        rows_s = 0.0 if trouble else rows_a_second(self.lag_s, len(self._behind))
        self._given[worker] = rows_s
        return rows_s
