"""What the workers of a real cluster say when asked: evidence, reasons, walls.

Two sites reach a target: london directly, site-b through a gate, which can be made
to swallow what it should pass on.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.bridge import switched
from tests.e2e.cluster import wait_for
from tests.e2e.links import forward, ip
from tests.e2e.test_relay import Sites

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.netns,
    pytest.mark.timeout(300),
]

TARGET_HOST, GATE = "10.78.0.4", "10.78.0.5"
TARGET, NET = "10.79.0.4", "10.79.0.0/24"
PAGE = f"http://{TARGET}:8000/"
OFTEN = ("--every", "2s", "--timeout", "1s")


class Walled(Sites):
    """A coordinator, two workers, a target, and the gate before one of them."""

    def lay(self) -> None:
        """Give the target its address, and each site its way to it."""
        target, gate = self.spaces["target"], self.spaces["gate"]
        ip("-n", target, "address", "add", f"{TARGET}/32", "dev", "lo")
        ip("-n", self.spaces["london"], "route", "add", NET, "via", TARGET_HOST)
        ip("-n", self.spaces["site-b"], "route", "add", NET, "via", GATE)
        forward(gate)
        ip("-n", gate, "route", "add", NET, "via", TARGET_HOST)
        for name in ("all", "eth0"):
            # It would tell site-b the direct way.
            redirects = f"net.ipv4.conf.{name}.send_redirects=0"
            inside = ["ip", "netns", "exec", gate, "sysctl", "-qw", redirects]
            subprocess.run(inside, check=True, capture_output=True, timeout=10)

    def serve(self) -> None:
        """Let the target serve a page."""
        words = [sys.executable, "-m", "http.server", "8000", "--bind", TARGET]
        inside = ["ip", "netns", "exec", self.spaces["target"], *words]
        quiet = subprocess.DEVNULL
        self.helpers.append(subprocess.Popen(inside, stdout=quiet, stderr=quiet))

    def close(self) -> None:
        """Let the target refuse connections."""
        server = self.helpers.pop()
        server.kill()
        server.wait(10)

    def cut(self) -> None:
        """Let the gate send what is for the target where nobody is."""
        nobody = ("lladdr", "02:00:00:00:00:99", "dev", "eth0", "nud", "permanent")
        ip("-n", self.spaces["gate"], "neigh", "replace", TARGET_HOST, *nobody)

    def mend(self) -> None:
        """Let the gate pass everything on again."""
        ip("-n", self.spaces["gate"], "neigh", "del", TARGET_HOST, "dev", "eth0")

    def json(self, *words: str) -> Any:
        """Return what a command says in JSON."""
        return json.loads(self.cli(*words, "--json"))

    def ran(self, *words: str) -> tuple[int, str]:
        """Return the exit code of a command and what it prints."""
        self._at("head")
        cluster = self.cluster
        where = ("--server", f"http://127.0.0.1:{cluster.port}")
        state = ("--state-dir", str(cluster.coordinator.state_dir))
        done = subprocess.run(
            [*cluster.command, *where, *state, *words],
            cwd="/", env=cluster.env, capture_output=True, text=True, timeout=90,
            check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout + done.stderr

    def verdict(self, job: str) -> str:
        """Return the verdict of a job."""
        return str(self.json("job", "show", job)["verdict"])


@pytest.fixture
def walled(tmp_path: Path, packages: Path) -> Iterator[Walled]:
    """A cluster with two workers and a target that answers."""
    names = ("head", "london", "site-b", "target", "gate")
    with switched(*names) as spaces:
        made = Walled(tmp_path, packages, spaces)
        try:
            made.lay()
            made.serve()
            made.start()
            for name in ("london", "site-b"):
                made.worker(name)
            wait_for(lambda: len(made.listed()) == 2, 20, "two workers")
            yield made
        finally:
            made.stop()


def test_evidence_and_reasons_of_a_cut_and_of_an_outage(walled: Walled) -> None:
    walled.cli("job", "add", "http", PAGE, "--name", "page", "--rule", "any", *OFTEN)
    seldom = ("--every", "4s", "--timeout", "1s")
    walled.cli("job", "add", "http", PAGE, "--name", "split", *seldom)
    for job in ("page", "split"):
        wait_for(lambda j=job: walled.verdict(j) == "up", 20, f"{job} up")

    walled.cut()
    wait_for(
        lambda: walled.json("job", "explain", "split")["line"] == "split", 15, "a split"
    )
    split = walled.cli("job", "explain", "split")
    print(split)
    assert "(1 of 2 failed, 2 are needed; 1 good)" in split
    wait_for(lambda: walled.verdict("page") == "down", 20, "the branch is cut off")
    words = wait_for(lambda: evidence(walled, "page"), 40, "evidence")
    assert words == f"same address; only site-b is cut after {GATE}"
    told = walled.cli("incident", "explain", "page")
    print(told)
    assert "as many failed as the rule wants for down (1 of 2 failed, 1 needed)" in told
    assert f"only site-b is cut after {GATE}" in told
    code, table = walled.ran("probe", "tcp", f"{TARGET}:8000", "--from", "all")
    print(table)
    assert code == 1
    assert "only site-b fails" in table or "only site-b is cut" in table
    code, ways = walled.ran("trace", TARGET, "--from", "london,site-b")
    print(ways)
    assert code == 1
    assert GATE in ways

    walled.mend()
    wait_for(lambda: walled.verdict("page") == "up", 30, "the branch is back")
    wait_for(lambda: walled.verdict("split") == "up", 30, "no doubt any more")
    code, pinged = walled.ran("ping", TARGET, "--from", "all", "--count", "2")
    print(pinged)
    assert code == 0
    assert pinged.count("UP") == 2

    walled.close()
    wait_for(lambda: walled.verdict("split") == "down", 20, "a real outage")
    words = wait_for(lambda: evidence(walled, "split"), 40, "evidence")
    assert words == "same address; both fail alike: the connection was refused"
    outage = walled.cli("incident", "explain", "split")
    print(outage)
    assert "2 of 2 failed, 2 needed" in outage
    stored = walled.json("incident", "explain", "split")
    assert stored["decisions"][-1]["confirmed_after_s"] < 5


def test_a_worker_that_is_alone_in_what_it_sees_does_not_count(
    walled: Walled,
) -> None:
    jobs = [f"page-{number}" for number in range(4)]
    for job in jobs:
        walled.cli("job", "add", "http", f"{PAGE}?{job}", "--name", job, *OFTEN)
    for job in jobs:
        wait_for(lambda j=job: walled.verdict(j) == "up", 20, f"{job} up")
    walled.cut()

    def excluded() -> str:
        told = walled.json("job", "explain", "page-0")
        why = {vote["worker"]: vote["why"] for vote in told["votes"]}
        return str(why["site-b"])

    why = wait_for(excluded, 30, "site-b is isolated")
    told = walled.cli("job", "explain", "page-0")
    print(told)
    assert why.startswith("isolated")
    assert why in told
    assert {walled.verdict(job) for job in jobs} == {"up"}


def evidence(walled: Walled, job: str) -> str:
    """Return the difference in words of the last evidence for *job*, "" for none."""
    found = walled.json("incident", "explain", job)["evidence"]
    return str(found[-1]["words"]) if found else ""


def test_a_wall_that_holds_one_that_leaks_and_one_that_nobody_can_see(
    walled: Walled,
) -> None:
    wall = ("--label", "segment=plant", *OFTEN)
    job = ("job", "add", "tcp", f"{TARGET}:8000")
    walled.cli(*job, "--name", "in", "--on", "london", *wall)
    closed = ("job", "add", "tcp", f"{TARGET}:22", "--expect", "fail")
    walled.cli(*closed, "--name", "shut", "--on", "site-b", *wall)
    code, told = walled.ran("segment", "check")
    print(told)
    assert code == 0
    assert "reaches, as it must" in told
    assert "is cut, as it must" in told

    walled.cli(*job, "--name", "leak", "--on", "site-b", "--expect", "fail", *wall)
    code, told = walled.ran("segment", "check", "--label", "segment=plant")
    print(told)
    assert code == 1
    assert f"site-b REACHES BUT MUST NOT: tcp {TARGET}:8000" in told

    walled.cli("job", "remove", "leak", "--yes")
    walled.cluster.nodes[-1].kill()
    wait_for(lambda: not walled.listed()["site-b"]["connected"], 30, "gone")
    code, told = walled.ran("segment", "check")
    print(told)
    assert code == 4
    assert "site-b could not tell" in told
