"""How long one more worker holds up the coordinator's event loop when it joins.

    python -m tests.bench.joining [--jobs 10000] [--workers 20]

All jobs run on all workers, so each of them gets another place on its grid: that
is the dearest join. The links are queues that are emptied at once.
"""

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

from pangea.coordinator.coordinator import Coordinator
from pangea.coordinator.dispatch import Outbox
from pangea.core.model import Job, Worker
from pangea.mesh import identity
from pangea.mesh.info import NodeInfo
from pangea.storage.database import Store
from pangea.system_clock import SystemClock
from pangea.vault import Vault
from pangea.web.events import Hub

from .figures import Figures, tell

CLOCK = SystemClock()


def main() -> None:
    """Measure one join."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--jobs", type=int, default=10_000)
    asked.add_argument("--workers", type=int, default=20)
    given = asked.parse_args()
    tell(lambda: joining(given.jobs, given.workers))


async def joining(jobs: int, workers: int) -> Figures:
    """Return the worst delay of the loop while worker number *workers* joins."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        store = await Store.open(place / "pangea.db")
        own = identity.load_or_create(place / "node.key")
        info = NodeInfo(role="coordinator", name="c", boot="0" * 32)
        it = Coordinator(
            store, Hub(), own, lambda: [bytes(32)], info, CLOCK, Vault(bytes(32))
        )
        known = [_worker(n) for n in range(1, workers)]
        it.board.load([_job(n) for n in range(1, jobs + 1)], known, [])
        it.board.connected = {w.id for w in known}
        for worker in known:
            await linked(it, worker)
        it.judging.seat(it.board.jobs)
        lag = Lag()
        watching = asyncio.create_task(lag.run())
        await asyncio.sleep(0.2)
        lag.worst_ms, began = 0.0, time.perf_counter()
        await _join(it, _worker(workers))
        took = time.perf_counter() - began
        watching.cancel()
        await store.close()
    return {
        "assignments": jobs * workers,
        "join_s": round(took, 3),
        "worst_delay_ms": round(lag.worst_ms, 1),
    }


async def _join(it: Coordinator, worker: Worker) -> None:
    it.board.workers[worker.id] = worker
    it.board.connected.add(worker.id)
    if hasattr(it, "moving"):
        await it.moving.worker_changed(worker)
    else:  # as it was in one piece, to compare with
        it.board.place_all()
        it.dispatch.update(it.board.jobs)
        await it.intake.note(it.judging.seat(it.board.jobs))
    await linked(it, worker)
    await asyncio.sleep(0.05)


async def linked(it: Coordinator, worker: Worker) -> None:
    """Give *worker* its whole set."""
    linking = it.dispatch.link(worker.id, Empty())
    if linking is not None:
        await linking


class Empty(Outbox):
    """An outbox whose link takes everything at once."""

    def say(self, message: object) -> None:
        """Let it go."""


class Lag:
    """Measures how late the event loop wakes up who slept."""

    worst_ms = 0.0

    async def run(self) -> None:
        """Measure until cancelled."""
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            late = time.perf_counter() - before - 0.001
            self.worst_ms = max(self.worst_ms, late * 1000)


def _job(number: int) -> Job:
    return Job(
        id=number,
        name=f"job-{number}",
        type="http",
        target=f"http://192.0.2.{number % 256}/",
        interval_s=30.0,
        timeout_s=10.0,
    )


def _worker(number: int) -> Worker:
    key = number.to_bytes(32, "big")
    return Worker(id=number, key=key, name=f"w{number}", probes=("http", "icmp"))


if __name__ == "__main__":
    main()
