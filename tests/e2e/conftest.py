"""An installed wheel, and a cluster made of it."""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.cluster import Cluster
from tests.e2e.targets import Targets

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory that holds Pangea as its wheel installs it.

    Processes that test side by side share one; the first of them makes it.
    """
    place = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        place = place.parent
    with (place / "wheel.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / "installed").exists():
            _install(place)
    return place / "installed"


def _install(place: Path) -> None:
    source = place / "source"
    shutil.copytree(
        ROOT,
        source,
        ignore=shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "tests"),
    )
    pip = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check"]
    offline = ["--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "wheel", *offline, "-w", place, source], check=True)
    (wheel,) = place.glob("*.whl")
    half = place / "half"
    subprocess.run([*pip, "install", "--no-deps", "--target", half, wheel], check=True)
    half.rename(place / "installed")


@pytest.fixture
def targets(tmp_path: Path) -> Iterator[Targets]:
    """Five real servers."""
    made = Targets(tmp_path)
    yield made
    made.close()


@pytest.fixture
def cluster(tmp_path: Path, packages: Path) -> Iterator[Cluster]:
    """A cluster that is not started yet; its logs are shown if the test fails."""
    made = Cluster(tmp_path, packages)
    yield made
    made.stop()
    for node in made.nodes:
        if node.log.exists():
            print(f"--- {node.name}\n{node.said()[-6000:]}")
