"""Real processes: a worker that waits, one that joins by a token, one that is out."""

import json

import pytest

from tests.e2e.cluster import Cluster, wait_for
from tests.e2e.targets import Targets

pytestmark = pytest.mark.slow


def states(cluster: Cluster) -> dict[str, str]:
    return {w["name"]: w["state"] for w in cluster.api("/workers")["items"]}


def test_a_person_a_token_and_a_revocation(cluster: Cluster, targets: Targets):
    cluster.env["PANGEA_ADMISSION"] = "approve"
    cluster.start()
    wait_for(lambda: cluster.connected() == {"local"}, 15, "our own worker is in")
    cluster.cli(
        "job",
        "add",
        "tcp",
        f"127.0.0.1:{targets.tcp_port}",
        "--name",
        "port",
        "--every",
        "1s",
    )

    hel = cluster.worker("hel").start()
    wait_for(lambda: states(cluster).get("hel") == "pending", 15, "hel waits")
    wait_for(lambda: "pangea worker approve" in hel.said(), 5, "it says what to do")
    assert "joined" not in hel.said()
    shown = json.loads(cluster.cli("worker", "show", "hel", "--json").stdout)
    assert shown["id"] in hel.said()
    cluster.cli("worker", "approve", shown["id"].upper())
    wait_for(lambda: reports(cluster, "hel"), 20, "hel probes on the same link")
    assert hel.said().count("waiting for approval") == 1

    token = cluster.cli("worker", "token", "--approve").stdout.strip()
    fra = joining(cluster, "fra", token)
    wait_for(lambda: reports(cluster, "fra"), 20, "fra probes")
    assert fra.stop() == 0
    assert (fra.state_dir / "secrets.json").stat().st_mode & 0o777 == 0o600
    fra.arguments = fra.arguments[:-2]
    fra.start()
    wait_for(lambda: "fra" in cluster.connected(), 15, "fra needs no token again")
    thief = joining(cluster, "thief", token)
    assert thief.process.wait(20) == 4
    assert "join token" in thief.said()

    cluster.cli("worker", "revoke", "fra", "--yes")
    wait_for(lambda: "fra" not in cluster.connected(), 2, "fra is cut")
    fra.kill()
    fra.start()
    wait_for(lambda: fra.said().count("not admitted") > 0, 15, "fra hears why")
    assert states(cluster)["fra"] == "revoked"
    assert "rotate" in cluster.cli("status").stdout


def joining(cluster: Cluster, name: str, token: str):
    """Start a worker that has nothing but *token*."""
    node = cluster._node(name, "--role", "worker", "--name", name, "--join", token)
    return node.start()


def reports(cluster: Cluster, worker: str) -> bool:
    """Tell whether *worker* has delivered results."""
    return any(r["worker"] == worker for r in cluster.results("port"))
