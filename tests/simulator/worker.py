"""A worker in simulated time: fires, finds, tests itself, and reports when it can."""

import asyncio
import random
from collections.abc import Callable

from msgspec.structs import replace

from pangea.coordinator.dispatch import Outbox
from pangea.core.model import Assignment, Flag, Outcome, Result
from pangea.core.phase import next_due
from pangea.core.self_test import Finding, SelfTest, take
from pangea.mesh.messages import Desired, RunNow
from pangea.mesh.probe_messages import Health, Window

from .virtual import EPOCH, VirtualClock
from .world import Kind, World

BEAT_S, TEST_S = 5.0, 5.0
#: What a result needs to be judged: the worker's, the link's and the intake's time.
DELIVERY_S = 0.05
OUT = (Kind.CUT, Kind.DEAD)

#: Takes results, or what a worker says of its health.
Report = Callable[["SimWorker", list[Result]], bool]
Confess = Callable[["SimWorker", Health], None]


class SimWorker:
    """One worker of *world*; ``run`` lives its life."""

    def __init__(
        self,
        number: int,
        world: World,
        clock: VirtualClock,
        report: Report,
        confess: Confess | None,
    ) -> None:
        self.number, self.world, self.clock = number, world, clock
        self.outbox = Outbox()
        self._report, self._confess = report, confess
        self._held: dict[int, Assignment] = {}
        self._running: set[int] = set()
        self._spool: list[Result] = []
        self._windows: list[tuple[float, float, str]] = []
        self._obeying: asyncio.Task[None] | None = None
        self.begun = 0
        self.tested = SelfTest(clock.monotonic())
        self._dice = random.Random(f"{world.seed}/w{number}")

    @property
    def kind(self) -> Kind | None:
        """How it is right now."""
        return self.world.worker(self.number, self.clock.monotonic())

    @property
    def is_linked(self) -> bool:
        """Whether it reaches a coordinator that is there."""
        moment = self.clock.monotonic()
        away = any(fault.at(moment) for fault in self.world.restarts)
        return self.kind not in OUT and not away

    async def run(self) -> None:
        """Test itself and report until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._deliver_all())
            if self._confess:
                tasks.create_task(self._test_all())

    def link(self) -> Outbox:
        """Return where a coordinator may put what it has to say from now on."""
        if self._obeying:
            self._obeying.cancel()
        self.outbox = Outbox()
        self._obeying = asyncio.create_task(self._obey(self.outbox))
        return self.outbox

    async def _obey(self, outbox: Outbox) -> None:
        while True:
            match await outbox.queue.get():
                case Desired() as said:
                    self._apply(said)
                case RunNow() as said if self.is_linked:
                    self._later(said.delay_s + DELIVERY_S, said.job, Flag.REPEAT)

    def _apply(self, said: Desired) -> None:
        if said.base is None:
            self._held = {}
        for job in said.drop:
            self._held.pop(job, None)
        for assignment in said.put:
            self._held[assignment.job] = assignment
            self._arm(assignment)

    def _arm(self, assignment: Assignment) -> None:
        wall = self.clock.wall()
        due = next_due(wall, assignment.interval_s, assignment.phase_s)
        loop = asyncio.get_running_loop()
        loop.call_later(due - wall, self._fire, assignment)

    def _fire(self, assignment: Assignment) -> None:
        if self._held.get(assignment.job) is assignment:
            self._arm(assignment)
            self._begin(assignment.job, 0)

    def _later(self, seconds: float, job: int, flags: int) -> None:
        asyncio.get_running_loop().call_later(seconds, self._begin, job, flags)

    def _begin(self, job: int, flags: int) -> None:
        if job in self._running or job not in self._held or self.kind is Kind.DEAD:
            return
        self._running.add(job)
        self.begun += 1
        began = self.clock.monotonic()
        found = self.world.probe(self.number, job, began)
        skew = self.world.skews[self.number]
        result = Result(
            job=job,
            started_at_us=round((self.clock.wall() + skew) * 1e6),
            duration_ms=found.took_s * 1000,
            outcome=Outcome(found.outcome),
            reason="" if found.outcome == "ok" else "timeout",
            flags=int(flags),
            worker=self.number,
        )
        asyncio.get_running_loop().call_later(found.took_s, self._end, result)

    def _end(self, result: Result) -> None:
        self._running.discard(result.job)
        if self.kind is Kind.DEAD:
            return
        if self._confess and self.tested.cause:
            result = replace(result, flags=result.flags | int(Flag.SICK))
        self._spool.append(result)
        asyncio.get_running_loop().call_later(DELIVERY_S, self._deliver)

    def _deliver(self) -> None:
        if self._spool and self.is_linked and self._report(self, self._spool):
            self._spool = []

    async def _deliver_all(self) -> None:
        """Try again what waits, as the worker does when it finds its way back."""
        while True:
            await asyncio.sleep(1.0 + self._dice.random())
            self._deliver()

    async def _test_all(self) -> None:
        while True:
            await asyncio.sleep(TEST_S)
            if self.kind is Kind.DEAD:
                continue
            before = self.tested
            self.tested = take(before, self._findings(), self.clock.monotonic())
            if self.tested.cause != before.cause:
                self._note(before)
            if self.is_linked:
                self._tell()

    def _note(self, before: SelfTest) -> None:
        """Remember that a bad stretch began or ended."""
        if before.cause and self._windows:
            since, _, cause = self._windows[-1]
            self._windows[-1] = since, self.clock.monotonic(), cause
        if self.tested.cause:
            self._windows.append((self.tested.since, 0.0, self.tested.cause))

    def _tell(self) -> None:
        assert self._confess, "only who tests itself has something to tell"
        self._confess(self, health(self._windows))

    def _findings(self) -> list[Finding]:
        """Return what its self-test finds: the coordinator is on its own link."""
        kind = self.kind
        outside = kind not in (Kind.CUT, Kind.BLIND)
        return [
            Finding("gateway", outside, "no answer"),
            Finding("resolver", outside, "no answer", far=True),
            Finding("coordinator", self.is_linked, "no answer"),
        ]


def health(windows: list[tuple[float, float, str]]) -> Health:
    """Return when a worker was unwell, as it says so."""

    def us(moment: float) -> int:
        return round((EPOCH + moment) * 1e6)

    said = [
        Window(us(since), us(until) if until else 0, cause)
        for since, until, cause in windows
    ]
    return Health(0, windows=tuple(said))
