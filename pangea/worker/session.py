"""One connection to a coordinator, from its welcome until it breaks."""

import asyncio
import logging
from collections import deque

from msgspec import Raw

from pangea.core.clock import Clock
from pangea.core.errors import LinkClosed, ProtocolError
from pangea.core.offset import OffsetEstimate, offset_sample
from pangea.core.text import safe_text
from pangea.mesh.link import Link
from pangea.mesh.messages import (
    BATCH_ROWS,
    WINDOW,
    Ack,
    Applied,
    Batch,
    Desired,
    Goodbye,
    Heartbeat,
    HeartbeatAck,
    Introduce,
    Message,
    RunNow,
    Welcome,
)
from pangea.storage.spool import Spool

from .lag import LagMeter
from .memory import Memory
from .prober import Prober
from .reporter import Reporter

log = logging.getLogger(__name__)

HEARTBEAT_S = 5.0
#: With so many heartbeats unanswered the link is taken for dead.
SILENCE_S = 4 * HEARTBEAT_S
FIRST_BEATS_S = (0.0, 0.1, 0.2, 0.5)


class Session:
    """Says hello, takes orders, sends results and heartbeats.

    ``name`` is how the coordinator calls this worker; ``dismissed`` is true after
    the coordinator's goodbye.
    """

    def __init__(
        self,
        link: Link,
        *,
        spool: Spool,
        prober: Prober,
        reporter: Reporter,
        memory: Memory,
        lag: LagMeter,
        clock: Clock,
        introduce: Introduce,
    ) -> None:
        self._link = link
        self._spool = spool
        self._prober = prober
        self._reporter = reporter
        self._memory = memory
        self._lag = lag
        self._clock = clock
        self._introduce = introduce
        self._offset = OffsetEstimate()
        self._sent: dict[str, int] = {}
        self._in_flight: deque[tuple[str, int]] = deque()
        self._room = asyncio.Event()
        self._heard = clock.monotonic()
        self.name = ""
        self.dismissed = False

    async def run(self) -> None:
        """Serve the link until it breaks (LinkClosed) or is refused."""
        welcome = await self._link.receive()
        if not isinstance(welcome, Welcome):
            raise ProtocolError(f"expected a welcome, got {type(welcome).__name__}")
        if welcome.status != "approved":
            raise ProtocolError(f"the coordinator says: {safe_text(welcome.status)}")
        self.name = safe_text(welcome.name, 63)
        log.info("joined as %s", self.name)
        await self._spool.rewind(welcome.watermarks)
        await self._link.send(self._introduce)
        await self._link.send(Applied(self._memory.version))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen(), name="listen")
            tasks.create_task(self._report(), name="report")
            tasks.create_task(self._beat(), name="beat")

    async def say_goodbye(self, reason: str) -> None:
        """Leave politely: wait a little for the last acks, then close."""
        try:
            async with asyncio.timeout(3):
                while self._in_flight or await self._spool.waiting():
                    self._reporter.written.set()
                    await asyncio.sleep(0.05)
        except TimeoutError:
            log.info("leaving with results in the spool; they will be sent later")
        try:
            await self._link.send(Goodbye(reason))
        except ProtocolError as error:
            log.debug("the coordinator was gone already: %s", error)
        await self._link.close()

    async def _listen(self) -> None:
        while True:
            message = await self._link.receive()
            self._heard = self._clock.monotonic()
            await self._obey(message)

    async def _obey(self, message: Message) -> None:
        match message:
            case Desired():
                await self._take(message)
            case Ack():
                await self._spool.ack(message.epoch, message.upto)
                self._settle(message)
            case HeartbeatAck():
                self._note_offset(message)
            case RunNow():
                self._prober.run_now(message.job, min(max(message.delay_s, 0.0), 60.0))
            case Goodbye():
                self.dismissed = True
                raise LinkClosed(f"coordinator left: {safe_text(message.reason)}")
            case _:
                raise ProtocolError(f"did not expect {type(message).__name__}")

    def _settle(self, ack: Ack) -> None:
        """Forget the batches that are safe now, and let others follow."""
        flying = self._in_flight
        while flying and flying[0][0] == ack.epoch and flying[0][1] <= ack.upto:
            flying.popleft()
        self._room.set()

    async def _take(self, desired: Desired) -> None:
        if desired.base is None:
            self._prober.replace_all(desired.put)
        elif desired.base == self._memory.version:
            self._prober.apply(desired.put, desired.drop)
        else:
            await self._link.send(Applied(0))
            return
        await self._memory.keep(desired.version, self._prober.assignments.values())
        await self._link.send(Applied(desired.version))

    async def _report(self) -> None:
        """Send what the spool holds, a window of batches ahead of the acks."""
        while True:
            self._reporter.written.clear()
            runs = await self._spool.pending(self._sent, BATCH_ROWS)
            for run in runs:
                await self._wait_for_room()
                last = run.first + len(run.rows) - 1
                for gap in run.gaps:
                    last = max(last, gap.last)
                batch = Batch(
                    epoch=run.epoch,
                    first=run.first,
                    rows=tuple(Raw(row) for row in run.rows),
                    gaps=tuple(run.gaps),
                    offset_us=self._offset.best.offset_us,
                )
                self._sent[run.epoch] = last
                self._in_flight.append((run.epoch, last))
                await self._link.send(batch)
            if not runs:
                await self._reporter.written.wait()

    async def _wait_for_room(self) -> None:
        while len(self._in_flight) >= WINDOW:
            self._room.clear()
            await self._room.wait()

    async def _beat(self) -> None:
        """Send heartbeats; the first few quickly, for an early clock offset."""
        beats = 0
        while True:
            if beats < len(FIRST_BEATS_S):
                await asyncio.sleep(FIRST_BEATS_S[beats])
            else:
                await asyncio.sleep(HEARTBEAT_S)
            beats += 1
            silent = self._clock.monotonic() - self._heard
            if silent > SILENCE_S:
                raise LinkClosed(f"no word from the coordinator for {silent:.0f} s")
            best = self._offset.best
            await self._link.send(
                Heartbeat(
                    sent_us=round(self._clock.wall() * 1e6),
                    applied=self._memory.version,
                    spooled=await self._spool.waiting(),
                    lag_ms=self._lag.take_worst_ms(),
                    offset_us=best.offset_us,
                    rtt_us=best.rtt_us,
                    skipped=self._prober.skipped,
                )
            )

    def _note_offset(self, ack: HeartbeatAck) -> None:
        heard = round(self._clock.wall() * 1e6)
        sample = offset_sample(ack.sent_us, ack.received_us, ack.answered_us, heard)
        self._offset.add(sample)
        self._prober.slots.set_offset(self._offset.best.offset_us / 1e6)
