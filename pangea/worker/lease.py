"""For how long this worker may go on with jobs that others can take over."""

from collections import deque

from pangea.core.clock import Clock
from pangea.core.liveness import LEASE_S

#: Questions whose answer may still come.
_ASKED = 32


class Lease:
    """One lease for all leased assignments, asked for with each heartbeat.

    It counts from the moment of the question, so it never outlasts what the
    coordinator reckons with; and on the boot-time clock, which a suspended machine
    does not stop.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._asked: deque[tuple[int, float]] = deque(maxlen=_ASKED)
        self._until = float("-inf")

    @property
    def held(self) -> bool:
        """Whether a leased assignment may be probed now."""
        return self._clock.boot() < self._until

    def ask(self, question: int) -> None:
        """Note that *question* leaves now."""
        self._asked.append((question, self._clock.boot()))

    def renew(self, question: int, lease_s: float) -> None:
        """Take the answer to *question*: *lease_s* from when it was asked.

        An answer to what was not asked, or for longer than a lease, gives nothing
        more than is ours.
        """
        for asked, at in self._asked:
            if asked == question and lease_s > 0:
                self._until = max(self._until, at + min(lease_s, LEASE_S))
