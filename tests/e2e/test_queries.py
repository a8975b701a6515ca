"""From an installed wheel: questions about history, asked as people do."""

import csv
import io
import json

import pytest

from tests.e2e.cluster import Cluster, wait_for
from tests.e2e.targets import Targets

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(120)]


def test_history_is_asked_by_worker_compared_ranked_and_taken_along(
    cluster: Cluster, targets: Targets
):
    cluster.start()
    cluster.worker("hel").start()
    wait_for(lambda: "hel" in cluster.connected(), 20, "the worker joins")
    url = f"http://127.0.0.1:{targets.http_port}/"
    cluster.cli("job", "add", "http", url, "--name", "web", "--every", "1s",
                "--timeout", "900ms")  # fmt: skip

    def measured():
        told = cluster.api("/jobs/web/percentiles?range=1h")
        return [p for p in told["items"] if p["ok"] >= 8 and p["name"] == "hel"]

    wait_for(measured, 30, "the worker has measured something")
    by_worker = cluster.cli("history", "web", "--by", "worker").stdout
    assert "hel" in by_worker
    assert "all together" in by_worker
    compared = cluster.cli("history", "web", "--compare", "hel", "--json").stdout
    assert json.loads(compared)["from"]["label"] == "all but hel"
    assert cluster.cli("top").stdout.splitlines()[1].split()[2] == "web"
    assert "up" in cluster.cli("uptime", "web", "--calendar").stdout
    shown = cluster.cli("results", "web", "-o", "csv", "--on", "hel").stdout
    rows = list(csv.DictReader(io.StringIO(shown)))
    assert len(rows) >= 8
    assert {row["worker"] for row in rows} == {"hel"}
    steps = cluster.cli("history", "web", "-o", "jsonl").stdout.splitlines()
    assert sum(json.loads(step)["ok"] for step in steps) >= len(rows)
    assert "Traceback" not in cluster.coordinator.said()
