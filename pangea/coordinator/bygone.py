"""What held at a moment of the past: who was unwell, isolated or worked on, and drills.

Nothing of it changes anything, or asks what holds now.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from pangea.core.drill import is_drill
from pangea.core.errors import UsageError
from pangea.core.isolation import is_isolation
from pangea.core.maintenance import MOST_WINDOWS, Maintenance, windows
from pangea.core.model import Job, Outcome, Result
from pangea.core.self_test import RESOLVER, kind_of
from pangea.core.sickness import SickWindow, may_be_void, void
from pangea.core.uptime import Span
from pangea.core.votes import RESTING, VoteChange
from pangea.scheduling import next_by_cron
from pangea.storage import log_then, maintenance, sick_windows, spans
from pangea.storage.spans import DRILL

from .drill import OVER

#: Of the log of votes so many changes of a stretch are looked at.
MOST_CHANGES = 100_000
#: A worker may have begun to fail on purpose so much before the drill is known.
BEFORE_US = 1_000_000


class Bygone(Struct, frozen=True):
    """What held of a job in a stretch: by worker, when it was sick, isolated, resting.

    ``drills`` are when it failed on purpose.
    """

    sick: Mapping[int, Sequence[SickWindow]]
    isolated: Mapping[int, Sequence[SickWindow]]
    resting: Mapping[int, Sequence[Span]]
    drills: Sequence[Span]

    def void(self, result: Result, job: Job) -> str:
        """Return why *result* did not count then, "" if it did."""
        if self.is_resting(result):
            return RESTING
        if is_drill(result) and not self._is_drilled(result.started_at_us):
            return OVER
        if cause := void(result, job, self.sick.get(result.worker, ())):
            return cause
        alone = self._isolation(result)
        return alone.cause if alone and may_be_void(result, job) else ""

    def is_resting(self, result: Result) -> bool:
        """Tell whether the worker of *result* was in maintenance."""
        at, rests = result.started_at_us, self.resting.get(result.worker, ())
        return any(s.begin_us <= at < s.end_us for s in rests)

    def is_sick(self, result: Result) -> bool:
        """Tell whether the worker of *result* was unwell, or isolated."""
        began, ended = _times(result)
        unwell = any(
            w.covers(began, ended) and kind_of(w.cause) != RESOLVER
            for w in self.sick.get(result.worker, ())
        )
        return unwell or self._isolation(result) is not None

    def _isolation(self, result: Result) -> SickWindow | None:
        began, ended = _times(result)
        known = self.isolated.get(result.worker, ())
        return next((w for w in known if w.since <= ended and began < w.until), None)

    def _is_drilled(self, at_us: int) -> bool:
        return any(d.begin_us - BEFORE_US <= at_us < d.end_us for d in self.drills)


def read(job: Job, whole: Span, rows: Iterable[Result]) -> Bygone:
    """Return what held of *job* in a stretch of which *rows* are the results."""
    rows, begin, end = list(rows), whole.begin_us, whole.end_us
    changes = [
        *log_then.votes_at([job.id], begin)[job.id],
        *log_then.changes(job.id, begin, end, MOST_CHANGES),
    ]
    plans = [p for p in maintenance.all() if p.org == job.org]
    drills = [s for s in spans.between(job.id, begin, end) if s.kind == DRILL]
    workers = {row.worker for row in rows}
    return Bygone(
        sick={w: s for w, s in sick_windows.all_of().items() if w in workers},
        isolated=isolations(changes, rows),
        resting={w: list(_rests(plans, w, whole)) for w in workers},
        drills=[Span(s.from_us, s.until_us) for s in drills],
    )


def causes(job: Job, rows: Sequence[Result]) -> list[str]:
    """Return why each of *rows*, results of *job*, did not count, "" if it did."""
    if not rows:
        return []
    times = [row.started_at_us for row in rows]
    then = read(job, Span(min(times), max(times) + 1), rows)
    return [then.void(row, job) if row.vote else "" for row in rows]


def isolations(
    changes: Iterable[VoteChange], rows: Iterable[Result]
) -> dict[int, list[SickWindow]]:
    """Return when each worker was isolated, as the log of a job's votes tells.

    It lasted until its vote counted again, or it reached the target, whether that
    was heard in time or not.
    """
    reached: dict[int, list[float]] = {}
    for row in rows:
        if row.outcome is not Outcome.FAILED:
            reached.setdefault(row.worker, []).append(row.started_at_us / 1e6)
    found: dict[int, list[SickWindow]] = {}
    by_worker = sorted(changes, key=lambda c: (c.worker, c.at_us))
    for worker, own in itertools.groupby(by_worker, key=lambda c: c.worker):
        log = list(own)
        for i, change in enumerate(log):
            if change.after is None and is_isolation(change.cause):
                since = change.at_us / 1e6
                counted = (c.at_us / 1e6 for c in log[i + 1 :] if c.after is not None)
                well = (at for at in reached.get(worker, ()) if at > since)
                first = [next(counted, float("inf")), min(well, default=float("inf"))]
                window = SickWindow(since, min(first), change.cause)
                found.setdefault(worker, []).append(window)
    return found


def _rests(plans: Iterable[Maintenance], worker: int, whole: Span) -> Iterator[Span]:
    """Yield when *worker* was in maintenance; what was not planned yet is left out."""
    for plan in plans:
        if worker not in plan.workers:
            continue
        since = max(whole.begin_us, plan.created_us) / 1e6
        try:
            found = windows(plan, since, next_by_cron)
            for one in itertools.islice(found, MOST_WINDOWS):
                if one.start * 1e6 >= whole.end_us:
                    break
                yield Span(round(one.start * 1e6), round(one.until * 1e6))
        except UsageError:  # This machine knows its zone no more: it is told live.
            continue


def _times(result: Result) -> tuple[float, float]:
    began = result.started_at_us / 1e6
    return began, began + result.duration_ms / 1000
