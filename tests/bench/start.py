"""How long the first moments take: --help, serving, the own worker joined.

    python -m tests.bench.start [--rounds 5]

Both from an empty state directory, as on the first day, and with the state kept.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .figures import Figures, medians, tell
from .nodes import START_S, Cluster
from .processes import MEASURED, running, wait_for

PANGEA = Path(sys.executable).with_name("pangea")


def main() -> None:
    """Measure, and tell the medians."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rounds", type=int, default=5)
    given = asked.parse_args()
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


def help_s() -> float:
    """Return how long `pangea --help` takes."""
    command = [PANGEA] if PANGEA.exists() else [sys.executable, "-m", "pangea"]
    begun = time.monotonic()
    subprocess.run([*command, "--help"], check=True, capture_output=True, timeout=20)
    return time.monotonic() - begun


def start(cluster: Cluster) -> Figures:
    """Start a coordinator with its own worker; return when it could what."""
    command = [sys.executable, "-m", "pangea", "--state-dir", str(cluster.state_dir)]
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
