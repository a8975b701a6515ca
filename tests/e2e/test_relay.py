"""Workers that do not reach their coordinator: by a peer, or dialled by it."""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.bridge import switched
from tests.e2e.cluster import Cluster, Node, wait_for
from tests.e2e.links import ip

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.netns,
    pytest.mark.timeout(300),
]

HERE = Path(__file__).parent
HEAD, MID, FAR, ALT = (f"10.78.0.{number}" for number in range(1, 5))
#: What must be nowhere in clear: the name of a job, and a part of its target.
JOB, TARGET = "quiet-river-job", "deep-lake-target"


class Sites:
    """A coordinator and two workers, each in a namespace of its own."""

    def __init__(self, place: Path, packages: Path, spaces: dict[str, str]) -> None:
        self.place, self.spaces = place, spaces
        self.cluster = Cluster(place, packages)
        self._bare = self.cluster.command
        self._at("head")
        self.cluster.coordinator.arguments = (
            *("--role", "coordinator", "--listen", f"0.0.0.0:{self.cluster.port}"),
            "--no-local-worker",
        )
        self._more: tuple[str, ...] = ()
        self.helpers: list[subprocess.Popen[bytes]] = []

    def start(self, listen: str = "0.0.0.0", tls: bool = False) -> None:
        """Start the coordinator."""
        if tls:
            self.cluster.coordinator.arguments += ("--tls", "auto")
            self._more = ("--server", f"https://127.0.0.1:{self.cluster.port}")
        self._at("head")
        words = self.cluster.coordinator.arguments
        at = words.index("--listen") + 1
        place = f"{listen}:{self.cluster.port}"
        self.cluster.coordinator.arguments = (*words[:at], place, *words[at + 1 :])
        said = self.cluster.coordinator.said
        before = said().count("is up")
        self.cluster.coordinator.start()
        wait_for(lambda: said().count("is up") > before, 20, "serving")

    def worker(self, name: str, *arguments: str, join: bool = True) -> Node:
        """Start a worker in the namespace that is called like it."""
        self._at("head")
        node = self.cluster.worker(name)
        at = node.arguments.index("--join")
        where = ("--join", f"{HEAD}:{self.cluster.port}") if join else ()
        node.arguments = (*node.arguments[:at], *where, *arguments)
        self.again(node)
        return node

    def again(self, node: Node) -> None:
        """Start a worker, for the first time or another."""
        self._at(node.name)
        node.start()
        self._at("head")

    def helper(self, space: str, script: str, *arguments: str) -> None:
        """Run one of our scripts in a namespace until the end of the test."""
        words = [sys.executable, str(HERE / script), *arguments]
        inside = ["ip", "netns", "exec", self.spaces[space], *words]
        self.helpers.append(subprocess.Popen(inside))

    def listed(self) -> dict[str, dict[str, Any]]:
        """Return all workers by name."""
        shown = json.loads(self.cli("worker", "list", "-o", "json"))
        return {worker["name"]: worker for worker in shown}

    def path(self, name: str) -> str | None:
        """Return how a worker is linked."""
        return self.listed()[name]["path"]

    def cli(self, *words: str) -> str:
        """Return what a command at the coordinator prints."""
        self._at("head")
        return self.cluster.cli(*self._more, *words).stdout

    def results(self) -> list[str]:
        """Return when the stored results of the job began."""
        words = ("results", JOB, "-o", "json", "--since", "1h", "--limit", "2000")
        return [result["started_at"] for result in json.loads(self.cli(*words))]

    def mesh(self) -> list[dict[str, Any]]:
        """Return the matrix."""
        token = (self.cluster.coordinator.state_dir / "admin.token").read_text()
        script = (
            "import sys,urllib.request as u;"
            "print(u.urlopen(u.Request(sys.argv[1],headers="
            "{'Authorization':'Bearer '+sys.argv[2].strip()})).read().decode())"
        )
        url = f"http://{HEAD}:{self.cluster.port}/api/v1/mesh?limit=500"
        inside = ["ip", "netns", "exec", self.spaces["head"], sys.executable]
        ran = subprocess.run(
            [*inside, "-c", script, url, token],
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
        return list(json.loads(ran.stdout)["items"])

    def _at(self, space: str) -> None:
        inside = ["ip", "netns", "exec", self.spaces[space]]
        self.cluster.command = [*inside, *self._bare]

    def stop(self) -> None:
        """End everything, and show what was said."""
        self.cluster.stop()
        for helper in self.helpers:
            helper.kill()
            helper.wait(10)
        for node in self.cluster.nodes:
            print(f"--- {node.name}\n{node.said()[-6000:]}")


@pytest.fixture
def sites(tmp_path: Path, packages: Path) -> Iterator[Sites]:
    """Four hosts on one link; nothing is started."""
    with switched("head", "mid", "far", "alt") as spaces:
        made = Sites(tmp_path, packages, spaces)
        try:
            yield made
        finally:
            made.stop()


def memory_of(pid: int) -> Iterator[bytes]:
    """Yield the writable memory of a process, piece by piece."""
    maps = Path(f"/proc/{pid}/maps").read_text().splitlines()
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            where, rights, *_ = line.split()
            if rights.startswith("rw"):
                begin, end = (int(number, 16) for number in where.split("-"))
                with contextlib.suppress(OSError, ValueError, OverflowError):
                    memory.seek(begin)
                    yield memory.read(end - begin)


def worker_pid(node: Node) -> int:
    """Return the process that a namespace's command has become."""
    assert node.process is not None
    return node.process.pid


def test_results_come_through_a_peer_and_nobody_on_the_way_reads_them(
    sites: Sites,
) -> None:
    sites.start()
    mid = sites.worker("mid", "--listen", f"{MID}:7464")
    far = sites.worker("far", "--listen", f"{FAR}:7464")
    wait_for(lambda: "linked to peer" in far.said(), 20, "peers")
    seen = sites.place / "seen"
    sites.helper("far", "counting.py", "8099", str(seen))
    frames = sites.place / "frames"
    sites.helper("mid", "sniffer.py", str(frames))
    target = f"http://127.0.0.1:8099/{TARGET}"
    sites.cli("job", "add", "http", target, "--name", JOB, "--on", "far",
              "--every", "1s", "--timeout", "500ms")  # fmt: skip
    wait_for(lambda: len(sites.results()) >= 3, 20, "results")
    assert sites.path("far") == "direct"

    space = sites.spaces["far"]
    ip("-n", space, "route", "add", "unreachable", f"{HEAD}/32")
    wait_for(lambda: "going by peer mid" in far.said(), 90, "a detour")
    wait_for(lambda: sites.path("far") == "via mid", 10, "the path is known")
    before = len(sites.results())
    wait_for(lambda: len(sites.results()) >= before + 5, 30, "results by the peer")
    assert "via mid" in sites.cli("worker", "list", "-o", "wide")
    assert "via mid" in sites.cli("worker", "show", "far")
    by_relay = [row for row in sites.mesh() if row["to"] == "coordinator"]
    assert [(row["from"], row["path"]) for row in by_relay] == [("far", "via mid")]

    # Neither the wire of the peer, nor its log, nor its memory knows what was said.
    assert mid.process
    wire = frames.read_bytes()
    assert len(wire) > 10_000
    for word in (JOB.encode(), TARGET.encode()):
        assert word not in wire
        assert word.decode() not in mid.said()
        assert not any(word in piece for piece in memory_of(worker_pid(mid)))
    assert any(TARGET.encode() in piece for piece in memory_of(worker_pid(far)))

    ip("-n", space, "route", "del", "unreachable", f"{HEAD}/32")
    wait_for(lambda: sites.path("far") == "direct", 90, "the direct way again")
    assert "is in reach again" in far.said()
    before = len(sites.results())
    wait_for(lambda: len(sites.results()) >= before + 3, 20, "results, direct")

    sites.cli("job", "stop", JOB)
    wait_for(lambda: sites.listed()["far"]["spool"] == 0, 20, "an empty spool")
    began = sites.results()
    asked = seen.read_text().split()
    assert len(began) == len(set(began))
    # Each run asked once and is stored once, give or take the one that was stopped.
    assert abs(len(asked) - len(began)) <= 1


def test_a_relay_may_die_and_another_takes_its_place_under_tls(sites: Sites) -> None:
    sites.start(tls=True)
    relays = {
        "mid": sites.worker("mid", "--listen", f"{MID}:7464"),
        "alt": sites.worker("alt", "--listen", f"{ALT}:7464"),
    }
    far = sites.worker("far", "--listen", f"{FAR}:7464")
    wait_for(lambda: far.said().count("linked to peer") == 2, 20, "peers")
    seen = sites.place / "seen"
    sites.helper("far", "counting.py", "8099", str(seen))
    target = f"http://127.0.0.1:8099/{TARGET}"
    sites.cli("job", "add", "http", target, "--name", JOB, "--on", "far",
              "--every", "1s", "--timeout", "500ms")  # fmt: skip
    ip("-n", sites.spaces["far"], "route", "add", "unreachable", f"{HEAD}/32")
    wait_for(lambda: (sites.path("far") or "").startswith("via "), 90, "a detour")

    first = str(sites.path("far")).removeprefix("via ")
    second = {"mid": "alt", "alt": "mid"}[first]
    relays.pop(first).kill()
    wait_for(lambda: sites.path("far") == f"via {second}", 60, "the other relay")
    before = len(sites.results())
    wait_for(lambda: len(sites.results()) >= before + 3, 20, "results")

    sites.cli("job", "stop", JOB)
    wait_for(lambda: sites.listed()["far"]["spool"] == 0, 20, "an empty spool")
    began = sites.results()
    assert len(began) == len(set(began))
    assert abs(len(seen.read_text().split()) - len(began)) <= 1


def test_a_worker_that_may_not_call_is_dialled_again_and_again(sites: Sites) -> None:
    # Nobody else's machine gets to this coordinator.
    sites.start(listen="127.0.0.1")
    far = sites.worker("far", "--listen", f"{FAR}:7464", join=False)
    wait_for(lambda: "waiting to be dialled" in far.said(), 20, "waiting")
    assert f"pangea worker dial {FAR}:7464" in far.said()
    refused = sites.cluster.cli("worker", "dial", f"{MID}:7464", code=1)
    assert "cannot be reached" in refused.stderr

    assert "far" in sites.cli("worker", "dial", f"{FAR}:7464")
    wait_for(lambda: sites.listed()["far"]["connected"], 10, "a link")
    sites.helper("far", "counting.py", "8099", str(sites.place / "seen"))
    sites.cli("job", "add", "http", f"http://127.0.0.1:8099/{TARGET}", "--name", JOB,
              "--on", "far", "--every", "1s", "--timeout", "500ms")  # fmt: skip
    wait_for(lambda: len(sites.results()) >= 3, 20, "results")
    assert f"{FAR}:7464" in sites.cli("worker", "list", "-o", "wide")
    assert sites.path("far") == "direct"

    # It comes back after a loss of either side, without a word from anybody.
    far.kill()
    sites.again(far)
    wait_for(lambda: far.said().count("joined as far") == 2, 40, "dialled again")
    sites.cluster.coordinator.kill()
    sites.start(listen="127.0.0.1")
    wait_for(lambda: far.said().count("joined as far") == 3, 40, "after a restart")
    before = len(sites.results())
    wait_for(lambda: len(sites.results()) >= before + 3, 20, "results again")

    sites.cli("worker", "dial", "--forget", f"{FAR}:7464")
    assert sites.listed()["far"]["dialled"] is None
    before = len(sites.results())
    wait_for(lambda: len(sites.results()) >= before + 3, 20, "its link stands")
    far.kill()
    sites.again(far)
    wait_for(lambda: far.said().count("waiting to be dialled") == 3, 20, "waiting")
    time.sleep(5)
    assert far.said().count("joined as far") == 3
