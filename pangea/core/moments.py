"""Moments as people write them: ``03:12``, ``yesterday 14:00``, ``2h ago``."""

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from .durations import parse_duration
from .errors import UsageError
from .text import safe_text

_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?", re.ASCII)
_DAY = re.compile(
    r"(today|yesterday|tomorrow|\d{4}-\d{2}-\d{2})(?:\s+(\S+))?", re.ASCII
)
_LENGTH = re.compile(r"(?:[0-9.]+[a-z]+)+", re.ASCII)
COMING = "write 22:00, tomorrow 14:00, 2026-01-31, 2026-01-31T12:00:00Z or in 2h"
HINT = "write 03:12, yesterday 14:00, 2026-01-31, 2026-01-31T12:00:00Z, 2h ago or 2h"


def parse_moment(text: str, now: float, zone: tzinfo = UTC) -> float:
    """Return the moment that *text* means, in seconds of UTC, as seen from *now*.

    A time of day is that of *zone* and the last one that has been: today, or else
    yesterday. A date alone is its midnight, and ``2h`` is two hours ago. Raises
    UsageError for anything else, what is still to come, and what was before 1970.
    """
    words = text.strip().lower()
    try:
        since = _LENGTH.fullmatch(words)
        at = now - parse_duration(words) if since else _ago(words, now)
        if at is None:
            at = _of_day(words, now, zone)
        if at is None:
            at = _exact(text.strip(), zone)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{safe_text(text, 60)!r} is not a time", hint=HINT) from error
    if at < 0:
        raise UsageError(f"{safe_text(text, 60)!r} is before 1970", hint=HINT)
    if at > now + 1:
        raise UsageError(f"{safe_text(text, 60)!r} is still to come", hint=HINT)
    return min(at, now)


def parse_coming(text: str, now: float) -> float:
    """Return the moment that *text* means, of what is planned, in seconds of UTC.

    A time of day is UTC and the next one after *now*; anything else may have been
    already. Raises UsageError for what is no moment.
    """
    words = text.strip().lower()
    try:
        if words.startswith("in "):
            return now + parse_duration(words.removeprefix("in "))
        if _CLOCK.fullmatch(words):
            at = _of_day(words, now) or now
            return at if at > now else at + 86400.0
        return _ago(words, now) or _of_day(words, now) or _exact(text.strip())
    except (ValueError, OverflowError, UsageError) as error:
        said = f"{safe_text(text, 60)!r} is not a time"
        raise UsageError(said, hint=COMING) from error


def _ago(words: str, now: float) -> float | None:
    if words == "now":
        return now
    if not words.endswith(" ago"):
        return None
    return now - parse_duration(words.removesuffix(" ago"))


def _of_day(words: str, now: float, zone: tzinfo = UTC) -> float | None:
    today = datetime.fromtimestamp(now, zone).date()
    if _CLOCK.fullmatch(words):
        at = _at(today, words, zone)
        return at if at <= now else _at(today - timedelta(days=1), words, zone)
    found = _DAY.fullmatch(words)
    if not found:
        return None
    named = {"today": today, "yesterday": today - timedelta(days=1)}
    named["tomorrow"] = today + timedelta(days=1)
    day = named.get(found[1]) or date.fromisoformat(found[1])
    return _at(day, found[2] or "00:00", zone)


def _at(day: date, clock: str, zone: tzinfo) -> float:
    found = _CLOCK.fullmatch(clock)
    if not found:
        raise ValueError(clock)
    hour, minute, second = (int(part or 0) for part in found.groups())
    return datetime.combine(day, time(hour, minute, second), zone).timestamp()


def _exact(text: str, zone: tzinfo = UTC) -> float:
    """Return an RFC 3339 time; in a query a plus sign is a space."""
    at = datetime.fromisoformat(text.replace(" ", "+"))
    if at.tzinfo is None:
        at = at.replace(tzinfo=zone)
    return at.timestamp()
