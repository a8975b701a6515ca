"""Stretches of time as they are asked for: so far back, or from when to when."""

from typing import Protocol

from pangea.core.durations import Seconds
from pangea.core.errors import UsageError
from pangea.core.uptime import Span

from .asked import moment_us


class Range(Protocol):
    """A query that names a stretch."""

    @property
    def range(self) -> Seconds:
        """How far back from the end, if ``since`` is not given."""
        ...

    @property
    def since(self) -> str | None:
        """When it begins."""
        ...

    @property
    def until(self) -> str | None:
        """When it ends; now, if it is not given or is to come."""
        ...


#: Nothing was measured before 1970, and nothing can be told of what is so far off.
FIRST_US, LAST_US = 0, 253_370_764_800_000_000  # 9999-01-01


def a_day() -> Seconds:
    """Return the default of most questions."""
    return Seconds(86400)


def a_month() -> Seconds:
    """Return the default of what is told in days."""
    return Seconds(30 * 86400)


def span_of(asked: Range, now: float) -> Span:
    """Return the stretch that was asked for, as seen from *now* (UTC seconds).

    Raises UsageError for one without an extent.
    """
    until = moment_us(asked.until, now, "until") or round(now * 1e6)
    since = moment_us(asked.since, now, "since")
    if since is None:
        since = until - round(asked.range * 1e6)
    until, since = min(until, round(now * 1e6)), max(since, FIRST_US)
    if since >= until:
        raise UsageError("since: must be before until, and not to come")
    return Span(since, until)
