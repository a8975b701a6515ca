"""When probes fire: APScheduler with one job per (interval, slot).

A job per monitor costs 16 to 20 % of a core at 1000 firings a second, a job per
slot under 1 %. Inside a slot the members stand on a 10 ms wheel, so that a burst
never spoils its own timings. APScheduler runs on wall time; a step of the wall
clock re-arms every slot, else an hour's step back would be an hour blind.
"""

import asyncio
import logging
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from apscheduler.executors.asyncio import AsyncIOExecutor
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from pangea.core.clock import Clock
from pangea.core.errors import UsageError
from pangea.core.phase import next_due

log = logging.getLogger(__name__)

TICK_S = 0.01
STEP_S = 0.5
OFFSET_STEP_S = 0.05

#: Called with the member's key, when it was due (coordinator time) and how late.
Fire = Callable[[int, float, float], None]


def next_by_cron(text: str, timezone: str, after: float) -> float:
    """Return the first moment of a cron line (five fields) after *after*.

    Moments are UTC seconds. Raises UsageError for a line or zone that is none.
    """
    try:
        trigger = CronTrigger.from_crontab(text, ZoneInfo(timezone))
    except (ValueError, KeyError, OSError) as error:
        raise UsageError(
            f"cannot read cron {text!r} in {timezone!r}: {error}",
            hint="five fields, such as '30 2 * * *', and a zone such as Europe/Paris",
        ) from error
    # A moment later: the one that is now has been.
    then = datetime.fromtimestamp(after + 1e-3, UTC)
    found = trigger.get_next_fire_time(None, then)
    if found is None:
        raise UsageError(f"cron {text!r} never comes", hint="check day and month")
    return float(found.timestamp())


class Slot(NamedTuple):
    """A stretch of an interval; its members fire within it, each interval."""

    interval_s: float
    number: int


class Member(NamedTuple):
    """Somebody who wants to fire at ``phase_s`` of every interval."""

    slot: Slot
    phase_s: float


def slot_width(interval_s: float) -> float:
    """Return how long a slot of this interval is: 0.1 to 1 s."""
    return min(1.0, max(0.1, interval_s / 100))


def slot_of(interval_s: float, phase_s: float) -> Slot:
    """Return the slot that a phase lies in."""
    return Slot(interval_s, math.floor(phase_s / slot_width(interval_s)))


class Slots:
    """Fires members at their phases, on coordinator time (wall plus offset).

    *on_step* is told by how many seconds the wall clock stepped, soon after.
    """

    def __init__(
        self, clock: Clock, fire: Fire, on_step: Callable[[float], None] | None = None
    ) -> None:
        self._clock = clock
        self._fire = fire
        self._on_step = on_step
        self._offset_s = 0.0
        self._members: dict[int, Member] = {}
        self._slots: dict[Slot, set[int]] = {}
        self._scheduler = AsyncIOScheduler(
            timezone=UTC, executors={"default": AsyncIOExecutor()}
        )
        self._watch: asyncio.Task[None] | None = None
        self.rearmed = 0

    def start(self) -> None:
        """Begin firing, on the running event loop."""
        self._scheduler.start()
        self._watch = asyncio.create_task(self._watch_steps(), name="clock watch")

    def stop(self) -> None:
        """Fire nothing any more; what was queued inside a slot is dropped."""
        self._members.clear()
        self._slots.clear()
        if self._watch:
            self._watch.cancel()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def put(self, key: int, interval_s: float, phase_s: float) -> None:
        """Let *key* fire every *interval_s* at *phase_s*; replaces what it had.

        The interval is taken to the millisecond: APScheduler counts microseconds,
        and 100/3 s would leave our grid by a slot within days.
        """
        interval_s = max(1, round(interval_s * 1000)) / 1000
        phase_s %= interval_s
        member = Member(slot_of(interval_s, phase_s), phase_s)
        if self._members.get(key) == member:
            return
        self.drop(key)
        self._members[key] = member
        keys = self._slots.setdefault(member.slot, set())
        keys.add(key)
        if len(keys) == 1:
            self._arm(member.slot)

    def drop(self, key: int) -> None:
        """Let *key* fire no more, not even if it is queued already."""
        member = self._members.pop(key, None)
        if member is None:
            return
        keys = self._slots[member.slot]
        keys.discard(key)
        if not keys:
            del self._slots[member.slot]
            if self._scheduler.get_job(_name(member.slot)):
                self._scheduler.remove_job(_name(member.slot))

    def set_offset(self, offset_s: float) -> None:
        """Follow the coordinator's clock; small corrections do not re-arm."""
        moved = abs(offset_s - self._offset_s) > OFFSET_STEP_S
        if moved:
            self._offset_s = offset_s
            self.rearm()

    def rearm(self) -> None:
        """Compute every slot's next firing again, from the clock as it is now."""
        self.rearmed += 1
        for slot in self._slots:
            self._arm(slot)

    def _arm(self, slot: Slot) -> None:
        start = slot.number * slot_width(slot.interval_s)
        # A moment of grace: a slot that begins right now still fires now.
        now = self._clock.wall() + self._offset_s - TICK_S
        wait = next_due(now, slot.interval_s, start) - now - TICK_S
        first = datetime.now(UTC) + timedelta(seconds=max(0.0, wait))
        trigger = IntervalTrigger(seconds=slot.interval_s, start_date=first)
        self._scheduler.add_job(
            self._fire_slot,
            trigger,
            args=[slot],
            id=_name(slot),
            replace_existing=True,
            next_run_time=first,
            coalesce=True,
            max_instances=2,
            misfire_grace_time=None,
        )

    async def _fire_slot(self, slot: Slot) -> None:
        """Queue the members of *slot* on the fine wheel."""
        loop, now = asyncio.get_running_loop(), self._clock.wall() + self._offset_s
        start = slot.number * slot_width(slot.interval_s)
        turn = math.floor((now - start) / slot.interval_s + 1e-6)
        ticks: dict[int, list[int]] = {}
        for key in self._slots.get(slot, ()):
            after = self._members[key].phase_s - start
            ticks.setdefault(math.floor(after / TICK_S), []).append(key)
        begun = turn * slot.interval_s + start
        for tick, keys in sorted(ticks.items()):
            wait = begun + tick * TICK_S - now
            loop.call_later(max(0.0, wait), self._fire_tick, slot, keys, begun)

    def _fire_tick(self, slot: Slot, keys: list[int], begun: float) -> None:
        now = self._clock.wall() + self._offset_s
        start = slot.number * slot_width(slot.interval_s)
        for key in keys:
            member = self._members.get(key)
            if member is not None and member.slot == slot:
                due = begun + member.phase_s - start
                self._fire(key, due, max(0.0, now - due))

    async def _watch_steps(self) -> None:
        """Re-arm when the wall clock steps, or the machine was asleep."""
        last = self._clock.wall() - self._clock.monotonic()
        while True:
            await asyncio.sleep(STEP_S)
            apart = self._clock.wall() - self._clock.monotonic()
            if abs(apart - last) > STEP_S:
                log.warning("the clock stepped by %+.1f s", apart - last)
                self.rearm()
                if self._on_step:
                    self._on_step(apart - last)
            last = apart


def _name(slot: Slot) -> str:
    return f"{slot.interval_s!r}/{slot.number}"
