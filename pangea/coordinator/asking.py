"""Asks workers for a probe that belongs to no job, and hears what they answer."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping

from msgspec import Struct

from pangea.core.asking import answered_within
from pangea.core.clock import Clock
from pangea.core.errors import ProtocolError
from pangea.core.model import Job, Result, Worker
from pangea.core.placement import refusal
from pangea.core.text import safe_text
from pangea.core.worker_time import WorkerTime
from pangea.mesh.messages import Message
from pangea.mesh.probe_messages import AskProbe, ProbeSaid

from .board import Board
from .rows import read_row
from .withheld import as_trusted, may_have
from .worker_link import WorkerLink

#: A longer row is no answer, in bytes.
MOST_BYTES = 256 * 1024
#: Questions that may be open at the same time.
MOST_OPEN = 2000


class Answer(Struct, frozen=True):
    """What one worker says: a result, or why there is none.

    ``way`` marks the walk to the target, ``last`` the end of this worker's answers.
    """

    worker: Worker
    result: Result | None = None
    refused: str = ""
    way: bool = False
    last: bool = True


class _Open:
    """A question that waits for its answers."""

    def __init__(self, link: WorkerLink, answers: "asyncio.Queue[Answer]") -> None:
        self.link, self.answers = link, answers
        self.heard = 0

    def tell(self, answer: Answer) -> None:
        self.heard += 1
        self.answers.put_nowait(answer)


class Asking:
    """Numbers the questions, and takes answers from who was asked alone.

    What is answered is stored nowhere, and is no vote.
    """

    def __init__(
        self, board: Board, clock: Clock, links: Mapping[int, WorkerLink]
    ) -> None:
        self._board = board
        self._clock = clock
        self._links = links
        self._open: dict[int, _Open] = {}
        self._number = 0

    async def ask(
        self, job: Job, workers: Iterable[Worker], *, hops: bool = False
    ) -> AsyncGenerator[Answer, None]:
        """Yield what *workers* answer to the question of *job*, as it comes.

        The job need not exist. With *hops* the way to the target follows. Each
        worker's last answer is ``last``, also if it left or never said a word.
        """
        answers: asyncio.Queue[Answer] = asyncio.Queue()
        asked: dict[int, Worker] = {}
        try:
            for worker in workers:
                why = self.refusal(job, worker)
                if why:
                    answers.put_nowait(Answer(worker, refused=why))
                number = 0 if why else self._say(job, worker, answers, hops=hops)
                asked[number or -len(asked) - 1] = worker
            left = {worker.id: worker for worker in asked.values()}
            loop = asyncio.get_running_loop()
            until = loop.time() + answered_within(job.timeout_s, hops=hops)
            while left and (answer := await _next(answers, until)):
                if answer.last:
                    left.pop(answer.worker.id, None)
                yield answer
            for worker in left.values():
                yield Answer(worker, refused="it did not answer in time")
        finally:
            for number in asked:
                self._open.pop(number, None)

    def refusal(self, job: Job, worker: Worker) -> str:
        """Return why *worker* cannot be asked what *job* asks, "" if it can."""
        link = self._links.get(worker.id)
        if link is None or worker.state != "approved":
            return "it is not connected"
        if not link.link.speaks(AskProbe):
            return "its version cannot be asked once: update it"
        if len(self._open) >= MOST_OPEN:
            return f"{MOST_OPEN} questions are open already"
        (seen,) = as_trusted(job, [worker])
        return refusal(job, seen, self._board.cannot)

    def _say(
        self, job: Job, worker: Worker, answers: "asyncio.Queue[Answer]", *, hops: bool
    ) -> int:
        if not may_have(job, worker):
            raise ProtocolError("credentials are for workers that a person approved")
        link = self._links[worker.id]
        self._number += 1
        self._open[self._number] = _Open(link, answers)
        link.outbox.say(
            AskProbe(
                self._number,
                job.type,
                job.target,
                job.options,
                job.timeout_s,
                job.expect,
                hops,
            )
        )
        return self._number

    def hear(self, link: WorkerLink, message: Message) -> bool:
        """Take *message* if it is an answer; False if it is not.

        Raises ProtocolError for one to a question that this worker never got.
        """
        if not isinstance(message, ProbeSaid):
            return False
        open_ = self._open.get(message.id)
        if open_ is None and 0 < message.id <= self._number:
            return True  # too late: nobody waits for it any more
        if open_ is None or open_.link is not link:
            raise ProtocolError("it answers what it was never asked")
        answer = self._read(link, message, way=open_.heard > 0)
        open_.tell(answer)
        if answer.last or open_.heard >= 2:
            del self._open[message.id]
        return True

    def left(self, link: WorkerLink) -> None:
        """Note that *link* has ended: what it was asked is answered by nobody."""
        for number, open_ in list(self._open.items()):
            if open_.link is link:
                del self._open[number]
                why, way = "it left before it answered", open_.heard > 0
                open_.tell(Answer(link.worker, refused=why, way=way))

    def _read(self, link: WorkerLink, said: ProbeSaid, *, way: bool) -> Answer:
        """Return what was *said*; a row that cannot be is a refusal."""
        last = said.last or way
        if not said.row:
            why = safe_text(said.refused, 300) or "it gave no reason"
            return Answer(link.worker, refused=why, way=way)
        try:
            if len(said.row) > MOST_BYTES:
                raise ProtocolError(f"{len(said.row)} bytes are too many")
            time = WorkerTime(link.vitals.offset_us)
            now_us = round(self._clock.wall() * 1e6)
            result = read_row(said.row, link.worker, time, now_us)
            if result.job != said.id:
                raise ProtocolError("it is that of another question")
        except ProtocolError as error:
            why = f"its answer cannot be taken: {safe_text(error)}"
            return Answer(link.worker, refused=why, way=way)
        return Answer(link.worker, result, way=way, last=last)


async def _next(answers: "asyncio.Queue[Answer]", until: float) -> Answer | None:
    try:
        async with asyncio.timeout_at(until):
            return await answers.get()
    except TimeoutError:
        return None
