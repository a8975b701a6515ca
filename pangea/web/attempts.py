"""How long somebody who gave wrong codes must wait: pure, ``now`` is given."""

from collections import OrderedDict

#: The longest wait, and how long a failure is remembered, in seconds.
LONGEST_S = 900.0
#: Whose failures are remembered at most.
KEPT = 4096


class Attempts:
    """Counts failures by key; after *free* of them each doubles the wait."""

    def __init__(self, free: int, longest_s: float = LONGEST_S) -> None:
        self._free = free
        self._longest_s = longest_s
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait_s(self, key: str, now: float) -> float:
        """Return the seconds until *key* may try again, 0 if at once."""
        count, last = self._of(key, now)
        if count < self._free:
            return 0.0
        penalty = min(2.0 ** min(count - self._free, 20), self._longest_s)
        return max(0.0, last + penalty - now)

    def failed(self, key: str, now: float) -> None:
        """Count a failure."""
        count, _ = self._of(key, now)
        self._failures[key] = (count + 1, now)
        self._failures.move_to_end(key)
        while len(self._failures) > KEPT:
            self._failures.popitem(last=False)

    def succeeded(self, key: str) -> None:
        """Forget the failures of *key*."""
        self._failures.pop(key, None)

    def _of(self, key: str, now: float) -> tuple[int, float]:
        count, last = self._failures.get(key, (0, now))
        return (0, now) if now - last > 2 * LONGEST_S else (count, last)
