"""A thousand workers on one coordinator: what they cost, and how they come back.

    python -m tests.bench.many_workers [--workers 1000]

The workers are real links, in a few processes, of one job that all of them have. At
last the coordinator is killed while every one of them makes a result a second, and
started again: all must be back, and every result stored once. They are approved
before they come: the secret alone lets in only a few new ones a second.
"""

import argparse
import asyncio
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from pangea.core.model import Worker
from pangea.storage import workers as stored_workers
from pangea.storage.database import Store

from .crowd import key_of
from .figures import Figures, tell
from .nodes import Cluster, job
from .processes import MEASURED, SERVING, cpu_s, pin, rss_mb, wait_for

PROCESSES = 4
#: So long are heartbeats counted, and are results made before and after the kill.
WATCH_S = 15.0
MAKE_S = 8.0
PATIENCE_S = 180.0


def main() -> None:
    """Measure the crowd."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--workers", type=int, default=1000)
    given = asked.parse_args()
    pin(SERVING)
    tell(lambda: measure(given.workers))


def measure(workers: int, watch_s: float = WATCH_S, make_s: float = MAKE_S) -> Figures:
    """Return what *workers* cost, and how long the last was away."""
    figures: Figures = {"workers": workers}
    with tempfile.TemporaryDirectory() as name, ExitStack() as crowds:
        cluster = Cluster(Path(name), [job(1, "icmp", "192.0.2.1", 60.0)])
        asyncio.run(approve(cluster.state_dir / "pangea.db", workers))
        with cluster.coordinator(MEASURED) as process:
            time.sleep(3)  # the first code is hashed, which takes memory for a moment
            empty_mb, begun = rss_mb(process.pid), time.monotonic()
            spent = cpu_s([process.pid])
            each = workers // PROCESSES
            crowd = [
                crowds.enter_context(Crowd(cluster, n * each, each).running())
                for n in range(PROCESSES)
            ]
            wait_for(lambda: all_linked(crowd, each), PATIENCE_S, "all linked")
            figures["first_join_s"] = time.monotonic() - begun
            figures["join_cpu_ms"] = (cpu_s([process.pid]) - spent) / workers * 1000
            time.sleep(watch_s / 3)
            figures["heartbeat_core_pct"] = share_of(process.pid, watch_s)
            figures["rss_mb"] = rss_mb(process.pid)
            figures["kb_per_worker"] = (figures["rss_mb"] - empty_mb) * 1000 / workers
            for one in crowd:
                one.say("make")
            time.sleep(make_s)
            figures["result_core_pct"] = share_of(process.pid, watch_s)
            process.kill()
        wait_for(lambda: not any(c.linked for c in crowd), 30, "all gone")
        begun = time.monotonic()
        with cluster.coordinator(MEASURED) as process:
            figures["restart_s"] = time.monotonic() - begun
            wait_for(lambda: all_linked(crowd, each), PATIENCE_S, "all back")
            figures["back_s"] = time.monotonic() - begun
            figures["storm_cpu_s"] = cpu_s([process.pid])
            time.sleep(make_s)
            for one in crowd:
                one.say("rest")
            time.sleep(1.5)
            wait_for(lambda: all(c.acked == c.made for c in crowd), 60, "all acked")
        made, stored = sum(c.made for c in crowd), count_stored(cluster)
        figures |= {
            "made": made,
            "stored": stored,
            "lost_or_doubled": abs(made - stored),
        }
    return figures


async def approve(database: Path, count: int) -> None:
    """Store *count* workers as if a person had let them in."""
    approved = [
        Worker(
            id=0,
            key=key_of(number).public_key,
            name=f"crowd-{number}",
            state="approved",
            trusted=True,
            approved_by="the bench",
        )
        for number in range(count)
    ]
    store = await Store.open(database)
    await store.write(lambda: [stored_workers.register(one) for one in approved])
    await store.close()


class Crowd:
    """A process full of workers."""

    def __init__(self, cluster: Cluster, first: int, count: int) -> None:
        ring = cluster.state_dir / "secrets.json"
        self._command = [sys.executable, "-m", "tests.bench.crowd", str(cluster.port)]
        self._command += [str(ring), str(first), str(count)]
        self.linked = self.welcomed = self.made = self.acked = 0

    @contextmanager
    def running(self) -> Iterator["Crowd"]:
        """Run it until the block ends."""
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            preexec_fn=lambda: pin(SERVING),
            text=True,
        )
        reading = threading.Thread(target=self._read, daemon=True)
        reading.start()
        with self._process:
            try:
                yield self
            finally:
                self._process.kill()
                reading.join()

    def say(self, word: str) -> None:
        """Give a command to all of them."""
        assert self._process.stdin, "it is a pipe"
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()

    def _read(self) -> None:
        assert self._process.stdout, "it is a pipe"
        for line in self._process.stdout:
            said = json.loads(line)
            self.linked, self.welcomed = said["linked"], said["welcomed"]
            self.made, self.acked = said["made"], said["acked"]


def all_linked(crowd: list[Crowd], each: int) -> bool:
    """Tell whether every worker of every process has a link."""
    return all(one.linked == each for one in crowd)


def share_of(pid: int, seconds: float) -> float:
    """Return how much of a core a process takes for a while, in percent."""
    before, begun = cpu_s([pid]), time.monotonic()
    time.sleep(seconds)
    return (cpu_s([pid]) - before) / (time.monotonic() - begun) * 100


def count_stored(cluster: Cluster) -> int:
    """Return how many results the database has, all of them different."""
    link = sqlite3.connect(f"file:{cluster.state_dir}/pangea.db?mode=ro", uri=True)
    try:
        (rows,) = link.execute(
            "SELECT coalesce(sum(last_id - first_id + 1), 0) FROM sheaf"
        ).fetchone()
        (marks,) = link.execute("SELECT sum(seq) FROM watermark").fetchone()
    finally:
        link.close()
    if rows != marks:
        sys.exit(f"{rows} rows are stored, the watermarks say {marks}")
    return int(rows)


if __name__ == "__main__":
    os.environ.setdefault("PANGEA_DISCOVERY", "static")
    main()
