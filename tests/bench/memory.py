"""How much memory many jobs take: in a real worker, and in a coordinator.

    python -m tests.bench.memory worker|coordinator [--jobs 10000]

``worker``: 10,000 jobs of mixed kinds in a real worker that has run each once.
``coordinator``: the same jobs on ten workers, 100,000 assignments, every one of
which has voted; the whole of the coordinator but its pages, in this process.
"""

import argparse
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pangea.coordinator.coordinator import Coordinator
from pangea.core.model import Job
from pangea.mesh import identity
from pangea.mesh.info import NodeInfo
from pangea.node import tune_collector
from pangea.storage.database import Store
from pangea.vault import Vault
from pangea.web.events import Hub

from .figures import Figures, tell
from .ingest import CLOCK, WORKERS, fill, make_frames, take_all
from .nodes import Cluster, job
from .processes import SERVING, rss_mb, take_part
from .servers import nginx, unbound
from .worker import addresses

#: Each job fires about twice while the bench runs.
INTERVAL_S = 20.0


def main() -> None:
    """Measure one of the two."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("role", choices=("worker", "coordinator"))
    asked.add_argument("--jobs", type=int, default=10_000)
    given = asked.parse_args()
    if given.role == "worker":
        tell(lambda: worker(given.jobs))
    else:
        tell(lambda: coordinator(given.jobs))


def worker(count: int) -> Figures:
    """Return the memory of a real worker, empty and with *count* jobs."""
    take_part(SERVING)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        (place / "empty").mkdir()
        nobody = Cluster(place / "empty")
        with nobody.coordinator(), nobody.worker() as idle:
            empty = rss_mb(idle.pid)
        with nginx(place) as web, unbound(place) as resolver:
            cluster = Cluster(place, mixed(count, web.http, web.https, resolver))
            with cluster.coordinator(), cluster.worker() as full:
                full.warm(2 * count, 180)
                made = full.spooled.top()
                rss = rss_mb(full.pid)
    return {"empty_rss_mb": empty, "rss_mb": rss, "results": made}


def mixed(count: int, http: int, https: int, resolver: int) -> Iterator[Job]:
    """Yield jobs: of ten, five icmp, three http, one dns and one tls."""
    hosts = addresses(count)
    for n, host in enumerate(hosts):
        if n % 10 < 5:
            yield job(n, "icmp", host, INTERVAL_S)
        elif n % 10 < 8:
            yield job(n, "http", f"http://127.0.0.1:{http}/{n}", INTERVAL_S)
        elif n % 10 < 9:
            server = f"127.0.0.1:{resolver}"
            yield job(n, "dns", f"h{n}.example", INTERVAL_S, resolver=server)
        else:
            yield job(n, "tls", f"127.0.0.1:{https}", 10 * INTERVAL_S, verify=False)


async def coordinator(count: int) -> Figures:
    """Return this process's memory with *count* jobs on each of the workers."""
    tune_collector()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        store = await Store.open(place / "pangea.db")
        info = NodeInfo(role="coordinator", name="c", boot="0" * 32)
        own = identity.load_or_create(place / "node.key")
        it = Coordinator(
            store, Hub(), own, lambda: [bytes(32)], info, CLOCK, Vault(bytes(32))
        )
        await fill(store, count)
        await it.start()
        it.board.place_all()
        it.judging.seat(it.board.jobs)
        empty = rss_mb(os.getpid())
        series = [(job, worker) for job in it.board.jobs for worker in it.board.workers]
        for turn in range(3):
            await take_all(it, *make_frames(series, f"turn-{turn}"))
        rss = rss_mb(os.getpid())
        await store.close()
    return {"assignments": count * WORKERS, "before_votes_rss_mb": empty, "rss_mb": rss}


if __name__ == "__main__":
    main()
