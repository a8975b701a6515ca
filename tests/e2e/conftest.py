"""An installed wheel, and a cluster made of it."""

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
    """Return a directory that holds Pangea as its wheel installs it."""
    place = tmp_path_factory.mktemp("wheel")
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
    installed = place / "installed"
    subprocess.run(
        [*pip, "install", "--no-deps", "--target", installed, wheel], check=True
    )
    return installed


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
