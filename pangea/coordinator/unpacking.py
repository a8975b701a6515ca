"""Batches to rows: what cannot be read is set aside, what nobody asked for dropped."""

from itertools import chain, islice, repeat

from pangea.core.clock import Clock
from pangea.core.errors import ProtocolError
from pangea.core.model import Result, Worker
from pangea.core.text import safe_text
from pangea.mesh.messages import Batch
from pangea.storage import ingest

from .board import Board
from .claims import Claims
from .parcel import Parcel
from .rows import read_row, time_of

#: So much is kept of a row that is set aside.
HEAD_BYTES = 512


class Unpacking:
    """Opens batches; times are corrected by the clock as it is then."""

    def __init__(self, board: Board, claims: Claims, clock: Clock) -> None:
        self._board, self._claims, self._clock = board, claims, clock

    def open(self, parcel: Parcel, mark: int) -> ingest.Intake:
        """Return what is new in a batch, of which all up to *mark* is stored."""
        batch, worker = parcel.batch, parcel.worker
        skip = max(0, mark + 1 - batch.first)
        rows, bad = self.read(batch, worker, skip)
        return ingest.Intake(
            worker=worker.id,
            epoch=batch.epoch,
            first=batch.first + skip,
            rows=rows,
            gaps=list(batch.gaps),
            bad=bad,
        )

    def read(
        self, batch: Batch, worker: Worker, skip: int
    ) -> tuple[list[Result | None], list[tuple[int, str, bytes]]]:
        """Return the rows of *batch* after the first *skip*, and what is bad."""
        now_us = round(self._clock.wall() * 1e6)
        time = time_of(batch)
        rows: list[Result | None] = []
        bad: list[tuple[int, str, bytes]] = []
        given, jobs, org = self._claims.given(worker.id), self._board.jobs, worker.org
        boots = chain(batch.boot_ns, repeat(0))
        timed = zip(batch.rows, boots, strict=False)
        for at, (raw, boot_ns) in islice(enumerate(timed), skip, None):
            try:
                row = read_row(raw, worker, time, now_us, boot_ns)
                if row.flags or row.job not in given:
                    self._claims.check(row, given)
            except ProtocolError as error:
                rows.append(None)
                number = batch.first + at
                bad.append((number, safe_text(error), bytes(raw)[:HEAD_BYTES]))
                continue
            # What is left of jobs that do not exist any more is dropped.
            job = jobs.get(row.job)
            rows.append(row if job is not None and job.org == org else None)
        return rows, bad
