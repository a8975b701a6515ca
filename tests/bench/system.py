"""What a result costs all of Pangea: worker, coordinator and storage together.

    python -m tests.bench.system http|icmp|dns [--jobs 300] [--rounds 3] [--seconds 20]

300 jobs every 5 seconds, as Uptime Kuma and Prometheus with blackbox_exporter were
measured; icmp sends one packet a result, as these do. Worker and coordinator share
the measured core; the servers have the other.
"""

import argparse
import tempfile
from pathlib import Path

from .figures import Figures, medians, tell
from .nodes import Cluster, Measured, job
from .processes import MEASURED, SERVING, rss_mb, take_part
from .servers import nginx, unbound
from .worker import addresses, window

KINDS = ("http", "icmp", "dns")


def main() -> None:
    """Measure one kind of probe."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("kind", choices=KINDS)
    asked.add_argument("--jobs", type=int, default=300)
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--seconds", type=float, default=20.0)
    given = asked.parse_args()
    tell(lambda: measure(given.kind, given.jobs, given.rounds, given.seconds))


def measure(kind: str, count: int, rounds: int, seconds: float) -> Figures:
    """Return the medians of *rounds* windows of one run."""
    take_part(SERVING)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        with nginx(place) as web, unbound(place) as resolver:
            targets = {
                "http": [f"http://127.0.0.1:{web.http}/{n}" for n in range(count)],
                "icmp": list(addresses(count)),
                "dns": ["host.example"] * count,
            }[kind]
            options = {
                "http": {},
                "icmp": {"count": 1},
                "dns": {"resolver": f"127.0.0.1:{resolver}"},
            }[kind]
            jobs = [job(n, kind, target, **options) for n, target in enumerate(targets)]
            cluster = Cluster(place, jobs)
            with (
                cluster.coordinator(MEASURED) as coordinator,
                cluster.worker() as worker,
            ):
                worker.warm(count, 60)
                each = [whole(worker, coordinator.pid, seconds) for _ in range(rounds)]
                each[-1]["coordinator_rss_mb"] = rss_mb(coordinator.pid)
    last = each[-1].pop("coordinator_rss_mb")
    return medians(each) | {"coordinator_rss_mb": last}


def whole(worker: Measured, coordinator: int, seconds: float) -> Figures:
    """Return what worker and coordinator spent a result, in one window."""
    found = window(worker, [worker.pid, coordinator], seconds)
    return {"cpu_ms": found["cpu_us"] / 1000, **found}


if __name__ == "__main__":
    main()
