"""Whether 50 servers that hang in the TLS handshake disturb 500 that are well.

    python -m tests.bench.tarpits [--healthy 500] [--tarpits 50] [--rounds 3]
        [--seconds 15]

One real worker, one run: windows without the tarpits and windows with them, in
turn (their jobs are stopped and started through the API).
"""

import argparse
import tempfile
import time
from pathlib import Path

from .figures import Figures, medians, tell
from .nodes import Cluster, Measured, job
from .processes import SERVING, take_part
from .servers import nginx, tarpit
from .worker import INTERVAL_S, window

MOVED = ("lateness_p50_ms", "lateness_p99_ms", "reported_p50_ms", "reported_p99_ms")


def main() -> None:
    """Measure in windows of one run."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--healthy", type=int, default=500)
    asked.add_argument("--tarpits", type=int, default=50)
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--seconds", type=float, default=15.0)
    given = asked.parse_args()
    tell(lambda: measure(given.healthy, given.tarpits, given.rounds, given.seconds))


def measure(healthy: int, tarpits: int, rounds: int, seconds: float) -> Figures:
    """Return the figures of the healthy, with and without, and how they moved."""
    take_part(SERVING)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        with nginx(place) as web, tarpit() as hole:
            ca, numbers = str(web.ca_file), range(healthy, healthy + tarpits)
            well = f"127.0.0.1:{web.https}"
            jobs = [job(n, "tls", well, ca_file=ca) for n in range(healthy)]
            sick = [job(n, "tls", f"127.0.0.1:{hole}") for n in numbers]
            cluster = Cluster(place, jobs + sick)
            with cluster.coordinator(), cluster.worker() as worker:
                worker.warm(healthy, 60)
                names = [one.name for one in sick]
                each = [
                    one_round(cluster, worker, healthy, names, seconds)
                    for _ in range(rounds)
                ]
    return medians(each)


def one_round(
    cluster: Cluster, worker: Measured, healthy: int, sick: list[str], seconds: float
) -> Figures:
    """Measure without the tarpits, then with them."""
    found: Figures = {}
    for scene, order in (("without", "stop"), ("with", "start")):
        for name in sick:
            cluster.api("POST", f"/jobs/{name}/{order}", {})
        time.sleep(1.5 * INTERVAL_S)
        seen = window(worker, [worker.pid], seconds, range(1, healthy + 1))
        found |= {f"{scene}_{key}": seen[key] for key in MOVED}
    for key in MOVED:
        found[f"moved_{key}"] = found[f"with_{key}"] - found[f"without_{key}"]
    return found


if __name__ == "__main__":
    main()
