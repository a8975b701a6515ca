"""Jobs out: every linked worker holds the assignments that the board wants."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence, Set

import msgspec

from pangea.core.clock import Clock
from pangea.core.model import Assignment, Job
from pangea.core.phase import worker_phase
from pangea.core.placement import is_counted
from pangea.mesh.messages import Desired, Message, RunNow

from .board import Board
from .withheld import may_have

log = logging.getLogger(__name__)
_encoder = msgspec.msgpack.Encoder()

#: Assignments in one message, and their bytes, so that it stays far below a frame.
CHUNK, CHUNK_BYTES = 500, 512 * 1024
#: Messages that may wait for a slow worker before its link is given up.
BACKLOG = 1000
#: Clocks agree at least to this; also what ran while a worker took its new set.
SLACK_S = 60.0
#: Assignments made before others get a turn.
STEP = 500


class Outbox:
    """Messages to one worker, in order; its link sends them.

    ``held`` is what the worker has when all is sent, as of ``version``;
    ``resending`` is the version that ends a whole set which is on its way.
    """

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Message] = asyncio.Queue(BACKLOG)
        self.full = asyncio.Event()
        self.held: dict[int, Assignment] = {}
        self.version = 0
        self.resending = 0

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
        self._clock = clock
        # Later runs must not reuse a number that a worker remembers.
        self._version = round(clock.wall() * 1000)
        self.outboxes: dict[int, Outbox] = {}
        #: Those that want to know of each worker that can be asked now.
        self.linked: list[Callable[[int], None]] = []
        #: All that was ever given to a worker, and since when it had nothing else.
        self._given: dict[int, set[int]] = {}
        self._known_since: dict[int, float] = {}
        #: What changes while a whole set is gathered, for each of them.
        self._gathering: list[set[int]] = []

    async def link(self, worker: int, outbox: Outbox) -> None:
        """Begin to serve *worker* over *outbox* with its whole set.

        The latest link wins.
        """
        await self._send_all(worker, outbox)
        for tell in self.linked:
            tell(worker)

    def unlink(self, worker: int, outbox: Outbox) -> bool:
        """Stop serving over *outbox*; False if another one took its place."""
        if self.outboxes.get(worker) is not outbox:
            return False
        del self.outboxes[worker]
        return True

    async def _send_all(self, worker: int, outbox: Outbox) -> None:
        """Send *worker* its whole set, in chunks that it takes as one.

        It is gathered in small steps; what changes meanwhile follows after it.
        """
        changed: set[int] = set()
        self._gathering.append(changed)
        try:
            held = await self._gather(worker)
        finally:
            self._gathering.remove(changed)
        if outbox.full.is_set():
            return  # this link was given up meanwhile
        self.outboxes[worker] = outbox
        outbox.held = held
        self._given.setdefault(worker, set()).update(held)
        # It need not say that it took it: who says nothing would have had anything.
        self._known_since.setdefault(worker, self._clock.wall())
        self._say(outbox, None, list(held.values()), [])
        outbox.resending = outbox.version
        self.update(changed)

    async def _gather(self, worker: int) -> dict[int, Assignment]:
        held: dict[int, Assignment] = {}
        for count, number in enumerate(list(self._board.jobs), 1):
            job = self._board.jobs.get(number)
            assignment = job and self._assignment(job, worker)
            if assignment:
                held[number] = assignment
            if count % STEP == 0:
                await asyncio.sleep(0)
        return held

    async def applied(self, worker: int, outbox: Outbox, version: int) -> None:
        """Note what *worker* runs now; 0 means that it wants its whole set.

        One that asks again while that is on its way only has to wait.
        """
        if version and version == outbox.resending:
            outbox.resending = 0
        mine = self.outboxes.get(worker) is outbox
        if version == 0 and mine and not outbox.resending:
            await self._send_all(worker, outbox)

    def given(self, worker: int) -> Set[int]:
        """Return all jobs that *worker* was ever given by this coordinator."""
        return self._given.get(worker, frozenset())

    def may_report(self, worker: int, job: int, at: float) -> bool:
        """Tell whether *worker* may have run *job* at *at* (UTC seconds).

        What it had before this coordinator started, and until it first was sent its
        whole set by us, we do not know: it may have had anything.
        """
        if job in self._given.get(worker, ()):
            return True
        return at < self._known_since.get(worker, float("inf")) + SLACK_S

    def update(self, jobs: Iterable[int]) -> None:
        """Tell all linked workers what changed for them in *jobs*."""
        put: dict[int, list[Assignment]] = {}
        drop: dict[int, list[int]] = {}
        jobs = set(jobs)
        for changed_meanwhile in self._gathering:
            changed_meanwhile |= jobs
        for job in jobs:
            placed = self._board.placed(job)
            for worker, outbox in self.outboxes.items():
                if worker in placed:
                    self._put(job, worker, outbox, put.setdefault(worker, []))
                elif outbox.held.pop(job, None):
                    drop.setdefault(worker, []).append(job)
        for worker in put.keys() | drop.keys():
            changed, left = put.get(worker, []), drop.get(worker, [])
            if changed or left:
                outbox = self.outboxes[worker]
                self._say(outbox, outbox.version, changed, left)

    def _put(
        self, job: int, worker: int, outbox: Outbox, changed: list[Assignment]
    ) -> None:
        wanted = self._assignment(self._board.jobs[job], worker)
        if wanted is not None and outbox.held.get(job) != wanted:
            outbox.held[job] = wanted
            self._given[worker].add(job)
            changed.append(wanted)

    def _say(
        self,
        outbox: Outbox,
        base: int | None,
        put: list[Assignment],
        drop: list[int],
    ) -> None:
        """Send one change in as many chunks as it needs."""
        parts = in_parts(put, drop)
        for left, (some, gone) in zip(reversed(range(len(parts))), parts, strict=True):
            self._version += 1
            outbox.say(Desired(self._version, base, tuple(some), tuple(gone), left > 0))
            base = outbox.version = self._version

    def run_now(self, job: int, workers: Iterable[int], delay_s: float = 0.0) -> None:
        """Ask *workers* to probe *job*; those that are not linked are left out."""
        for worker in workers:
            outbox = self.outboxes.get(worker)
            if outbox and job in outbox.held:
                outbox.say(RunNow(job, delay_s))

    def _assignment(self, job: Job, worker: int) -> Assignment | None:
        placed = self._board.placed(job.id)
        if worker not in placed or not may_have(job, self._board.workers.get(worker)):
            return None
        slots = self._board.slots(job.id)
        phase = worker_phase(job.id, job.interval_s, placed[worker], slots)
        return Assignment(
            job.id,
            job.type,
            job.target,
            job.interval_s,
            job.timeout_s,
            phase,
            job.options,
            job.expect,
            is_counted(job),
            self._board.drills.get(job.id, False),
        )


def in_parts(
    put: Sequence[Assignment], drop: Sequence[int]
) -> list[tuple[Sequence[Assignment], Sequence[int]]]:
    """Return a change in as many parts as it needs, at least one."""
    parts: list[list[Assignment]] = [[]]
    held = 0
    for assignment in put:
        size = len(_encoder.encode(assignment))
        full = len(parts[-1]) >= CHUNK or held + size > CHUNK_BYTES
        if full and parts[-1]:
            parts.append([])
            held = 0
        parts[-1].append(assignment)
        held += size
    parts += [[] for _ in range(len(parts), -(-len(drop) // CHUNK))]
    return [
        (part, drop[number * CHUNK : (number + 1) * CHUNK])
        for number, part in enumerate(parts)
    ]
