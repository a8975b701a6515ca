"""What to add to this worker's clock to get the coordinator's, across all links."""

import asyncio
import logging

from pangea.core.clock import Clock
from pangea.core.offset import KEPT, OffsetEstimate, OffsetSample, offset_sample
from pangea.mesh.messages import HeartbeatAck

log = logging.getLogger(__name__)

#: Results wait so long for the first answer to a heartbeat.
PATIENCE_S = 3.0


class ClockOffset:
    """Measures with heartbeats; ``stepped`` asks for some quick ones.

    A round trip is timed by the monotonic clock, so that a step of the wall
    clock bends none.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._estimate = OffsetEstimate()
        self._asked: dict[int, float] = {}
        self._known = asyncio.Event()
        self.stepped = asyncio.Event()

    @property
    def best(self) -> OffsetSample:
        """The offset as it is known, or zeros."""
        return self._estimate.best

    def ask(self) -> int:
        """Return our wall time in microseconds, for a heartbeat that leaves now."""
        sent_us = round(self._clock.wall() * 1e6)
        self._asked[sent_us] = self._clock.monotonic()
        while len(self._asked) > KEPT:
            del self._asked[next(iter(self._asked))]
        return sent_us

    def hear(self, ack: HeartbeatAck) -> None:
        """Take the answer to a heartbeat; one that we did not ask is no sample."""
        asked = self._asked.pop(ack.sent_us, None)
        if asked is None:
            return
        took_us = round((self._clock.monotonic() - asked) * 1e6)
        self._estimate.add(
            offset_sample(
                ack.sent_us, ack.received_us, ack.answered_us, ack.sent_us + took_us
            )
        )
        self._known.set()

    def forget(self, stepped_s: float) -> None:
        """Measure anew: our clock stepped by so many seconds."""
        log.debug("measuring the clock's offset again after %+.1f s", stepped_s)
        self._estimate.forget()
        self._asked.clear()
        self._known.clear()
        self.stepped.set()

    async def known(self) -> None:
        """Wait for the first sample, but not for ever."""
        if self._known.is_set():
            return
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._known.wait()
        except TimeoutError:
            log.warning("the coordinator does not tell its time; taking it for ours")
            self._known.set()
