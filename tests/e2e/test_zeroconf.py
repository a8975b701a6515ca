"""A worker that holds only the secret finds its coordinator on the link."""

import json
import shutil
import time
from pathlib import Path

import pytest

from tests.e2e.bridge import switched
from tests.e2e.cluster import Cluster, wait_for

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.alone,
    pytest.mark.netns,
    pytest.mark.timeout(120),
]


def test_a_worker_with_the_secret_alone_joins_within_three_seconds(
    tmp_path: Path, packages: Path
):
    with switched("head", "site") as spaces:
        cluster = Cluster(tmp_path, packages)
        cluster.env["PANGEA_DISCOVERY"] = "mdns"
        cluster.command = ["ip", "netns", "exec", spaces["head"], *cluster.command]
        cluster.coordinator.arguments = (
            *("--role", "coordinator", "--listen", f"0.0.0.0:{cluster.port}"),
            "--no-local-worker",
        )
        try:
            join(cluster, spaces["site"])
        finally:
            cluster.stop()
            for node in cluster.nodes:
                print(f"--- {node.name}\n{node.said()[-4000:]}")


def join(cluster: Cluster, site: str) -> None:
    """Start the coordinator, then a worker at *site*; time how long it takes."""
    cluster.coordinator.start()
    up = wait_for(lambda: "is up" in cluster.coordinator.said(), 20, "serving")
    assert up
    time.sleep(2)  # the link is new: IPv6 is still looking for duplicates
    worker = cluster.worker("site")
    arguments = [*worker.arguments]
    at = arguments.index("--join")
    worker.arguments = (*arguments[:at], *arguments[at + 2 :])
    shutil.rmtree(worker.state_dir, ignore_errors=True)
    cluster.command[3] = site
    begun = time.monotonic()
    worker.start()
    wait_for(lambda: "joined as site" in worker.said(), 10, "joining by mDNS")
    spent = time.monotonic() - begun
    cluster.command[3] = site.replace("-site-", "-head-")
    listed = json.loads(cluster.cli("worker", "list", "-o", "json").stdout)

    assert [(w["name"], w["connected"]) for w in listed] == [("site", True)]
    print(f"joined {spent:.2f} s after the start of the process")
    # DESIGN asks for 3 s; a loaded machine gets as much again.
    assert spent < 6
