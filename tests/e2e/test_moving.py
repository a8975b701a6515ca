"""A worker is stopped in its tracks: its counted job moves, and moves only once."""

import os
import signal
import time
from datetime import datetime

import pytest

from pangea.core.liveness import LEASE_S, MOVES_AFTER_S
from tests.e2e.cluster import Cluster, wait_for
from tests.e2e.targets import Targets

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(240)]


def begun(cluster: Cluster, worker: str) -> list[float]:
    """Return when the runs of *worker* began, oldest first."""
    return sorted(
        datetime.fromisoformat(r["started_at"]).timestamp()
        for r in cluster.results("web")
        if r["worker"] == worker
    )


def test_a_worker_that_stands_still_loses_its_counted_jobs(
    cluster: Cluster, targets: Targets
):
    cluster.coordinator.arguments += ("--no-local-worker",)
    cluster.start()
    nodes = {name: cluster.worker(name).start() for name in ("hel", "nyc")}
    wait_for(lambda: cluster.connected() == set(nodes), 15, "two workers join")
    web = f"http://127.0.0.1:{targets.http_port}/"
    every = ("--every", "1s", "--timeout", "500ms", "--on", "count:1")
    cluster.cli("job", "add", "http", web, "--name", "web", *every)
    wait_for(lambda: len(cluster.results("web")) >= 3, 15, "results")
    (old,) = {r["worker"] for r in cluster.results("web")}
    (new,) = nodes.keys() - {old}

    stopped = time.time()
    os.kill(nodes[old].process.pid, signal.SIGSTOP)
    try:
        wait_for(lambda: begun(cluster, new), 75, "the other worker takes over")
    finally:
        os.kill(nodes[old].process.pid, signal.SIGCONT)
    went_on = time.time()
    wait_for(lambda: cluster.connected() == set(nodes), 20, "it is back")
    time.sleep(3)

    # Its last heartbeat was at most 5 s before it stopped.
    assert begun(cluster, new)[0] > stopped + LEASE_S + MOVES_AFTER_S - 6
    late = [at for at in begun(cluster, old) if at > stopped + 1]
    assert late == [], f"it had no lease; it went on at {went_on:.1f}"
    assert cluster.verdicts() == {"web": "up"}
