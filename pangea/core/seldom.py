"""Lines of the log that anybody could cause: each source gets one now and then."""

from collections import OrderedDict

EVERY_S = 60.0
MOST = 1024


class Seldom:
    """Tells of each source whether it is time for a line again."""

    def __init__(self, every_s: float = EVERY_S) -> None:
        self._every_s = every_s
        self._said: OrderedDict[str, float] = OrderedDict()
        self._left_out = 0

    def left_out(self, source: str, now: float) -> int | None:
        """Return how many lines were left out since the last; None: leave this out.

        *now* is monotonic, in seconds. The count is over all sources.
        """
        if now - self._said.get(source, -self._every_s) < self._every_s:
            self._left_out += 1
            return None
        self._said[source] = now
        self._said.move_to_end(source)
        if len(self._said) > MOST:
            self._said.popitem(last=False)
        left_out, self._left_out = self._left_out, 0
        return left_out
