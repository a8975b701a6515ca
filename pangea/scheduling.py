"""When probes fire: APScheduler with one job per (interval, slot).

A job per monitor costs 16 to 20 % of a core at 1000 firings a second, a job per
slot under 1 %. Inside a slot each member has its own moment, and a few whose turn
is near go along with one that is due: a wake-up costs more than a probe.
APScheduler runs on wall time; a step of the wall clock re-arms every slot, else an
hour's step back would be an hour blind.
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
from pangea.core.cron import cron_fields
from pangea.core.errors import UsageError
from pangea.core.phase import next_due

log = logging.getLogger(__name__)

#: A moment of grace: who is due within it is due.
TICK_S = 0.005
#: With one that is due go the next few, if their turn comes within this share of
#: their interval, and within this time. Measured at 1,000 firings a second: 58 µs of
#: CPU each in groups of 8, 42 in groups of 16, 36 in groups of 24.
EARLY_SHARE, EARLIEST_S, TOGETHER = 0.03, 0.15, 24
#: A slot is a tenth of its interval, within these bounds.
NARROWEST_S, WIDEST_S = 0.1, 1.0
STEP_S = 0.5
OFFSET_STEP_S = 0.05

#: Called with the member's key, when it was due (coordinator time) and how late.
Fire = Callable[[int, float, float], None]


def next_by_cron(text: str, timezone: str, after: float) -> float:
    """Return the first moment of a cron line (five fields) after *after*.

    Weekdays and days of the month are read as cron reads them (`core.cron`). Moments
    are UTC seconds. Raises UsageError for a line or zone that is none.
    """
    try:
        zone = ZoneInfo(timezone)
        triggers = [
            CronTrigger(timezone=zone, **line._asdict()) for line in cron_fields(text)
        ]
    except (ValueError, KeyError, OSError) as error:
        raise UsageError(
            f"cannot read cron {text!r} in {timezone!r}: {error}",
            hint="five fields, such as '30 2 * * *', and a zone such as Europe/Paris",
        ) from error
    # A moment later: the one that is now has been.
    then = datetime.fromtimestamp(after + 1e-3, UTC)
    found = [trigger.get_next_fire_time(None, then) for trigger in triggers]
    moments = [float(at.timestamp()) for at in found if at is not None]
    if not moments:
        raise UsageError(f"cron {text!r} never comes", hint="check day and month")
    return min(moments)


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
    return min(WIDEST_S, max(NARROWEST_S, interval_s / 10))


def slot_of(interval_s: float, phase_s: float) -> Slot:
    """Return the slot that a phase lies in."""
    return Slot(interval_s, math.floor(phase_s / slot_width(interval_s)))


def early_s(slot: Slot) -> float:
    """Return how long before its turn a member may go along with another."""
    return min(EARLIEST_S, slot.interval_s * EARLY_SHARE)


class Firing(NamedTuple):
    """A member's next moment: on the monotonic clock, and on the coordinator's."""

    at: float
    due: float
    key: int
    member: Member


class Slots:
    """Fires members at their phases, on coordinator time (wall plus offset).

    *on_step* is told by how many seconds the wall clock stepped, soon after;
    *on_lag* how late a timer of ours came, in seconds, each time one comes.
    """

    def __init__(
        self,
        clock: Clock,
        fire: Fire,
        on_step: Callable[[float], None] | None = None,
        on_lag: Callable[[float], None] | None = None,
    ) -> None:
        self._clock = clock
        self._fire = fire
        self._on_step = on_step
        self._on_lag = on_lag
        self._offset_s = 0.0
        self._members: dict[int, Member] = {}
        self._slots: dict[Slot, set[int]] = {}
        # One object for all members of a slot: ten thousand copies are a megabyte.
        self._same: dict[Slot, Slot] = {}
        self._queues: dict[Slot, list[Firing]] = {}
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
        self._same.clear()
        self._queues.clear()
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
        slot = slot_of(interval_s, phase_s)
        if self._members.get(key) == Member(slot, phase_s):
            return
        self.drop(key)  # with its slot, if nobody else is in it
        member = Member(self._same.setdefault(slot, slot), phase_s)
        self._members[key] = member
        keys = self._slots.setdefault(member.slot, set())
        keys.add(key)
        if len(keys) == 1:
            self._arm(member.slot)
        self._catch_up(key, member)

    def drop(self, key: int) -> None:
        """Let *key* fire no more, not even if it is queued already."""
        member = self._members.pop(key, None)
        if member is None:
            return
        keys = self._slots[member.slot]
        keys.discard(key)
        if not keys:
            del self._slots[member.slot], self._same[member.slot]
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
        """Queue the members of *slot*, the next one last."""
        now, elapsed = self._clock.wall() + self._offset_s, self._clock.monotonic()
        start = slot.number * slot_width(slot.interval_s)
        begun = math.floor((now - start) / slot.interval_s + 1e-6) * slot.interval_s
        queue = self._left_over(slot, begun)
        for key in self._slots.get(slot, ()):
            member = self._members[key]
            due = begun + member.phase_s
            queue.append(Firing(due - now + elapsed, due, key, member))
        queue.sort(reverse=True)
        self._queues[slot] = queue
        self._fire_next(slot, queue)

    def _left_over(self, slot: Slot, begun: float) -> list[Firing]:
        """Return whom a busy loop still owes the turn before the one *begun* now.

        After a re-arm this turn may be the one under way, begun anew, or the clock
        was set meanwhile: then the new queue takes the place of all of the old one.
        """
        before = begun - slot.interval_s - TICK_S
        return [f for f in self._queues.get(slot, ()) if before <= f.due < begun]

    def _fire_next(self, slot: Slot, queue: list[Firing]) -> None:
        """Fire who is due and the next few; others follow when the loop came round.

        Between two groups answers are read, so no probe waits for a whole burst. A
        queue that has been replaced ends here.
        """
        if self._queues.get(slot) is not queue:
            return  # another took its place
        now, ahead = self._clock.monotonic(), TICK_S
        for _ in range(TOGETHER):
            if not queue or queue[-1].at > now + ahead:
                break
            at, due, key, member = queue.pop()
            if self._on_lag and ahead == TICK_S:
                self._on_lag(now - at)
            ahead = early_s(slot)
            if self._members.get(key) is member:
                self._fire(key, due, max(0.0, now - at))
        if queue:
            wait = queue[-1].at - now
            loop = asyncio.get_running_loop()
            if wait <= 0.0:
                loop.call_soon(self._fire_next, slot, queue)
            else:
                loop.call_later(wait, self._fire_next, slot, queue)
        elif self._queues.get(slot) is queue:
            del self._queues[slot]

    def _catch_up(self, key: int, member: Member) -> None:
        """Let *key* fire in the turn of its slot that has begun, if it still can.

        A phase that moves would leave a hole of an interval else.
        """
        now, slot = self._clock.wall() + self._offset_s, member.slot
        start = slot.number * slot_width(slot.interval_s)
        begun = math.floor((now - start) / slot.interval_s) * slot.interval_s
        due = begun + member.phase_s
        queue = self._queues.get(slot)
        if due <= now or (queue is None and now < begun + start + TICK_S):
            return  # over; or the slot begins only now, with all its members
        firing = Firing(due - now + self._clock.monotonic(), due, key, member)
        if queue is not None:
            queue.append(firing)
            queue.sort(reverse=True)
        else:
            self._queues[slot] = queue = [firing]
        if queue[-1] is firing:
            loop = asyncio.get_running_loop()
            loop.call_later(due - now, self._fire_next, slot, queue)

    async def _watch_steps(self) -> None:
        """Re-arm when the wall clock steps, or the machine was asleep."""
        last = self._clock.wall() - self._clock.monotonic()
        while True:
            begun = self._clock.monotonic()
            await asyncio.sleep(STEP_S)
            if self._on_lag:
                self._on_lag(self._clock.monotonic() - begun - STEP_S)
            apart = self._clock.wall() - self._clock.monotonic()
            if abs(apart - last) > STEP_S:
                log.warning("the clock stepped by %+.1f s", apart - last)
                self.rearm()
                if self._on_step:
                    self._on_step(apart - last)
            last = apart


def _name(slot: Slot) -> str:
    return f"{slot.interval_s!r}/{slot.number}"
