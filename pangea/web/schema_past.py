"""What the API answers about the past: uptime, and what was known at a moment."""

from msgspec import Struct

from .schema import JobAnswer, StatusAnswer


class SloAnswer(Struct, frozen=True, kw_only=True):
    """What a promise of ``target`` percent allows over the range.

    ``burn`` is by window, null where nothing was judged: 1 spends the budget just as
    fast as the promise allows. ``too_young`` says of how much of the range anything can
    be known (``2 min of 30 d``), until that is 1 %.
    """

    target: float
    budget_min: float
    left_min: float
    burn: dict[str, float | None]
    too_young: str = ""


class UptimeAnswer(Struct, frozen=True, kw_only=True):
    """How long a job was what, in ``minutes`` that add up to the range.

    ``uptime`` and ``coverage`` are shares of 1, ``definition`` says of what;
    ``added_at`` is when the job was added, if the range begins there.
    """

    since: str
    until: str
    uptime: float | None
    definition: str
    coverage: float
    minutes: dict[str, float]
    slo: SloAnswer | None = None
    added_at: str | None = None


class StatusThen(StatusAnswer, frozen=True, kw_only=True):
    """The answer to status as of ``at``; ``workers_connected`` are those that voted."""

    at: str


class JobThen(JobAnswer, frozen=True, kw_only=True):
    """A job as it is configured now, with verdict and votes as of ``at``."""

    at: str
