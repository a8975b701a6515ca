"""Real processes of an installed Pangea, and how a test talks to them."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.ports import free_port

START_S = 20.0
PATIENCE = 3


def wait_for(what: Callable[[], Any], seconds: float, why: str) -> Any:
    """Return the first true answer of *what*, or fail after *seconds*.

    They are those of an idle machine; another gets more.
    """
    until = time.monotonic() + PATIENCE * seconds
    while time.monotonic() < until:
        found = what()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds:g} s: {why}")


class Node:
    """One process; its log is a file beside its state directory."""

    def __init__(self, cluster: "Cluster", name: str, *arguments: str) -> None:
        self.cluster, self.name, self.arguments = cluster, name, arguments
        self.state_dir = cluster.place / name
        self.log = cluster.place / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        #: What it is run with, if not with what the cluster is.
        self.command: list[str] = []

    def start(self) -> "Node":
        """Start the process, in a session of its own."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(self.command or self.cluster.command),
                    "--state-dir",
                    str(self.state_dir),
                    "run",
                    "--log-level",
                    "debug",
                    *self.arguments,
                ],
                cwd="/",
                env=self.cluster.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self

    def kill(self) -> None:
        """Kill the process without a word of warning."""
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> int:
        """Ask the process to end; return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)

    def said(self) -> str:
        """Return what the process has printed so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""


class Cluster:
    """A coordinator, its workers, and a client of both kinds."""

    def __init__(self, place: Path, packages: Path) -> None:
        self.place = place
        self.port = free_port()
        self.command = [sys.executable, "-m", "pangea"]
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PANGEA_")}
        self.env = kept | {
            "PYTHONPATH": str(packages),
            "PANGEA_DISCOVERY": "static",
            "PANGEA_SELF_TEST": "off",
            "PANGEA_CONFIG": os.devnull,
        }
        self.nodes: list[Node] = []
        self.coordinator = self._node(
            "coordinator",
            *("--role", "coordinator", "--listen", f"127.0.0.1:{self.port}"),
            *("--name", "local"),
        )

    def worker(self, name: str, *arguments: str) -> Node:
        """Return a worker that joins by address, not yet started."""
        secret = self.place / "secret"
        if not secret.exists():
            secret.write_text(self.cli("secret", "show").stdout)
            secret.chmod(0o600)
        return self._node(
            name,
            *("--role", "worker", "--name", name, "--secret-file", str(secret)),
            *("--join", f"127.0.0.1:{self.port}", *arguments),
        )

    def _node(self, name: str, *arguments: str) -> Node:
        node = Node(self, name, *arguments)
        self.nodes.append(node)
        return node

    def start(self) -> None:
        """Start the coordinator and wait until it serves."""
        greeted = self.coordinator.said().count(" is up\n")
        self.coordinator.start()
        wait_for(self.ready, START_S, "serving")
        wait_for(
            lambda: self.coordinator.said().count(" is up\n") > greeted, 5, "a greeting"
        )

    def ready(self) -> bool:
        """Tell whether the coordinator serves."""
        url = f"http://127.0.0.1:{self.port}/readyz"
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def stop(self) -> None:
        """End everything that still runs."""
        for node in reversed(self.nodes):
            if node.process and node.process.poll() is None:
                node.kill()

    def cli(
        self, *arguments: str, code: int | None = 0
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as a person on the coordinator's machine would.

        It must end with *code*, if that is given.
        """
        ran = subprocess.run(
            [
                *self.command,
                "--server",
                f"http://127.0.0.1:{self.port}",
                "--state-dir",
                str(self.coordinator.state_dir),
                *arguments,
            ],
            cwd="/",
            env=self.env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert code in (None, ran.returncode), (
            f"{arguments}\n{ran.stdout}\n{ran.stderr}"
        )
        assert "Traceback" not in ran.stderr
        return ran

    def api(self, path: str) -> Any:
        """Return the answer of the API, with the admin token."""
        token = (self.coordinator.state_dir / "admin.token").read_text().strip()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api/v1{path}",
            headers={"Authorization": f"Bearer {token}"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def verdicts(self) -> dict[str, str]:
        """Return the verdict of every job."""
        try:
            jobs = self.api("/jobs?limit=500")["items"]
        except (OSError, urllib.error.URLError):
            return {}
        return {job["name"]: job["verdict"] for job in jobs}

    def connected(self) -> set[str]:
        """Return the names of the workers that are connected."""
        try:
            return {w["name"] for w in self.api("/workers")["items"] if w["connected"]}
        except (OSError, urllib.error.URLError):
            return set()

    def results(self, job: str) -> list[dict[str, Any]]:
        """Return all stored results of a job, over all pages."""
        items, cursor = [], ""
        while True:
            page = self.api(f"/jobs/{job}/results?limit=500{cursor}")
            items += page["items"]
            if not page["next"]:
                return items
            cursor = f"&cursor={page['next']}"
