"""Alert rules: who is told of what, and when."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import NamedTuple, get_args

from msgspec import Struct, field

from .errors import UsageError
from .maintenance import DAY_MIN, Weekly, zone_of
from .model import FIRST_ORG
from .notice import Kind, Notice, Severity

SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")
#: Kinds that no rule asks for by themselves: they follow from another.
FOLLOWING = ("recovered", "worker-back", "acknowledged", "drill", "test")
#: What a rule may ask for.
KINDS = tuple(kind for kind in get_args(Kind) if kind not in FOLLOWING)
#: The rule that an organisation has until somebody changes it: all that needs a
#: person, told on every channel.
DEFAULT = "default"
DEFAULT_KINDS = tuple(kind for kind in KINDS if kind not in ("degraded", "changed"))
MOST_STEPS = 10
#: Reminders are at least so far apart, and at most, in seconds.
LEAST_APART_S, MOST_APART_S = 60.0, 7 * 86400.0
LONGEST_S = 30 * 86400.0


class Escalation(Struct, frozen=True):
    """Who else is told so long after the first were, if nobody has acknowledged."""

    after_s: float
    channels: tuple[int, ...]


class AlertRule(Struct, frozen=True, kw_only=True):
    """What is told to whom; what is empty matches everything.

    ``severity`` is the least. ``jobs`` are patterns (``*`` and ``?``), one of which
    the name of a job must match, ``labels`` all of which it must have, ``regions``
    one of which sees it. ``hours`` are the times of the week, by the clocks of
    ``zone``, in which anybody is told; what lasts until then is told then. It must
    have lasted for ``older_s``.

    ``channels`` are told first: all of the organisation, if none are named. The
    others follow. Who was told is reminded after ``remind_s`` (0: never), each time
    ``factor`` times later; and when it is over, unless not ``recovered``.
    """

    id: int = 0
    org: int = FIRST_ORG
    name: str
    enabled: bool = True
    kinds: tuple[str, ...] = ()
    severity: Severity = "info"
    jobs: tuple[str, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)
    regions: tuple[str, ...] = ()
    hours: Weekly | None = None
    zone: str = "UTC"
    older_s: float = 0.0
    channels: tuple[int, ...] = ()
    escalations: tuple[Escalation, ...] = ()
    remind_s: float = 0.0
    factor: float = 2.0
    recovered: bool = True

    @property
    def is_choosy(self) -> bool:
        """Whether it has to look at the jobs that a notice is about."""
        return bool(self.jobs or self.labels or self.regions)


class About(NamedTuple):
    """A job, or a worker, as far as rules ask: what it is called and where it is."""

    name: str
    labels: dict[str, str]
    regions: tuple[str, ...]


#: Returns what a notice is about; there may be thousands, so only when asked.
Abouts = Callable[[], Iterable[About]]


def default_rule(org: int) -> AlertRule:
    """Return the rule that makes one channel enough."""
    return AlertRule(org=org, name=DEFAULT, kinds=DEFAULT_KINDS, severity="warning")


def checked(rule: AlertRule) -> AlertRule:
    """Return *rule* if it can be carried out, else raise UsageError."""
    unknown = [kind for kind in rule.kinds if kind not in KINDS]
    if unknown:
        raise UsageError(
            f"a rule cannot ask for {unknown[0][:40]!r}",
            hint=f"kinds are: {', '.join(KINDS)}",
        )
    zone_of(rule.zone)
    times = [0.0, *(each.after_s for each in rule.escalations)]
    if len(times) > MOST_STEPS + 1:
        raise UsageError(f"a rule escalates {MOST_STEPS} times at most")
    if times != sorted(set(times)) or times[-1] > LONGEST_S:
        raise UsageError(
            "each escalation comes later than the one before, within 30 days",
            hint="write it like --escalate 15m=oncall --escalate 1h=boss",
        )
    if rule.remind_s and not LEAST_APART_S <= rule.remind_s <= MOST_APART_S:
        raise UsageError("reminders are 1m to 7d apart")
    if not 1.0 <= rule.factor <= 10.0:
        raise UsageError("reminders are 1 to 10 times later each time")
    if not 0.0 <= rule.older_s <= LONGEST_S:
        raise UsageError("a rule waits 30 days at most")
    return rule


def matches(rule: AlertRule, notice: Notice, abouts: Abouts) -> bool:
    """Tell whether *rule* is about *notice*, whatever the time is."""
    return not why_not(rule, notice, abouts)


def why_not(rule: AlertRule, notice: Notice, abouts: Abouts) -> str:
    """Return why *rule* is not about *notice*, "" if it is."""
    if not rule.enabled or rule.org != notice.org:
        return "it is disabled"
    if rule.kinds and notice.kind not in rule.kinds:
        return f"it is about {', '.join(rule.kinds)}"
    if SEVERITIES.index(notice.severity) < SEVERITIES.index(rule.severity):
        return f"it is about what is {rule.severity}; this is {notice.severity}"
    if rule.is_choosy and not any(_suits(rule, about) for about in abouts()):
        return "it is about other jobs"
    return ""


def is_open(rule: AlertRule, now: float) -> bool:
    """Tell whether *rule* tells anybody at *now* (UTC seconds)."""
    if rule.hours is None:
        return True
    local = datetime.fromtimestamp(now, UTC).astimezone(zone_of(rule.zone))
    minute, day = local.hour * 60 + local.minute, local.weekday()
    week = rule.hours
    if week.ends > week.begins:
        return day in week.days and week.begins <= minute < week.ends
    # Over midnight: the evening of such a day, or the morning after one.
    evening = day in week.days and minute >= week.begins
    return evening or ((day - 1) % 7 in week.days and minute < week.ends % DAY_MIN)


def is_like(name: str, pattern: str) -> bool:
    """Tell whether *name* is as *pattern* says: ``*`` is any text, ``?`` any letter."""
    at = begun = 0
    star, tried = -1, 0
    while at < len(name):
        wanted = pattern[begun] if begun < len(pattern) else ""
        if wanted == "*":
            star, tried = begun, at
            begun += 1
        elif wanted in ("?", name[at]):
            at, begun = at + 1, begun + 1
        elif star >= 0:  # The last star takes one letter more.
            tried += 1
            at, begun = tried, star + 1
        else:
            return False
    return not pattern[begun:].strip("*")


def _suits(rule: AlertRule, about: About) -> bool:
    if rule.jobs and not any(is_like(about.name, wanted) for wanted in rule.jobs):
        return False
    if not rule.labels.items() <= about.labels.items():
        return False
    return not rule.regions or not set(rule.regions).isdisjoint(about.regions)
