"""The alerts that go on, and which messages follow from them: in memory, and stored.

What happens marks alerts; ``flush`` finds what is due of those marked and of those
whose time has come, and has it written in the transaction of what happened.
"""

import heapq
from collections.abc import Callable, Iterable
from functools import partial
from itertools import islice
from typing import Protocol

from msgspec.structs import replace

from pangea.core.alert_due import ACKNOWLEDGED, GREW, Alert, Due, Told, channels_of, due
from pangea.core.alert_rule import About, AlertRule
from pangea.core.clock import Clock
from pangea.core.clock_step import ClockStep
from pangea.core.notice import Notice
from pangea.core.notification import Notification, notification_id
from pangea.storage import alerts as stored
from pangea.storage.database import Store

from .alert_rules import AlertRules
from .decided import Decided

#: Of more alerts at once only what is known without looking is told of each.
DETAILED = 20
#: What follows from what is due now may be due as well, so often.
ROUNDS = 8
#: So many alerts are looked at in one go: the loop has more to do.
AT_ONCE = 100


class Outbox(Protocol):
    """Takes what is to be sent."""

    def put(self, them: list[Notification], decided: Decided) -> None:
        """Keep *them*, and have them written with *decided*."""
        ...

    def drop(self, alert: str, why: str, decided: Decided) -> None:
        """Forget what is not sent yet of an alert."""
        ...

    def shift(self, by_us: int) -> None:
        """Move what waits for a time along with a clock that was set."""
        ...


class AlertBook:
    """Holds the alerts by key, and those that go on by their subject.

    ``everybody`` returns the channels of an organisation that may be told,
    ``abouts`` the jobs and workers of an alert, ``details`` its notice with all that
    is known now.
    """

    def __init__(
        self, store: Store, clock: Clock, rules: AlertRules, outbox: Outbox
    ) -> None:
        self._store, self._clock, self._rules = store, clock, rules
        self._outbox = outbox
        self.alerts: dict[str, Alert] = {}
        self.everybody: Callable[[int], tuple[int, ...]] = lambda org: ()
        self.abouts: Callable[[Alert], Iterable[About]] = lambda alert: ()
        self.details: Callable[[Alert], Notice] = lambda alert: alert.notice
        self._subjects: dict[str, str] = {}
        self._marked: dict[str, None] = {}
        #: A heap, and what is in it: an alert that is looked at often is in it once.
        self._timers: list[tuple[int, str]] = []
        self._timed: set[tuple[int, str]] = set()
        self._saved: set[str] = set()
        self._step = ClockStep(clock)

    async def load(self) -> None:
        """Take up the alerts that went on when the coordinator stopped.

        Of one subject only the last goes on.
        """
        going_on = await self._store.read(stored.going_on)
        for alert in sorted(going_on, key=lambda alert: alert.timer_us):
            self._saved.add(alert.key)
            if not alert.ended_us:
                self.end(alert.subject)
            self.put(alert)

    def now_us(self) -> int:
        """Return the time (UTC microseconds)."""
        return round(self._clock.wall() * 1e6)

    def of(self, subject: str) -> Alert | None:
        """Return the alert about *subject* that goes on."""
        found = self.alerts.get(self._subjects.get(subject, ""))
        return found if found and not found.ended_us else None

    def subjects(self, kind: str) -> list[str]:
        """Return the subjects of that kind of the alerts that go on."""
        return [s for s in self._subjects if s.startswith(f"{kind}/") and self.of(s)]

    def put(self, alert: Alert) -> None:
        """Take an alert that is new or has changed; it is looked at with the next."""
        self.alerts[alert.key] = alert
        if alert.subject and not alert.ended_us:
            self._subjects[alert.subject] = alert.key
        self._marked[alert.key] = None

    def begin(self, subject: str, notice: Notice) -> None:
        """Let *subject* be wrong from now on, or be told of in other words."""
        known = self.of(subject)
        if known is None:
            alert = Alert(
                key=notice.key, notice=notice, timer_us=self.now_us(), subject=subject
            )
            self.put(alert)
        elif known.notice.reason != notice.reason:
            kept = replace(notice, key=known.key, since_us=known.notice.since_us)
            self.alerts[known.key] = replace(known, notice=kept)

    def end(self, subject: str, over: str = "") -> None:
        """Let what was wrong with *subject* be over."""
        known = self.of(subject)
        if known is not None:
            self.put(replace(known, ended_us=self.now_us(), over=over))

    async def happened(self, *notices: Notice) -> None:
        """Tell what happened once; the same thing is told once for ever."""
        fresh = {one.key: one for one in notices if one.key not in self.alerts}
        known = await self._store.read(lambda: stored.known(fresh)) if fresh else ()
        for key, notice in fresh.items():
            if key not in known:
                # It may stand in the database since its result was written.
                self._saved.add(key)
                self.put(once(notice, self.now_us()))

    def told_of(self, it: Notification) -> None:
        """Note how large was what *it* told of, now that it is sent."""
        alert = self.alerts.get(it.alert)
        told = alert.told.get(it.rule, {}).get(it.step) if alert else None
        if alert is not None and told is not None and told.size < alert.size:
            told = replace(told, size=alert.size)
            self.put(alert.tell(it.rule, it.step, told))

    def look_again(self) -> None:
        """Look at all alerts: rules or channels have changed."""
        self._marked.update(dict.fromkeys(self.alerts))

    @property
    def has_more(self) -> bool:
        """Whether ``flush`` has something to do now."""
        is_due = bool(self._timers) and self._timers[0][0] <= self.now_us()
        # After a clock was set back its timers would be as much too late.
        return bool(self._marked) or is_due or self._step.was_set

    def flush(self, decided: Decided) -> None:
        """Find what is due, and have it written with *decided*.

        Of very many it looks at some: call it again while it ``has_more``.
        """
        now_us = self.now_us()
        self._follow_clock(decided)
        while self._timers and self._timers[0][0] <= now_us:
            timer = heapq.heappop(self._timers)
            self._timed.discard(timer)
            self._marked[timer[1]] = None
        marked = list(islice(self._marked, AT_ONCE))
        for key in marked:
            del self._marked[key]
        alerts = [self.alerts[key] for key in marked if key in self.alerts]
        made: list[Notification] = []
        changed: list[tuple[Alert, int]] = []
        for alert in alerts:
            detailed = len(alerts) <= DETAILED
            after, done = self._look_at(alert, now_us, made, detailed=detailed)
            saved = after.key in self._saved
            if after.told or (after.subject and not done) or saved:
                changed.append((after, now_us if done else 0))
        self._keep(changed, decided)
        if made:
            self._outbox.put(made, decided)

    def _keep(self, changed: list[tuple[Alert, int]], decided: Decided) -> None:
        """Have alerts written; of what is over and was told to nobody nothing stays."""
        kept = [
            (alert, done_us) for alert, done_us in changed if not done_us or alert.told
        ]
        gone = [alert.key for alert, done_us in changed if done_us and not alert.told]
        for alert, done_us in changed:
            if done_us:
                self._saved.discard(alert.key)
            else:
                self._saved.add(alert.key)
        if kept:
            decided.writes.append(partial(stored.save, kept))
        if gone:
            decided.writes.append(partial(stored.forget, gone))

    def _look_at(
        self, alert: Alert, now_us: int, made: list[Notification], *, detailed: bool
    ) -> tuple[Alert, bool]:
        """Return *alert* after what is due was made of it, and if it is done with."""
        before = alert
        for _ in range(ROUNDS):
            asked = alert
            alert, found, next_us = self._round(alert, now_us)
            if alert is asked:
                break
            notice = self.details(alert) if detailed else alert.notice
            made += [self._notification(alert, notice, *one) for one in found]
        if alert is not before:
            self.alerts[alert.key] = alert
        done = bool(alert.ended_us or not alert.lasting) and next_us is None
        if done:
            self.alerts.pop(alert.key, None)
            if self._subjects.get(alert.subject) == alert.key:
                del self._subjects[alert.subject]
        elif next_us is not None:
            timer = (max(next_us, now_us + 1), alert.key)
            if timer not in self._timed:
                self._timed.add(timer)
                heapq.heappush(self._timers, timer)
        return alert, done

    def _round(
        self, alert: Alert, now_us: int
    ) -> tuple[Alert, list[tuple[AlertRule, Due, int]], int | None]:
        """Return *alert* as told, who is told of what, and when to look again."""
        found: list[tuple[AlertRule, Due, int]] = []
        coming: list[int] = []
        org = alert.notice.org
        everybody = self.everybody(org)
        for rule in (*self._rules.of(org), *self._rules.gone(org, alert.told)):
            plan = due(rule, alert, now_us, everybody, partial(self.abouts, alert))
            if plan.next_us is not None:
                coming.append(plan.next_us)
            for one in plan.due:
                known = _heard(alert, one.name)
                found += [(rule, one, c) for c in one.channels if c not in known]
                told = Told(now_us, alert.size, one.channels)
                alert = alert.tell(rule.id, one.name, told)
        later = (at_us for at_us in coming if at_us > now_us)
        return alert, found, min(later, default=None)

    def _notification(
        self, alert: Alert, notice: Notice, rule: AlertRule, what: Due, channel: int
    ) -> Notification:
        now_us = self.now_us()
        if what.name == "recovered":
            over = {"note": alert.over} if alert.over else {}
            facts = notice.facts | over
            notice = replace(notice, at_us=alert.ended_us, facts=facts)
        return Notification(
            id=notification_id(alert.key, rule.id, what.name, channel),
            org=notice.org,
            alert=alert.key,
            rule=rule.id,
            rule_name=rule.name,
            step=what.name,
            kind=what.kind,
            channel=channel,
            notice=notice,
            made_us=now_us,
            next_us=now_us,
        )

    def _follow_clock(self, decided: Decided) -> None:
        """Let no timer run out, or begin anew, because the clock was set."""
        step_us = round(self._step.take() * 1e6)
        if not step_us:
            return
        self.alerts = {k: a.shifted(step_us) for k, a in self.alerts.items()}
        self._timers = [(at_us + step_us, key) for at_us, key in self._timers]
        self._timed = set(self._timers)
        self._outbox.shift(step_us)
        kept = [(a, 0) for a in self.alerts.values() if a.key in self._saved]
        self._keep(kept, decided)


def once(notice: Notice, now_us: int) -> Alert:
    """Return what happened once as an alert."""
    subject = f"{notice.kind}/{notice.key}"
    return Alert(
        key=notice.key, notice=notice, timer_us=now_us, lasting=False, subject=subject
    )


def _heard(alert: Alert, name: str) -> set[int]:
    """Return the channels that were told this by any rule: nobody is told twice.

    What a rule adds to it, as an escalation or a reminder, is its own.
    """
    first = name == ACKNOWLEDGED or name.startswith(GREW) or "." not in name
    if not first:
        return set()
    told = [mine[name] for mine in alert.told.values() if name in mine]
    return set(channels_of(told))
