"""A real coordinator on a real PostgreSQL server; both are killed, all is counted."""

import signal
import time

import pytest

from tests.e2e.cluster import Cluster, wait_for
from tests.e2e.test_nothing_is_lost import (
    NAMES,
    Counting,
    account,
    begin,
    end,
    rises,
    target,
)
from tests.needs import need

__all__ = ["target"]
pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def server():
    need("postgres")
    from tests.postgres import Server

    made = Server()
    yield made
    made.close()


def test_what_a_coordinator_on_postgres_is_told_is_there_once_after_every_kill(
    cluster: Cluster, target: Counting, server
):
    name = server.fresh()
    url = server.url(name, tcp=True)
    cluster.coordinator.arguments += ("--database", url)
    begin(cluster, target)
    _nothing_shows_the_password(cluster, url)
    for _ in range(2):
        cluster.coordinator.kill()
        time.sleep(1)
        cluster.start()
        wait_for(lambda: "hel" in cluster.connected(), 30, "the worker is back")
    server.stop(signal.SIGQUIT)
    rises(target)
    wait_for(lambda: "cannot be stored" in cluster.coordinator.said(), 20, "it is told")
    assert cluster.api("/status")["version"], "it serves and judges on"
    server.start()
    rises(target)
    assert cluster.coordinator.stop() == 0
    cluster.start()
    found = end(cluster)
    account(found, target, kills=0)
    rows = server.sql(
        "SELECT count(*) FROM watermark", "SELECT sum(seq) FROM watermark", name=name
    )
    assert rows[0][0] >= sum(map(len, found.values()))
    history = cluster.api(f"/jobs/{NAMES[0]}/history?range=1h")
    assert sum(p["ok"] for p in history["points"]) == len(found[NAMES[0]])
    said = cluster.coordinator.said()
    assert "Traceback" not in said
    for secret in ("p@ss", "p%40ss", "w:rd", "w%3Ard"):
        assert secret not in said


def _nothing_shows_the_password(cluster: Cluster, url: str) -> None:
    place = f"/proc/{cluster.coordinator.process.pid}/cmdline"
    with open(place, "rb") as file:
        shown = file.read()
    assert b"postgresql://tester:*" in shown
    assert url.encode() not in shown
    assert b"p%40ss" not in shown


def test_a_second_coordinator_on_the_same_database_is_told_who_is_there(
    cluster: Cluster, server
):
    url = server.url(server.fresh())
    cluster.coordinator.arguments += ("--database", url)
    cluster.start()
    second = cluster._node("second", "--listen", "127.0.0.1:0", "--database", url)
    second.start()
    assert second.process.wait(30) == 78
    assert "in use by another coordinator: pangea writer at this machine" in (
        second.said()
    )
    assert "several coordinators on one database are not possible yet" in second.said()
    assert cluster.ready()
