"""Who is in maintenance now: looked at each second, kept on the board."""

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from msgspec.structs import replace

from pangea.core.clock import Clock
from pangea.core.errors import Conflict, NotFound, UsageError
from pangea.core.maintenance import (
    Maintenance,
    Window,
    checked,
    last_window,
    window,
    windows,
)
from pangea.core.model import Job, Result
from pangea.core.votes import RESTING as RESTING
from pangea.scheduling import next_by_cron
from pangea.storage import maintenance as stored
from pangea.storage import spans
from pangea.storage.database import Store
from pangea.storage.spans import MAINTENANCE, Span
from pangea.web.schema import moment

from .board import Board
from .decided import Decided

log = logging.getLogger(__name__)

#: How a plan says that it does not come again.
ONCE = "once"
#: What an organisation may have planned at once.
MOST_PLANS = 1000
#: What was planned longer ago, while there was no coordinator, is not made up for.
LONGEST_AWAY_S = 31 * 86400.0


class Upkeep:
    """Keeps the board's ``maintained`` and ``resting`` true; ``look`` every second.

    ``plans`` are those that may still come.
    ``over`` are called with each job whose maintenance ends, and what will be
    written of it: whatever is wrong with it then, is wrong in earnest.
    """

    def __init__(self, board: Board, store: Store, clock: Clock) -> None:
        self._board = board
        self._store = store
        self._clock = clock
        self.plans: dict[int, Maintenance] = {}
        self.over: list[Callable[[int, Decided], None]] = []
        self._windows: dict[int, Window | None] = {}
        self._stays: dict[int, Span] = {}
        self._looked = 0.0

    async def load(self) -> None:
        """Take up the plans, and the stays that a stop has cut short."""
        now = self._clock.wall()
        plans, left = await self._store.read(
            lambda: (stored.all(), spans.open_at(round(now * 1e6)))
        )
        self.plans = {plan.id: plan for plan in plans}
        self._stays = {s.job: s for s in left if s.kind == MAINTENANCE}
        # If nobody was ever seen, nothing was missed.
        seen = max(self._board.seen.values(), default=0.0) or now
        missed = list(self._missed(max(seen, now - LONGEST_AWAY_S), now))
        if missed:
            await self._store.write(lambda: spans.put_all(missed))

    def _missed(self, since: float, now: float) -> Iterator[Span]:
        """Yield the stays that began and ended while there was no coordinator."""
        for plan in self.plans.values():
            if self._window(plan, now) is None and plan.until_us < since * 1e6:
                continue  # over long since, or it cannot be carried out
            for one in windows(plan, since, next_by_cron):
                if one.until > now:
                    break
                for job in self.covered(plan) if one.start >= since else ():
                    yield _span(job.id, one.start, one.until, _why(plan, one))

    async def add(self, wanted: Maintenance) -> Maintenance:
        """Store and begin a plan; UsageError if it can never be in force.

        Conflict if there are too many.
        """
        now = self._clock.wall()
        checked(wanted, now, next_by_cron)
        mine = [p for p in self.plans.values() if p.org == wanted.org]
        if sum(self._window(p, now) is not None for p in mine) >= MOST_PLANS:
            raise Conflict(
                f"{MOST_PLANS} maintenances are planned already",
                hint="end what is over: pangea maintenance end ID",
            )
        plan = await self._store.write(lambda: stored.add(wanted))
        self._put(plan)
        return plan

    async def end(self, number: int, org: int) -> Maintenance:
        """End a plan now and for good; NotFound if there is none."""
        plan = await self.plan(number, org)
        if not plan.ended_us:
            plan = replace(plan, ended_us=round(self._clock.wall() * 1e6))
            ended = plan
            await self._store.write(lambda: stored.update(ended))
            self._put(ended)
        return plan

    async def remove(self, number: int, org: int) -> None:
        """End a plan and forget it; NotFound if there is none."""
        await self.plan(number, org)
        await self._store.write(lambda: stored.remove(number))
        self.plans.pop(number, None)

    async def plan(self, number: int, org: int) -> Maintenance:
        """Return a plan, also one that is over; NotFound if there is none."""
        plan = self.plans.get(number)
        if plan is None:
            plan = await self._store.read(lambda: stored.one(number))
        if plan is None or plan.org != org:
            raise NotFound(
                f"there is no maintenance {number}", hint="see: pangea maintenance list"
            )
        return plan

    def window(self, plan: Maintenance) -> Window | None:
        """Return the window of *plan* that goes on, else the next one."""
        return self._window(plan, self._clock.wall())

    def last(self, plan: Maintenance) -> Window | None:
        """Return the last window of a *plan* that is over."""
        try:
            return last_window(plan, next_by_cron)
        except UsageError:
            return None  # this machine knows its zone no more, and has said so

    def concerned(self, plan: Maintenance) -> int:
        """Return how many jobs *plan* is about, also by the workers that run them."""
        placed = self._board.placements
        there = {n for n, p in placed.items() if p.slots.keys() & set(plan.workers)}
        return len(there | {job.id for job in self.covered(plan)})

    def covered(self, plan: Maintenance) -> list[Job]:
        """Return the jobs that *plan* is about now."""
        jobs = self._board.jobs
        if plan.labels:
            return [job for job in jobs.values() if plan.covers(job)]
        return [jobs[n] for n in plan.jobs if n in jobs and plan.covers(jobs[n])]

    def look(self, now: float) -> Decided:
        """See who is in maintenance at *now*; return what changed."""
        decided = Decided()
        if now < self._looked:
            self._windows.clear()  # the clock was set back
        self._looked = now
        jobs: dict[int, Span] = {}
        resting: dict[int, float] = {}
        for plan, one in self._active(now):
            for worker in plan.workers:
                resting[worker] = min(one.start, resting.get(worker, one.start))
            why = _why(plan, one)
            for job in self.covered(plan):
                span = _span(job.id, now, one.until, why)
                if job.id not in jobs or jobs[job.id].until_us < span.until_us:
                    jobs[job.id] = span
        self._forget_over()
        self._board.resting = resting
        for number in self._stays.keys() - jobs.keys():
            self._leave(number, now, decided)
        for number, span in jobs.items():
            self._stay(number, span, decided)
        return decided

    def _forget_over(self) -> None:
        """Let plans that never come again leave memory; the database has them."""
        for number, one in list(self._windows.items()):
            plan = self.plans.get(number)
            ended = plan is not None and (plan.ended_us or plan.schedule == ONCE)
            if plan is None or (one is None and ended):
                self.plans.pop(number, None)
                del self._windows[number]

    def void(self, result: Result, job: Job) -> str:
        """Return why a result does not count: its worker was worked on."""
        since = self._board.resting.get(result.worker)
        in_it = since is not None and result.started_at_us >= since * 1e6
        return RESTING if in_it else ""

    def _active(self, now: float) -> Iterator[tuple[Maintenance, Window]]:
        for number, plan in self.plans.items():
            if number not in self._windows or _is_over(self._windows[number], now):
                self._windows[number] = self._window(plan, now)
            one = self._windows[number]
            if one is not None and one.start <= now < one.until:
                yield plan, one

    def _window(self, plan: Maintenance, now: float) -> Window | None:
        """Return a window; none of a plan whose zone this machine knows no more."""
        try:
            return window(plan, now, next_by_cron)
        except UsageError as error:
            log.error("maintenance %d cannot be carried out: %s", plan.id, error)
            return None

    def _put(self, plan: Maintenance) -> None:
        self.plans[plan.id] = plan
        self._windows.pop(plan.id, None)

    def _stay(self, number: int, span: Span, decided: Decided) -> None:
        """Let a job be in maintenance, or be in it for longer or less long."""
        held = self._stays.get(number)
        if held is not None:
            span = replace(span, from_us=held.from_us)
        if span != held:
            self._stays[number] = span
            decided.writes.append(lambda: spans.put(span))
        job = self._board.jobs[number]
        before = self._board.verdict(job)
        self._board.maintained[number] = span.why
        self._tell(job, before, span.from_us, decided)

    def _leave(self, number: int, now: float, decided: Decided) -> None:
        """Let the maintenance of a job be over."""
        span = self._stays.pop(number)
        ended = replace(span, until_us=min(span.until_us, round(now * 1e6)))
        if ended != span:
            decided.writes.append(lambda: spans.put(ended))
        job = self._board.jobs.get(number)
        if job is None:
            return
        before = self._board.verdict(job)
        self._board.maintained.pop(number, None)
        self._tell(job, before, ended.until_us, decided)
        for over in self.over:
            over(number, decided)

    def _tell(self, job: Job, before: str, at_us: int, decided: Decided) -> None:
        after = self._board.verdict(job)
        if after == before:
            return
        state = self._board.states[job.id]
        reason = self._board.maintained.get(job.id, state.reason)
        said = {"job": job.name, "before": before, "verdict": after, "reason": reason}
        decided.told.append(("verdict", job.org, said | {"at": moment(at_us)}))


def _span(job: int, start: float, until: float, why: str) -> Span:
    return Span(job, MAINTENANCE, round(start * 1e6), round(until * 1e6), why)


def _why(plan: Maintenance, one: Window) -> str:
    until = datetime.fromtimestamp(one.until, UTC)
    said = f"in maintenance until {until:%Y-%m-%d %H:%M} UTC"
    return f"{said}: {plan.reason}" if plan.reason else said


def _is_over(one: Window | None, now: float) -> bool:
    return one is not None and one.until <= now
