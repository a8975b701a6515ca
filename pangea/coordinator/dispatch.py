"""Jobs out: every linked worker holds the assignments that the board wants."""

import asyncio
import logging
from collections.abc import Iterable

from pangea.core.clock import Clock
from pangea.core.model import Assignment, Job
from pangea.core.phase import worker_phase
from pangea.mesh.messages import Desired, Message, RunNow

from .board import Board

log = logging.getLogger(__name__)

#: Assignments in one message, so that it stays far below a frame.
CHUNK = 500
#: Messages that may wait for a slow worker before its link is given up.
BACKLOG = 1000


class Outbox:
    """Messages to one worker, in order; ``pump`` sends them over its link."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Message] = asyncio.Queue(BACKLOG)
        self.full = asyncio.Event()
        self.held: dict[int, Assignment] = {}
        self.version = 0

    def say(self, message: Message) -> None:
        """Queue *message*; never fails for whoever says it.

        A worker that takes nothing any more loses its link (``full``), and gets
        all anew on the next one.
        """
        try:
            self.queue.put_nowait(message)
        except asyncio.QueueFull:
            self.full.set()


class Dispatch:
    """Keeps the outboxes of all linked workers up to date with the board."""

    def __init__(self, board: Board, clock: Clock) -> None:
        self._board = board
        # Later runs must not reuse a number that a worker remembers.
        self._version = round(clock.wall() * 1000)
        self.outboxes: dict[int, Outbox] = {}

    def link(self, worker: int, outbox: Outbox) -> None:
        """Begin to serve *worker* over *outbox*; the latest link wins."""
        self.outboxes[worker] = outbox

    def unlink(self, worker: int, outbox: Outbox) -> bool:
        """Stop serving over *outbox*; False if another one took its place."""
        if self.outboxes.get(worker) is not outbox:
            return False
        del self.outboxes[worker]
        return True

    def send_all(self, worker: int, outbox: Outbox) -> None:
        """Send *worker* its whole set, in chunks: a first one, then additions."""
        wanted = [
            assignment
            for job in self._board.jobs.values()
            if (assignment := self._assignment(job, worker)) is not None
        ]
        outbox.held = {a.job: a for a in wanted}
        base = None
        for start in range(0, max(len(wanted), 1), CHUNK):
            self._version += 1
            part = tuple(wanted[start : start + CHUNK])
            outbox.say(Desired(self._version, base, part))
            base = outbox.version = self._version

    def update(self, jobs: Iterable[int]) -> None:
        """Tell all linked workers what changed for them in *jobs*."""
        changed = set(jobs)
        for worker, outbox in self.outboxes.items():
            self._update_one(worker, outbox, changed)

    def run_now(self, job: int, workers: Iterable[int], delay_s: float = 0.0) -> None:
        """Ask *workers* to probe *job*; those that are not linked are left out."""
        for worker in workers:
            outbox = self.outboxes.get(worker)
            if outbox and job in outbox.held:
                outbox.say(RunNow(job, delay_s))

    def _update_one(self, worker: int, outbox: Outbox, changed: set[int]) -> None:
        put, drop = [], []
        for job_id in changed:
            job = self._board.jobs.get(job_id)
            wanted = self._assignment(job, worker) if job else None
            if wanted is None:
                if outbox.held.pop(job_id, None):
                    drop.append(job_id)
            elif outbox.held.get(job_id) != wanted:
                outbox.held[job_id] = wanted
                put.append(wanted)
        for start in range(0, max(len(put), len(drop)), CHUNK):
            self._version += 1
            part = slice(start, start + CHUNK)
            outbox.say(
                Desired(
                    self._version, outbox.version, tuple(put[part]), tuple(drop[part])
                )
            )
            outbox.version = self._version

    def _assignment(self, job: Job, worker: int) -> Assignment | None:
        placed = [w.id for w in self._board.placements[job.id].workers]
        if worker not in placed:
            return None
        phase = worker_phase(job.id, job.interval_s, placed.index(worker), len(placed))
        return Assignment(
            job.id,
            job.type,
            job.target,
            job.interval_s,
            job.timeout_s,
            phase,
            job.options,
            job.expect,
        )
