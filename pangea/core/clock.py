"""Time as an argument: the only three questions that code may ask a clock."""

from typing import Protocol


class Clock(Protocol):
    """A source of time that tests can stand still."""

    def wall(self) -> float:
        """Return seconds since 1970 UTC; it may step."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go back; for durations."""
        ...

    def boot(self) -> float:
        """Return seconds since boot, time asleep included."""
        ...
