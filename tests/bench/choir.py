"""A coordinator whose few workers say what a bench wants of many jobs."""

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .many_workers import approve
from .nodes import Cluster, job
from .processes import SERVING, pin, wait_for

#: A code for each account: how many streams one may have is bounded.
CODES = {f"person-{n}": f"long-code-of-person-{n}" for n in range(5)}
PATIENCE_S = 60.0


def cluster_of(place: Path, jobs: int, workers: int, interval_s: float) -> Cluster:
    """Return a cluster with so many jobs, each on all of its approved workers."""
    wanted = [
        job(n, "http", f"https://host-{n}.example.com/", interval_s)
        for n in range(1, jobs + 1)
    ]
    cluster = Cluster(place, wanted)
    asyncio.run(approve(cluster.state_dir / "pangea.db", workers))
    codes = [f"{name}:{code}" for name, code in CODES.items()]
    cluster.env["PANGEA_ACCOUNT_CODES"] = "\n".join(codes)
    return cluster


class Choir:
    """The process of `voices`: what it said last, and a way to tell it something."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.linked = self.jobs = self.made = self.acked = 0

    def say(self, **command: Any) -> None:
        """Give it a command; not another one within a tenth of a second."""
        assert self._process.stdin, "it is a pipe"
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()

    def read(self) -> None:
        """Take in what it says until it ends."""
        assert self._process.stdout, "it is a pipe"
        for line in self._process.stdout:
            for name, value in json.loads(line).items():
                setattr(self, name, value)

    def rest(self) -> None:
        """Let it say nothing more, and wait until all is stored."""
        self.say()
        wait_for(lambda: self.acked == self.made, PATIENCE_S, "all acknowledged")


@contextmanager
def singing(cluster: Cluster, workers: int, jobs: int) -> Iterator[Choir]:
    """Run *workers* voices until the block ends; all of them have all *jobs*."""
    ring = cluster.state_dir / "secrets.json"
    command = [sys.executable, "-m", "tests.bench.voices"]
    with subprocess.Popen(
        [*command, str(cluster.port), str(ring), str(workers)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        preexec_fn=lambda: pin(SERVING),
        text=True,
    ) as process:
        choir = Choir(process)
        reading = threading.Thread(target=choir.read, daemon=True)
        reading.start()
        try:
            wait_for(
                lambda: choir.linked == workers and choir.jobs == jobs,
                PATIENCE_S,
                f"{workers} workers with {jobs} jobs",
            )
            yield choir
        finally:
            process.kill()
            reading.join()
