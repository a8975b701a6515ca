"""How far results are sealed: which rows of ``result`` are in chunks already.

Sealing goes stretch by stretch of rowids, and within one from job to job. A row
that is sealed is read from its chunk, though it may be in the table for a while.
"""

from typing import NamedTuple

from . import settings

_KEY = "sealed"
#: Before any job.
NO_JOB = -(1 << 63)


class Sealed(NamedTuple):
    """Rows up to ``upto`` are sealed; of jobs up to ``job``, those up to ``goal``."""

    upto: int = 0
    goal: int = 0
    job: int = NO_JOB

    def floor(self, job: int) -> int:
        """Return the last row that is sealed of a job."""
        return self.goal if job <= self.job else self.upto


def sealed() -> Sealed:
    """Return how far sealing is."""
    text = settings.get(_KEY)
    return Sealed(*map(int, text.split(","))) if text else Sealed()


def put_sealed(state: Sealed) -> None:
    """Store how far sealing is; in the transaction that stores the chunks."""
    settings.put(_KEY, ",".join(map(str, state)))
