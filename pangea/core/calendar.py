"""A calendar of days: how long a job was what on each, so that the sum fits."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Struct

from .errors import UsageError
from .text import safe_text
from .uptime import KINDS, Span, Uptime

#: Days of a calendar at most: five years and a bit.
MOST_DAYS = 1830


class Day(Struct, frozen=True):
    """A day, named by its date where it was asked for; ``time`` is how long what."""

    date: str
    span: Span
    time: Uptime


def days_back(days: int, now_us: int, zone: str = "UTC") -> list[tuple[str, Span]]:
    """Return the last *days* days of *zone* by name, today's up to *now_us*.

    A day has 23 or 25 hours where clocks are changed. Raises UsageError for a zone
    that is not known.
    """
    there = _zone(zone)
    today = datetime.fromtimestamp(now_us / 1e6, there).date()
    first = today - timedelta(days=min(days, MOST_DAYS) - 1)
    return [
        (str(day), Span(begin, min(end, now_us)))
        for day, begin, end in _days(first, today, there)
    ]


def _days(first: date, last: date, zone: ZoneInfo) -> Iterator[tuple[date, int, int]]:
    day, begin = first, _midnight(first, zone)
    while day <= last:
        following = day + timedelta(days=1)
        end = _midnight(following, zone)
        yield day, begin, end
        day, begin = following, end


def _midnight(day: date, zone: ZoneInfo) -> int:
    at = datetime(day.year, day.month, day.day, tzinfo=zone)
    return round(at.astimezone(UTC).timestamp() * 1e6)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UsageError(
            f"zone: {safe_text(name, 60)!r} is not known",
            hint="write it like Europe/Helsinki or UTC",
        ) from error


def calendar(
    kinds: Mapping[str, Sequence[Span]], days: Sequence[tuple[str, Span]]
) -> list[Day]:
    """Return how long what was on each of *days*; what is none of them is left out.

    *kinds* are the stretches of each kind (``uptime.kinds``), *days* follow each
    other; of a day that the job had not seen nothing is known.
    """
    counts: list[dict[str, int]] = [{} for _ in days]
    for kind in KINDS:
        for number, us in _shared(kinds.get(kind, ()), [span for _, span in days]):
            counts[number][kind] = counts[number].get(kind, 0) + us
    return [
        Day(name, span, Uptime(**{kind: us / 1e6 for kind, us in count.items()}))
        for (name, span), count in zip(days, counts, strict=True)
    ]


def _shared(spans: Sequence[Span], days: Sequence[Span]) -> Iterator[tuple[int, int]]:
    """Yield (number of the day, microseconds) of spans; both are in order."""
    day = 0
    for span in spans:
        while day < len(days) and days[day].end_us <= span.begin_us:
            day += 1
        for number in range(day, len(days)):
            if days[number].begin_us >= span.end_us:
                break
            begin = max(span.begin_us, days[number].begin_us)
            end = min(span.end_us, days[number].end_us)
            if end > begin:
                yield number, end - begin
