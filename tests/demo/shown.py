"""The demo without its command: its cluster and targets, and questions to its API."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from pangea.demo.cluster import Cluster
from pangea.demo.story import ISOLATED
from pangea.demo.targets import Targets
from tests.e2e.cluster import free_port

PANGEA = [sys.executable, "-m", "pangea"]
SEEN_S = 60


class Shown:
    """A demo under way; ``targets.jump`` goes to another part of its story."""

    def __init__(self, place: Path) -> None:
        self.targets = Targets(place)
        self.cluster = Cluster(place, PANGEA, f"127.0.0.1:{free_port()}")
        self._token = place / "coordinator" / "admin.token"

    async def ask(self, path: str) -> Any:
        """Return what the API answers."""
        headers = {"Authorization": f"Bearer {self._token.read_text().strip()}"}
        async with (
            aiohttp.ClientSession(self.cluster.url, headers=headers) as client,
            client.get(f"/api/v1{path}") as answer,
        ):
            return await answer.json()

    async def verdict(self, job: str, wanted: str) -> None:
        """Wait until *job* has that verdict."""

        async def has_it() -> bool:
            return bool((await self.ask(f"/jobs/{job}"))["verdict"] == wanted)

        await until(has_it)

    async def isolated(self) -> None:
        """Wait until the coordinator has found that the worker is cut off."""

        async def is_it() -> bool:
            return "isolated" in (await self.ask(f"/workers/{ISOLATED}"))["health"]

        await until(is_it)


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    """Return when *true* is."""
    async with asyncio.timeout(SEEN_S):
        while not await true():
            await asyncio.sleep(0.2)


@asynccontextmanager
async def shown(place: Path) -> AsyncIterator[Shown]:
    """Yield a demo that has just begun; it is gone afterwards."""
    made = Shown(place)
    try:
        async with made.targets:
            await made.cluster.start()
            made.targets.isolated = made.cluster.pid(ISOLATED)
            await made.cluster.watch(made.targets)
            yield made
    finally:
        await made.cluster.stop()
