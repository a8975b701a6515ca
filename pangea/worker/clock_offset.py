"""What to add to this worker's clocks to get the coordinator's, across all links."""

import asyncio
import logging
from contextlib import suppress

from pangea.core.clock import Clock
from pangea.core.offset import KEPT, OffsetEstimate, OffsetSample, offset_sample
from pangea.core.worker_time import BootTime, error_bound_us
from pangea.mesh.messages import HeartbeatAck

log = logging.getLogger(__name__)

#: Results wait so long for the first answer to a heartbeat.
PATIENCE_S = 3.0
#: Then they wait for a sample this good, or for so many, but no longer than that: under
#: load the first answer may be half a second off.
GOOD_RTT_US = 50_000
ENOUGH = 4
SETTLE_S = 1.0
#: A jump of a clock by less than this is none.
JUMP_S = 0.5


class ClockOffset:
    """Measures with heartbeats; ``stepped`` asks for some quick ones.

    What is measured is the boot clock, which nobody sets; how far the wall clock
    is off follows from it at any moment.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._estimate = OffsetEstimate()
        self._asked: dict[int, tuple[float, float]] = {}
        self._known, self._settled = asyncio.Event(), asyncio.Event()
        self._heard = 0
        self._apart_s = clock.boot() - clock.monotonic()
        self._stepped_s = self._slept_s = 0.0
        self.stepped = asyncio.Event()

    @property
    def best(self) -> OffsetSample:
        """The offset of the wall clock as it is known, or zeros."""
        measured = self._estimate.best
        if not self._estimate:
            return measured
        apart_us = round((self._clock.boot() - self._clock.wall()) * 1e6)
        return OffsetSample(measured.offset_us + apart_us, measured.rtt_us)

    @property
    def boot_time(self) -> BootTime | None:
        """The offset of the boot clock, or None while it is not known."""
        if not self._estimate:
            return None
        best = self._estimate.best
        return BootTime(best.offset_us, error_bound_us(best.rtt_us))

    def ask(self) -> int:
        """Return our wall time in microseconds, for a heartbeat that leaves now."""
        sent_us = round(self._clock.wall() * 1e6)
        self._asked[sent_us] = (self._clock.boot(), self._clock.monotonic())
        while len(self._asked) > KEPT:
            del self._asked[next(iter(self._asked))]
        return sent_us

    def hear(self, ack: HeartbeatAck) -> None:
        """Take the answer to a heartbeat; one that we did not ask is no sample."""
        asked = self._asked.pop(ack.sent_us, None)
        if asked is None:
            return
        boot, monotonic = asked
        sent_us = round(boot * 1e6)
        took_us = round((self._clock.monotonic() - monotonic) * 1e6)
        sample = offset_sample(
            sent_us, ack.received_us, ack.answered_us, sent_us + took_us
        )
        self._estimate.add(sample)
        self._heard += 1
        self._known.set()
        if sample.rtt_us <= GOOD_RTT_US or self._heard >= ENOUGH:
            self._settled.set()

    def forget(self, stepped_s: float) -> None:
        """Measure anew: our wall clock moved by so much against the monotonic one.

        It was set, or the machine was asleep; the boot clock tells which.
        """
        slept_s = self._sleep()
        if abs(stepped_s - slept_s) > JUMP_S:
            self._stepped_s += stepped_s - slept_s
            log.warning("the clock was set by %+.1f s", stepped_s - slept_s)
        self._estimate.forget()
        self._asked.clear()
        self._known.clear()
        self._settled.clear()
        self._heard = 0
        self.stepped.set()

    def take_jumps_ms(self) -> tuple[int, int]:
        """Return by how much the clock was set, and how long we slept, since asked."""
        self._sleep()
        jumps = round(self._stepped_s * 1000), round(self._slept_s * 1000)
        self._stepped_s = self._slept_s = 0.0
        return jumps

    async def known(self) -> None:
        """Wait for a sample, and a moment for a good one, but not for ever."""
        if self._settled.is_set():
            return
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._known.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(SETTLE_S):
                    await self._settled.wait()
        except TimeoutError:
            log.warning("the coordinator does not tell its time; taking it for ours")
            self._known.set()
        self._settled.set()

    def _sleep(self) -> float:
        """Return how long the machine was asleep since the last look."""
        apart_s = self._clock.boot() - self._clock.monotonic()
        slept_s, self._apart_s = apart_s - self._apart_s, apart_s
        if slept_s < JUMP_S:
            return 0.0
        self._slept_s += slept_s
        log.warning("the machine was asleep for %.1f s", slept_s)
        return slept_s
