"""One connection to a coordinator, from its welcome until it breaks."""

import asyncio
import logging
from collections.abc import Callable

from pangea.core.clock import Clock
from pangea.core.errors import ConfigError, LinkClosed, ProtocolError
from pangea.core.liveness import BEAT_S, LOST_S
from pangea.core.text import safe_text
from pangea.core.worker_time import error_bound_us
from pangea.mesh.link import Link
from pangea.mesh.messages import (
    Ack,
    Applied,
    Credit,
    Desired,
    Goodbye,
    Heartbeat,
    HeartbeatAck,
    Introduce,
    Message,
    RunNow,
    Secrets,
    SecretsKept,
)
from pangea.mesh.probe_messages import AskProbe, Health
from pangea.mesh.secret_ring import SecretRing
from pangea.storage.spool import Spool

from .asked import Asked
from .clock_offset import ClockOffset
from .disk import Disk
from .entrance import Displaced, Entrance
from .lag import LagMeter
from .memory import Memory
from .mesh_side import MeshSide
from .parts import Parts
from .prober import Prober
from .reporter import Reporter
from .self_test import Wellness
from .self_test_checks import Standing
from .sender import Sender

log = logging.getLogger(__name__)

HEARTBEAT_S = BEAT_S
#: So long without a word the link is taken for dead.
SILENCE_S = LOST_S
FIRST_BEATS_S = (0.0, 0.1, 0.2, 0.5)
#: A goodbye waits so long for the last acks, and for the coordinator to take it.
LAST_ACKS_S = 2.0
FAREWELL_S = 0.5


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
        disk: Disk,
        offset: ClockOffset,
        clock: Clock,
        introduce: Introduce,
        mesh: MeshSide | None = None,
        entrance: Entrance | None = None,
        keep_secrets: Callable[[bytes], SecretRing] | None = None,
        asked: Asked | None = None,
        wellness: Wellness | None = None,
    ) -> None:
        self._link = link
        self._asked = asked
        self._keep_secrets = keep_secrets
        self._entrance = entrance or Entrance(link, clock)
        self._spool = spool
        self._prober = prober
        self._reporter = reporter
        self._memory = memory
        self._lag = lag
        self._disk = disk
        self._offset = offset
        self._clock = clock
        self._introduce = mesh.completed(introduce) if mesh else introduce
        self._mesh = mesh
        self._wellness = wellness if link.speaks(Health) else None
        self._parts = Parts()
        self._sender = Sender(link, spool, reporter, disk, offset, clock)
        self._heard, self._word = clock.monotonic(), asyncio.Event()
        self.name = ""
        self.dismissed = False

    async def run(self) -> None:
        """Serve the link until it breaks (LinkClosed) or is refused."""
        welcome = await self._entrance.enter()
        self.name = safe_text(welcome.name, 63)
        await self._link.send(self._introduce)
        await self._link.send(Applied(self._memory.version))
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._listen(), name="listen")
                tasks.create_task(self._send(welcome.watermarks), name="send")
                tasks.create_task(self._beat(), name="beat")
                if self._mesh:
                    tasks.create_task(self._mesh.serve(self._link), name="mesh")
        finally:
            if self._asked:
                self._asked.drop()

    @property
    def standing(self) -> Standing:
        """How the link to the coordinator is, as far as we hear."""
        silent_s = self._clock.monotonic() - self._heard
        return Standing(self._link.remote, silent_s, self._offset.best.rtt_us / 1000)

    async def nudge(self) -> None:
        """Send a heartbeat now, and wait for a word of the coordinator."""
        self._word.clear()
        await self._link.send(await self._heartbeat())
        await self._word.wait()

    async def say_goodbye(self, reason: str, patience_s: float = LAST_ACKS_S) -> None:
        """Leave politely: wait a little for the last acks, then close."""
        try:
            async with asyncio.timeout(patience_s):
                while not await self._sender.is_done():
                    self._reporter.written.set()
                    await asyncio.sleep(0.05)
        except TimeoutError:
            log.info("leaving with results in the spool; they will be sent later")
        try:
            async with asyncio.timeout(FAREWELL_S):
                await self._link.send(Goodbye(reason))
                await self._link.close()
        except (TimeoutError, ProtocolError) as error:
            log.debug("the coordinator did not hear our goodbye: %s", error)

    async def _listen(self) -> None:
        while True:
            message = await self._link.receive()
            self._heard = self._clock.monotonic()
            self._word.set()
            await self._obey(message)

    async def _obey(self, message: Message) -> None:
        match message:
            case Desired():
                await self._take(message)
            case Ack():
                self._sender.settle(message)
            case Credit():
                self._sender.grant(message.rows_s)
            case HeartbeatAck():
                self._offset.hear(message)
                self._spool.know_boot(self._offset.boot_time)
                self._prober.lease.renew(message.sent_us, message.lease_s)
                best = self._offset.best
                self._prober.slots.set_offset(best.offset_us / 1e6)
            case RunNow():
                self._prober.run_now(message.job, min(max(message.delay_s, 0.0), 60.0))
            case Secrets():
                await self._take_secrets(message)
            case AskProbe() if self._asked:
                await self._asked.take(message, self._link.send)
            case Goodbye():
                self.dismissed = True
                ended = Displaced if message.twin else LinkClosed
                raise ended(f"coordinator left: {safe_text(message.reason, 300)}")
            case _:
                if self._mesh and await self._mesh.hear(self._link, message):
                    return
                raise ProtocolError(f"did not expect {type(message).__name__}")

    async def _send(self, watermarks: dict[str, int]) -> None:
        """Send results, after the word on when they were worth nothing."""
        if self._wellness is None:
            await self._sender.run(watermarks)
            return
        await self._say_health(self._wellness)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._sender.run(watermarks), name="results")
            tasks.create_task(self._tell_health(self._wellness), name="health")

    async def _tell_health(self, wellness: Wellness) -> None:
        while True:
            await wellness.changed.wait()
            await self._say_health(wellness)

    async def _say_health(self, wellness: Wellness) -> None:
        """Say how we are, once it is known what time the coordinator has."""
        await self._offset.known()
        await self._link.send(wellness.message())

    async def _take_secrets(self, said: Secrets) -> None:
        """Keep the cluster's secrets, and say so once they are on the disk."""
        if self._keep_secrets is None:
            return
        try:
            ring = await asyncio.to_thread(self._keep_secrets, said.ring)
        except ConfigError as error:
            log.error("the new cluster secret is not kept: %s", error)
            return
        await self._link.send(SecretsKept(ring.ids))

    async def _take(self, part: Desired) -> None:
        desired = self._parts.add(part)
        if desired is None:
            return
        if desired.base is None:
            self._prober.replace_all(desired.put)
        elif desired.base == self._memory.version:
            self._prober.apply(desired.put, desired.drop)
        else:
            await self._link.send(Applied(0))
            return
        await self._memory.keep(desired.version, self._prober.assignments.values())
        await self._link.send(Applied(desired.version))

    async def _beat(self) -> None:
        """Send heartbeats; the first few quickly, for an early clock offset."""
        pauses = iter(FIRST_BEATS_S)
        while True:
            if await self._stepped_within(next(pauses, HEARTBEAT_S)):
                pauses = iter(FIRST_BEATS_S)
                continue
            silent = self._clock.monotonic() - self._heard
            if silent > SILENCE_S:
                raise LinkClosed(f"no word from the coordinator for {silent:.0f} s")
            await self._disk.takes("acks", self._spool.note_acks())
            try:
                async with asyncio.timeout(SILENCE_S):
                    await self._link.send(await self._heartbeat())
            except TimeoutError as error:
                raise LinkClosed("the coordinator takes nothing any more") from error

    async def _stepped_within(self, seconds: float) -> bool:
        """Wait; True if our clock stepped meanwhile."""
        stepped = self._offset.stepped
        try:
            async with asyncio.timeout(seconds):
                await stepped.wait()
        except TimeoutError:
            return False
        stepped.clear()
        return True

    async def _heartbeat(self) -> Heartbeat:
        best, spooled = self._offset.best, await self._spool.waiting()
        stepped_ms, slept_ms = self._offset.take_jumps_ms()
        sent_us = self._offset.ask()
        self._prober.lease.ask(sent_us)
        return Heartbeat(
            sent_us=sent_us,
            applied=self._memory.version,
            spooled=spooled,
            lag_ms=self._lag.take_worst_ms(),
            offset_us=best.offset_us,
            rtt_us=best.rtt_us,
            skipped=self._prober.take_skipped(),
            error_us=error_bound_us(best.rtt_us),
            stepped_ms=stepped_ms,
            slept_ms=slept_ms,
            trouble=self._disk.trouble or self._spool.trouble,
            dropped=self._spool.dropped,
        )
