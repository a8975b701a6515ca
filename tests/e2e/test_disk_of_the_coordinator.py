"""The disk of a database fills up while all work: judged at once, stored once."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.e2e.cluster import Cluster, wait_for
from tests.needs import need
from tests.postgres import OnSmallDisk

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.netns,
    pytest.mark.timeout(240),
]

#: So many workers are asked for evidence when a job goes down, at most.
MOST_EVIDENCE = 3
#: Runs a command in sight of a small disk of its own at $0.
ON_SMALL_DISK = 'mount -t tmpfs -o size=8m,mode=700 tmpfs "$0" && exec "$@"'


class Target(ThreadingHTTPServer):
    """A web server that counts who asks, and answers with ``status``."""

    def __init__(self) -> None:
        self.answered: Counter[int] = Counter()
        self.status = 200
        super().__init__(("127.0.0.1", 0), _Page)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def seen(self) -> int:
        return self.answered.total()


class _Page(BaseHTTPRequestHandler):
    server: Target

    def do_GET(self) -> None:
        self.server.answered[self.server.status] += 1
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def target():
    made = Target()
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture(params=["sqlite", "postgres"])
def small(request: pytest.FixtureRequest, tmp_path: Path, packages: Path):
    """A coordinator with a worker of its own, and what fills the disk of its database.

    On SQLite that is the disk of its state directory, else that of the server.
    """
    made = Cluster(tmp_path, packages)
    how = _with_a_small_disk if request.param == "sqlite" else _with_a_small_server
    try:
        with how(made) as filler:
            yield made, filler
    finally:
        made.stop()


@contextmanager
def _with_a_small_disk(made: Cluster) -> Iterator[Path]:
    place, plain = made.coordinator.state_dir, made.command
    place.mkdir(mode=0o700)
    made.command = ["unshare", "--mount", "sh", "-c", ON_SMALL_DISK, str(place), *plain]
    made.coordinator.start()
    made.command = plain
    # What it sees there, as seen from here.
    pid = made.coordinator.process.pid
    made.coordinator.state_dir = Path(f"/proc/{pid}/root{place}")
    wait_for(made.ready, 20, "serving")
    wait_for(lambda: "  first " in made.coordinator.said(), 5, "a greeting")
    yield made.coordinator.state_dir / "filler"


@contextmanager
def _with_a_small_server(made: Cluster) -> Iterator[Path]:
    need("postgres")
    with closing(OnSmallDisk(160)) as server:
        url = server.url(server.fresh(), tcp=True)
        made.coordinator.arguments += ("--database", url)
        made.start()
        yield server.data / "filler"


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as filler:
        try:
            while filler.write(bytes(4096)):
                pass
        except OSError:
            pass


def test_what_dies_while_the_disk_is_full_is_down_and_stored_once_later(
    small: tuple[Cluster, Path], target: Target
):
    cluster, filler = small
    for name in ("hel", "nyc"):
        cluster.worker(name).start()
    wait_for(lambda: cluster.connected() == {"local", "hel", "nyc"}, 20, "they join")
    cluster.cli(
        *("job", "add", "http", f"http://127.0.0.1:{target.server_port}/"),
        *("--name", "web", "--every", "1s", "--timeout", "900ms"),
    )
    wait_for(lambda: cluster.verdicts() == {"web": "up"}, 20, "it is up")

    fill(filler)

    def trouble():
        told = " ".join(cluster.api("/status")["trouble"])
        return "full" in told or "No space left" in told

    wait_for(trouble, 30, "it says that the disk is full")
    before = target.seen
    wait_for(lambda: target.seen > before + 24, 30, "no more batches may be sent")
    assert cluster.verdicts() == {"web": "up"}, "silence is no answer"
    stored = len(cluster.results("web"))
    target.status = 500
    wait_for(lambda: cluster.verdicts() == {"web": "down"}, 8, "it is down")
    assert trouble()
    assert len(cluster.results("web")) == stored
    # What is asked as evidence is no result; it is asked by now.
    before = target.seen
    wait_for(lambda: target.seen > before + 9, 20, "it goes on")
    target.status = 200
    wait_for(lambda: cluster.verdicts() == {"web": "up"}, 10, "it is up again")

    filler.unlink()
    wait_for(lambda: not trouble(), 20, "it takes results again")
    cluster.cli("job", "stop", "web")

    def delivered():
        found = cluster.api("/workers")["items"]
        stored = len(cluster.results("web"))
        return all(w["spool"] == 0 for w in found) and (
            stored >= target.seen - MOST_EVIDENCE
        )

    wait_for(delivered, 40, "everything is delivered")
    results = cluster.results("web")
    runs = Counter((r["worker"], r["started_at"]) for r in results)
    assert max(runs.values()) == 1
    found = Counter(r["outcome"] for r in results)
    assert found["ok"] == target.answered[200]
    assert 0 <= target.answered[500] - found["failed"] <= MOST_EVIDENCE
    for name in ("local", "hel", "nyc"):
        assert cluster.api(f"/workers/{name}/gaps")["items"] == []
