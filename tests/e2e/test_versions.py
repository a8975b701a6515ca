"""This version and the one before it, as real processes, in one mesh."""

import io
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.e2e.cluster import Cluster, wait_for
from tests.e2e.targets import Targets

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(240)]

ROOT = Path(__file__).parents[2]
#: The last commit whose nodes speak only version 1 of the mesh.
FIRST = "10e8584"


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory that holds Pangea as it was at version 1 of the mesh."""
    place = tmp_path_factory.mktemp("first")
    parts = ("pangea", "cli", "web_assets")
    packed = subprocess.run(
        ["git", "archive", FIRST, *parts], cwd=ROOT, capture_output=True, check=False
    )
    if packed.returncode:
        pytest.skip(f"the history does not reach back to {FIRST}: fetch all of it")
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(place, filter="data")
    for inner in parts[1:]:
        shutil.move(place / inner, place / "pangea" / inner)
    return place


def run_together(coordinator: Cluster, worker: Cluster, targets: Targets) -> None:
    """Check that results flow from a worker of one cluster's code to the other's."""
    worker.port = coordinator.port
    coordinator.coordinator.arguments += ("--no-local-worker",)
    coordinator.start()
    shown = coordinator.cli("secret", "show").stdout
    (worker.place / "secret").write_text(shown)
    (worker.place / "secret").chmod(0o600)
    node = worker.worker("other").start()
    wait_for(lambda: coordinator.connected() == {"other"}, 20, "the worker joins")
    web = f"http://127.0.0.1:{targets.http_port}/"
    for name, where in (("web", "all"), ("counted", "count:1")):
        every = ("--every", "1s", "--timeout", "500ms")
        coordinator.cli(
            "job", "add", "http", web, "--name", name, *every, "--on", where
        )
    for name in ("web", "counted"):
        wait_for(lambda name=name: len(coordinator.results(name)) >= 5, 30, name)
    assert coordinator.verdicts() == {"web": "up", "counted": "up"}

    node.kill()
    node.start()
    before = len(coordinator.results("counted"))
    wait_for(lambda: len(coordinator.results("counted")) > before + 3, 30, "it is back")
    assert node.stop() == 0
    assert "Traceback" not in node.said() + coordinator.coordinator.said()


@pytest.fixture
def clusters(tmp_path: Path, packages: Path, first: Path):
    """Yield a cluster of this version and one of the first."""
    made = []
    for name, code in (("now", packages), ("then", first)):
        place = tmp_path / name
        place.mkdir()
        made.append(Cluster(place, code))
    yield made
    for cluster in made:
        cluster.stop()
        for node in cluster.nodes:
            if node.log.exists():
                print(f"--- {node.name}\n{node.said()[-6000:]}")


def test_a_worker_of_version_1_reports_to_this_coordinator(clusters, targets):
    now, then = clusters
    run_together(now, then, targets)


def test_this_worker_reports_to_a_coordinator_of_version_1(clusters, targets):
    now, then = clusters
    run_together(then, now, targets)
