"""What workers say of their own health, and who is alone in what it sees."""

import asyncio
import itertools
import logging
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from pangea.core.isolation import Isolation, Said
from pangea.core.model import PUSHED, Flag, Job, Outcome, Result, VoteValue, Worker
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
from pangea.core.verdict import JobState, Judgement
from pangea.mesh.messages import Message
from pangea.mesh.probe_messages import Check, Health
from pangea.storage import sick_windows

from .backlog import keep_latest
from .judging import BACK_S, Decided
from .mute import Mute
from .walk import walk
from .words import Words
from .worker_link import WorkerLink

if TYPE_CHECKING:
    from .coordinator import Coordinator

log = logging.getLogger(__name__)

LOOK_S = 1.0
#: Of the jobs that somebody fails so many are counted anew at each look.
MOST_LOOKED = 1000
#: So many jobs a worker is asked again that is isolated no more.
MOST_AGAIN = 100
MOST_CHECKS = 16
#: A window may begin so far in the future: clocks are off by so much.
AHEAD_S = 5.0
#: The cause of who was isolated when the coordinator stopped.
FROM_BEFORE = "isolated: it failed what others reach before the coordinator started"
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
        self._isolation = Isolation()
        #: Who was isolated when the coordinator stopped, and until when it still is.
        self._before: set[int] = set()
        self._believed = 0.0
        #: By job and worker: when it began to fail, and when it last did.
        self._failed: dict[int, dict[int, tuple[float, float]]] = {}
        self._words, self._logged = Words(), Seldom()
        self._mute = Mute(coordinator.reception.links, coordinator.clock)
        self._news = asyncio.Event()
        self._undone, self._moved = Decided(), set[int]()
        self._also, self._judging.void = self._judging.void, self.void
        self._judging.followers.append(self.follow)
        coordinator.reception.hearers.append(self)

    async def load(self) -> None:
        """Take up what was known before the coordinator stopped."""
        known = await self._store.read(sick_windows.all_of)
        workers = self._board.workers
        self._windows = {w: windows for w, windows in known.items() if w in workers}
        self._believed = self._clock.monotonic() + BACK_S
        were = {w for state in self._board.states.values() for w in state.sick}
        self._before = {w for w in were & workers.keys() if not self.cause(w)}
        self._isolation.isolated |= dict.fromkeys(self._before, FROM_BEFORE)
        for worker in self._windows.keys() | self._before:
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
            self._take_back(worker, [w for w in windows if w not in known])
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
        return self._isolation.isolated.get(worker, "")

    def void(self, result: Result, job: Job) -> str:
        """Return why the vote of *result* does not count, "" if it does."""
        worker = result.worker
        if cause := self._also(result, job):
            return cause
        windows = self._windows.get(worker)
        cause = void(result, job, windows) if windows else ""
        if cause or result.flags & _SICK:
            return cause  # What its own network did is told already.
        if result.outcome is Outcome.FAILED and _is_comparable(job):
            at = result.started_at_us / 1e6
            failed = self._failed.setdefault(job.id, {})
            known = failed.get(worker)
            failed[worker] = (
                (at, at) if known is None else (known[0], max(known[1], at))
            )
            if known is None:  # What goes on is counted at each look.
                self._count(job.id)
                self._look_at(worker)
            return self._isolation.isolated.get(worker, "")
        return ""

    def follow(self, before: JobState, judged: Judgement, decided: Decided) -> None:
        """Count who reaches a job after its votes changed; a follower."""
        if judged.changes:
            self._count(judged.state.job)

    def look(self) -> Decided:
        """See who is isolated; return what changed by that, and since."""
        decided = self._look()
        moved, self._moved = self._moved, set()
        decided.add(self._judging.sicken(moved, list(self._board.states)))
        return decided

    def _look(self) -> Decided:
        for waited in self._words.due(self._clock.monotonic()):
            self._take(*waited)
        self._end_silent()
        jobs = list(itertools.islice(self._failed, MOST_LOOKED))
        for job in jobs:
            self._count(job)
            if job in self._failed:  # to the end of the queue
                self._failed[job] = self._failed.pop(job)
        self._isolation.keep(self._board.jobs)
        for worker in {*self._isolation.isolated, *self._board.connected}:
            self._look_at(worker)
        decided, self._undone = self._undone, Decided()
        return decided

    async def _carry_out(self) -> None:
        """Take back what those that are sick by now cannot tell, without waiting."""
        if self._moved:
            moved, self._moved = self._moved, set()
            sicken = partial(self._judging.sicken, moved)
            await walk(self._board, sicken, self._intake.note)

    def _take_back(self, worker: Worker, windows: list[SickWindow]) -> None:
        """Withdraw the votes that were counted before *windows* were known."""
        for window in windows:
            if kind_of(window.cause) != RESOLVER:
                self._undone.add(
                    self._judging.withdraw(
                        worker.id, window.since, window.until, window.cause
                    )
                )

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

    def _look_at(self, worker: int) -> None:
        """Decide anew whether *worker* is isolated."""
        was = worker in self._before
        if was and self._clock.monotonic() < self._believed:
            return  # Who can tell has to be back, or what it fails would count.
        self._before.discard(worker)
        if not (self._isolation.look(worker) or was):
            return
        self._see(worker)
        self._news.set()
        if worker not in self._isolation.isolated:
            jobs = [job for job, by in self._failed.items() if worker in by]
            for job in jobs[:MOST_AGAIN]:
                self._dispatch.run_now(job, [worker])

    def _count(self, number: int) -> None:
        """Count anew who reaches a job, and who fails it."""
        job, state = self._board.jobs.get(number), self._board.states.get(number)
        if job is None or state is None or not _is_comparable(job):
            self._failed.pop(number, None)
            self._isolation.drop(number)
            return
        trusted = {w.id for w in self._voters(state) if w.trusted}
        said = {w: Said(w, None, 0.0, w in trusted) for w in state.electorate}
        for vote in state.counted:
            w, fails = vote.worker, vote.value is VoteValue.FAILED
            said[w] = Said(w, fails, vote.at, w in trusted)
        failed, oldest = self._failed.get(number, {}), self._clock.wall()
        oldest -= self._board.lasts[number]
        for worker, (since, last) in list(failed.items()):
            now = said.get(worker)
            well = now is not None and now.failed is False and now.at > last
            if now is None or well or last < oldest:
                del failed[worker]
            else:
                said[worker] = replace(now, failed=True, at=since)
        if not failed:
            self._failed.pop(number, None)
        self._isolation.put(number, said.values())

    def _voters(self, state: JobState) -> list[Worker]:
        workers = self._board.workers
        return [workers[w] for w in state.electorate if w in workers]


def _is_comparable(job: Job) -> bool:
    """Tell whether all workers of *job* should see the same."""
    return job.expect == "ok" and job.type not in PUSHED


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
