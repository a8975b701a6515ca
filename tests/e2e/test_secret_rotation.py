"""The cluster's secret is rotated while probes run; one worker is away meanwhile."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.e2e.cluster import Cluster, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(240)]

JOBS = ("a", "b", "c", "d")


class Counted(ThreadingHTTPServer):
    """Counts what it was asked, by path: the truth of what was probed."""

    seen: Counter[str]


class _Page(BaseHTTPRequestHandler):
    server: Counted

    def do_GET(self) -> None:
        self.server.seen[self.path.strip("/")] += 1
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def counted() -> Iterator[Counted]:
    server = Counted(("127.0.0.1", 0), _Page)
    server.seen = Counter()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def rotate(cluster: Cluster, *words: str, code: int = 0) -> Any:
    """Make one step; return what the API answers, or what was complained of."""
    ran = cluster.cli("secret", "rotate", *words, "--json", code=code)
    return json.loads(ran.stdout) if code == 0 else ran.stderr


def status(cluster: Cluster) -> Any:
    return cluster.api("/secrets")


def all_on(cluster: Cluster, *names: str) -> bool:
    """Tell whether all of *names* dial with the current secret."""
    said = status(cluster)
    current = said["secrets"][0]["id"]
    held = {w["worker"]: w["secret"] for w in said["workers"]}
    return all(held[name] == current for name in names)


def test_a_rotation_under_load_loses_nothing_and_names_who_is_missing(
    cluster: Cluster, counted: Counted
):
    cluster.start()
    hel, york = cluster.worker("hel").start(), cluster.worker("york").start()
    wait_for(lambda: len(cluster.connected()) == 3, 20, "three workers join")
    for name in JOBS:
        cluster.cli(
            *("job", "add", "http", f"http://127.0.0.1:{counted.server_port}/{name}"),
            *("--name", name, "--every", "500ms", "--timeout", "400ms"),
        )
    given = cluster.cli("secret", "show").stdout.strip()
    wait_for(lambda: all_on(cluster, "local", "hel", "york"), 10, "all tell their ring")

    rotate(cluster, "start")
    assert york.stop() == 0  # it is away from now on, with the next secret unused
    rotate(cluster, "use")
    assert cluster.cli("secret", "show").stdout.strip() != given
    wait_for(lambda: all_on(cluster, "local", "hel"), 10, "both use the new secret")
    assert status(cluster)["stragglers"] == ["york"]
    assert "york" in rotate(cluster, "finish", code=6)

    # Whoever dies now comes back, by whichever secret it holds.
    hel.kill()
    cluster.coordinator.kill()
    wait_for(
        lambda: cluster.coordinator.said().count("is gone"), 10, "the child leaves"
    )
    cluster.start()
    hel.start()
    wait_for(lambda: cluster.connected() == {"local", "hel"}, 30, "both are back")
    assert status(cluster)["stragglers"] == ["york"]

    # A worker that was away returns with the old secret, and gets the new one.
    york.start()
    wait_for(lambda: status(cluster)["stragglers"] == [], 30, "york is on the new one")
    assert rotate(cluster, "finish")["stage"] == "none"
    ring = json.loads((york.state_dir / "secrets.json").read_text())
    assert [s["state"] for s in ring["secrets"]][-1] == "current"

    # Its secret file is old now; the ring that it has kept is what counts.
    york.stop()
    york.start()
    wait_for(lambda: len(cluster.connected()) == 3, 30, "york joins with its own ring")
    assert_nothing_is_lost(cluster, counted)


def assert_nothing_is_lost(cluster: Cluster, counted: Counted) -> None:
    """Compare what the target counted with what is stored, once all is quiet.

    The runs in flight are what the target may have seen and nobody could write down:
    for each job one at the kill of a worker, and one on each of three at its stop.
    """
    for name in JOBS:
        cluster.cli("job", "stop", name)
    stored: dict[str, int] = {}

    def settled() -> bool:
        before = dict(stored)
        time.sleep(1.5)  # a group of results waits a second for company
        stored.update({name: len(cluster.results(name)) for name in JOBS})
        return stored == before and sum(stored.values()) > 0

    wait_for(settled, 30, "the last results arrive")
    for name in JOBS:
        runs = Counter(
            (r["worker"], r["started_at"], r["outcome"]) for r in cluster.results(name)
        )
        assert set(runs.values()) == {1}
        assert {outcome for _, _, outcome in runs} >= {"ok"}
        print(f"{name}: target {counted.seen[name]}, stored {stored[name]}")
        assert 0 <= counted.seen[name] - stored[name] <= 4


def test_a_worker_left_behind_rejoins_with_the_new_secret(cluster: Cluster):
    cluster.start()
    york = cluster.worker("york").start()
    wait_for(lambda: len(cluster.connected()) == 2, 20, "two workers join")
    york.kill()
    rotate(cluster, "start")
    rotate(cluster, "use")
    assert rotate(cluster, "finish", "--force")["stage"] == "none"
    york.start()
    wait_for(lambda: "does not hold the cluster secret" in york.said(), 20, "why not")
    assert "york" not in cluster.connected()
    york.stop()
    secret = cluster.place / "secret"
    secret.write_text(cluster.cli("secret", "show").stdout)
    york.start()
    wait_for(lambda: "york" in cluster.connected(), 20, "york is back")
    names = [worker["name"] for worker in cluster.api("/workers")["items"]]
    assert sorted(names) == ["local", "york"]


def test_after_a_revocation_a_rotation_lets_the_secret_admit_again(cluster: Cluster):
    cluster.start()
    york = cluster.worker("york").start()
    wait_for(lambda: len(cluster.connected()) == 2, 20, "two workers join")
    cluster.cli("worker", "revoke", "york", "--yes")
    wait_for(lambda: cluster.connected() == {"local"}, 5, "york is cut")
    assert any("york" in line for line in cluster.api("/status")["trouble"])
    rotate(cluster, "start")
    rotate(cluster, "use")
    wait_for(lambda: status(cluster)["stragglers"] == [], 10, "nobody is missing")
    rotate(cluster, "finish")
    assert not any("york" in line for line in cluster.api("/status")["trouble"])
    ring = york.state_dir / "secrets.json"
    held = json.loads(ring.read_text())["secrets"] if ring.exists() else []
    current = status(cluster)["secrets"][0]["id"]
    assert current not in [secret["id"] for secret in held]
    hel = cluster.worker("hel")
    (cluster.place / "secret").write_text(cluster.cli("secret", "show").stdout)
    hel.start()
    wait_for(lambda: "hel" in cluster.connected(), 20, "hel joins by the secret alone")
