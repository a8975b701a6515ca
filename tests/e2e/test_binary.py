"""The one file: a coordinator and a worker of it, beside a worker from the wheel."""

import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.cluster import Cluster, wait_for
from tests.e2e.frozen import made
from tests.e2e.leftovers import alive
from tests.e2e.targets import Targets
from tests.e2e.test_end_to_end import add_jobs, all_up, exactly_once
from tests.needs import need

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(700)]

#: A loader unpacks some 70 MB first.
LOADED_S = 30
MOST_BYTES = 35_000_000


@pytest.fixture(scope="module")
def binary() -> Path:
    return made("binary", "pangea")


@pytest.fixture
def frozen(cluster: Cluster, binary: Path, tmp_path: Path) -> Cluster:
    """A cluster of the one file, which unpacks itself into a directory of the test."""
    unpacked = tmp_path / "unpacked"
    unpacked.mkdir()
    cluster.command = [str(binary)]
    cluster.env["TMPDIR"] = str(unpacked)
    return cluster


def test_it_is_small(binary: Path) -> None:
    assert binary.stat().st_size <= MOST_BYTES


def test_nodes_of_the_file_and_of_the_wheel_are_one_mesh(
    frozen: Cluster, targets: Targets
) -> None:
    frozen.start()
    frozen.worker("hel").start()
    wheel = frozen.worker("nyc")
    wheel.command = [sys.executable, "-m", "pangea"]
    wheel.start()
    wait_for(lambda: len(frozen.connected()) == 3, LOADED_S, "three workers join")
    add_jobs(frozen, targets)
    wait_for(lambda: all_up(frozen), 30, f"all up, got {frozen.verdicts()}")
    for job in frozen.api("/jobs")["items"]:
        voters = {v["worker"] for v in job["votes"] if v["outcome"] == "ok"}
        assert voters == {"local", "hel", "nyc"}, job["name"]
        exactly_once(frozen.results(job["name"]))
    assert "web" in frozen.cli("backtest", "--rule", "any", "-q").stdout
    targets.stop_http()
    down = "down when its server is gone"
    wait_for(lambda: frozen.verdicts().get("web") == "down", 20, down)
    assert "<form" in page(frozen, "/login")
    assert frozen.coordinator.stop() == 0
    assert "Traceback" not in frozen.coordinator.said()


def page(cluster: Cluster, path: str) -> str:
    url = f"http://127.0.0.1:{cluster.port}{path}"
    asked = ["curl", "-fsS", "-m", "5", url]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout


def test_a_killed_loader_leaves_nobody_behind(frozen: Cluster) -> None:
    frozen.start()
    wait_for(
        lambda: len(alive(frozen.place)) >= 3, LOADED_S, "loader, program and worker"
    )
    frozen.coordinator.process.send_signal(signal.SIGKILL)
    frozen.coordinator.process.wait(5)
    wait_for(
        lambda: not alive(frozen.place), 20, f"all gone, left: {alive(frozen.place)}"
    )


def test_what_is_unpacked_is_held_while_it_runs(frozen: Cluster) -> None:
    frozen.start()
    (unpacked,) = Path(frozen.env["TMPDIR"]).glob("_MEI*")
    tried = ["flock", "--nonblock", "--exclusive", str(unpacked), "true"]
    assert subprocess.run(tried, check=False).returncode == 1


def is_cleaned(place: Path) -> bool:
    shutil.rmtree(place, ignore_errors=True)
    return not place.exists()


def test_what_was_cleaned_away_is_unpacked_again(frozen: Cluster) -> None:
    frozen.start()
    temporary = Path(frozen.env["TMPDIR"])
    (unpacked,) = temporary.glob("_MEI*")
    # What is imported meanwhile is unpacked there.
    wait_for(lambda: is_cleaned(unpacked), LOADED_S, "cleaned away")
    said = "was cleaned away: beginning anew"
    wait_for(lambda: said in frozen.coordinator.said(), LOADED_S, said)
    wait_for(lambda: list(temporary.glob("_MEI*")), LOADED_S, "unpacked again")
    wait_for(lambda: frozen.connected() == {"local"}, 2 * LOADED_S, "all is back")
    assert "<form" in page(frozen, "/login")
    assert frozen.coordinator.stop() == 0


def test_a_machine_without_anything_has_a_result_soon(binary: Path) -> None:
    """The file is copied, started, given a job: packaging/first_result.sh."""
    script = Path(__file__).parents[2] / "packaging" / "first_result.sh"
    told = subprocess.run(
        [script, "binary"], capture_output=True, text=True, timeout=200, check=False
    )
    assert told.returncode == 0, told.stdout + told.stderr


def test_where_nothing_may_be_written_the_reason_is_told(binary: Path) -> None:
    need("netns")
    script = (
        "mount --bind / /mnt && mount -o remount,bind,ro /mnt && "
        f"chroot /mnt {binary} --version; echo exit $?"
    )
    ran = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "Could not create temporary directory" in ran.stdout + ran.stderr
    assert "exit 0" not in ran.stdout


def test_where_nothing_may_be_run_the_reason_can_be_found(binary: Path) -> None:
    """The loader itself stops there: docs/packaging.md quotes its words."""
    need("netns")
    script = (
        "mount -t tmpfs -o noexec,size=200m none /mnt && "
        f"TMPDIR=/mnt {binary} version; echo exit $?"
    )
    ran = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    said = ran.stdout + ran.stderr
    assert "failed to map segment" in said
    assert not re.search(r"exit 0", said)
