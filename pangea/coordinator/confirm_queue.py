"""What waits to be confirmed: the budget of each worker, and whose turn it is."""

from collections import Counter
from collections.abc import Iterable

from pangea.core.confirm import (
    Ask,
    Bucket,
    Wish,
    budget_per_s,
    in_turn,
    is_over,
    place_of,
    plan,
    refill,
)

from .board import Board
from .dispatch import Dispatch

#: What is counted over all jobs is counted again after so long.
STALE_S = 30.0


class ConfirmQueue:
    """Spends each worker's budget on those whose turn it is."""

    def __init__(self, board: Board, dispatch: Dispatch) -> None:
        self._board = board
        self._dispatch = dispatch
        self._buckets: dict[int, Bucket] = {}
        self._rates: dict[int, float] = {}
        self._dependants: Counter[int] = Counter()
        self._counted = float("-inf")
        self._sampled: set[str] = set()

    def wish(self, job: int, workers: Iterable[int]) -> Wish:
        """Return that *workers* shall probe *job* now, with what decides its turn."""
        wanted = self._board.jobs[job]
        return Wish(
            job,
            tuple(workers),
            self._dependants[job],
            wanted.depends_on,
            place_of(wanted.target),
        )

    def tokens(self, workers: Iterable[int], now: float) -> dict[int, float]:
        """Return how many confirmations each of *workers* may make at *now*."""
        self._count(now)
        for worker in workers:
            per_s = budget_per_s(self._rate(worker))
            held = self._buckets.get(worker)
            self._buckets[worker] = refill(held, per_s, now)
        return {worker: self._buckets[worker].tokens for worker in workers}

    def is_over(self, wishes: list[Wish], now: float) -> bool:
        """Tell whether *wishes* have to wait for each other."""
        return is_over(wishes, self.tokens(workers_of(wishes), now))

    def spend(self, wishes: list[Wish], now: float) -> list[Ask]:
        """Return who is asked now, and take it from the budget."""
        tokens = self.tokens(workers_of(wishes), now)
        done = plan(in_turn(wishes, self._sampled), tokens)
        for ask in done.asks:
            held = self._buckets[ask.worker]
            self._buckets[ask.worker] = Bucket(held.tokens - 1, held.at)
        asked = {ask.job for ask in done.asks}
        self._sampled |= {wish.place for wish in wishes if wish.job in asked}
        if not done.left:
            self._sampled.clear()
        return done.asks

    def _count(self, now: float) -> None:
        """Count again, now and then, who depends on whom and who probes how much."""
        if now - self._counted < STALE_S:
            return
        self._counted = now
        self._rates.clear()
        jobs = self._board.jobs.values()
        self._dependants = Counter(p for job in jobs for p in job.depends_on)
        gone = self._buckets.keys() - self._board.workers.keys()
        for worker in gone:
            del self._buckets[worker]

    def _rate(self, worker: int) -> float:
        """Return how many probes a second *worker* makes by its schedule."""
        if worker not in self._rates:
            outbox = self._dispatch.outboxes.get(worker)
            held = outbox.held.values() if outbox else ()
            self._rates[worker] = sum(1 / one.interval_s for one in held)
        return self._rates[worker]


def workers_of(wishes: Iterable[Wish]) -> set[int]:
    """Return all workers that *wishes* want."""
    return {worker for wish in wishes for worker in wish.workers}
