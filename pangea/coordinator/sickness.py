"""What workers say of their own health, and what of theirs is void for it."""

import asyncio
import logging
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from pangea.core.model import Flag, Job, Result, Worker
from pangea.core.seldom import Seldom
from pangea.core.self_test import RESOLVER, kind_of
from pangea.core.sickness import (
    FOR_EVER,
    KEPT_S,
    MOST,
    SickWindow,
    is_new,
    joined,
    void,
)
from pangea.core.text import safe_text
from pangea.mesh.messages import Message
from pangea.mesh.probe_messages import Check, Health
from pangea.storage import sick_windows

from .backlog import keep_latest
from .decided import Decided
from .isolating import Isolating
from .mute import Mute
from .walk import walk
from .words import Words
from .worker_link import WorkerLink

if TYPE_CHECKING:
    from .coordinator import Coordinator

log = logging.getLogger(__name__)

LOOK_S = 1.0
MOST_CHECKS = 16
#: A window may begin so far in the future: clocks are off by so much.
AHEAD_S = 5.0
_SICK = int(Flag.SICK)


class Sickness:
    """Keeps the board's ``sick`` true, and tells which results are void.

    ``checks`` are the last self-test of each worker.
    """

    def __init__(self, coordinator: "Coordinator") -> None:
        self.checks: dict[int, tuple[Check, ...]] = {}
        self._board, self._store = coordinator.board, coordinator.store
        self._judging, self._intake = coordinator.judging, coordinator.intake
        self._clock, self._dispatch = coordinator.clock, coordinator.dispatch
        self._windows: dict[int, list[SickWindow]] = {}
        #: Who is alone in what it sees.
        self.isolating = Isolating(self._board, self._clock, self._turned)
        #: Windows that were told when votes out of them counted already.
        self._told_late: list[tuple[int, SickWindow]] = []
        self._words, self._logged = Words(), Seldom()
        self._mute = Mute(coordinator.reception.links, coordinator.clock)
        self._news = asyncio.Event()
        self._undone, self._moved = Decided(), set[int]()
        coordinator.reception.hearers.append(self)

    async def load(self) -> None:
        """Take up what was known before the coordinator stopped."""
        self.resume(await self._store.read(sick_windows.all_of))

    def resume(self, known: Mapping[int, list[SickWindow]]) -> None:
        """Take up the windows that were *known*, and who was isolated."""
        workers = self._board.workers
        self._windows = {w: windows for w, windows in known.items() if w in workers}
        were = {w for state in self._board.states.values() for w in state.sick}
        before = {w for w in were & workers.keys() if not self.cause(w)}
        self.isolating.load(before)
        for worker in self._windows.keys() | before:
            self._see(worker)

    async def run(self) -> None:
        """Look every second, and when there is news, until cancelled."""
        while True:
            try:
                async with asyncio.timeout(LOOK_S):
                    await self._news.wait()
            except TimeoutError:
                pass
            self._news.clear()
            decided = self._look()
            if decided:
                await self._intake.note(decided)
            await self._carry_out()

    def hear(self, link: WorkerLink, message: Message) -> bool:
        """Take what a worker says of itself; False if *message* is no such word."""
        if not isinstance(message, Health):
            return False
        self._mute.heard(link)
        if self._words.is_due(link.worker, message, self._clock.monotonic()):
            self._take(link.worker, message)
        return True

    def _take(self, worker: Worker, message: Health) -> None:
        now = self._clock.wall()
        self.checks[worker.id] = tuple(map(_sound, message.checks[:MOST_CHECKS]))
        known = self._windows.get(worker.id, [])
        windows = joined(known, _windows(message, now), now)
        if windows != known:
            self._keep(worker.id, windows)
            self._told_late += [
                (worker.id, w)
                for w in windows
                if w not in known and kind_of(w.cause) != RESOLVER
            ]
        begun = any(is_new(window, known) for window in windows)
        if self._see(worker.id) or begun:
            self._words.turned(worker.id, self._clock.monotonic())
        self._news.set()

    def _keep(self, worker: int, windows: list[SickWindow]) -> None:
        self._windows[worker] = windows
        self._undone.writes.append(
            keep_latest((sick_windows, worker), sick_windows.keep, worker, windows)
        )

    def _end_silent(self) -> None:
        """End what a worker began that is back and tests itself no more.

        If it says later that it goes on, it is open again.
        """
        for worker, windows in self._windows.items():
            is_open = bool(windows) and windows[-1].until == FOR_EVER
            if not is_open or worker not in self._board.connected:
                self._mute.gone(worker)
            elif self._mute.is_mute(worker):
                self._keep(worker, joined(windows, (), self._clock.wall()))
                self._see(worker)

    def cause(self, worker: int) -> str:
        """Return why *worker* is unwell or isolated now, "" if it is neither."""
        windows = self._windows.get(worker)
        if windows and windows[-1].until == FOR_EVER:
            return windows[-1].cause
        return self.isolating.cause(worker)

    def void(self, result: Result, job: Job) -> str:
        """Return why the vote of *result* does not count, "" if it does."""
        worker = result.worker
        windows = self._windows.get(worker)
        cause = void(result, job, windows) if windows else ""
        if cause or result.flags & _SICK:
            return cause  # What its own network did is told already.
        return self.isolating.hear(result, job)

    def look(self) -> Decided:
        """See who is isolated; return what changed by that, and since."""
        decided = self._look()
        told, self._told_late = self._told_late, []
        moved, self._moved = self._moved, set()
        for worker, w in told:
            decided.add(self._judging.withdraw(worker, w.since, w.until, w.cause))
        decided.add(self._judging.sicken(moved, list(self._board.states)))
        return decided

    def _look(self) -> Decided:
        for waited in self._words.due(self._clock.monotonic()):
            self._take(*waited)
        self._end_silent()
        self.isolating.look()
        decided, self._undone = self._undone, Decided()
        return decided

    async def _carry_out(self) -> None:
        """Take back what those that are sick by now cannot tell, without waiting."""
        told, self._told_late = self._told_late, []
        for worker, w in told:
            withdraw = partial(
                self._judging.withdraw, worker, w.since, w.until, w.cause
            )
            await walk(self._board, withdraw, self._intake.note)
        if self._moved:
            moved, self._moved = self._moved, set()
            sicken = partial(self._judging.sicken, moved)
            await walk(self._board, sicken, self._intake.note)

    def _turned(self, worker: int, again: list[int]) -> None:
        """See that *worker* is isolated, or ask it *again* as it is no longer."""
        self._see(worker)
        self._news.set()
        for job in again:
            self._dispatch.run_now(job, [worker])

    def _see(self, worker: int) -> bool:
        """Keep the board true about *worker*; tell of a change, and whether it is."""
        cause, sick = self.cause(worker), self._board.sick
        before = sick.get(worker, "")
        # Without a resolver much is told all the same: that is judged by the result.
        counted = "" if kind_of(cause) == RESOLVER else cause
        if counted:
            sick[worker] = counted
        else:
            sick.pop(worker, None)
        if bool(counted) == bool(before):
            return False
        self._moved.add(worker)
        known = self._board.workers.get(worker)
        if known:
            source, now = f"{worker} {bool(counted)}", self._clock.monotonic()
            if self._logged.left_out(source, now) is not None:
                log.warning("worker %s: %s", known.name, counted or "well again")
            said = {"worker": known.name, "sick": counted}
            self._undone.told.append(("worker", known.org, said))
        return True


def _sound(check: Check) -> Check:
    """Return a check as it can be shown."""
    took = check.took_ms if 0.0 <= check.took_ms < 1e6 else 0.0
    return Check(
        safe_text(check.name, 80), check.good, safe_text(check.detail, 200), took
    )


def _windows(said: Health, now: float) -> list[SickWindow]:
    """Return the windows of a worker in our time; those that cannot be are left."""
    found = []
    for window in said.windows[-MOST:]:
        since = (window.from_us + said.offset_us) / 1e6
        until = FOR_EVER
        if window.until_us:
            until = (window.until_us + said.offset_us) / 1e6
        if until > now + AHEAD_S:
            until = FOR_EVER  # It cannot know yet: it goes on, and is shown so.
        if now - KEPT_S < since <= now + AHEAD_S and since <= until:
            found.append(SickWindow(since, until, safe_text(window.cause, 200)))
    return found
