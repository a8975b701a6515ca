"""Asking once: how much, how often and how long, for both who asks and who answers."""

#: The longest timeout that may be asked for, in seconds.
MOST_S = 60.0
#: A worker lets a question wait for its turn so long, and walks the way so long.
TURN_S, WAY_S = 10.0, 20.0
#: The way to a worker and back may take so long.
LINK_S = 5.0


def answered_within(timeout_s: float, *, hops: bool) -> float:
    """Return after how many seconds no answer can come any more."""
    return TURN_S + timeout_s + (WAY_S if hops else 0.0) + LINK_S


class Bucket:
    """Lets so much happen a second, and so much at once. Times are monotonic."""

    def __init__(self, a_second: float, at_once: float) -> None:
        self._a_second, self._at_once = a_second, at_once
        self._left, self._at = at_once, 0.0

    def take(self, amount: float, now: float) -> float:
        """Take *amount* and return 0, or return in how many seconds it may be asked.

        More than fits at once is taken when the bucket is full.
        """
        grown = self._left + (now - self._at) * self._a_second if self._at else 0.0
        self._left = min(max(grown, self._left), self._at_once)
        self._at = now
        wanted = min(amount, self._at_once)
        if self._left < wanted:
            return (wanted - self._left) / self._a_second
        self._left -= amount
        return 0.0
