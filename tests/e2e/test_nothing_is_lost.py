"""Real processes are killed, restored and sent through time; the target counts.

What the target has seen is stored once, give or take the runs that were on their
way when somebody was killed.
"""

import shutil
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path

import pytest

from tests.e2e.cluster import Cluster, wait_for
from tests.needs import need

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(240)]

JOBS = 4
NAMES = [f"job-{n}" for n in range(JOBS)]


class Counting(ThreadingHTTPServer):
    """A web server that counts the requests of each path."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self.last: dict[str, float] = {}
        super().__init__(("127.0.0.1", 0), _Count)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def total(self) -> int:
        return self.seen.total()


class _Count(BaseHTTPRequestHandler):
    server: Counting

    def do_GET(self) -> None:
        name = self.path.strip("/")
        self.server.seen[name] += 1
        self.server.last[name] = time.time()
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def target():
    made = Counting()
    yield made
    made.shutdown()
    made.server_close()


def begin(cluster: Cluster, target: Counting):
    """Start a coordinator and the worker ``hel``, which asks four pages a second."""
    cluster.start()
    worker = cluster.worker("hel").start()
    wait_for(lambda: "hel" in cluster.connected(), 20, "the worker joins")
    for name in NAMES:
        cluster.cli(
            *("job", "add", "http", f"http://127.0.0.1:{target.server_port}/{name}"),
            *("--name", name, "--on", "hel", "--every", "1s", "--timeout", "900ms"),
        )
    wait_for(lambda: len(cluster.results(NAMES[-1])) > 2, 20, "first results")
    return worker


def end(cluster: Cluster) -> dict[str, list[dict]]:
    """Stop the jobs, wait until all is delivered; return the results."""
    wait_for(lambda: "hel" in cluster.connected(), 40, "the worker is back")
    for name in NAMES:
        cluster.cli("job", "stop", name)
    time.sleep(3)

    def spooled():
        (worker,) = [w for w in cluster.api("/workers")["items"] if w["name"] == "hel"]
        return worker["spool"]

    wait_for(lambda: spooled() == 0, 40, "everything is delivered")
    time.sleep(1)
    return {name: cluster.results(name) for name in NAMES}


def account(found: dict[str, list[dict]], target: Counting, kills: int) -> None:
    """Check that what the target saw is stored once."""
    for name, results in found.items():
        runs = Counter(r["started_at"] for r in results)
        assert [run for run, times in runs.items() if times > 1] == [], "stored twice"
        missing = target.seen[name] - len(results)
        # On a slow machine the last run may still be on its way when its job is
        # stopped: then no result is of the second in which the target saw it.
        newest = max(datetime.fromisoformat(run).timestamp() for run in runs)
        cut = target.last[name] - newest > 0.95
        assert 0 <= missing <= kills + cut, f"{name}: {missing} are lost"
        assert "ok" in {r["outcome"] for r in results}


def rises(target: Counting, by: int = 3 * JOBS) -> None:
    before = target.total
    wait_for(lambda: target.total >= before + by, 20, "it probes")


def test_a_worker_that_is_killed_alone_goes_on_and_loses_nothing(
    cluster: Cluster, target: Counting
):
    worker = begin(cluster, target)
    kills = 0
    cluster.coordinator.kill()
    rises(target)
    for pause_s in (0.3, 0.75, 1.2):
        worker.kill()
        kills += 1
        worker.start()
        rises(target)
        time.sleep(pause_s)
    cluster.start()
    account(end(cluster), target, kills)


def test_both_sides_are_killed_again_and_again(cluster: Cluster, target: Counting):
    worker = begin(cluster, target)
    kills = 0
    for pause_s in (0.2, 0.7, 1.1):
        time.sleep(pause_s)
        worker.kill()
        kills += 1
        worker.start()
        wait_for(lambda: "hel" in cluster.connected(), 20, "the worker is back")
        time.sleep(pause_s)
        cluster.coordinator.kill()
        wait_for(lambda: not cluster.ready(), 10, "the coordinator is gone")
        time.sleep(pause_s)
        cluster.start()
        wait_for(lambda: "hel" in cluster.connected(), 30, "the worker is back")
    account(end(cluster), target, kills)


def test_a_coordinator_whose_database_is_put_back_gets_again_what_it_lacks(
    cluster: Cluster, target: Counting
):
    begin(cluster, target)
    assert cluster.coordinator.stop() == 0
    database = cluster.coordinator.state_dir / "pangea.db"
    backup = cluster.place / "backup.db"
    shutil.copy(database, backup)
    cluster.start()
    before = len(cluster.results(NAMES[0]))
    wait_for(lambda: len(cluster.results(NAMES[0])) > before + 5, 40, "more results")
    assert cluster.coordinator.stop() == 0
    for end_ in ("", "-wal", "-shm"):
        database.with_name(database.name + end_).unlink(missing_ok=True)
    shutil.copy(backup, database)
    database.chmod(0o600)
    cluster.start()
    account(end(cluster), target, kills=0)


def test_a_worker_in_the_year_2090_that_is_set_right_lands_in_our_time(
    cluster: Cluster, target: Counting
):
    need("faketime")
    library = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    moved = cluster.place / "moved"
    moved.write_text("+2018000000")
    real = cluster.env
    cluster.start()
    cluster.env = real | {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(moved),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    worker = cluster.worker("hel").start()
    cluster.env = real
    began = datetime.now(UTC)
    wait_for(lambda: "hel" in cluster.connected(), 20, "the worker joins")
    name = NAMES[0]
    cluster.cli(
        *("job", "add", "http", f"http://127.0.0.1:{target.server_port}/{name}"),
        *("--name", name, "--on", "hel", "--every", "1s", "--timeout", "900ms"),
    )
    wait_for(lambda: len(cluster.results(name)) > 2, 20, "first results")
    cluster.coordinator.kill()
    time.sleep(2)
    moved.write_text("-1500000000")
    time.sleep(3)
    cluster.start()
    wait_for(lambda: "hel" in cluster.connected(), 40, "the worker is back")

    def health():
        (shown,) = [w for w in cluster.api("/workers")["items"] if w["name"] == "hel"]
        return shown["health"]

    wait_for(lambda: "clock was set by -35180" in health(), 10, "the step is shown")
    cluster.cli("job", "stop", name)
    time.sleep(4)

    results = cluster.results(name)
    times = [datetime.fromisoformat(r["started_at"]) for r in results]
    assert began < min(times)
    assert max(times) < datetime.now(UTC)
    seconds = sorted(t.timestamp() for t in times)
    widest = max(b - a for a, b in pairwise(seconds))
    assert widest < 5.0, "probing went on through the step"
    assert not any("clamped" in r["flags"] for r in results)
    worker.kill()
