"""How long the first moments take: --help, serving, the own worker joined.

    python -m tests.bench.start [--rounds 5] [--gigabytes 5 | --binary]

Both from an empty state directory, as on the first day, and with the state kept. Or, if
asked for, a coordinator with a database of so many gigabytes of sealed results; or the
single file that `make binary` has made.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from .figures import Figures, medians, tell
from .history import build, grow
from .nodes import START_S, Cluster
from .processes import MEASURED, Missing, cpu_s, running, wait_for

#: Of five workers each, with a result a minute: ten million in a day.
JOBS = 1388
PANGEA = Path(sys.executable).with_name("pangea")
MODULE = [sys.executable, "-m", "pangea"]
BINARY = Path(__file__).parents[2] / "dist" / "pangea"


def main() -> None:
    """Measure, and tell the medians."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rounds", type=int, default=5)
    asked.add_argument("--gigabytes", type=float, default=0.0)
    asked.add_argument("--binary", action="store_true")
    given = asked.parse_args()
    if given.binary:
        tell(lambda: binary(given.rounds))
    elif given.gigabytes:
        tell(lambda: large(given.rounds, given.gigabytes))
    else:
        tell(lambda: measure(given.rounds))


def measure(rounds: int) -> Figures:
    """Return the medians of *rounds*, in seconds."""
    each = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as name:
            cluster = Cluster(Path(name))
            one = {"help_s": help_s()}
            for how in ("first", "again"):
                one |= {f"{how}_{key}": v for key, v in start(cluster).items()}
            each.append(one)
    return medians(each)


def large(rounds: int, gigabytes: float) -> Figures:
    """Return how long a coordinator takes to serve with a large database."""
    with tempfile.TemporaryDirectory() as name:
        cluster = Cluster(Path(name))
        path = cluster.state_dir / "pangea.db"
        asyncio.run(build(path, JOBS))
        asyncio.run(grow(path, JOBS, gigabytes))
        size = path.stat().st_size / 1e6
        each = [serve(cluster) for _ in range(rounds)]
    return {"file_mb": size, **medians(each)}


def serve(cluster: Cluster) -> Figures:
    """Start a coordinator alone; return when it serves, and has told of a day."""
    begun = time.monotonic()
    with cluster.coordinator() as it:
        serving, spent = time.monotonic() - begun, cpu_s([it.pid])
        cluster.api("GET", "/jobs/job-7/history?range=24h")
        return {
            "large_serving_s": serving,
            "large_serving_cpu_s": spent,
            "large_history_s": time.monotonic() - begun,
        }


def binary(rounds: int) -> Figures:
    """Return the same medians of the single file, and its size."""
    if not BINARY.exists():
        raise Missing("dist/pangea is missing: make binary")
    each = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as name:
            first = start(Cluster(Path(name)), [str(BINARY)])
            each.append({"help_s": help_s(BINARY), **first})
    return {"file_mb": BINARY.stat().st_size / 1e6, **medians(each)}


def help_s(program: Path = PANGEA) -> float:
    """Return how long `pangea --help` takes."""
    command = [program] if program.exists() else MODULE
    begun = time.monotonic()
    subprocess.run([*command, "--help"], check=True, capture_output=True, timeout=20)
    return time.monotonic() - begun


def start(cluster: Cluster, program: Sequence[str] = MODULE) -> Figures:
    """Start a coordinator with its own worker; return when it could what."""
    command = [*program, "--state-dir", str(cluster.state_dir)]
    command += ["run", "--listen", f"127.0.0.1:{cluster.port}"]
    command += ["--log-level", "warning"]
    log, begun = cluster.place / "coordinator.log", time.monotonic()
    with running(command, MEASURED, log, cwd="/", env=cluster.env) as process:
        os.sched_setaffinity(process.pid, range(os.cpu_count() or 1))
        wait_for(cluster.ready, START_S, "serving")
        serving = time.monotonic() - begun
        wait_for(cluster.joined, START_S, "joined")
        return {"serving_s": serving, "joined_s": time.monotonic() - begun}


if __name__ == "__main__":
    main()
