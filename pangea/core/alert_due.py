"""Which messages are due: pure, of what is wrong, who was told of it, and the time.

An alert is something that people may be told of: it begins, may grow, may be
acknowledged, and is over. What is due has a name of its own in the alert and the
rule, so that it is told once.
"""

from collections.abc import Iterable

from msgspec import Struct, field
from msgspec.structs import replace

from .alert_rule import Abouts, AlertRule, is_open, matches
from .notice import Kind, Notice

#: What has twice as many jobs as were told, and so many more, is told again, no
#: sooner than so many seconds later.
GROWN, GROWN_S = 3, 30.0
#: The hours of a rule are looked at so often, in seconds.
HOURS_S = 60.0
#: What happened once is told within so many seconds, or not at all.
STALE_S = 7 * 86400.0
RECOVERED, ACKNOWLEDGED, GREW, REMIND = "recovered", "acknowledged", "grown", "remind"


class Told(Struct, frozen=True):
    """When something was told, how many jobs it was about, and to which channels."""

    at_us: int
    size: int
    channels: tuple[int, ...]


class Alert(Struct, frozen=True, kw_only=True):
    """Something that people may be told of, and what they were told.

    ``timer_us`` is when its timers began, by the clock as it is now: it moves along
    with a clock that is set, and begins anew when it is worse. What is not ``lasting``
    happened once. ``merged`` are the alerts that became part of it. What is
    ``silent`` is over without a word. ``told`` is by rule, and by name.
    """

    key: str
    notice: Notice
    timer_us: int
    subject: str = ""
    size: int = 1
    lasting: bool = True
    acked_us: int = 0
    ended_us: int = 0
    over: str = ""
    silent: bool = False
    merged: tuple[str, ...] = ()
    told: dict[int, dict[str, Told]] = field(default_factory=dict)

    def tell(self, rule: int, name: str, told: Told) -> "Alert":
        """Return it after something was told.

        Who hears it later than others is added to them: when it began stays.
        """
        mine = self.told.get(rule, {})
        held = mine.get(name, told)
        size, channels = max(held.size, told.size), channels_of((held, told))
        mine = {**mine, name: Told(held.at_us, size, channels)}
        return replace(self, told={**self.told, rule: mine})

    def shifted(self, by_us: int) -> "Alert":
        """Return it after the clock was set by so much: no timer is moved by that."""
        told = {
            rule: {n: replace(t, at_us=t.at_us + by_us) for n, t in mine.items()}
            for rule, mine in self.told.items()
        }
        acked_us = self.acked_us and self.acked_us + by_us
        timer_us = self.timer_us + by_us
        return replace(self, timer_us=timer_us, acked_us=acked_us, told=told)


class Due(Struct, frozen=True):
    """A message that is due now: its ``name`` in the alert, and who is told."""

    name: str
    kind: Kind
    channels: tuple[int, ...]


#: What is due from a time on, if anything.
_Planned = tuple[Due, int] | None


class Plan(Struct, frozen=True):
    """What is due now, and when something may be next: None if never by itself."""

    due: tuple[Due, ...] = ()
    next_us: int | None = None


def due(
    rule: AlertRule,
    alert: Alert,
    now_us: int,
    everybody: tuple[int, ...],
    abouts: Abouts,
) -> Plan:
    """Return what *rule* has to tell of *alert* at *now_us*.

    *everybody* are the channels that there are: a rule that names none means all of
    them, and those that it names and are not there are told nothing until they are;
    but that it is over is due for all who were told, and who sends it says of whom it
    could not. What nobody hears may be due as well: what follows it is counted from
    there. A rule that is disabled begins nothing, and ends what it began.
    """
    told = alert.told.get(rule.id, {})
    if alert.silent or not (rule.enabled or told):
        return Plan()
    if alert.lasting and alert.ended_us:
        return _at_the_end(rule, alert, told)
    if not rule.enabled:
        plan = _acknowledged(alert, told, now_us) or Plan()
    elif alert.notice.kind not in told:
        plan = _first(rule, alert, now_us, everybody, abouts)
    elif alert.lasting:
        plan = _later(rule, alert, told, now_us, everybody, abouts)
    else:
        return Plan()
    there = [(one, _only(one, everybody)) for one in plan.due]
    kept = (heard for one, heard in there if heard.channels or not one.channels)
    return Plan(tuple(kept), plan.next_us)


def _only(due: Due, everybody: tuple[int, ...]) -> Due:
    """Return *due* without the channels that are not there."""
    if set(due.channels) <= set(everybody):
        return due
    return replace(due, channels=_there(due.channels, everybody))


def _there(channels: tuple[int, ...], everybody: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(c for c in channels if c in everybody)


def channels_of(told: Iterable[Told]) -> tuple[int, ...]:
    """Return all channels, each once."""
    return tuple(dict.fromkeys(c for one in told for c in one.channels))


def _at_the_end(rule: AlertRule, alert: Alert, told: dict[str, Told]) -> Plan:
    if not told or RECOVERED in told or not rule.recovered:
        return Plan()
    lost = alert.notice.kind == "worker-lost"
    kind: Kind = "worker-back" if lost else "recovered"
    return Plan((Due(RECOVERED, kind, channels_of(told.values())),))


def _first(
    rule: AlertRule,
    alert: Alert,
    now_us: int,
    everybody: tuple[int, ...],
    abouts: Abouts,
) -> Plan:
    """Return the first message: if it is about that, old enough, and the time is."""
    notice = alert.notice
    if not matches(rule, notice, abouts):
        return Plan()
    if alert.acked_us >= alert.timer_us and alert.acked_us:
        return Plan()
    if not alert.lasting and now_us > alert.timer_us + STALE_S * 1e6:
        return Plan()
    old_us = alert.timer_us + round(rule.older_s * 1e6)
    if now_us < old_us and alert.lasting:
        return Plan((), old_us)
    if not is_open(rule, now_us / 1e6):
        return Plan((), now_us + round(HOURS_S * 1e6))
    channels = _there(rule.channels or everybody, everybody)
    steps = rule.escalations if alert.lasting else ()
    if not channels and not any(_there(step.channels, everybody) for step in steps):
        return Plan()
    return Plan((Due(notice.kind, notice.kind, channels),))


def _later(
    rule: AlertRule,
    alert: Alert,
    told: dict[str, Told],
    now_us: int,
    everybody: tuple[int, ...],
    abouts: Abouts,
) -> Plan:
    """Return what follows the first message: escalations, reminders, growth.

    A channel that was not there then is told what the others were, if it hears none
    of that. What nobody is there for is not waited for: what comes after it has its
    time.
    """
    kind, acked = alert.notice.kind, _is_acked(alert, told)
    if said := _acknowledged(alert, told, now_us):
        return said
    follows: list[_Planned] = []
    if not acked:
        follows = [*_escalations(rule, kind, told), _reminder(rule, kind, told)]
    if told[kind].at_us == now_us:  # It has neither grown since, nor is anybody new.
        return _of_these(follows, now_us, everybody)
    plans = [_grown(alert, told), *follows]
    plan = _of_these(plans, now_us, everybody)
    if acked or plan.due:
        return plan
    new = _to_new(rule, alert, told, now_us, everybody, abouts)
    return _of_these([*plans, new], now_us, everybody)


def _is_acked(alert: Alert, told: dict[str, Told]) -> bool:
    """Tell whether somebody takes care of what was told."""
    first = told.get(alert.notice.kind)
    return bool(first and alert.acked_us and alert.acked_us >= first.at_us)


def _acknowledged(alert: Alert, told: dict[str, Told], now_us: int) -> Plan | None:
    if not _is_acked(alert, told) or ACKNOWLEDGED in told:
        return None
    whom = channels_of(told.values())
    return Plan((Due(ACKNOWLEDGED, "acknowledged", whom),), now_us)


def _of_these(
    plans: Iterable[_Planned], now_us: int, everybody: tuple[int, ...]
) -> Plan:
    """Return what of *plans* is due now, and when the next may be."""
    heard = [(_only(what, everybody), at_us) for what, at_us in filter(None, plans)]
    ready = tuple(one for one, at_us in heard if one.channels and at_us <= now_us)
    coming = [at_us for one, at_us in heard if one.channels and at_us > now_us]
    if ready:
        coming.append(now_us)  # What follows from these is looked at next.
    return Plan(ready, min(coming, default=None))


def _to_new(
    rule: AlertRule,
    alert: Alert,
    told: dict[str, Told],
    now_us: int,
    everybody: tuple[int, ...],
    abouts: Abouts,
) -> _Planned:
    """Return what those have to hear who were not there when it was told."""
    kind = alert.notice.kind
    mine = (t for n, t in told.items() if n == kind or n.startswith(f"{kind}."))
    heard, wanted = set(channels_of(mine)), rule.channels or everybody
    new = tuple(c for c in _there(wanted, everybody) if c not in heard)
    if not new or not matches(rule, alert.notice, abouts):
        return None
    wait_s = 0.0 if is_open(rule, now_us / 1e6) else HOURS_S
    return Due(kind, kind, new), now_us + round(wait_s * 1e6)


def _grown(alert: Alert, told: dict[str, Told]) -> _Planned:
    last = max(told.values(), key=lambda one: (one.size, one.at_us))
    if alert.size < max(2 * last.size, last.size + GROWN):
        return None
    number = sum(name.startswith(GREW) for name in told) + 1
    latest_us = max(one.at_us for one in told.values())
    grew = Due(f"{GREW}.{number}", alert.notice.kind, channels_of(told.values()))
    return grew, latest_us + round(GROWN_S * 1e6)


def _escalations(rule: AlertRule, kind: Kind, told: dict[str, Told]) -> list[_Planned]:
    found: list[_Planned] = []
    for number, step in enumerate(rule.escalations, 1):
        name = f"{kind}.{number}"
        if name not in told:
            at_us = told[kind].at_us + round(step.after_s * 1e6)
            found.append((Due(name, kind, step.channels), at_us))
    return found


def _reminder(rule: AlertRule, kind: Kind, told: dict[str, Told]) -> _Planned:
    if not rule.remind_s:
        return None
    begun = f"{REMIND}.{kind}."
    count = sum(name.startswith(begun) for name in told)
    wait_s = min(rule.remind_s * rule.factor**count, 7 * 86400.0)
    latest_us = max(one.at_us for one in told.values())
    whom = channels_of(told.values())
    return Due(f"{begun}{count + 1}", kind, whom), latest_us + round(wait_s * 1e6)
