"""What people are told beside incidents: workers, the coordinator, storage, gaps."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pangea.core.alert_rule import About
from pangea.core.durations import format_duration
from pangea.core.liveness import Presence
from pangea.core.model import FIRST_ORG, PUSHED, Job, Verdict, Worker
from pangea.core.notice import Kind, Notice, Severity
from pangea.core.text import safe_text

from .alert_book import AlertBook
from .walk import in_steps

if TYPE_CHECKING:
    from .coordinator import Coordinator

#: A worker is told as lost after so long, as isolated or unwell after so long, a
#: job as unknown, and that the database is well again.
LOST_S, ISOLATED_S, UNKNOWN_S, WELL_S = 300.0, 60.0, 600.0, 30.0
#: All jobs are looked at so often.
LOOK_S = 5.0
SEVERITY: dict[str, Severity] = {
    "unknown": "warning",
    "worker-lost": "warning",
    "worker-isolated": "warning",
    "coordinator-isolated": "critical",
    "storage": "critical",
}


class Sources:
    """Begins and ends the alerts of what lasts; ``look`` every second."""

    def __init__(self, coordinator: "Coordinator", book: AlertBook) -> None:
        self._c, self._board, self._book = coordinator, coordinator.board, book
        self._clock = coordinator.clock
        self._since: dict[str, float] = {}
        self._looked = 0.0

    async def look(self) -> None:
        """See what began and what is over."""
        self._look_at_storage()
        self._look_at_ourselves()
        now = self._clock.monotonic()
        if now - self._looked >= LOOK_S or not self._looked:
            self._looked = now
            self._look_at_workers()
            await self._look_at_unknown()

    def abouts(self, notice: Notice) -> Iterator[About]:
        """Yield the worker that a notice is about, with its tags as labels."""
        for worker in self._board.workers.values():
            if worker.name == notice.worker and worker.org == notice.org:
                regions = (worker.region,) if worker.region else ()
                yield About("", worker.tags, regions)

    def _look_at_storage(self) -> None:
        said = [self._c.intake.trouble and f"cannot store: {self._c.intake.trouble}"]
        said += self._c.retention.sealing.trouble()
        why = "; ".join(safe_text(line, 300) for line in said if line)
        for org in self._orgs():
            subject = f"storage/{org}"
            if why:
                self._since.pop(subject, None)
                self._begin(subject, "storage", org, "the database", why)
            elif self._book.of(subject) and self._lasts(subject, WELL_S):
                self._since.pop(subject, None)
                self._book.end(subject)

    def _look_at_ourselves(self) -> None:
        doubt = self._c.watch.doubt
        for org in self._orgs():
            subject = f"coordinator-isolated/{org}"
            if doubt is not None:
                why = f"{len(doubt.gone)} workers vanished at once; verdicts are frozen"
                title = "the coordinator seems to be cut off"
                self._begin(subject, "coordinator-isolated", org, title, why)
            elif self._book.of(subject):
                self._book.end(subject)

    def _look_at_workers(self) -> None:
        there = {f"{w.id}": w for w in self._board.workers.values() if _counts(w)}
        for number, worker in there.items():
            resting = worker.id in self._board.resting
            self._look_at_lost(f"worker-lost/{number}", worker, resting=resting)
            self._look_at_sick(f"worker-isolated/{number}", worker, resting=resting)
        for kind in ("worker-lost", "worker-isolated"):
            for subject in self._book.subjects(kind):
                if subject.partition("/")[2] not in there:
                    self._book.end(subject, "it is a worker no more")

    def _look_at_lost(self, subject: str, worker: Worker, *, resting: bool) -> None:
        board = self._board
        if worker.id in board.connected:
            self._since.pop(subject, None)
            self._book.end(subject)
            return
        lost = self._c.watch.presence(worker.id) is Presence.LOST
        if resting or not lost or board.frozen or self._c.watch.doubt:
            self._since.pop(subject, None)
            return
        if self._lasts(subject, LOST_S - 20.0):
            seen_us = round(board.seen.get(worker.id, 0.0) * 1e6)
            since_us = seen_us or self._book.now_us()
            ago = format_duration(max(round(self._clock.wall() - since_us / 1e6), 0))
            why = f"last seen {ago} ago"
            self._begin(
                subject, "worker-lost", worker.org, worker.name, why, worker, since_us
            )

    def _look_at_sick(self, subject: str, worker: Worker, *, resting: bool) -> None:
        why = self._c.sickness.cause(worker.id)
        if not why:
            self._since.pop(subject, None)
            self._book.end(subject)
        elif not resting and self._lasts(subject, ISOLATED_S):
            told = f"what it fails does not count: {safe_text(why, 200)}"
            name = worker.name
            self._begin(subject, "worker-isolated", worker.org, name, told, worker)

    async def _look_at_unknown(self) -> None:
        bad = set[str]()
        if self._c.watch.doubt or self._c.intake.trouble:
            return  # It is we who know nothing, and that is told.
        async for some in in_steps(list(self._board.jobs.values())):
            bad.update(f"unknown/{job.id}" for job in some if self._is_unknown(job))
        for subject in self._book.subjects("unknown"):
            if subject not in bad:
                self._book.end(subject)

    def _is_unknown(self, job: Job) -> bool:
        """Tell whether nobody knows how *job* is; if that has lasted, it is told."""
        board, state = self._board, self._board.states.get(job.id)
        if state is None or state.verdict is not Verdict.UNKNOWN:
            return False
        if job.type in PUSHED:
            return False  # It waits for a report, and is down when that is late.
        if board.incident_of(job.id) or board.blamed.get(job.id):
            return False
        if board.verdict(job) != Verdict.UNKNOWN:
            return False
        since = max(state.since, job.created_at_us / 1e6) or board.started
        if self._clock.wall() - since >= UNKNOWN_S:
            subject = f"unknown/{job.id}"
            self._unknown(subject, job, round(since * 1e6), state.reason)
        return True

    def _unknown(self, subject: str, job: Job, since_us: int, reason: str) -> None:
        self._begin(
            subject,
            "unknown",
            job.org,
            job.name,
            safe_text(reason, 200),
            since_us=since_us,
            job=job,
        )

    def _begin(
        self,
        subject: str,
        kind: Kind,
        org: int,
        title: str,
        why: str,
        worker: Worker | None = None,
        since_us: int = 0,
        job: Job | None = None,
    ) -> None:
        now_us = self._book.now_us()
        since_us = since_us or now_us
        facts = {"why": why} | ({"job": job.name} if job else {})
        notice = Notice(
            key=f"{subject}/{since_us}",
            kind=kind,
            severity=SEVERITY[kind],
            org=org,
            at_us=now_us,
            since_us=since_us,
            title=title,
            reason=why,
            job=job.id if job else 0,
            worker=worker.name if worker else "",
            facts=facts,
        )
        self._book.begin(subject, notice)

    def _lasts(self, subject: str, for_s: float) -> bool:
        """Tell whether it has been so for that long, by a clock that is never set."""
        now = self._clock.monotonic()
        return now - self._since.setdefault(subject, now) >= for_s

    def _orgs(self) -> set[int]:
        return {FIRST_ORG, *(worker.org for worker in self._board.workers.values())}


def _counts(worker: Worker) -> bool:
    return worker.state == "approved" and not worker.draining
