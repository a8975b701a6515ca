"""From an installed wheel: what happened while nobody listened is known later."""

import json
import time

import pytest

from tests.e2e.cluster import Cluster, wait_for
from tests.e2e.targets import Targets

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(200)]


def test_an_outage_that_only_a_worker_saw_is_in_the_history(
    cluster: Cluster, targets: Targets
):
    cluster.start()
    worker = cluster.worker("hel").start()
    wait_for(lambda: "hel" in cluster.connected(), 20, "the worker joins")
    url = f"http://127.0.0.1:{targets.http_port}/"
    cluster.cli("job", "add", "http", url, "--name", "web", "--every", "2s",
                "--timeout", "1s", "--on", "hel", "--slo", "99")  # fmt: skip
    wait_for(lambda: cluster.verdicts().get("web") == "up", 20, "up")

    cluster.coordinator.kill()
    targets.stop_http()
    gone = time.time()
    time.sleep(20)
    targets.start_http()
    time.sleep(4)
    cluster.start()
    wait_for(lambda: cluster.verdicts().get("web") == "up", 30, "up again")

    def backfilled():
        items = cluster.api("/incidents")["items"]
        return [i for i in items if i["backfilled"]]

    (incident,) = wait_for(backfilled, 60, "late results make an incident")
    assert incident["state"] == "closed"
    assert worker.process.poll() is None
    told = cluster.api("/jobs/web/uptime?range=5m")
    assert 0.05 < told["minutes"]["down"] < 0.5
    assert told["slo"]["left_min"] < told["slo"]["budget_min"]
    assert "99 %," in cluster.cli("job", "show", "web").stdout
    assert "down" in cluster.cli("history", "web", "--range", "5m").stdout

    # What was known then is another matter: nobody was there to hear it.
    then = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(gone + 15))
    status = json.loads(cluster.cli("status", "--at", then, "--json").stdout)
    assert status["verdicts"]["up"] == 1
    assert cluster.cli("status", "--at", then).stdout.startswith("as of")
    listed = json.loads(cluster.cli("job", "list", "--at", then, "--json").stdout)
    (name,) = [job["name"] for job in listed]
    shown = json.loads(cluster.cli("job", "show", name, "--at", then, "--json").stdout)
    assert shown["verdict"] == listed[0]["verdict"]
    assert shown["at"] == listed[0]["at"] == then.replace("Z", ".000000Z")
    assert shown["incident"] is None, "that is one of now"

    tried = cluster.cli("backtest", "--rule", "any", "--since", "10m", "--json").stdout
    (row,) = json.loads(tried)["jobs"]
    assert (row["name"], row["incidents_then"]) == ("web", 1)
    assert "Traceback" not in cluster.coordinator.said()
