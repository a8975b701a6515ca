"""What a probe costs a real worker, beside blackbox_exporter or fping.

    python -m tests.bench.worker http|https|tls|dns|icmp|pings
        [--rate 300] [--rounds 3] [--seconds 10]

The worker is ``pangea run --role worker`` with real jobs, scheduler, runner,
spool and link to a real coordinator. In each round it and its peer are measured
one after the other on the same core, at the same rate, open loop; servers,
coordinator and driver have the other core. ``pings`` is the worker at 10,000
pings a second beside fping. Figures are medians of the rounds.
"""

import argparse
import contextlib
import tempfile
import time
from collections.abc import Callable, Container, Iterator
from pathlib import Path
from typing import NamedTuple

from pangea.core.model import Job

from . import spooled
from .figures import Figures, medians, tell
from .nodes import Cluster, Measured, job
from .peers import blackbox, fping_us
from .processes import SERVING, cpu_s, find, rss_mb, take_part
from .servers import nginx, unbound

INTERVAL_S = 5.0
#: Of the icmp probe, as it is by default.
PINGS = 5
ALL = range(1 << 62)

#: Takes the seconds of a window; returns the peer's CPU in µs a probe or ping.
Peer = Callable[[float], float]


class Scene(NamedTuple):
    """The jobs of the worker, and the peer that does the same."""

    jobs: list[Job]
    peer: Peer
    peer_name: str


def main() -> None:
    """Measure one kind of probe."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("kind", choices=SCENES)
    asked.add_argument("--rate", type=int)
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--seconds", type=float, default=10.0)
    given = asked.parse_args()
    make, rate = SCENES[given.kind]
    rate = given.rate or rate
    tell(lambda: measure(make, rate, given.rounds, given.seconds))


def measure(make: "Make", rate: int, rounds: int, seconds: float) -> Figures:
    """Return the medians of *rounds*, and the ratio to the peer."""
    take_part(SERVING)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        with make(place, rate) as scene:
            cluster = Cluster(place, scene.jobs)
            with cluster.coordinator():
                each = [one_round(cluster, scene, seconds) for _ in range(rounds)]
    found = medians(each)
    found[f"ratio_to_{scene.peer_name}"] = found["ratio"]
    del found["ratio"]
    return found


def one_round(cluster: Cluster, scene: Scene, seconds: float) -> Figures:
    """Measure the worker, then the peer."""
    with cluster.worker() as worker:
        worker.warm(len(scene.jobs), 60)
        found = window(worker, [worker.pid], seconds)
    per = PINGS if scene.peer_name == "fping" else 1
    peer = scene.peer(seconds)
    found[f"{scene.peer_name}_cpu_us"] = peer
    found["ratio"] = found["cpu_us"] / per / peer
    return found


def window(
    worker: Measured, pids: list[int], seconds: float, only: Container[int] = ALL
) -> Figures:
    """Return what *pids* spent a result of *worker* in the next *seconds*.

    The first of them is the worker's. Times are of the jobs in *only*, and those
    must be ok.
    """
    first = worker.spooled.edge()
    before, begun = [cpu_s([pid]) for pid in pids], time.monotonic()
    time.sleep(seconds)
    last = worker.spooled.edge()
    cpus = [cpu_s([pid]) - cpu for pid, cpu in zip(pids, before, strict=True)]
    cpu, spent, count = sum(cpus), time.monotonic() - begun, last - first
    results = [r for r in worker.spooled.between(first, last) if r.job in only]
    return {
        "results_per_s": count / spent,
        "cpu_us": cpu / count * 1e6,
        "worker_cpu_us": cpus[0] / count * 1e6,
        "core_pct": 100 * cpu / spent,
        "rss_mb": rss_mb(worker.pid),
        **spooled.figures(results, INTERVAL_S),
    }


Make = Callable[[Path, int], contextlib.AbstractContextManager[Scene]]


def numbers(rate: int) -> range:
    """Return as many numbers as jobs make *rate* results a second."""
    return range(round(rate * INTERVAL_S))


@contextlib.contextmanager
def http(place: Path, rate: int) -> Iterator[Scene]:
    """Fetch a page of 612 bytes from nginx."""
    with nginx(place) as web, blackbox(place) as peer:
        urls = [f"http://127.0.0.1:{web.http}/{n}" for n in numbers(rate)]
        jobs = [job(n, "http", url) for n, url in enumerate(urls)]
        yield Scene(jobs, lambda s: peer.cost_us("http", urls, rate, s), "blackbox")


@contextlib.contextmanager
def https(place: Path, rate: int) -> Iterator[Scene]:
    """Fetch the same over TLS, the certificate verified."""
    with nginx(place) as web, blackbox(place, web.ca_file) as peer:
        urls = [f"https://127.0.0.1:{web.https}/{n}" for n in numbers(rate)]
        ca = str(web.ca_file)
        jobs = [job(n, "http", url, ca_file=ca) for n, url in enumerate(urls)]
        yield Scene(jobs, lambda s: peer.cost_us("http", urls, rate, s), "blackbox")


@contextlib.contextmanager
def tls(place: Path, rate: int) -> Iterator[Scene]:
    """Shake hands, the certificate verified."""
    with nginx(place) as web, blackbox(place, web.ca_file) as peer:
        target, ca = f"127.0.0.1:{web.https}", str(web.ca_file)
        jobs = [job(n, "tls", target, ca_file=ca) for n in numbers(rate)]
        yield Scene(jobs, lambda s: peer.cost_us("tls", [target], rate, s), "blackbox")


@contextlib.contextmanager
def dns(place: Path, rate: int) -> Iterator[Scene]:
    """Ask unbound for an address."""
    with unbound(place) as port, blackbox(place) as peer:
        server = f"127.0.0.1:{port}"
        jobs = [job(n, "dns", "host.example", resolver=server) for n in numbers(rate)]
        yield Scene(jobs, lambda s: peer.cost_us("dns", [server], rate, s), "blackbox")


@contextlib.contextmanager
def icmp(place: Path, rate: int) -> Iterator[Scene]:
    """Send one echo request a probe, as blackbox_exporter does."""
    hosts = list(addresses(len(numbers(rate))))
    with blackbox(place) as peer:
        jobs = [job(n, "icmp", host, count=1) for n, host in enumerate(hosts)]
        yield Scene(jobs, lambda s: peer.cost_us("icmp", hosts, rate, s), "blackbox")


@contextlib.contextmanager
def pings(place: Path, rate: int) -> Iterator[Scene]:
    """Send five a probe, as by default; the peer is fping at as many a second."""
    find("fping")
    hosts = list(addresses(len(numbers(rate))))
    jobs = [job(n, "icmp", host) for n, host in enumerate(hosts)]
    yield Scene(jobs, lambda s: fping_us(place, hosts[:1000], PINGS * rate, s), "fping")


def addresses(count: int) -> Iterator[str]:
    """Yield addresses of loopback, each another."""
    for n in range(count):
        yield f"127.{1 + n // 62_500}.{n // 250 % 250}.{n % 250 + 1}"


#: By name: what makes the scene, and the results a second.
SCENES: dict[str, tuple[Make, int]] = {
    "http": (http, 300),
    "https": (https, 100),
    "tls": (tls, 100),
    "dns": (dns, 300),
    "icmp": (icmp, 300),
    "pings": (pings, 2000),
}

if __name__ == "__main__":
    main()
