"""Rules on trial, as the web sees them (``pangea.web.api_backtest``)."""

import asyncio

from pangea.core.backtest import Backtest
from pangea.core.errors import UsageError
from pangea.core.job_rule import rule_for
from pangea.core.model import Job
from pangea.core.rule import format_rule
from pangea.core.uptime import Span
from pangea.web.api_backtest import MOST_JOBS, BacktestAnswer, BacktestRow
from pangea.web.schema import moment

from .coordinator import Coordinator
from .trial import try_rules


class TrialService:
    """Tries rules, one trial after the other."""

    def __init__(self, coordinator: Coordinator) -> None:
        self._c = coordinator
        self._turn = asyncio.Lock()

    async def backtest(
        self, org: int, names: list[str], rule: str, whole: Span
    ) -> BacktestAnswer:
        """Return what *rule* would have made of some jobs, or of all."""
        board = self._c.board
        jobs = [board.job(name, org) for name in dict.fromkeys(names)]
        if not names:
            jobs = sorted(
                (j for j in board.jobs.values() if j.org == org), key=lambda j: j.name
            )
        if len(jobs) > MOST_JOBS:
            raise UsageError(
                f"{len(jobs)} jobs are too many for one trial",
                hint=f"name at most {MOST_JOBS} of them",
            )
        defaults = board.defaults.get(org, "")
        wanted = [(job, rule_for(job, defaults, rule)) for job in jobs]
        workers = {w.id: w for w in board.workers.values() if w.org == org}
        try:
            async with self._turn:
                found = await try_rules(self._c.store, wanted, whole, workers)
        except TimeoutError as error:
            raise UsageError(
                "this takes too long", hint="name fewer jobs, or a shorter range"
            ) from error
        return BacktestAnswer(
            rule=rule,
            since=moment(whole.begin_us),
            until=moment(whole.end_us),
            jobs=[
                _row(job, format_rule(rule_for(job, defaults)), one)
                for job, one in zip(jobs, found, strict=True)
            ],
            totals=_totals(rule, found),
        )


def _row(job: Job, rule: str, one: Backtest) -> BacktestRow:
    return BacktestRow(
        name=job.name,
        rule=rule,
        incidents_then=one.then,
        incidents_now=one.now,
        down_min_then=_minutes(one.down_then_s),
        down_min_now=_minutes(one.down_now_s),
        missed_min=_minutes(one.missed_s),
        false_min=_minutes(one.false_s),
        delay_s=None if one.delay_s is None else round(one.delay_s, 1),
        notes=list(one.notes),
    )


def _totals(rule: str, found: list[Backtest]) -> BacktestRow:
    delays = [one.delay_s for one in found if one.delay_s is not None]
    return BacktestRow(
        name="",
        rule=rule,
        incidents_then=sum(one.then for one in found),
        incidents_now=sum(one.now for one in found),
        down_min_then=_minutes(sum(one.down_then_s for one in found)),
        down_min_now=_minutes(sum(one.down_now_s for one in found)),
        missed_min=_minutes(sum(one.missed_s for one in found)),
        false_min=_minutes(sum(one.false_s for one in found)),
        delay_s=round(sum(delays) / len(delays), 1) if delays else None,
        notes=sorted({note for one in found for note in one.notes}),
    )


def _minutes(seconds: float) -> float:
    return round(seconds / 60, 2)
