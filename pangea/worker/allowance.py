"""How many rows of the backlog may be sent now, by the coordinator's credit."""

import math

from pangea.core.clock import Clock

#: What may be sent at first, and saved up at most.
BURST_ROWS = 500


class Allowance:
    """Rows that may be sent, growing by the granted rate.

    A coordinator of the first version grants nothing and takes all.
    """

    def __init__(self, clock: Clock, *, limited: bool) -> None:
        self._clock = clock
        self._limited = limited
        self._rows = float(BURST_ROWS)
        self._rate = 0.0
        self._at = clock.monotonic()

    def grant(self, rows_s: float) -> None:
        """Take the rate that holds from now on; nonsense is none."""
        self._grow()
        self._rate = rows_s if 0 < rows_s < math.inf else 0.0
        if not self._rate:
            self._rows = 0.0

    @property
    def rows(self) -> int:
        """How many rows may be sent now."""
        if not self._limited:
            return BURST_ROWS
        self._grow()
        return int(self._rows)

    def spend(self, rows: int) -> None:
        """Note that so many were sent."""
        self._rows -= rows

    def wait_s(self, rows: int) -> float | None:
        """Return the seconds until *rows* may be sent; None if that is not known."""
        missing = min(rows, BURST_ROWS) - self.rows
        if missing <= 0:
            return 0.0
        return missing / self._rate if self._rate else None

    def _grow(self) -> None:
        now = self._clock.monotonic()
        grown = self._rows + self._rate * (now - self._at)
        self._rows, self._at = min(grown, float(BURST_ROWS)), now
