"""The API of backtests: another rule on what has been."""

from typing import Annotated, Protocol

from aiohttp import web
from msgspec import Meta, Struct

from pangea.core.errors import NotFound, UsageError
from pangea.core.uptime import Span

from .api import reply
from .asked import body_of, moment_us
from .keys import SITE, who_is

#: Jobs that are tried in one call, and how far back.
MOST_JOBS = 1000
LONGEST_S = 366 * 86400.0


class BacktestBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ``rule`` to try on ``jobs`` (all if none is named) from ``since`` on.

    ``since`` and ``until`` are a time, or a duration before now.
    """

    rule: Annotated[str, Meta(min_length=1, max_length=300)]
    jobs: Annotated[list[str], Meta(max_length=MOST_JOBS)] = []
    since: str = "30d"
    until: str | None = None


class BacktestRow(Struct, frozen=True, kw_only=True):
    """A job under its own rule as recorded (``then``) and under another (``now``).

    ``rule`` is the one in force; in the totals it is the one that was tried.
    ``missed_min`` were degraded or down and would not be, ``false_min`` would be and
    were not; ``delay_s`` is how much later an incident begins, in the mean.
    ``notes`` say what could not be told.
    """

    name: str
    rule: str
    incidents_then: int
    incidents_now: int
    down_min_then: float
    down_min_now: float
    missed_min: float
    false_min: float
    delay_s: float | None
    notes: list[str] = []


class BacktestAnswer(Struct, frozen=True, kw_only=True):
    """What *rule* would have made of the range; ``totals`` are those of all jobs."""

    rule: str
    since: str
    until: str
    jobs: list[BacktestRow]
    totals: BacktestRow


class TrialService(Protocol):
    """Rules on trial, as the web sees them."""

    async def backtest(
        self, org: int, names: list[str], rule: str, whole: Span
    ) -> BacktestAnswer:
        """Return what *rule* would have made of some jobs, or of all."""
        ...


TRIALS: web.AppKey[TrialService] = web.AppKey("trials", TrialService)


async def backtest(request: web.Request) -> web.Response:
    """POST /api/v1/backtest"""
    service = request.app.get(TRIALS)
    if service is None:
        raise NotFound("this coordinator keeps no past")
    asked, now = body_of(request, BacktestBody), request.app[SITE].wall()
    now_us = round(now * 1e6)
    until = min(moment_us(asked.until, now, "until") or now_us, now_us)
    since = moment_us(asked.since, now, "since") or 0
    if not 0 < until - since <= LONGEST_S * 1e6:
        raise UsageError("since: must be before until, by at most 366 days")
    whole = Span(since, until)
    return reply(
        await service.backtest(who_is(request).org, asked.jobs, asked.rule, whole)
    )
