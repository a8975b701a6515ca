"""The worker's own health: tested every few seconds, and when a target fails."""

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path

from pangea.core.clock import Clock
from pangea.core.model import Assignment, Flag, Outcome, Result
from pangea.core.self_test import (
    GATEWAY,
    RESOLVER,
    Finding,
    SelfTest,
    concerns,
    kind_of,
    take,
)
from pangea.core.sickness import KEPT_S, MOST
from pangea.core.text import safe_text
from pangea.core.worker_time import BootTime
from pangea.mesh.probe_messages import Check, Health, Window

from .clock_offset import ClockOffset
from .lag import LagMeter
from .self_test_checks import TEST_S, Checks
from .self_test_memory import Kept, Stretch, load, save

log = logging.getLogger(__name__)

#: A test that is asked for begins no sooner after the one before.
APART_S = 0.25
#: A failure waits no longer for the test that it asked for; one may be under way.
PATIENCE_S = 2 * TEST_S + APART_S
#: What has not changed is told again after so many seconds.
AGAIN_S = 60.0
MOST_CHECKS = 12
_SICK = int(Flag.SICK)


class Wellness:
    """Tests until cancelled by ``run``; ``weigh`` tells what a result is worth.

    ``changed`` is set when there is something new to tell the coordinator. Times
    are of the boot clock, which nobody sets; *boot* names it, *boots* are the
    measured offsets of earlier ones.
    """

    def __init__(
        self,
        checks: Checks,
        lag: LagMeter,
        offset: ClockOffset,
        clock: Clock,
        *,
        interval_s: float,
        path: Path,
        boot: str,
        boots: Mapping[str, BootTime],
    ) -> None:
        self.changed = asyncio.Event()
        self._checks = checks
        self._lag = lag
        self._offset = offset
        self._clock = clock
        self._interval_s = interval_s
        self._path = path
        self._boot, self._boots = boot, boots
        kept = load(path)
        self._stretches = _ended(kept, boot)
        self._state = _resumed(kept, boot, clock.boot())
        self._findings: list[Finding] = []
        self._failing: set[int] = set()
        self._asked = asyncio.Event()
        self._waiting: list[tuple[float, asyncio.Future[None]]] = []
        self._begun, self._told_at = 0.0, 0.0

    @property
    def cause(self) -> str:
        """Why this worker is unwell, "" while it is well."""
        return self._state.cause

    async def run(self) -> None:
        """Test now, then at every interval and when it is asked for."""
        while True:
            await self._test()
            await asyncio.sleep(APART_S)
            try:
                async with asyncio.timeout(max(self._interval_s - APART_S, 0.0)):
                    await self._asked.wait()
            except TimeoutError:
                pass

    async def weigh(self, assignment: Assignment, result: Result) -> int:
        """Return the flag of *result*: SICK if it may be of our own making.

        The first failure of a job waits until a test has shown that we have a way
        out: a cut is seen by the targets before the next test would see it.
        """
        job, ended = assignment.job, self._clock.boot()
        good = Outcome.OK if assignment.expect == "ok" else Outcome.FAILED
        if result.outcome is good or result.outcome is Outcome.ERROR:
            self._failing.discard(job)
            if result.outcome is good:
                return self._timings_flag
        elif job not in self._failing:
            self._failing.add(job)
            await self._test_after(ended)
        unwell = self._lag.blocked or self._was_unwell(assignment, result, ended)
        return _SICK if unwell else 0

    def message(self) -> Health:
        """Return how this worker is, in times that ``offset_us`` corrects."""
        self.changed.clear()
        self._told_at = self._clock.monotonic()
        best = self._offset.best
        told = (self._window(one, best.offset_us) for one in self._stretches)
        return Health(
            at_us=round(self._clock.wall() * 1e6),
            checks=tuple(
                Check(
                    f.name,
                    bool(f.good),
                    _words(f, self._state.ever),
                    round(f.took_ms, 3),
                )
                for f in self._findings[:MOST_CHECKS]
            ),
            windows=tuple(window for window in told if window),
            offset_us=best.offset_us,
        )

    @property
    def _timings_flag(self) -> int:
        """What an answer has: it proves something, how long it took may not."""
        cause = self._state.cause
        return _SICK if cause and kind_of(cause) != RESOLVER else 0

    async def _test_after(self, moment: float) -> None:
        """Wait for a test that began after *moment*, if it could find a cut."""
        if not any(n.startswith((GATEWAY, RESOLVER)) for n in self._state.ever):
            return
        tested = asyncio.get_running_loop().create_future()
        self._waiting.append((moment, tested))
        self._asked.set()
        try:
            async with asyncio.timeout(PATIENCE_S):
                await tested
        except TimeoutError:
            log.debug("no test came to its end within %g s", PATIENCE_S)

    def _found(self, finding: Finding) -> None:
        """A gateway that answers is a way out: nobody has to wait for the rest."""
        if finding.good and finding.kind == GATEWAY:
            self._let_go()

    def _let_go(self) -> None:
        """Let those go on who waited for a test that began when this one did."""
        began = self._begun
        for moment, tested in self._waiting:
            if moment <= began and not tested.done():
                tested.set_result(None)
        self._waiting = [w for w in self._waiting if not w[1].done()]

    def _was_unwell(self, assignment: Assignment, result: Result, ended: float) -> bool:
        """Tell whether a run that *ended* then was touched by what makes us unwell."""
        began = ended - max(self._clock.wall() - result.started_at_us / 1e6, 0.0)
        type_, options = assignment.type, assignment.options
        return any(
            one.boot == self._boot
            and one.since <= ended
            and (not one.until or began <= one.until)
            and concerns(one.cause, result, type_, options)
            for one in self._stretches[-3:]
        )

    async def _test(self) -> None:
        self._asked.clear()
        self._begun = began = self._clock.boot()
        findings = await self._checks.run(self._found)
        before, self._state = self._state, take(self._state, findings, began)
        moved = _standing(findings) != _standing(self._findings)
        self._findings = findings
        if self._state.since != before.since:
            self._note(before)
        if self._state.since != before.since or self._state.ever != before.ever:
            kept = Kept(tuple(self._stretches), tuple(sorted(self._state.ever)))
            await asyncio.to_thread(save, self._path, kept)
        if moved or self._clock.monotonic() - self._told_at > AGAIN_S:
            self.changed.set()
        self._let_go()

    def _note(self, before: SelfTest) -> None:
        """Note where a stretch of being unwell ends, and where one begins."""
        state, now = self._state, self._clock.boot()
        if before.cause:
            until = state.since if state.cause else now
            last = self._stretches[-1]
            self._stretches[-1] = Stretch(last.boot, last.since, until, last.cause)
        if state.cause:
            log.warning("unwell: %s; failures do not count", state.cause)
            new = Stretch(self._boot, state.since, 0.0, state.cause)
            self._stretches = [*self._stretches, new][-MOST:]
        else:
            log.warning("well again after %.0f s", now - before.since)

    def _window(self, one: Stretch, offset_us: int) -> Window | None:
        """Return *one* in wall time, None if nobody knows when that was."""
        ours = one.boot == self._boot
        time = self._offset.boot_time if ours else self._boots.get(one.boot)
        old = ours and one.until and self._clock.boot() - one.until > KEPT_S
        if time is None or old:
            return None
        shift = time.offset_us - offset_us
        until = round(one.until * 1e6) + shift if one.until else 0
        return Window(round(one.since * 1e6) + shift, until, one.cause)


def _resumed(kept: Kept, boot: str, now: float) -> SelfTest:
    """Return what is known at the start: what the last run knew, if it was unwell."""
    last = kept.stretches[-1] if kept.stretches else None
    ever = frozenset(kept.ever)
    if last and last.boot == boot and not last.until:
        return SelfTest(now, ever, last.cause, last.since)
    return SelfTest(now, ever)


def _ended(kept: Kept, boot: str) -> list[Stretch]:
    """Return the stretches; what went on as the machine went down is over."""
    return [
        one
        if one.until or one.boot == boot
        else Stretch(one.boot, one.since, one.since + 1.0, one.cause)
        for one in kept.stretches
    ]


def _standing(findings: list[Finding]) -> list[tuple[str, bool | None]]:
    return [(finding.name, finding.good) for finding in findings]


def _words(finding: Finding, ever: frozenset[str]) -> str:
    """Return what a finding says; one that was never good says nothing."""
    if finding.good is None or not (finding.good or finding.name in ever):
        return safe_text(f"not counted: {finding.detail or 'it cannot tell'}", 200)
    return safe_text(finding.detail, 200)
