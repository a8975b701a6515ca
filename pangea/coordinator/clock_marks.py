"""What a worker's clock has done lately: it was set, or the machine slept."""

import logging
from collections.abc import Callable

from msgspec.structs import replace

from pangea.core.clock import Clock
from pangea.core.model import Worker
from pangea.mesh.messages import Heartbeat
from pangea.web.events import Hub

log = logging.getLogger(__name__)

#: So long a worker's health speaks of it.
SHOWN_S = 600.0
MOST_MS = 1 << 53


class ClockMarks:
    """Keeps the last jumps of one worker's clock in its vitals.

    *jumped* is told of each: by how many milliseconds it was set, how many it slept.
    """

    def __init__(
        self, name: str, clock: Clock, jumped: Callable[[int, int], None]
    ) -> None:
        self._name = name
        self._jumped = jumped
        self._clock = clock
        self._stepped_ms = self._slept_ms = 0
        self._at = 0.0

    def keep(self, said: Heartbeat) -> Heartbeat:
        """Return *said* with the jumps of the last minutes, told in the log once."""
        stepped = min(max(said.stepped_ms, -MOST_MS), MOST_MS)
        slept = min(max(said.slept_ms, 0), MOST_MS)
        now = self._clock.monotonic()
        if stepped or slept:
            self._jumped(stepped, slept)
            self._stepped_ms, self._slept_ms, self._at = stepped, slept, now
            if stepped:
                log.warning(
                    "worker %s: its clock was set by %+.1f s",
                    self._name,
                    stepped / 1000,
                )
            if slept:
                log.warning("worker %s was asleep for %.1f s", self._name, slept / 1000)
        elif now - self._at > SHOWN_S:
            self._stepped_ms = self._slept_ms = 0
        return replace(said, stepped_ms=self._stepped_ms, slept_ms=self._slept_ms)


def tell_jump(hub: Hub, worker: Worker, stepped_ms: int, slept_ms: int) -> None:
    """Tell who listens that the clock of *worker* was set, or that it slept."""
    said = {"worker": worker.name, "clock_set_ms": stepped_ms, "slept_ms": slept_ms}
    hub.publish("worker", worker.org, said)


def ills_of_spool(vitals: Heartbeat) -> list[str]:
    """Return what a worker's clock and disk suffer from, in a few words each."""
    ills = []
    if vitals.stepped_ms:
        ills.append(f"its clock was set by {vitals.stepped_ms / 1000:+.1f} s")
    if vitals.slept_ms:
        ills.append(f"was asleep for {vitals.slept_ms / 1000:.1f} s")
    if vitals.trouble:
        ills.append(f"its disk takes no results: {vitals.trouble}")
    return ills
