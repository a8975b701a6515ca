"""Rules on real processes: defaults that are laid under a job's own, and thresholds."""

import pytest

from tests.e2e.cluster import Cluster, wait_for
from tests.e2e.targets import Targets
from tests.ports import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(120)]

EVERY = ("--every", "1s", "--timeout", "500ms")


def job(cluster: Cluster, name: str) -> dict:
    return cluster.api(f"/jobs/{name}")


def test_a_default_rule_judges_the_jobs_and_a_job_says_what_differs(
    cluster: Cluster, targets: Targets
):
    cluster.start()
    said = cluster.cli("job", "defaults", "--rule", "majority down=100 up=1")
    assert "down=100" in said.stdout
    closed = f"127.0.0.1:{free_port()}"
    for name, *more in (("late",), ("soon", "--rule", "down=1")):
        cluster.cli("job", "add", "tcp", closed, "--name", name, *EVERY, *more)
    open_ = f"127.0.0.1:{targets.tcp_port}"
    cluster.cli(
        *("job", "add", "tcp", open_, "--name", "slow", *EVERY),
        *("--rule", "any latency=1ms slower=off"),
    )
    wait_for(
        lambda: cluster.verdicts().get("soon") == "down", 25, "its own rule says so"
    )
    late = job(cluster, "late")
    assert late["verdict"] == "unknown"
    assert late["rule_in_force"] == "majority down=100 up=1"
    assert job(cluster, "soon")["rule_in_force"] == "majority up=1"

    cluster.cli("job", "defaults", "--rule", "up=1")
    wait_for(lambda: cluster.verdicts().get("late") == "down", 10, "it is judged anew")
    assert job(cluster, "slow")["verdict"] in ("up", "degraded")
