"""Evidence, gathered as soon as a job is down: one that fails, and one that does not.

Both are asked for the job's own probe and the way to its target; what they find and
how it differs becomes a line of the incident. In a storm only a sample is gathered.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from functools import partial

from msgspec.structs import replace

from pangea.core.asking import MOST_S, Bucket
from pangea.core.clock import Clock
from pangea.core.evidence import difference, first_different_hop
from pangea.core.finding import Finding, finding_of
from pangea.core.incident import BAD, Entry
from pangea.core.model import PUSHED, Job, Result, Verdict, VoteValue, Worker
from pangea.core.placement import named
from pangea.core.verdict import JobState, Judgement
from pangea.storage import incidents as stored

from .asking import Answer, Asking
from .board import Board
from .decided import Decided

log = logging.getLogger(__name__)

#: The kind of these lines in the timeline of an incident.
EVIDENCE = "evidence"
#: Gatherings a second and at once, and jobs that wait for theirs: the first ones.
A_SECOND, AT_ONCE, WAITING = 2.0, 4.0, 20
#: Gatherings that go on at the same time.
RUNNING = 16

Write = Callable[[Decided], Awaitable[None]]


class Gathering:
    """Follows judging, after the incidents; ``run`` until cancelled.

    ``write`` takes what is to be written.
    """

    def __init__(self, board: Board, asking: Asking, clock: Clock) -> None:
        self._board = board
        self._asking = asking
        self._clock = clock
        self._wanted: deque[int] = deque()
        self._news = asyncio.Event()
        self._bucket = Bucket(A_SECOND, AT_ONCE)
        #: Jobs of which none was gathered, for there were too many at once.
        self.left_out = 0
        #: Are called with the id of an incident and its new line.
        self.found: list[Callable[[str, Entry], None]] = []
        self._busy: set[int] = set()

    def follow(self, before: JobState, judged: Judgement, decided: Decided) -> None:
        """Have evidence gathered of a job that has an incident now.

        It is down, or some have failed to reach it for a while and others have not.
        """
        turn = judged.transition
        if turn is None or turn.after not in BAD:
            return
        if turn.after is Verdict.DEGRADED and judged.state.line != "partial":
            return
        if self._board.incident_of(turn.job):
            self.want(turn.job)

    def want(self, number: int) -> None:
        """Have evidence gathered for an incident of this job, if there is room."""
        job = self._board.jobs.get(number)
        if job is None or job.type in PUSHED or job.id in self._board.drills:
            return
        if job.id in self._wanted:
            return
        if len(self._wanted) >= WAITING:
            self.left_out += 1
            return
        self._wanted.append(job.id)
        self._news.set()

    def is_busy_with(self, incident: str) -> bool:
        """Tell whether evidence of an incident is wanted, and not there yet."""
        asked = {*self._wanted, *self._busy}
        return any(self._board.incident_of(job) == incident for job in asked)

    async def run(self, write: Write) -> None:
        """Gather what is wanted, so many a second, and hand it to *write*."""
        turns = asyncio.Semaphore(RUNNING)
        async with asyncio.TaskGroup() as tasks:
            while True:
                while not self._wanted:
                    self._news.clear()
                    await self._news.wait()
                await self._turn()
                await turns.acquire()
                job = self._board.jobs.get(self._wanted.popleft())
                if job is None:
                    turns.release()
                    continue
                task = tasks.create_task(self._one(job, write), name="evidence")
                task.add_done_callback(lambda _: turns.release())

    async def _turn(self) -> None:
        wait_s = self._bucket.take(1.0, self._clock.monotonic())
        if wait_s:
            await asyncio.sleep(wait_s)
            self._bucket.take(1.0, self._clock.monotonic())

    async def _one(self, job: Job, write: Write) -> None:
        decided = Decided()
        self._busy.add(job.id)
        try:
            entry = await self.gather(job)
        finally:
            self._busy.discard(job.id)
        incident = self._board.incident_of(job.id)
        if entry is None or not incident:
            return
        decided.writes.append(partial(stored.add_entries, incident, (entry,)))
        said = {"incident": incident, "change": EVIDENCE, "job": job.name}
        decided.told.append(("incident", job.org, said))
        for tell in self.found:
            tell(incident, entry)
        await write(decided)

    async def gather(self, job: Job) -> Entry | None:
        """Return the line of what two workers find now; None if nobody can look."""
        bad = self._one_of(job, VoteValue.FAILED)
        if bad is None:
            return None
        good = self._one_of(job, VoteValue.OK, bad) or self._stranger(job, bad)
        asked = [worker for worker in (bad, good) if worker is not None]
        found = await self._ask(job, asked)
        failing = found[bad.id]
        healthy = found[good.id] if good else None
        words = difference(failing, healthy, more=self._others_fail(job, asked))
        data = {
            "job": job.name,
            "words": words,
            "failing": failing.data,
            "healthy": healthy.data if healthy else None,
            "parted_at_hop": first_different_hop(failing, healthy) if healthy else 0,
        }
        at_us = round(self._clock.wall() * 1e6)
        text = f"{job.name}: {words}"
        return Entry(kind=EVIDENCE, at_us=at_us, text=text, data=data)

    def _others_fail(self, job: Job, asked: list[Worker]) -> bool:
        """Tell whether somebody beside those who were *asked* fails it now."""
        state = self._board.states.get(job.id, JobState(job.id))
        failed = {v.worker for v in state.counted if v.value is VoteValue.FAILED}
        return not failed <= {worker.id for worker in asked}

    def _one_of(
        self, job: Job, value: VoteValue, other: Worker | None = None
    ) -> Worker | None:
        """Return a worker whose vote that counts is *value*, the latest, if any."""
        state = self._board.states.get(job.id, JobState(job.id))
        votes = [v for v in state.counted if v.value is value]
        for vote in sorted(votes, key=lambda v: -v.at):
            worker = self._board.workers.get(vote.worker)
            if worker and worker is not other and not self._refuses(job, worker):
                return worker
        return None

    def _stranger(self, job: Job, bad: Worker) -> Worker | None:
        """Return one more that can look: of the job's own workers before others."""
        state = self._board.states.get(job.id, JobState(job.id))
        able = [
            w
            for w in self._board.workers.values()
            if w.org == job.org
            and w.id != bad.id
            and w.id not in self._board.sick
            and not self._refuses(job, w)
        ]
        return min(able, key=lambda w: self._rank(job, state, w, bad), default=None)

    def _rank(
        self, job: Job, state: JobState, worker: Worker, bad: Worker
    ) -> tuple[bool, bool, bool, str]:
        """Return where to begin: who does not fail, who is near, who is elsewhere."""
        vote = state.votes.get(worker.id)
        fails = vote is not None and vote.value is VoteValue.FAILED
        same = bool(worker.region) and worker.region == bad.region
        return fails, not named(job, worker), same, worker.name

    def _refuses(self, job: Job, worker: Worker) -> str:
        return self._asking.refusal(job, worker)

    async def _ask(self, job: Job, workers: list[Worker]) -> dict[int, Finding]:
        """Return what each of *workers* finds."""
        said: dict[int, list[Answer]] = {worker.id: [] for worker in workers}
        asked = replace(job, timeout_s=min(job.timeout_s, MOST_S))
        async with aclosing(self._asking.ask(asked, workers, hops=True)) as answers:
            async for answer in answers:
                said[answer.worker.id].append(answer)
        return {w.id: as_finding(w.name, said[w.id]) for w in workers}


def as_finding(worker: str, answers: list[Answer]) -> Finding:
    """Return the answers of one worker, its result and the way, as one finding."""
    result: Result | None = None
    way: Result | None = None
    refused = no_way = ""
    for answer in answers:
        if answer.way:
            way, no_way = answer.result or way, answer.refused or no_way
        else:
            result, refused = answer.result or result, answer.refused or refused
    return finding_of(worker, result, way, refused=refused, no_way=no_way)
