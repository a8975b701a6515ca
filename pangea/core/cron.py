"""Cron lines as cron reads them: weekdays count from Sunday, and two days mean "or"."""

import re
from typing import NamedTuple

#: The numbers of cron: 0 is Sunday, and so is 7.
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_DAY = "[0-7]|" + "|".join(WEEKDAYS)
_PART = re.compile(rf"(?:\*|({_DAY})(?:-({_DAY}))?)(?:/(\d{{1,2}}))?", re.ASCII)


class Fields(NamedTuple):
    """The five fields of a cron line; weekdays are names, or ``*``."""

    minute: str
    hour: str
    day: str
    month: str
    day_of_week: str


def cron_fields(text: str) -> list[Fields]:
    """Return the lines that *text* means, each a restriction by one kind of day.

    They are two where both the day of the month and that of the week are restricted
    (do not begin with ``*``): cron means the one or the other. Raises ValueError.
    """
    words = text.lower().split()
    if len(words) != 5:
        raise ValueError(f"{len(words)} fields, wanted 5")
    minute, hour, day, month, day_of_week = words
    line = Fields(minute, hour, day, month, weekdays(day_of_week))
    if day.startswith("*") or day_of_week.startswith("*"):
        return [line]
    return [line._replace(day_of_week="*"), line._replace(day="*")]


def weekdays(text: str) -> str:
    """Return a weekday field as names: ``1-5`` is ``mon,tue,wed,thu,fri``.

    A range may pass the end of the week (``sat-sun``). Raises ValueError.
    """
    days = {day for part in text.split(",") for day in _days(part)}
    if len(days) == len(WEEKDAYS):
        return "*"
    return ",".join(WEEKDAYS[day] for day in sorted(days))


def _days(part: str) -> list[int]:
    found = _PART.fullmatch(part)
    step = int(found[3] or 1) if found else 0
    if not found or not step:
        raise ValueError(
            f"{part[:20]!r} is no weekday: 0 to 7 (0 and 7: Sunday) or sun"
        )
    if found[1] is None:
        first, last = 0, 6
    else:
        first = _number(found[1])
        # A step without an end goes on to Saturday.
        last = _number(found[2]) if found[2] else 6 if found[3] else first
        last += 7 * (last < first)
    return [day % 7 for day in range(first, last + 1, step)]


def _number(word: str) -> int:
    return WEEKDAYS.index(word) if word in WEEKDAYS else int(word)
