"""The demo's cluster: a coordinator and its five vantage points, as real processes.

They leave when their standard input ends, so a killed demo leaves none behind.
"""

import asyncio
import os
import re
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp

from pangea.coordinator.local_worker import child_environment
from pangea.core.errors import Unreachable

from .story import PLACES, TARGETS, Target
from .targets import Targets

SERVES_S, STOPS_S = 60.0, 15.0
_CODE = re.compile(r"log in\s+([0-9A-Z-]+)")
EVERY_S, TIMEOUT_S = 3, 1


class Cluster:
    """Processes under *place*; ``url`` and ``code`` are for people."""

    def __init__(self, place: Path, command: Sequence[str], listen: str) -> None:
        self.code = ""
        self.url = f"http://{listen}"
        self._place, self._command, self._listen = place, command, listen
        self._processes: dict[str, Process] = {}
        self._token = ""

    async def start(self) -> None:
        """Start the coordinator, then its workers. Raises Unreachable if it ends."""
        await self._run("coordinator", "--no-local-worker", "--listen", self._listen)
        await self._until_it_serves()
        state = self._place / "coordinator"
        self._token = (state / "admin.token").read_text().strip()
        for name, region in PLACES:
            await self._run(
                name,
                *("--role", "worker", "--region", region, "--join", self._listen),
                *("--secret-file", str(state / "secrets.json")),
                *("--listen", "127.0.0.1:0"),
            )

    def pid(self, name: str) -> int:
        """Return the process of a node."""
        return self._processes[name].pid

    async def watch(self, targets: Targets) -> None:
        """Add a job for each target, and note what the demo does."""
        for target in TARGETS:
            await self._post("jobs", job_of(target, targets))
        await self._post("notes", {"text": "the demo begins: shop goes down soon"})

    async def until_it_ends(self) -> None:
        """Raise Unreachable when the coordinator ends, which it should not."""
        code = await self._processes["coordinator"].wait()
        raise Unreachable(f"the demo's coordinator ended ({code}): {self._said()}")

    async def stop(self) -> None:
        """End all processes, politely first."""
        running = [p for p in self._processes.values() if p.returncode is None]
        for process in running:
            process.terminate()
        try:
            async with asyncio.timeout(STOPS_S):
                for process in running:
                    await process.wait()
        except TimeoutError:
            for process in running:
                if process.returncode is None:
                    process.kill()
                    await process.wait()

    async def _run(self, name: str, *arguments: str) -> None:
        with (self._place / f"{name}.log").open("wb") as log:
            self._processes[name] = await asyncio.create_subprocess_exec(
                *self._command,
                *("--state-dir", str(self._place / name)),
                *("run", "--name", name, "--discovery", "static", *arguments),
                cwd="/",
                env=child_environment(os.environ) | {"PANGEA_SELF_TEST": "off"},
                stdin=PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def _until_it_serves(self) -> None:
        process, log = self._processes["coordinator"], self._place / "coordinator.log"
        try:
            async with asyncio.timeout(SERVES_S):
                while not (found := _CODE.search(log.read_text(errors="replace"))):
                    if process.returncode is not None:
                        break
                    await asyncio.sleep(0.05)
        except TimeoutError:
            found = None
        if found is None:
            raise Unreachable(
                f"the demo's coordinator does not serve at {self._listen}: "
                f"{self._said()}",
                hint="choose another port: pangea demo --listen 127.0.0.1:8464",
            )
        self.code = found[1]

    def _said(self) -> str:
        log = self._place / "coordinator.log"
        return log.read_text(errors="replace").strip()[-300:]

    async def _post(self, what: str, body: dict[str, Any]) -> None:
        headers = {"Authorization": f"Bearer {self._token}"}
        async with (
            aiohttp.ClientSession(self.url, headers=headers) as client,
            client.post(f"/api/v1/{what}", json=body) as answer,
        ):
            if answer.status >= 400:
                raise Unreachable(f"{what} {body}: {await answer.text()}")


def job_of(target: Target, targets: Targets) -> dict[str, Any]:
    """Return the job that watches *target*."""
    port = targets.ports[target.name]
    kinds: dict[str, tuple[str, str, dict[str, Any]]] = {
        "http": ("http", f"http://127.0.0.1:{port}/", {}),
        "https": (
            "tls",
            f"localhost:{port}",
            {"ca_file": str(targets.ca_file), "family": "ipv4"},
        ),
        "tcp": ("tcp", f"127.0.0.1:{port}", {"expect": "220"}),
        "dns": ("dns", "www.example.com", {"resolver": f"127.0.0.1:{port}"}),
    }
    kind, where, options = kinds[target.kind]
    return {
        "name": target.name,
        "type": kind,
        "target": where,
        "interval_s": EVERY_S,
        "timeout_s": TIMEOUT_S,
        "labels": {"team": target.team},
        "options": options,
        "rule": "majority latency=200ms" if target.name == "search" else "",
    }
