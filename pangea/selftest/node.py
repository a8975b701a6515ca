"""A real coordinator with its worker, as `pangea run` starts them, on loopback."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import aiohttp

from pangea.coordinator.local_worker import own_command
from pangea.core.environment import for_others

from .row import Check
from .servers import Servers

#: One file unpacks itself twice first.
SERVES_S, JUDGED_S, STOPS_S = 40.0, 20.0, 20.0
JOB = "selftest-page"
_OPEN = re.compile(r"open\s+(http://\S+)")
_CODE = re.compile(r"log in\s+([0-9A-Z-]+)")


class Node:
    """A coordinator; at ``url`` people log in with ``code``, we by ``token``."""

    def __init__(self, place: Path, command: list[str]) -> None:
        self.url = self.code = self.token = ""
        self._place, self._command = place, command
        self._log = place / "log"
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> str:
        """Start it, and wait until it and its worker are there."""
        with self._log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                *("--state-dir", str(self._place / "state")),
                *("run", "--role", "coordinator", "--listen", "127.0.0.1:0"),
                *("--discovery", "static", "--name", "selftest"),
                cwd="/",
                env=for_others(os.environ, frozen=False)
                | {"PANGEA_SELF_TEST": "off", "PANGEA_CONFIG": os.devnull},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        await _until(self._greeted, SERVES_S, self._said)
        self.token = (self._place / "state" / "admin.token").read_text().strip()
        await _until(self._joined, SERVES_S, self._said)
        return f"serves at {self.url}, its worker has joined"

    async def judge(self, servers: Servers) -> str:
        """Let its worker probe a server of ours, until there is a verdict."""
        job = {
            "name": JOB,
            "type": "http",
            "target": f"http://127.0.0.1:{servers.ports['http']}/",
            "interval_s": 1,
            "timeout_s": 0.5,
        }
        async with (
            self._client() as client,
            client.post("/api/v1/jobs", json=job) as answer,
        ):
            answer.raise_for_status()
        await _until(partial(self._verdict, JOB, "up"), JUDGED_S, self._said)
        return "a job is up"

    async def backtest(self) -> str:
        """Try another rule on what has been, which takes processes of their own."""
        tried = {"jobs": [JOB], "rule": "any", "since": "1h"}
        async with (
            self._client() as client,
            client.post("/api/v1/backtest", json=tried) as answer,
        ):
            told = await answer.json()
            if not answer.ok:
                raise AssertionError(f"{told}; {self._said()}")
        return f"the rule {told['rule']!r} is tried"

    async def pages(self) -> str:
        """Log in and draw the pages."""
        # Cookies of an address are cookies, too.
        jar = aiohttp.CookieJar(unsafe=True)
        drawn = {}
        async with aiohttp.ClientSession(self.url, cookie_jar=jar) as client:
            form = {"code": self.code, "next": "/dash"}
            async with client.post("/login", data=form) as answer:
                answer.raise_for_status()
            for path in ("/dash", "/workers", f"/jobs/{JOB}"):
                async with client.get(path) as answer:
                    answer.raise_for_status()
                    drawn[answer.url.path] = await answer.text()
        if not all(JOB in drawn.get(path, "") for path in ("/dash", f"/jobs/{JOB}")):
            raise AssertionError(f"the job is on none of {', '.join(drawn)}")
        return f"{len(drawn)} pages, {sum(map(len, drawn.values())) // 1000} kB"

    async def stop(self) -> str:
        """Let it end as systemd would."""
        process, self._process = self._process, None
        if process is None:
            return "was not running"
        process.terminate()
        try:
            async with asyncio.timeout(STOPS_S):
                code = await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise
        if code:
            raise AssertionError(f"exit {code}: {self._said()}")
        return "exit 0"

    def _client(self) -> aiohttp.ClientSession:
        headers = {"Authorization": f"Bearer {self.token}"}
        return aiohttp.ClientSession(self.url, headers=headers)

    def _said(self) -> str:
        return self._log.read_text(errors="replace")[-400:]

    async def _greeted(self) -> bool:
        if self._process and self._process.returncode is not None:
            raise AssertionError(f"exit {self._process.returncode}: {self._said()}")
        text = self._log.read_text(errors="replace")
        place, code = _OPEN.search(text), _CODE.search(text)
        if place and code:
            self.url, self.code = place[1], code[1]
        return bool(self.url)

    async def _joined(self) -> bool:
        async with self._client() as client, client.get("/api/v1/workers") as answer:
            found = await answer.json()
        return any(worker["connected"] for worker in found["items"])

    async def _verdict(self, job: str, wanted: str) -> bool:
        async with (
            self._client() as client,
            client.get(f"/api/v1/jobs/{job}") as answer,
        ):
            return bool((await answer.json())["verdict"] == wanted)


async def _until(
    true: Callable[[], Awaitable[bool]], seconds: float, said: Callable[[], str]
) -> None:
    try:
        async with asyncio.timeout(seconds):
            while not await true():  # noqa: ASYNC110  # another process
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(f"not within {seconds:g} s; it said: {said()}") from None


@asynccontextmanager
async def node(place: Path, servers: Servers) -> AsyncIterator[list[Check]]:
    """Yield the checks of a coordinator, which is gone afterwards."""
    made = Node(place, own_command())
    try:
        yield [
            Check("coordinator and worker", made.start),
            Check("verdict", partial(made.judge, servers)),
            Check("backtest", made.backtest),
            Check("pages", made.pages),
            Check("stop", made.stop),
        ]
    finally:
        await made.stop()
