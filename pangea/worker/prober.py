"""Runs the assigned probes when they are due and hands on their results."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable

from msgspec.structs import replace

from pangea.core.clock import Clock
from pangea.core.drill import drilled
from pangea.core.errors import UsageError
from pangea.core.model import Assignment, Flag, Outcome, Result
from pangea.probes.base import Probe, make_probe
from pangea.probes.runner import run_once
from pangea.probes.tools import Tools
from pangea.scheduling import Slots

from .lag import LagMeter
from .lease import Lease

log = logging.getLogger(__name__)

#: A run that begins this much after it was due is flagged as late.
LATE_S = 0.5
#: As plain numbers: a flag's own operators cost a microsecond each.
_LATE, _LAGGED, _REPEAT = int(Flag.LATE), int(Flag.LAGGED), int(Flag.REPEAT)

Sink = Callable[[Result], None]
#: Tells what else is true of a result, as flags.
Weigh = Callable[[Assignment, Result], Awaitable[int]]


class Prober:
    """Holds the assignments of this worker and fires them.

    Those that are leased it fires only while it holds its ``lease``.
    """

    def __init__(
        self,
        tools: Tools,
        clock: Clock,
        sink: Sink,
        lag: LagMeter,
        seen: dict[int, dict[str, str]],
        on_step: Callable[[float], None] | None = None,
    ) -> None:
        self._tools = tools
        self._clock = clock
        self._sink = sink
        self._lag = lag
        self.slots = Slots(clock, self._fire, on_step, lag.note)
        self.assignments: dict[int, Assignment] = {}
        self._probes: dict[int, Probe | UsageError] = {}
        self._running: dict[int, asyncio.Task[None]] = {}
        self._waiting: dict[int, asyncio.TimerHandle] = {}
        #: Jobs whose run that goes on now is also what was asked for.
        self._awaited: set[int] = set()
        self._seen = seen
        self.lease = Lease(clock)
        #: The self-test's word on each result, if there is one.
        self.weigh: Weigh | None = None
        self.skipped = 0

    def start(self) -> None:
        """Begin probing what is assigned."""
        self.slots.start()

    def apply(self, put: Iterable[Assignment], drop: Iterable[int] = ()) -> None:
        """Take new or changed assignments, and leave those dropped."""
        for job in drop:
            self._leave(job)
        for assignment in put:
            held = self.assignments.get(assignment.job)
            if held == assignment:
                continue
            if held and replace(held, phase_s=assignment.phase_s) == assignment:
                self._move(assignment)
            else:
                self._leave(assignment.job)
                self._take(assignment)

    def replace_all(self, assignments: Iterable[Assignment]) -> None:
        """Make *assignments* the whole set."""
        wanted = {a.job: a for a in assignments}
        self.apply(wanted.values(), [j for j in self.assignments if j not in wanted])

    def run_now(self, job: int, delay_s: float = 0.0) -> None:
        """Probe *job* once, *delay_s* from now, whatever its schedule says."""
        if job in self.assignments:
            loop = asyncio.get_running_loop()
            self._cancel_waiting(job)
            self._waiting[job] = loop.call_later(delay_s, self._repeat, job)

    def take_skipped(self) -> int:
        """Return how many runs were skipped since the last call."""
        skipped, self.skipped = self.skipped, 0
        return skipped

    async def stop(self, patience_s: float) -> None:
        """Fire no more; wait for what runs, then cancel it."""
        self.slots.stop()
        for job in list(self._waiting):
            self._cancel_waiting(job)
        running = list(self._running.values())
        if running:
            _, late = await asyncio.wait(running, timeout=patience_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _move(self, assignment: Assignment) -> None:
        """Take another place in the interval; what runs or was asked for goes on."""
        self.assignments[assignment.job] = assignment
        self.slots.put(assignment.job, assignment.interval_s, assignment.phase_s)

    def _take(self, assignment: Assignment) -> None:
        self.assignments[assignment.job] = assignment
        try:
            probe: Probe | UsageError = make_probe(
                assignment.type, assignment.target, assignment.options
            )
        except UsageError as error:
            # A newer coordinator may ask what this version cannot: say so.
            probe = error
        self._probes[assignment.job] = probe
        self.slots.put(assignment.job, assignment.interval_s, assignment.phase_s)

    def _leave(self, job: int) -> None:
        self.slots.drop(job)
        self._cancel_waiting(job)
        self.assignments.pop(job, None)
        self._probes.pop(job, None)
        self._awaited.discard(job)
        task = self._running.pop(job, None)
        if task:
            task.cancel()

    def _cancel_waiting(self, job: int) -> None:
        handle = self._waiting.pop(job, None)
        if handle:
            handle.cancel()

    def _repeat(self, job: int) -> None:
        self._waiting.pop(job, None)
        if job in self._running:
            self.skipped += 1
            self._awaited.add(job)
        else:
            self._begin(job, _REPEAT)

    def _fire(self, job: int, due: float, late_s: float) -> None:
        if not self._is_asked_soon(job):
            self._begin(job, _LATE if late_s > LATE_S else 0)

    def _is_asked_soon(self, job: int) -> bool:
        """Tell whether a run begun now may be in the way of one that was asked for.

        A failure is confirmed by tries at their times: that one is this turn's run.
        """
        handle = self._waiting.get(job)
        if handle is None:
            return False
        left = handle.when() - asyncio.get_running_loop().time()
        return left < self.assignments[job].timeout_s

    def _begin(self, job: int, flags: int) -> None:
        if job in self._running:
            self.skipped += 1
            return
        assignment, probe = self.assignments[job], self._probes[job]
        if assignment.leased and not self.lease.held:
            return
        if isinstance(probe, UsageError):
            self._sink(self._unsupported(job, probe))
            return
        run = self._run(assignment, probe, flags)
        self._running[job] = asyncio.get_running_loop().create_task(run)

    async def _run(self, assignment: Assignment, probe: Probe, flags: int) -> None:
        job = assignment.job
        seen = self._seen.get(job, {})
        try:
            result = await run_once(
                probe,
                self._tools,
                self._clock,
                job=job,
                timeout_s=assignment.timeout_s,
                expect=assignment.expect,
                seen=seen,
            )
            if seen:
                self._seen[job] = seen
            if self.weigh:
                flags |= await self.weigh(assignment, result)
        finally:
            # Of a job that was left meanwhile it may be another run that goes on.
            if self._running.get(job) is asyncio.current_task():
                del self._running[job]
        if job in self._awaited:
            self._awaited.discard(job)
            flags |= _REPEAT
        if self._lag.bad:
            flags |= _LAGGED
        if flags:
            result = replace(result, flags=result.flags | flags)
        self._sink(drilled(result) if assignment.drill else result)

    def _unsupported(self, job: int, error: UsageError) -> Result:
        return Result(
            job=job,
            started_at_us=round(self._clock.wall() * 1e6),
            duration_ms=0.0,
            outcome=Outcome.ERROR,
            reason="unsupported",
            detail=str(error),
        )
