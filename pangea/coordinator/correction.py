"""Late results correct history, in the background, one job at a time.

What can no longer change the present marks its job; when the job has been quiet
for a while its stretch is judged again from all results that are kept. The live
verdict is not touched, and nobody is called for what is over.
"""

import asyncio
import logging
from collections.abc import Iterable

from msgspec import Struct

from pangea.core.backfill import amend
from pangea.core.clock import Clock
from pangea.core.errors import StorageError
from pangea.core.incident import Incident
from pangea.core.late import Fix, correct, relive
from pangea.core.model import PUSHED, Job, Result, Verdict
from pangea.core.rule import format_rule
from pangea.core.threshold import STRETCH_S
from pangea.core.uptime import Span
from pangea.core.verdict import JobState, Transition
from pangea.core.votes import Vote, VoteChange
from pangea.storage import corrections, lateness, log_then, spans
from pangea.storage import incidents as stored_incidents
from pangea.storage.database import Store
from pangea.web.events import Hub
from pangea.web.schema import moment

from . import bygone
from .backlog import LateMarks
from .board import Board
from .decided import Decided
from .incidents import Incidents
from .voting import Voting

log = logging.getLogger(__name__)

#: A job is judged again when nothing has come late for so long, and at the latest
#: so long after the first.
QUIET_S = 30.0
LATEST_S = 600.0
#: A longer stretch is judged in steps of so many seconds, or results; what is older
#: than this is beyond what is kept.
STEP_S = 6 * 3600.0
STEP_RESULTS = 5_000
OLDEST_S = 7 * 86400.0
#: So little before the end of a vote is the same moment.
APART_S = 0.05
#: A verdict that was wrong for no longer than this was not: it was heard later.
HEARD_S = 5.0


class Waiting(Struct):
    """A job with late results: where, since when, and when the last one came."""

    span: Span
    since: float
    last: float


class Correction:
    """Marks what came late, and judges it again; ``note``, then ``run``."""

    def __init__(
        self,
        board: Board,
        store: Store,
        incidents: Incidents,
        hub: Hub,
        clock: Clock,
    ) -> None:
        self._board, self._store, self._clock = board, store, clock
        self._incidents, self._hub = incidents, hub
        self.waiting: dict[int, Waiting] = {}
        self.quiet_s = QUIET_S

    async def load(self) -> None:
        """Take up what waited when the coordinator stopped."""
        now = self._clock.monotonic()
        for job, span in (await self._store.read(lateness.late_stretches)).items():
            self.waiting[job] = Waiting(span, now, now)

    def note(self, rows: Iterable[Result]) -> Decided:
        """Mark what of *rows* comes too late to be judged, as they are about to be."""
        now, found = self._clock.wall(), dict[int, Span]()
        states, lasts = self._board.states, self._board.lasts
        for row in rows:
            state, at = states.get(row.job), row.started_at_us / 1e6
            if state is None:
                continue
            held = state.votes.get(row.worker)
            ends = at + lasts[row.job]
            if ends > now and (held is None or at >= held.at - APART_S):
                continue
            if held is not None and abs(at - held.at) < APART_S:
                continue
            span = Span(row.started_at_us, round(min(ends, now) * 1e6))
            found[row.job] = _both(found.get(row.job), span)
        return self._marked(found) if found else Decided()

    def _marked(self, found: dict[int, Span]) -> Decided:
        now, decided = self._clock.monotonic(), Decided()
        for job, span in found.items():
            if self._board.jobs[job].type in PUSHED:
                continue
            before = self.waiting.get(job)
            since = before.since if before else now
            whole = _both(before.span if before else None, span)
            self.waiting[job] = Waiting(whole, since, now)
        marks = [(job, w.span) for job in found if (w := self.waiting.get(job))]
        decided.writes.append(LateMarks(marks))
        return decided

    async def run(self) -> None:
        """Judge again what has become quiet, for ever."""
        while True:
            await asyncio.sleep(min(1.0, self.quiet_s))
            try:
                await self.look()
            except StorageError as error:
                log.warning("history is corrected later: %s", error)

    async def look(self) -> None:
        """Judge again all jobs that have been quiet for long enough."""
        now = self._clock.monotonic()
        for job, waiting in sorted(self.waiting.items(), key=lambda w: w[1].since):
            if min(waiting.last + self.quiet_s, waiting.since + LATEST_S) <= now:
                await self._correct(job, waiting)

    async def _correct(self, number: int, waiting: Waiting) -> None:
        job, span = self._board.jobs.get(number), waiting.span
        now_us = round(self._clock.wall() * 1e6)
        begin = max(span.begin_us, now_us - round(OLDEST_S * 1e6))
        if number in self._board.states:
            # What was measured before speaks of another question.
            begin = max(begin, round(self._board.states[number].asked * 1e6))
        placed = max(1, len(self._board.placed(number)))
        each = job.interval_s / placed if job else STEP_S
        step = round(min(STEP_S, STEP_RESULTS * each) * 1e6)
        if job is not None:
            for at in range(begin, span.end_us, step):
                if number not in self._board.jobs:
                    break  # It was removed meanwhile.
                await self._judge(job, Span(at, min(at + step, span.end_us)))
        await self._store.write(lambda: lateness.done(number, span))
        if self.waiting.get(number) is waiting:
            del self.waiting[number]

    async def _judge(self, job: Job, whole: Span) -> None:
        """Judge a stretch again, and write what of it was wrong."""
        lasts = self._board.lasts[job.id]
        rule, workers = self._board.rules[job.id], dict(self._board.workers)
        # What is usual has to be known before what is slower can be told.
        before = max(2 * lasts, 2 * STRETCH_S if rule.slower else 0.0)
        begin = max(job.created_at_us, whole.begin_us - round(before * 1e6))
        warm = Span(begin, whole.end_us)
        read = await self._store.read(lambda: corrections.all_measured(job.id, warm))
        if read is None or warm.end_us <= warm.begin_us:
            return
        said, votes = read.said, await self._votes(read.rows)
        first = said[0].after if said and said[0].at_us <= warm.begin_us else None
        state = _state(job, first or Verdict.UNKNOWN, read.held, warm, lasts)
        turns = await asyncio.to_thread(
            relive, state, votes, rule, warm.end_us / 1e6, workers, read.seats
        )
        within = round(max(job.interval_s, HEARD_S) * 1e6)
        fix = correct(said, turns, state.verdict, whole, within)
        if fix and job.id in self._board.jobs:
            await self._write(job, whole, said, fix)

    async def _votes(self, rows: list[Result]) -> list[Vote]:
        """Return the votes of results; the loop goes on meanwhile."""
        found = list[Vote]()
        job = self._board.jobs.get(rows[0].job) if rows else None
        if job is None:
            return found
        rows = sorted(rows, key=lambda r: r.started_at_us)
        whole = Span(rows[0].started_at_us, rows[-1].started_at_us + 1)
        # Who is unwell now, or worked on, says nothing of then.
        then = await self._store.read(lambda: bygone.read(job, whole, rows))
        voting = Voting(self._board, then.void, then)
        for count, row in enumerate(rows):
            if count % 500 == 499:
                await asyncio.sleep(0)
            vote = voting.vote(row) if row.job in self._board.jobs else None
            if vote is not None:
                found.append(vote)
        return found

    async def _write(
        self, job: Job, whole: Span, said: list[Transition], fix: Fix
    ) -> None:
        now_us = round(self._clock.wall() * 1e6)
        wrong = set(fix.wrong)
        turns = sorted(
            [*(t for t in said if t not in wrong), *fix.right], key=lambda t: t.at_us
        )
        reach = Span(min(whole.begin_us, turns[0].at_us), whole.end_us)
        known, quiet = await self._store.read(lambda: _known(job, reach))
        rule = format_rule(self._board.rules[job.id])
        amended = amend(
            *(job.org, job.name, turns, known, reach, now_us, quiet), rule=rule
        )
        told = Decided()
        for step in (*amended.missed, *amended.never):
            self._incidents.put(step, told)

        def write() -> None:
            corrections.correct(job.id, fix, now_us)
            for each in told.writes:
                each()

        await self._store.write(write)
        never = sum(step.incident.retracted for step in amended.never)
        self._tell(job, whole, len(amended.missed), never)

    def _tell(self, job: Job, whole: Span, missed: int, never: int) -> None:
        """Tell open pages; nobody is called for what is over."""
        log.info(
            "late results corrected %s from %s on: %d incidents added, %d retracted",
            job.name,
            moment(whole.begin_us),
            missed,
            never,
        )
        said = {
            "job": job.name,
            "since": moment(whole.begin_us),
            "until": moment(whole.end_us),
            "backfilled": missed,
            "retracted": never,
        }
        self._hub.publish("correction", job.org, said)


def _known(job: Job, reach: Span) -> tuple[list[Incident], list[Span]]:
    """Return the incidents of *job*, and when none may open: as planned."""
    page, _ = stored_incidents.page(
        job.org, job=job.id, since_us=reach.begin_us, limit=1000
    )
    planned = [
        Span(s.from_us, s.until_us)
        for s in spans.between(job.id, reach.begin_us, reach.end_us)
    ]
    paused = log_then.pauses(job.id, reach.begin_us, reach.end_us)
    return page, [*planned, *paused]


def _both(one: Span | None, other: Span) -> Span:
    if one is None:
        return other
    return Span(min(one.begin_us, other.begin_us), max(one.end_us, other.end_us))


def _state(
    job: Job, verdict: Verdict, held: list[VoteChange], whole: Span, lasts: float
) -> JobState:
    """Return the state that a stretch began with, as far as the log knows it."""
    begin = whole.begin_us / 1e6
    votes = {
        c.worker: Vote(c.worker, c.after, begin - 0.001, begin + lasts, 0.0, c.cause)
        for c in held
        if c.after is not None
    }
    return JobState(
        job.id,
        verdict=verdict,
        since=begin,
        electorate=tuple(sorted(votes)),
        votes=votes,
    )
