"""Maintenance: when what is planned not to be watched over, and for whom."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from msgspec import Struct, field

from .durations import format_duration
from .errors import UsageError
from .model import FIRST_ORG, Job

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MIN = 24 * 60
LONGEST_S = 366 * 86400.0
FURTHEST_S = 10 * LONGEST_S
TWO_MONTHS_US = 62 * 86400 * 1_000_000
#: Windows that are told of one maintenance at most.
MOST_WINDOWS = 1000
_TIME = re.compile(r"([01]?[0-9]|2[0-4]):([0-5][0-9])")

#: Returns the first moment of a cron line in a zone after a moment (UTC seconds).
Starts = Callable[[str, str, float], float]


class Window(Struct, frozen=True, order=True):
    """A stretch of maintenance, in UTC seconds; ``until`` is not in it."""

    start: float
    until: float


class Weekly(Struct, frozen=True):
    """On these days (0 is Monday) from one minute of the day to another.

    An end that is not after the beginning is on the day after.
    """

    days: tuple[int, ...]
    begins: int
    ends: int

    def __str__(self) -> str:
        days = ",".join(DAYS[day] for day in self.days)
        return f"{days}@{_clock(self.begins)}-{_clock(self.ends)}"


class Maintenance(Struct, frozen=True, kw_only=True):
    """Planned work on jobs (by id, or by all of ``labels``) or on workers.

    It is once (``from_us``, ``until_us``), weekly, or ``length_s`` from each moment
    of ``cron`` on; the last two go by the clocks of ``zone``. ``ended_us`` is when a
    person ended it for good, 0 if nobody did.
    """

    id: int = 0
    org: int = FIRST_ORG
    jobs: tuple[int, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)
    workers: tuple[int, ...] = ()
    from_us: int = 0
    until_us: int = 0
    weekly: Weekly | None = None
    cron: str = ""
    length_s: float = 0.0
    zone: str = "UTC"
    reason: str = ""
    by: str = ""
    created_us: int = 0
    ended_us: int = 0

    @property
    def schedule(self) -> str:
        """When it is, as a person gave it."""
        if self.weekly:
            return f"weekly {self.weekly} {self.zone}"
        if self.cron:
            return f"cron {self.cron} for {format_duration(self.length_s)} {self.zone}"
        return "once"

    def covers(self, job: Job) -> bool:
        """Tell whether *job* is worked on, by itself or by its labels."""
        if job.org != self.org:
            return False
        labelled = self.labels and self.labels.items() <= job.labels.items()
        return job.id in self.jobs or bool(labelled)


def checked(wanted: Maintenance, now: float, starts: Starts) -> Maintenance:
    """Return *wanted* if it can ever be in force after *now*, else UsageError."""
    if not (wanted.jobs or wanted.labels or wanted.workers):
        raise UsageError(
            "maintenance of what?", hint="name a --job, a --label or a --worker"
        )
    kinds = [bool(wanted.until_us), wanted.weekly is not None, bool(wanted.cron)]
    if sum(kinds) != 1:
        raise UsageError(
            "maintenance when?",
            hint="give one of: --for, --from with --until, --weekly, --cron with --for",
        )
    zone_of(wanted.zone)
    length = wanted.length_s
    if wanted.until_us:
        length = (wanted.until_us - wanted.from_us) / 1e6
    if not wanted.weekly and length <= 0:
        raise UsageError("it ends before it begins", hint="give a later end")
    if not wanted.weekly and not length <= LONGEST_S:
        raise UsageError(
            f"a maintenance of {length:g} s cannot be", hint="it ends within a year"
        )
    if wanted.from_us / 1e6 > now + FURTHEST_S:
        raise UsageError("this maintenance is too far ahead", hint="at most 10 years")
    if window(wanted, now, starts) is None:
        raise UsageError("this maintenance is over already", hint="give a later end")
    return wanted


def window(planned: Maintenance, now: float, starts: Starts) -> Window | None:
    """Return the window of *planned* that is going on, else the next one.

    None if there is none any more.
    """
    return next(windows(planned, now, starts), None)


def last_window(planned: Maintenance, starts: Starts) -> Window | None:
    """Return the last window of *planned* that had begun when it was over.

    None if none had; of what came again it is looked for in its last two months.
    """
    if not planned.weekly and not planned.cron:
        since = planned.from_us / 1e6
    else:
        since = max(planned.created_us, planned.ended_us - TWO_MONTHS_US) / 1e6
    if not planned.ended_us and not planned.until_us:
        return None
    return max(islice(windows(planned, since, starts), MOST_WINDOWS), default=None)


def windows(planned: Maintenance, since: float, starts: Starts) -> Iterator[Window]:
    """Yield the windows that end after *since* (UTC seconds), in order."""
    ended = planned.ended_us / 1e6 if planned.ended_us else float("inf")
    if planned.weekly:
        found = _weekly(planned.weekly, zone_of(planned.zone), since)
    elif planned.cron:
        found = _by_cron(planned, since, starts)
    else:
        found = iter([Window(planned.from_us / 1e6, planned.until_us / 1e6)])
    for one in found:
        if one.start >= ended:
            return
        if min(one.until, ended) > since:
            yield Window(one.start, min(one.until, ended))


def parse_weekly(text: str) -> Weekly:
    """Return what ``mon,tue@22:00-23:30`` says; also ``mon-fri@…`` and ``@…``."""
    days, at, times = text.strip().lower().partition("@")
    begin, dash, end = times.partition("-")
    try:
        if not at:
            raise ValueError("days and times are parted by @")
        begins = _minute(begin, DAY_MIN - 1)
        if not dash:
            raise ValueError("it does not say until when")
        return Weekly(_days(days), begins, _minute(end, DAY_MIN))
    except ValueError as error:
        raise UsageError(
            f"cannot read the week in {text!r}: {error}",
            hint="write it like mon,tue@22:00-23:30",
        ) from error


def zone_of(name: str) -> ZoneInfo:
    """Return the time zone *name*; UsageError if there is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise UsageError(
            f"there is no time zone {name!r}", hint="write it like Europe/Paris"
        ) from error


def _weekly(weekly: Weekly, zone: ZoneInfo, since: float) -> Iterator[Window]:
    """Yield the windows of each week from shortly before *since* on.

    On the night when the clocks go back the hour that comes twice is in it twice;
    a time that is skipped when they go forward is as much later.
    """
    day = datetime.fromtimestamp(since, UTC).astimezone(zone).date()
    day -= timedelta(days=2)
    longer = weekly.ends <= weekly.begins
    ends = weekly.ends + DAY_MIN * longer
    for _ in range(MOST_WINDOWS * 7):
        if day.weekday() in weekly.days:
            # In the hour that comes twice the first reading is the earlier one; of a
            # time that is skipped it is the later one.
            start, _ = _moments(day, weekly.begins, zone)
            until = max(_moments(day, ends, zone))
            if until <= start:
                until = start + 60 * (ends - weekly.begins)
            yield Window(start, until)
        day += timedelta(days=1)


def _moments(day: date, minute: int, zone: ZoneInfo) -> tuple[float, float]:
    """Return both readings of a time of day, in UTC seconds; mostly the same."""
    days, minute = divmod(minute, DAY_MIN)
    at = datetime.combine(day + timedelta(days=days), time(), zone)
    at = at.replace(hour=minute // 60, minute=minute % 60)
    return at.timestamp(), at.replace(fold=1).timestamp()


def _by_cron(planned: Maintenance, since: float, starts: Starts) -> Iterator[Window]:
    after = since - planned.length_s
    for _ in range(MOST_WINDOWS):
        start = starts(planned.cron, planned.zone, after)
        yield Window(start, start + planned.length_s)
        after = start


def _days(text: str) -> tuple[int, ...]:
    if not text:
        return tuple(range(7))
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        begin, end = _day(first), _day(last if dash else first)
        found |= {(begin + n) % 7 for n in range((end - begin) % 7 + 1)}
    return tuple(sorted(found))


def _day(text: str) -> int:
    if text.strip()[:3] not in DAYS:
        raise ValueError(f"{text[:20]!r} is no day")
    return DAYS.index(text.strip()[:3])


def _minute(text: str, most: int) -> int:
    found = _TIME.fullmatch(text.strip())
    minute = int(found[1]) * 60 + int(found[2]) if found else DAY_MIN + 1
    if minute > most:
        raise ValueError(f"{text[:20]!r} is no time of day")
    return minute


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
