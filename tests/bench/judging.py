"""How many votes judging takes in on one core, job by job, nothing rescanned.

    python -m tests.bench.judging [--jobs 2000] [--rounds 3] [--seconds 1.5]

The coordinator's own judging on a board of jobs with five workers each, without
links and without storage. Results come as workers send them, each worker's in a
batch, and go on for as many intervals as the time allows. ``usual``: one job in a
hundred fails at one worker, one in a thousand is down; ``watched``: all jobs have
thresholds, also against their own past; ``outage``: every job fails at once, and
each vote goes the long way.
"""

import argparse
import time
from collections.abc import Iterator

from pangea.coordinator.board import Board
from pangea.coordinator.judging import Judging
from pangea.core.clock import Clock
from pangea.core.model import Job, Outcome, Result, Worker
from pangea.node import tune_collector

from .figures import Figures, medians, tell
from .processes import MEASURED, take_part

WORKERS, EVERY_S, BATCH = 5, 30.0, 500
BEGIN = 1_800_000_000.0


class Turned(Clock):
    """A clock that is put forward by hand."""

    def __init__(self) -> None:
        self.at = BEGIN

    def wall(self) -> float:
        """Return the time that was put."""
        return self.at

    def monotonic(self) -> float:
        """Return the same."""
        return self.at


def main() -> None:
    """Measure each kind of load in rounds."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--jobs", type=int, default=2000)
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--seconds", type=float, default=1.0)
    given = asked.parse_args()
    take_part(MEASURED)
    tune_collector()
    tell(
        lambda: medians(
            [measure(given.jobs, given.seconds) for _ in range(given.rounds)]
        )
    )


def measure(jobs: int, seconds: float) -> Figures:
    """Return votes a second of CPU for each kind of load."""
    return {
        "votes_per_core_s": rate(jobs, seconds, "", "usual"),
        "watched_per_core_s": rate(jobs, seconds, "latency=1s slower=3x", "usual"),
        "outage_per_core_s": rate(jobs, seconds, "", "outage"),
    }


def rate(jobs: int, seconds: float, rule: str, kind: str) -> float:
    """Return how many votes a second of CPU takes in."""
    clock = Turned()
    board = _board(jobs, rule)
    judging = Judging(board, clock, lambda job, worker, delay_s: None)
    judging.seat(range(1, jobs + 1))
    votes, spent, number = 0, 0.0, 0
    for batch in _batches(jobs, 0, "fine"):
        judging.hear(batch)
    while spent < seconds:
        number += 1
        for batch in _batches(jobs, number, kind):
            clock.at = max(clock.at, batch[-1].started_at_us / 1e6 + 0.1)
            begun = time.process_time()
            judging.hear(batch)
            spent += time.process_time() - begun
            votes += len(batch)
    if not all(state.votes for state in board.states.values()):
        raise SystemExit("nobody votes: this measures nothing")
    return votes / spent


def _board(jobs: int, rule: str) -> Board:
    board = Board()
    workers = [
        Worker(id=n, key=b"", name=f"w{n}", probes=("tcp",))
        for n in range(1, WORKERS + 1)
    ]
    board.load(
        [
            Job(
                id=n,
                name=f"j{n}",
                type="tcp",
                target="t:1",
                interval_s=EVERY_S,
                timeout_s=10.0,
                rule=rule,
            )
            for n in range(1, jobs + 1)
        ],
        workers,
        [],
    )
    for worker in workers:
        board.connected.add(worker.id)
    return board


def _batches(jobs: int, interval: int, kind: str) -> Iterator[list[Result]]:
    """Yield the batches of one interval, the workers in turn."""
    for first in range(1, jobs + 1, BATCH):
        for worker in range(1, WORKERS + 1):
            at = BEGIN + EVERY_S * (interval + worker / (WORKERS + 1))
            some = range(first, min(first + BATCH, jobs + 1))
            yield [_result(job, worker, at, interval, kind) for job in some]


def _result(job: int, worker: int, at: float, interval: int, kind: str) -> Result:
    one_site = job % 100 == 0 and worker == 2
    bad = (kind == "usual" and (one_site or job % 1000 == 1)) or (
        kind == "outage" and interval % 4 < 2
    )
    return Result(
        job=job,
        worker=worker,
        started_at_us=round(at * 1e6) + job,
        duration_ms=10.0 + job % 7 + interval % 5,
        outcome=Outcome.FAILED if bad else Outcome.OK,
        reason="refused" if bad else "",
    )


if __name__ == "__main__":
    main()
