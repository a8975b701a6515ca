"""Whether a wall clock was set since it was last looked at."""

from collections.abc import Callable

from .clock import Clock

#: A clock that moved by less against the monotonic one only drifts.
STEP_S = 0.5


class ClockStep:
    """Tells by how much *clock* was set, against its monotonic one or *elapsed*.

    A sleep of the machine looks the same, unless *elapsed* counts it.
    """

    def __init__(
        self, clock: Clock, elapsed: Callable[[], float] | None = None
    ) -> None:
        self._wall = clock.wall
        self._elapsed = elapsed or clock.monotonic
        self._apart = self._wall() - self._elapsed()

    @property
    def was_set(self) -> bool:
        """Whether there is a step to take."""
        return abs(self._step_s()) >= STEP_S

    def take(self) -> float:
        """Return by how many seconds it was set since the last call, 0 if it was not.

        What is less than a step adds up until it is one.
        """
        step_s = self._step_s()
        if abs(step_s) < STEP_S:
            return 0.0
        self._apart += step_s
        return step_s

    def _step_s(self) -> float:
        return self._wall() - self._elapsed() - self._apart
