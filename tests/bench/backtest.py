"""How long it takes to try another rule on what has been.

    python -m tests.bench.backtest [--jobs 1000] [--workers 5] [--days 30]

Each worker has 20 changes of its vote on each job, seeded: outages that all see,
and failures that one worker sees alone, for some rounds. What is measured is what
the coordinator does for `pangea backtest`: read from the database and judge again.
"""

import argparse
import random
import tempfile
import time
from pathlib import Path

from pangea.coordinator.trial import try_rules
from pangea.core.model import Job, Verdict, VoteValue
from pangea.core.rule import parse_rule
from pangea.core.uptime import Span
from pangea.core.verdict import Transition, VoteChange
from pangea.storage import jobs as stored_jobs
from pangea.storage import verdicts
from pangea.storage.database import Store

from .figures import Figures, tell

NOW_US = 1_795_348_991_000_000
DAY_US = 86_400_000_000
INTERVAL_S = 30.0
OK, FAILED = VoteValue.OK, VoteValue.FAILED


def main() -> None:
    """Measure one backtest of every job."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--jobs", type=int, default=1000)
    asked.add_argument("--workers", type=int, default=5)
    asked.add_argument("--days", type=int, default=30)
    given = asked.parse_args()
    tell(lambda: measured(given.jobs, given.workers, given.days))


async def measured(jobs: int, workers: int, days: int) -> Figures:
    """Return how long it took, and what was found."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "pangea.db"
        store = await Store.open(path)
        made = await store.write(lambda: _seed(jobs, workers, days))
        rule = parse_rule("majority down=2")
        whole = Span(NOW_US - days * DAY_US, NOW_US)
        began, cpu = time.perf_counter(), time.process_time()
        found = await try_rules(store, [(job, rule) for job in made], whole, {})
        took = time.perf_counter() - began
        await store.close()
    return {
        "jobs": len(found),
        "changes": jobs * workers * 20,
        "took_s": round(took, 2),
        "own_cpu_s": round(time.process_time() - cpu, 2),
        "incidents_then": sum(one.then for one in found),
        "incidents_now": sum(one.now for one in found),
    }


def _seed(jobs: int, workers: int, days: int) -> list[Job]:
    chance, made = random.Random(5), []
    for number in range(jobs):
        job = Job(
            id=0,
            name=f"job-{number}",
            type="http",
            target="http://192.0.2.1/",
            interval_s=INTERVAL_S,
            timeout_s=10.0,
            created_at_us=NOW_US - (days + 1) * DAY_US,
        )
        job = stored_jobs.add(job)
        changes, turns = _past(job.id, workers, days, chance)
        verdicts.log_vote_changes(changes)
        verdicts.log_transitions(turns)
        made.append(job)
    return made


def _past(
    job: int, workers: int, days: int, chance: random.Random
) -> tuple[list[VoteChange], list[Transition]]:
    """Return a past of nine failures of each worker, half of them seen by all."""
    begin, span = NOW_US - days * DAY_US, days * DAY_US
    changes = [
        VoteChange(job, w, begin - 60_000_000 + w * 6_000_000, None, OK, "")
        for w in range(1, workers + 1)
    ]
    turns = [Transition(job, begin - 40_000_000, Verdict.UNKNOWN, Verdict.UP, "")]
    for at in sorted(chance.randrange(span) for _ in range(5)):
        lasts = chance.randrange(60, 3600) * 1_000_000
        for w in range(1, workers + 1):
            changes += _failure(job, w, begin + at + w * 6_000_000, lasts)
        down = begin + at + 19_000_000
        turns.append(Transition(job, down, Verdict.UP, Verdict.DOWN, ""))
        up = down + lasts + 31_000_000
        turns.append(Transition(job, up, Verdict.DOWN, Verdict.UP, ""))
    for w in range(1, workers + 1):
        for _ in range(5):
            at, lasts = begin + chance.randrange(span), chance.randrange(1, 20)
            changes += _failure(job, w, at, lasts * 30_000_000)
    return sorted(changes, key=lambda c: c.at_us), turns


def _failure(job: int, worker: int, at_us: int, lasts_us: int) -> list[VoteChange]:
    return [
        VoteChange(job, worker, at_us, OK, FAILED, "timeout"),
        VoteChange(job, worker, at_us + lasts_us, FAILED, OK, ""),
    ]


if __name__ == "__main__":
    main()
