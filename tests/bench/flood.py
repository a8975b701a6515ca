"""What forged first messages from many addresses do to those who mean well.

    python -m tests.bench.flood [--seconds 20] [--addresses 50]

A second process sends them as fast as it can. Meanwhile new workers join, one after
the other, dialling again as workers do, and somebody asks for the status.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp

from pangea.core.errors import PangeaError
from pangea.mesh import identity
from pangea.mesh.dial import Address, dial
from pangea.mesh.info import NodeInfo
from pangea.mesh.link import initiate
from pangea.mesh.secret_ring import SecretRing
from pangea.system_clock import SystemClock
from pangea.worker.redial import Redial

from .figures import Figures, quantile, tell
from .nodes import Cluster
from .processes import MEASURED, SERVING, cpu_s, take_part

CLOCK = SystemClock()
ASK_EVERY_S = 0.05
JOIN_EVERY_S = 0.5
CALM_S = 8.0
#: Whoever is not in by then is written down as that late.
TOO_LATE_S = 15.0


def main() -> None:
    """Measure the calm and the flood."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seconds", type=float, default=20.0)
    asked.add_argument("--addresses", type=int, default=50)
    given = asked.parse_args()
    take_part(SERVING)
    tell(lambda: measure(given.seconds, given.addresses))


def measure(seconds: float, addresses: int, calm_s: float = CALM_S) -> Figures:
    """Return how fast pages and joins are, and how much was thrown at the door."""
    with tempfile.TemporaryDirectory() as name:
        cluster = Cluster(Path(name))
        with cluster.coordinator(MEASURED) as process:
            honest = Honest(cluster)
            asyncio.run(honest.live(2.0))
            calm, calm_joins = asyncio.run(honest.live(calm_s / 2))
            before = cpu_s([process.pid])
            with flood(cluster.port, seconds, addresses) as flooding:
                asked, joins = asyncio.run(honest.live(seconds - 1.0))
                spent = cpu_s([process.pid]) - before
                told = json.loads(flooding.communicate(timeout=30)[0] or b"{}")
            # Calm before and after: what else the machine does changes.
            later, more = asyncio.run(honest.live(calm_s / 2))
            calm, calm_joins = calm + later, calm_joins + more
    print(told, file=sys.stderr)
    calm_p95, flood_p95 = quantile(calm, 0.95) * 1000, quantile(asked, 0.95) * 1000
    return {
        "forged_per_s": told["opened"] / seconds,
        "calm_p50_ms": quantile(calm, 0.5) * 1000,
        "flood_p50_ms": quantile(asked, 0.5) * 1000,
        "calm_p95_ms": calm_p95,
        "flood_p95_ms": flood_p95,
        "ratio_p95": flood_p95 / calm_p95,
        "calm_join_s": max(calm_joins),
        "joins": len(joins),
        "join_p50_s": quantile(joins, 0.5),
        "join_longest_s": max(joins),
        "core_pct": spent / seconds * 100,
    }


@contextmanager
def flood(
    port: int, seconds: float, addresses: int
) -> Iterator[subprocess.Popen[bytes]]:
    """Run the attacker on the other core until the block ends."""
    command = [sys.executable, "-m", "tests.bench.flooding"]
    command += [str(port), str(seconds), str(addresses)]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        preexec_fn=lambda: os.setpriority(os.PRIO_PROCESS, 0, 0),
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


class Honest:
    """Those who mean well: a page that is open, and workers that are new."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        kept = (cluster.state_dir / "secrets.json").read_bytes()
        self._secret = SecretRing.parse(kept).current.raw
        self._token = (cluster.state_dir / "admin.token").read_text().strip()
        self._count = 0

    async def live(self, seconds: float) -> tuple[list[float], list[float]]:
        """Ask and join for so long; return how long each asking and joining took."""
        asked: list[float] = []
        joined: list[float] = []
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._ask(seconds, asked))
            tasks.create_task(self._join_on(seconds, joined))
        return asked, joined

    async def _ask(self, seconds: float, took: list[float]) -> None:
        url = f"http://127.0.0.1:{self._cluster.port}/api/v1/status"
        head = {"Authorization": f"Bearer {self._token}"}
        until = time.monotonic() + seconds
        async with aiohttp.ClientSession(headers=head) as session:
            while time.monotonic() < until:
                begun = time.monotonic()
                async with session.get(url) as answer:
                    await answer.read()
                    if answer.status != 200:
                        sys.exit(f"the status is HTTP {answer.status}")
                took.append(time.monotonic() - begun)
                await asyncio.sleep(ASK_EVERY_S)

    async def _join_on(self, seconds: float, took: list[float]) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            took.append(await self._join())
            await asyncio.sleep(JOIN_EVERY_S)

    async def _join(self) -> float:
        """Return how long a new worker needs, from its first dial to Welcome."""
        self._count += 1
        key = identity.load_or_create(self._cluster.place / f"new-{self._count}.key")
        info = NodeInfo(role="worker", name=f"new-{self._count}", boot="0" * 32)
        address, redial = Address("127.0.0.1", self._cluster.port), Redial()
        begun = time.monotonic()
        while (spent := time.monotonic() - begun) < TOO_LATE_S:
            try:
                channel = await dial(address)
                link = await initiate(
                    channel, key, self._secret, info, lambda *_: None, clock=CLOCK
                )
                await link.receive()
            except PangeaError as error:
                print(f"after {spent:.2f} s: {error}", file=sys.stderr)
                await asyncio.sleep(redial.delay())
                continue
            spent = time.monotonic() - begun
            await link.close()
            return spent
        return TOO_LATE_S


if __name__ == "__main__":
    main()
