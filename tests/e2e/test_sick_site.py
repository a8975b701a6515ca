"""A site whose gateway breaks says so, and brings down nothing that others reach."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.cluster import Cluster, Node, wait_for
from tests.e2e.links import address, cable, forward, hosts, ip, resolve_at, route
from tests.e2e.test_discovery import apart, inside, up

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.netns,
    pytest.mark.timeout(240),
]

JOBS = ("web-1", "web-2", "web-3", "web-4")
GATE = "10.90.2.254/24"


class Site:
    """A coordinator with a worker at ``head``, a worker at ``site``, a router.

    The targets are at ``head``; the way there from ``site`` is by the router. There
    is a second cable between the two, for who wants to manage the site.
    """

    def __init__(self, cluster: Cluster, spaces: dict[str, str]) -> None:
        self.cluster, self.spaces = cluster, spaces
        self.verdicts: set[str] = set()

    def worker(self, name: str, space: str, join: str) -> Node:
        node = self.cluster.worker(name)
        at = node.arguments.index("--join")
        rest = node.arguments[at + 2 :]
        node.arguments = (*node.arguments[:at], "--join", join, *rest)
        before, self.cluster.command = self.cluster.command, [*self.cluster.command]
        self.cluster.command[3] = self.spaces[space]
        node.start()
        self.cluster.command = before
        return node

    def ask(self, path: str):
        """Return what the API says, asked from inside the namespace."""
        import json

        words = path.split()
        return json.loads(self.cluster.cli(*words, "-o", "json").stdout)

    def cut(self) -> None:
        ip("-n", self.spaces["gate"], "address", "del", GATE, "dev", "wan")

    def heal(self) -> None:
        address(self.spaces["gate"], "wan", GATE)

    def look(self) -> dict[str, str]:
        """Return the verdicts now, and remember them."""
        now = {job["name"]: job["verdict"] for job in self.ask("job list")}
        self.verdicts |= set(now.values())
        return now

    def watch(self, seconds: float) -> None:
        """Remember all verdicts of a while."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.look()

    def health(self, name: str = "site") -> str:
        return self.ask(f"worker show {name}")["health"]

    def failed(self, job: str) -> list[dict]:
        rows = self.ask(f"results {job} --on site --since 5m")
        return [row for row in rows if row["outcome"] == "failed"]


@contextmanager
def site(place: Path, packages: Path, join: str) -> Iterator[Site]:
    """Yield a site with four jobs that any worker may bring down; all are up."""
    with hosts("head", "gate", "site") as spaces:
        head, gate, far = spaces.values()
        for one, other, name in ((head, gate, "core"), (far, gate, "wan")):
            cable(one, other, name)
        cable(head, far, "mgmt")
        address(head, "core", "10.90.1.1/24")
        address(gate, "core", "10.90.1.254/24")
        address(gate, "wan", GATE)
        address(far, "wan", "10.90.2.1/24")
        address(head, "mgmt", "10.90.3.1/24")
        address(far, "mgmt", "10.90.3.2/24")
        forward(gate)
        route(head, "10.90.1.254")
        route(far, "10.90.2.254")
        for space in (head, far):
            resolve_at(space, "10.90.1.1", "test")  # nobody answers there
        server = subprocess.Popen(
            [*inside(head), sys.executable, "-m", "http.server", "8080"],
            cwd=place,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            with apart(place, packages, head, "0.0.0.0", "static") as cluster:
                cluster.env["PANGEA_SELF_TEST"] = "auto"
                cluster.env["PANGEA_SELF_TEST_INTERVAL"] = "2s"
                up(cluster)
                made = Site(cluster, spaces)
                made.worker("near", "head", f"127.0.0.1:{cluster.port}")
                made.worker("site", "site", f"{join}:{cluster.port}")
                for number, job in enumerate(JOBS):
                    target = f"http://10.90.1.1:8080/?{number}"
                    more = ("--every", "1s", "--timeout", "500ms", "--rule", "any")
                    cluster.cli("job", "add", "http", target, "--name", job, *more)
                wait_for(lambda: all_vote(made), 30, "two votes on every job")
                wait_for(lambda: knows_its_gateway(made), 15, "a self-test")
                yield made
        finally:
            server.kill()
            server.wait(10)


def all_vote(made: Site) -> bool:
    jobs = made.ask("job list")
    return len(jobs) == len(JOBS) and all(
        job["verdict"] == "up" and [v["outcome"] for v in job["votes"]] == ["ok", "ok"]
        for job in jobs
    )


def knows_its_gateway(made: Site) -> bool:
    checks = made.ask("worker show site")["self_test"]
    return any(c["name"] == "gateway 10.90.2.254" and c["good"] for c in checks)


def test_a_site_without_its_gateway_says_so_and_its_failures_have_no_vote(
    tmp_path: Path, packages: Path
):
    with site(tmp_path, packages, "10.90.3.1") as made:
        made.cut()
        begun = time.monotonic()
        wait_for(lambda: "gateway" in made.health(), 15, "the site to say so")
        print(f"unwell after {time.monotonic() - begun:.1f} s")
        made.watch(6.0)
        assert made.verdicts == {"up"}
        card = made.cluster.cli("worker", "show", "site").stdout
        assert "gateway: it answers no ping" in card
        assert "BAD   gateway 10.90.2.254" in card
        assert made.health("near") == "well"
        failed = [row for job in JOBS for row in made.failed(job)]
        assert failed
        assert all("sick" in row["flags"] for row in failed), failed
        made.heal()
        wait_for(lambda: made.health() == "well", 20, "the site to be well")
        wait_for(lambda: all_vote(made), 20, "its votes to count again")
        assert made.verdicts == {"up"}


def test_what_a_site_measured_while_it_was_cut_off_opens_nothing_later(
    tmp_path: Path, packages: Path
):
    with site(tmp_path, packages, "10.90.1.1") as made:
        made.cut()
        made.watch(24.0)
        made.heal()
        wait_for(lambda: made.failed("web-1"), 60, "what it failed while it was away")
        wait_for(lambda: all_vote(made), 30, "its votes to count again")
        made.watch(2.0)
        assert made.verdicts == {"up"}
        assert made.ask("incident list") == []
        failed = [row for job in JOBS for row in made.failed(job)]
        assert len(failed) > 20
        late = [row for row in failed if "sick" not in row["flags"]]
        print(f"{len(failed)} failed, {len(late)} of them without the flag")
