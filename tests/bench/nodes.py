"""A real coordinator and a real worker, each a process of the source tree."""

import asyncio
import contextlib
import json
import os
import sys
import time
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from subprocess import Popen
from types import MappingProxyType
from typing import Any

from pangea.core.model import Job
from pangea.mesh.private_file import make_private_directory
from pangea.storage import jobs
from pangea.storage.database import Store

from .processes import MEASURED, SERVING, free_port, running, wait_for
from .spooled import Spooled

START_S = 30.0


class Cluster:
    """A coordinator whose jobs are there before it starts, and one worker."""

    def __init__(self, place: Path, wanted: Iterable[Job] = ()) -> None:
        self.place, self.port = place, free_port()
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PANGEA_")}
        self.env = kept | {
            "PANGEA_DISCOVERY": "static",
            "PANGEA_SELF_TEST": "off",
            "PANGEA_CONFIG": os.devnull,
        }
        self.state_dir = place / "coordinator"
        make_private_directory(self.state_dir)
        if first := list(wanted):
            asyncio.run(fill(self.state_dir / "pangea.db", first))

    @contextlib.contextmanager
    def coordinator(self, core: int = SERVING) -> Iterator[Popen[bytes]]:
        """Run the coordinator, without a worker of its own, until the block ends."""
        listen = ("--listen", f"127.0.0.1:{self.port}", "--no-local-worker")
        with self._run("coordinator", core, "--role", "coordinator", *listen) as it:
            wait_for(self.ready, START_S, f"serving, see {self.place}")
            yield it

    @contextlib.contextmanager
    def worker(self, core: int = MEASURED) -> Iterator["Measured"]:
        """Run the worker until the block ends; it has joined and is probing."""
        join = ("--join", f"127.0.0.1:{self.port}", "--name", "bench")
        secret = ("--secret-file", str(self.state_dir / "secrets.json"))
        with self._run("worker", core, "--role", "worker", *join, *secret) as process:
            wait_for(self.joined, START_S, f"joined, see {self.place}")
            yield Measured(process.pid, Spooled(self.place / "worker" / "spool.db"))

    @contextlib.contextmanager
    def vantage(self, name: str, core: int = MEASURED, **env: str) -> Iterator[None]:
        """Run one more worker, called *name*, until the block ends; it has joined."""
        join = ("--join", f"127.0.0.1:{self.port}", "--name", name)
        secret = ("--secret-file", str(self.state_dir / "secrets.json"))
        more = ("--role", "worker", *join, *secret)
        with self._run(name, core, *more, more_env=env):
            why = f"{name} joined, see {self.place}"
            wait_for(lambda: name in self.connected(), START_S, why)
            yield

    def connected(self) -> set[str]:
        """Return the names of the workers that are connected."""
        items = self.api("GET", "/workers")["items"]
        return {w["name"] for w in items if w["connected"]}

    def verdicts(self) -> dict[str, int]:
        """Return how many jobs have each verdict."""
        counts: dict[str, int] = self.api("GET", "/status")["verdicts"]
        return counts

    def _run(
        self,
        name: str,
        core: int,
        *arguments: str,
        more_env: Mapping[str, str] = MappingProxyType({}),
    ) -> Any:
        command = [
            sys.executable,
            "-m",
            "pangea",
            "--state-dir",
            str(self.place / name),
        ]
        quiet = ("--log-level", "warning", "--listen", "127.0.0.1:0")
        command += ["run", *quiet, *arguments]
        log = self.place / f"{name}.log"
        return running(command, core, log, cwd="/", env={**self.env, **more_env})

    def ready(self) -> bool:
        """Tell whether the coordinator serves."""
        return self._status("/readyz") == 200

    def joined(self) -> bool:
        """Tell whether the worker is connected."""
        return any(w["connected"] for w in self.api("GET", "/workers")["items"])

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """Return the answer of the API, asked with the admin token."""
        token = (self.state_dir / "admin.token").read_text().strip()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api/v1{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {token}",
                "Content-Type": "application/json",
            },
            method=method,
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read() or b"null")

    def _status(self, path: str) -> int:
        url = f"http://127.0.0.1:{self.port}{path}"
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                return int(answer.status)
        except OSError:
            return 0


class Measured:
    """A worker that runs: its process and what it has written."""

    def __init__(self, pid: int, spooled: Spooled) -> None:
        self.pid, self.spooled = pid, spooled

    def warm(self, results: int, patience_s: float) -> None:
        """Wait until it has made *results* more: every job once, caches filled."""
        wanted = self.spooled.top() + results
        why = f"{results} results"
        wait_for(lambda: self.spooled.top() >= wanted, patience_s, why)
        time.sleep(1)


async def fill(database: Path, wanted: list[Job]) -> None:
    """Store *wanted* in a new database at *database*."""
    store = await Store.open(database)
    await store.write(lambda: [jobs.add(job) for job in wanted])
    await store.close()


def job(
    n: int, type_: str, target: str, interval_s: float = 5.0, **options: Any
) -> Job:
    """Return the *n*-th job of a bench."""
    return Job(
        id=0,
        name=f"{type_}-{n}",
        type=type_,
        target=target,
        interval_s=interval_s,
        timeout_s=0.8 * interval_s,
        options=options,
    )
