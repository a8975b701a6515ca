"""Real processes: an outage is one incident, also if the coordinator is killed."""

import socket
import time

import pytest

from tests.e2e.cluster import Cluster, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(180)]

EVERY = ("--every", "1s", "--timeout", "1s")


def listening(port: int = 0) -> socket.socket:
    """Return a socket of loopback that takes connections and never accepts one."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("127.0.0.1", port))
    made.listen(128)
    return made


def incidents(cluster: Cluster, query: str = "") -> list[dict]:
    try:
        found: list[dict] = cluster.api(f"/incidents{query}")["items"]
    except OSError:
        return []
    return found


def jobs_are(cluster: Cluster, verdict: str, *names: str) -> bool:
    found = cluster.verdicts()
    return all(found.get(name) == verdict for name in names)


def test_an_outage_is_one_incident_over_a_kill_of_the_coordinator(cluster: Cluster):
    gateway, shop = listening(), listening()
    ports = [s.getsockname()[1] for s in (gateway, shop)]
    cluster.start()
    wait_for(lambda: cluster.connected() == {"local"}, 15, "the local worker joins")
    cluster.cli("job", "add", "tcp", f"127.0.0.1:{ports[0]}", "--name", "gw", *EVERY)
    names = ("web", "shop", "mail")
    for name in names:
        target = ("tcp", f"127.0.0.1:{ports[1]}", "--name", name)
        cluster.cli("job", "add", *target, *EVERY, "--depends-on", "gw")
    wait_for(lambda: jobs_are(cluster, "up", "gw", *names), 20, "all up")
    cluster.cli("note", "deployed v2")
    shop.close()
    wait_for(lambda: jobs_are(cluster, "down", *names), 30, "down without a server")

    wait_for(lambda: len(incidents(cluster)) == 1, 5, "one incident of the three")
    (storm,) = incidents(cluster, "?open=true")
    assert storm["title"] == "3 jobs: all depend on gw"
    assert 0 < storm["confirmed_after_s"] < 20
    assert cluster.cli("incident", "ack", storm["id"], "-m", "mine").stdout
    cluster.coordinator.kill()
    time.sleep(1.0)
    cluster.start()
    (again,) = wait_for(lambda: incidents(cluster, "?open=true"), 10, "it is known")
    assert again["id"] == storm["id"]
    assert again["acknowledged_text"] == "mine"
    assert f"incident {storm['id']}" in cluster.cli("status").stdout

    shop = listening(ports[1])
    wait_for(lambda: jobs_are(cluster, "up", *names), 40, "up again")
    wait_for(lambda: not incidents(cluster, "?open=true"), 5, "and over")
    (one,) = incidents(cluster)
    assert one["closed_at"]
    shown = cluster.cli("incident", "show", one["id"]).stdout
    assert "deployed v2" in shown
    told = ("opened", "storm", "acknowledged", "recovered", "closed")
    assert all(word in shown for word in told)
    shop.close()
    gateway.close()
    assert cluster.coordinator.stop() == 0
    assert "Traceback" not in cluster.coordinator.said()
