"""How late the event loop runs: timings taken while it was busy carry a flag."""

from pangea.core.clock import Clock

#: From here on a timing cannot be believed to the millisecond.
BAD_S = 0.05
#: From here on a run may have missed the answer that it waited for.
BLOCKED_S = 0.5
#: So long after a late timer the loop is taken for busy.
BAD_FOR_S = 1.0


class LagMeter:
    """Keeps how late timers came that had something to do anyway.

    A timer of its own, twenty times a second, cost an idle worker more than all
    else that it did.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        #: How many timers came: while it grows, the scheduler ticks.
        self.notes = 0
        self._worst_s = 0.0
        self._bad_until = self._blocked_until = 0.0

    def note(self, late_s: float) -> None:
        """Take note of a timer that came *late_s* after its time."""
        self.notes += 1
        self._worst_s = max(self._worst_s, late_s)
        if late_s > BAD_S:
            self._bad_until = self._clock.monotonic() + BAD_FOR_S
        if late_s > BLOCKED_S:
            self._blocked_until = self._bad_until

    @property
    def bad(self) -> bool:
        """Whether the loop was too busy within the last second."""
        return self._clock.monotonic() < self._bad_until

    @property
    def blocked(self) -> bool:
        """Whether the loop stood still for BLOCKED_S within the last second."""
        return self._clock.monotonic() < self._blocked_until

    def take_worst_ms(self) -> float:
        """Return the worst delay since the last call, in milliseconds."""
        worst, self._worst_s = self._worst_s, 0.0
        return worst * 1000
