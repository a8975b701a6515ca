"""The coordinator's end of a link to one worker."""

import asyncio
import logging
import math
from collections.abc import Callable, Mapping
from functools import partial

from msgspec.structs import replace

from pangea.core.clock import Clock
from pangea.core.errors import LinkClosed, ProtocolError
from pangea.core.liveness import LOST_S
from pangea.core.model import Worker
from pangea.core.text import safe_text
from pangea.mesh.link import Link
from pangea.mesh.messages import (
    Applied,
    Batch,
    Credit,
    Digest,
    Goodbye,
    Heartbeat,
    HeartbeatAck,
    Introduce,
    Message,
    SecretsKept,
)
from pangea.storage.ingest import MOST_SEQ

from .clock_marks import ClockMarks
from .dispatch import Dispatch, Outbox
from .inflow import Inflow
from .intake import Intake
from .parcel import Parcel
from .watch import Watch

log = logging.getLogger(__name__)

#: A worker that says nothing for so long is gone, whatever TCP believes.
SILENCE_S = LOST_S
MAX_TAGS = 32
MAX_EPOCH = 64
MAX_ROWS = 2000


class WorkerLink:
    """Serves one worker from its introduction until its link breaks."""

    def __init__(
        self,
        link: Link,
        worker: Worker,
        watermarks: Mapping[str, int],
        *,
        dispatch: Dispatch,
        intake: Intake,
        clock: Clock,
        watch: Watch,
        kept: Callable[[int, tuple[str, ...]], None] = lambda worker, ids: None,
        jumped: Callable[[Worker, int, int], None] = lambda worker, stepped, slept: (
            None
        ),
    ) -> None:
        self.link = link
        self.worker = worker
        self.outbox = Outbox()
        self.vitals = Heartbeat(0)
        #: The worker that carries this link, 0 if none does.
        self.via = 0
        #: What the worker said of itself, and what else it may say.
        self.said: Introduce | None = None
        self.others: Callable[[WorkerLink, Message], bool] = lambda link, said: False
        self._heard = dict(watermarks)
        self._silent_at = math.inf
        self._refused = ""
        self._dispatch = dispatch
        self._intake = intake
        self._inflow = Inflow(intake)
        self._clock = clock
        self._watch = watch
        self._kept = kept
        self._marks = ClockMarks(worker.name, clock, partial(jumped, worker))
        self.farewell = False

    async def introduce(self) -> Worker:
        """Return the worker with what it says of itself; its first message."""
        async with asyncio.timeout(SILENCE_S):
            said = await self.link.receive()
            while isinstance(said, Heartbeat):  # sent while it waited for approval
                said = await self.link.receive()
        if not isinstance(said, Introduce):
            raise ProtocolError(f"expected Introduce, got {type(said).__name__}")
        self.said = said
        self.worker = described(self.worker, said)
        return self.worker

    async def serve(self) -> None:
        """Exchange messages until the link breaks; always ends in an exception."""
        await self._dispatch.link(self.worker.id, self.outbox)
        if self.link.speaks(Credit):
            self.outbox.say(self._intake.credits.begin(self.worker.id))
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._pump(), name="pump")
                tasks.create_task(self._listen(), name="listen")
                tasks.create_task(self._inflow.run(), name="inflow")
                tasks.create_task(self._give_up(), name="give up")
                tasks.create_task(self._miss(), name="miss")
        finally:
            self._intake.credits.end(self.worker.id)

    async def _pump(self) -> None:
        while True:
            await self.link.send(await self.outbox.queue.get())

    async def _give_up(self) -> None:
        await self.outbox.full.wait()
        raise ProtocolError(self._refused or "it takes no more messages")

    def refuse(self, reason: str) -> None:
        """End this link, because of *reason*."""
        self._refused = reason
        self.outbox.full.set()

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._silent_at = loop.time() + SILENCE_S
            message = await self.link.receive()
            # What takes long in here is no silence of theirs.
            self._silent_at = math.inf
            self._watch.heard(self.worker.id)
            await self._hear(message)

    async def _miss(self) -> None:
        """End the link when the worker says nothing for too long."""
        loop, rest = asyncio.get_running_loop(), SILENCE_S
        while rest > 0:
            await asyncio.sleep(min(rest, SILENCE_S))
            rest = self._silent_at - loop.time()
        raise LinkClosed(f"silent for {SILENCE_S:g} s")

    async def _hear(self, message: Message) -> None:
        match message:
            case Batch():
                if message.epoch not in self._heard:
                    await self._intake.epochs.hold_back(self.worker.id)
                self._follow(message)
                say, now = self.outbox.say, self._clock.monotonic()
                parcel = Parcel(self.worker, message, say, self.refuse, now)
                self._inflow.put(parcel)
            case Heartbeat():
                received = self._now_us()
                self.vitals = self._marks.keep(bounded(message))
                self._renew_credit(message.spooled)
                lease_s = self._watch.lease(self.worker.id, self.link.version)
                self.outbox.say(
                    HeartbeatAck(message.sent_us, received, self._now_us(), lease_s)
                )
            case Digest():
                if len(message.latest.rows) > MAX_ROWS:
                    raise ProtocolError("a digest is too large")
                await self._intake.view(self.worker, message.latest)
            case Applied():
                await self._dispatch.applied(
                    self.worker.id, self.outbox, message.version
                )
            case SecretsKept():
                self._kept(self.worker.id, message.ids)
            case Goodbye():
                self.farewell = True
                await self._inflow.flush()
                raise LinkClosed(f"left: {safe_text(message.reason)}")
            case _:
                if self.others(self, message):
                    return
                raise ProtocolError(f"did not expect {type(message).__name__}")

    def _renew_credit(self, spooled: int) -> None:
        if self.link.speaks(Credit):
            intake = self._intake
            credit = intake.credits.renew(self.worker.id, spooled, intake.trouble)
            if credit:
                self.outbox.say(credit)

    def _follow(self, batch: Batch) -> None:
        """Refuse a hole: every number is a row, or inside a gap record."""
        if len(batch.epoch) > MAX_EPOCH or len(batch.rows) > MAX_ROWS:
            raise ProtocolError("a batch is too large")
        expected = self._heard.get(batch.epoch, 0) + 1
        firsts = [gap.first for gap in batch.gaps]
        lasts = [gap.last for gap in batch.gaps]
        if batch.rows:
            firsts.append(batch.first)
            lasts.append(batch.first + len(batch.rows) - 1)
        numbers = [batch.first, *firsts, *lasts]
        if not all(1 <= number <= MOST_SEQ for number in numbers):
            raise ProtocolError("a sequence number is out of range")
        if any(gap.last < gap.first for gap in batch.gaps):
            raise ProtocolError("a gap ends before it begins")
        if not firsts or min(firsts) > expected:
            raise ProtocolError(f"result {expected} is missing without a gap record")
        self._heard[batch.epoch] = max(expected - 1, *lasts)

    def _now_us(self) -> int:
        return round(self._clock.wall() * 1e6)


def bounded(said: Heartbeat) -> Heartbeat:
    """Return a heartbeat whose numbers can be shown."""
    most = 1 << 53
    lag = said.lag_ms if 0 <= said.lag_ms < most else 0.0
    return replace(
        said,
        spooled=min(max(said.spooled, 0), most),
        skipped=min(max(said.skipped, 0), most),
        offset_us=min(max(said.offset_us, -most), most),
        rtt_us=min(max(said.rtt_us, 0), most),
        lag_ms=lag,
        error_us=min(max(said.error_us, 0), most),
        dropped=min(max(said.dropped, 0), most),
        trouble=said.trouble and safe_text(said.trouble, 200),
    )


def described(worker: Worker, said: Introduce) -> Worker:
    """Return *worker* with what it says of itself, made safe and small."""
    tags = list(said.tags.items())[:MAX_TAGS]
    return replace(
        worker,
        region=safe_text(said.region, 63),
        position=on_earth(said.position),
        tags={safe_text(k, 63): safe_text(v, 63) for k, v in tags},
        version=safe_text(said.version, 40),
        probes=tuple(safe_text(p, 40) for p in said.probes[:100]),
        lacks={
            safe_text(k, 40): safe_text(v, 300)
            for k, v in list(said.lacks.items())[:100]
        },
    )


def on_earth(position: tuple[float, float] | None) -> tuple[float, float] | None:
    """Return *position* if it is latitude and longitude, else None."""
    if position and abs(position[0]) <= 90 and abs(position[1]) <= 180:
        return position
    return None
