"""A target dies: how long until the verdict, with real processes."""

import random
import time
from datetime import datetime

import pytest

from tests.e2e.cluster import Cluster, wait_for
from tests.e2e.targets import Targets

pytestmark = [pytest.mark.e2e, pytest.mark.alone, pytest.mark.timeout(180)]

INTERVAL_S = 8.0
#: Refused at once, so no timeout is in it.
BOUND_S = INTERVAL_S / 2 + 1


def seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


def test_two_workers_see_a_killed_target_within_the_bound(
    cluster: Cluster, targets: Targets
):
    cluster.start()
    cluster.worker("hel").start()
    wait_for(lambda: cluster.connected() == {"local", "hel"}, 30, "both workers")
    url = f"http://127.0.0.1:{targets.http_port}/"
    every = ("--every", f"{INTERVAL_S:g}s", "--timeout", "2s")
    cluster.cli("job", "add", "http", url, "--name", "web", *every)
    wait_for(lambda: cluster.verdicts() == {"web": "up"}, 30, "up")
    time.sleep(random.uniform(1, 1 + INTERVAL_S))

    targets.stop_http()
    died = time.time()
    wait_for(lambda: cluster.verdicts() == {"web": "down"}, 30, "down")
    job = cluster.api("/jobs/web")
    assert seconds(job["confirmed_at"]) - died < BOUND_S
    assert died - 0.5 < seconds(job["first_fail_at"]) < seconds(job["confirmed_at"])

    def answered() -> bool:
        asked = [r for r in cluster.results("web") if "repeat" in r["flags"]]
        return any(r["outcome"] == "failed" for r in asked)

    # It was judged before it was written.
    wait_for(answered, 10, "somebody was asked to confirm")
    assert cluster.api("/status")["detection_s"] < BOUND_S

    targets.start_http()
    back = time.time()
    wait_for(lambda: cluster.verdicts() == {"web": "up"}, 30, "up again")
    assert seconds(cluster.api("/jobs/web")["verdict_since"]) - back < BOUND_S + 2
