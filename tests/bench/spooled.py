"""What a worker has made, read from its spool while it runs."""

import sqlite3
import sys
import time
from collections import Counter
from pathlib import Path

from pangea.core.model import Outcome, Result
from pangea.core.phase import worker_phase
from pangea.mesh.messages import decode_row

from .figures import Figures, quantile

#: More results that are not ok than this share: then the bench measured nonsense.
NOT_OK = 0.01


class Spooled:
    """The results of one worker, by the number of their row."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def top(self) -> int:
        """Return the number of the last result; 0 before the first."""
        if not self._path.exists():
            return 0
        found = self._ask("SELECT max(id) FROM row")
        return (found[0][0] or 0) if found else 0

    def edge(self) -> int:
        """Wait for the next group of results; return the number of its last.

        Between two edges lies exactly what was made meanwhile.
        """
        before = self.top()
        while (now := self.top()) == before:
            time.sleep(0.005)
        return now

    def between(self, after: int, upto: int) -> list[Result]:
        """Return the results with numbers above *after* and up to *upto*."""
        rows = self._ask(
            "SELECT body FROM row WHERE id > ? AND id <= ? ORDER BY id", after, upto
        )
        return [decode_row(body) for (body,) in rows]

    def _ask(self, sql: str, *values: int) -> list[tuple]:
        link = sqlite3.connect(f"file:{self._path}?mode=ro", uri=True, timeout=5)
        try:
            return link.execute(sql, values).fetchall()
        except sqlite3.OperationalError:
            return []  # it is being made just now
        finally:
            link.close()


def figures(results: list[Result], interval_s: float) -> Figures:
    """Return how late *results* began and what they report; all must be ok."""
    wrong = Counter(r.reason for r in results if r.outcome is not Outcome.OK)
    if wrong.total() > NOT_OK * len(results) or not results:
        sys.exit(f"{wrong.total()} of {len(results)} results are not ok: {wrong}")
    late = [lateness_ms(r.job, r.started_at_us, interval_s) for r in results]
    took = [r.duration_ms for r in results]
    return {
        "not_ok": wrong.total(),
        "lateness_p50_ms": quantile(late, 0.5),
        "lateness_p99_ms": quantile(late, 0.99),
        "reported_p50_ms": quantile(took, 0.5),
        "reported_p99_ms": quantile(took, 0.99),
    }


def lateness_ms(job: int, started_at_us: int, interval_s: float) -> float:
    """Return how long after its place in the interval a run of *job* began.

    The fine wheel fires by its ticks, so a little before it is possible. Holds
    for a job with one worker, on the coordinator's machine.
    """
    phase = worker_phase(job, interval_s, 0, 1)
    after = (started_at_us / 1e6 - phase) % interval_s
    return 1000 * (after - interval_s if after > interval_s / 2 else after)
