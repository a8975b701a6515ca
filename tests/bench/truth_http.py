"""Whether the times that a real worker reports for HTTP are true at 1000 a second.

    python -m tests.bench.truth_http [--rate 1000] [--rounds 3] [--seconds 10]

The truth is a blocking client in C (``http_client.c``, compiled here) on an idle
core, as many a second, evenly: connect, one GET, the whole answer. Worker and
client are measured in turn against the same nginx.
"""

import argparse
import subprocess
import tempfile
from pathlib import Path

from .figures import Figures, medians, tell
from .nodes import Cluster
from .processes import MEASURED, SERVING, find, take_part
from .servers import nginx
from .worker import job, numbers, window

SOURCE = Path(__file__).with_name("http_client.c")


def main() -> None:
    """Measure both."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rate", type=int, default=1000)
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--seconds", type=float, default=10.0)
    given = asked.parse_args()
    tell(lambda: measure(given.rate, given.rounds, given.seconds))


def measure(rate: int, rounds: int, seconds: float) -> Figures:
    """Return the medians of the rounds, and what the worker reports too much."""
    take_part(SERVING)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        client = compiled(place)
        with nginx(place) as web:
            url = f"http://127.0.0.1:{web.http}/"
            cluster = Cluster(
                place, [job(n, "http", f"{url}{n}") for n in numbers(rate)]
            )
            each = []
            with cluster.coordinator():
                for _ in range(rounds):
                    with cluster.worker() as worker:
                        worker.warm(len(numbers(rate)), 60)
                        found = window(worker, [worker.pid], seconds)
                    found |= truth(client, web.http, rate, seconds)
                    each.append(found)
    for one in each:
        one["error_p50_ms"] = one["reported_p50_ms"] - one["true_p50_ms"]
    return medians(each)


def compiled(place: Path) -> Path:
    """Return the client, built from its source."""
    made = place / "http_client"
    subprocess.run([find("cc"), "-O2", "-o", made, SOURCE], check=True, timeout=60)
    return made


def truth(client: Path, port: int, rate: int, seconds: float) -> Figures:
    """Return how long the exchange takes in truth."""
    ended = subprocess.run(
        [client, str(port), str(rate), str(round(rate * seconds))],
        check=True,
        timeout=seconds + 30,
        stdout=subprocess.PIPE,
        preexec_fn=lambda: take_part(MEASURED),
    )
    p50, p99 = (float(word) for word in ended.stdout.split())
    return {"true_p50_ms": p50, "true_p99_ms": p99}


if __name__ == "__main__":
    main()
