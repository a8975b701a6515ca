"""What alerting costs: from 10,000 transitions at once to rows, and to messages.

    python -m tests.bench.alerting [--jobs 10000] [--rounds 3]

A real coordinator on a real database with a web hook on loopback. One job is down
first: how soon after that its message is there. Then all others are, each with an
incident of its own, as judging hands them over (what judging costs is a bench of its
own): how long until the incidents are written, until each is in the outbox, and until
each was told. Results go on coming in meanwhile over two links, and each batch says
how long its acknowledgement takes: ``late_ms`` is by how much the 95th of 100 comes
later than before, once the incidents are written.
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvloop
from aiohttp import web

from pangea.alerts.tools import tools_of
from pangea.coordinator.decided import Decided
from pangea.coordinator.walk import in_steps
from pangea.core.alerts_table import AlertsTable, SmtpTable
from pangea.core.channel import Channel
from pangea.core.incident import begin
from pangea.core.model import Job, Verdict
from pangea.core.verdict import Transition
from pangea.node import tune_collector
from pangea.storage import jobs
from pangea.storage.connection import connection
from pangea.storage.database import Store
from tests.coordinator.conftest import Far, World, row

from .figures import Figures, medians, quantile, tell
from .processes import MEASURED, take_part

#: So often each link brings a result of so many jobs.
EVERY_S, STEADY = 0.05, 50
BEFORE_S, PATIENCE_S = 2.0, 60.0

#: When each batch was sent, and how long until it was acknowledged.
Acked = list[tuple[float, float]]


def main() -> None:
    """Measure in rounds."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--jobs", type=int, default=10_000)
    asked.add_argument("--rounds", type=int, default=3)
    given = asked.parse_args()
    take_part(MEASURED)
    tune_collector()
    tell(lambda: medians([_round(given.jobs) for _ in range(given.rounds)]))


def _round(count: int) -> Figures:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(measure(count))


class Hook:
    """Receives messages; knows when each came, and of how many alerts it told."""

    def __init__(self) -> None:
        self.came: list[tuple[float, int]] = []

    async def take(self, request: web.Request) -> web.Response:
        """Take one."""
        told: dict[str, Any] = json.loads(await request.read())
        self.came.append((time.perf_counter(), int(told["data"]["count"])))
        return web.Response(text="ok")

    @property
    def told(self) -> int:
        """Of how many alerts was told."""
        return sum(count for _, count in self.came)


@asynccontextmanager
async def receiving(hook: Hook) -> AsyncIterator[str]:
    """Serve *hook* on loopback; yield its URL."""
    app = web.Application(client_max_size=64 << 20)
    app.router.add_post("/", hook.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


async def measure(count: int) -> Figures:
    """Return what one storm of *count* transitions took."""
    with tempfile.TemporaryDirectory() as name:
        store, hook = await Store.open(Path(name) / "pangea.db"), Hook()
        await store.write(lambda: [jobs.add(_job(n)) for n in range(count + STEADY)])
        world = World(store, Path(name))
        async with receiving(hook) as url:
            await world.start()
            try:
                await _channel(world, url)
                return await _storm(world, hook, count)
            finally:
                await world.close()
                await store.close()


def _job(number: int) -> Job:
    # Each in a network of its own: nothing but the time is common to them.
    target = f"http://10.{number >> 8 & 255}.{number & 255}.1/"
    return Job(
        id=0,
        name=f"j{number}",
        type="http",
        target=target,
        interval_s=60.0,
        timeout_s=10.0,
    )


async def _channel(world: World, url: str) -> None:
    channels = world.coordinator.alerting.channels
    channels.equip(tools_of(AlertsTable(allow=("127.0.0.1/32",)), SmtpTable()))
    await channels.add(
        Channel(
            id=0,
            org=1,
            name="hook",
            type="webhook",
            options={"url": url},
            created_us=1,
            per_minute=0,
        )
    )


async def _storm(world: World, hook: Hook, count: int) -> Figures:
    known = sorted(world.coordinator.board.jobs)
    steady, falling = known[:STEADY], known[STEADY:]
    acked: Acked = []
    coming = [
        asyncio.create_task(_results(await world.join(name), steady, acked))
        for name in ("a", "b")
    ]
    await asyncio.sleep(BEFORE_S)
    begun = time.perf_counter()
    await _down(world, falling[:1])
    await _until(lambda: hook.told >= 1)
    first_s, before = hook.came[0][0] - begun, len(acked)
    await asyncio.sleep(1.0)
    begun, spent = time.perf_counter(), time.process_time()
    await _down(world, falling[1:])
    written = time.perf_counter()
    while await world.store.read(_stored) < count:
        await asyncio.sleep(0.02)
    stored_s = time.perf_counter() - begun
    await _until(lambda: hook.told >= count)
    handled_s, spent = time.perf_counter() - begun, time.process_time() - spent
    for task in coming:
        task.cancel()
    calm = quantile((took for _, took in acked[:before]), 0.95)
    storm = [took for at, took in acked if at >= written]
    return {
        "first_send_s": first_s,
        "incidents_s": written - begun,
        "stored_s": stored_s,
        "storm_first_s": next(at for at, _ in hook.came if at >= begun) - begun,
        "handled_s": handled_s,
        "messages": len(hook.came) - 1,
        "cpu_s": spent,
        "calm_ack_ms": calm * 1000,
        "storm_ack_ms": quantile(storm, 0.95) * 1000,
        "storm_ack_worst_ms": max(storm) * 1000,
        "late_ms": (quantile(storm, 0.95) - calm) * 1000,
    }


async def _down(world: World, falling: list[int]) -> None:
    """Hand over that each of these is down, as judging does."""
    coordinator, decided = world.coordinator, Decided()
    now_us = round(coordinator.clock.wall() * 1e6)
    async for some in in_steps(falling):
        for number in some:
            why = "2 of 2 failed: connection refused"
            change = Transition(number, now_us, Verdict.UP, Verdict.DOWN, why)
            decided.transitions.append(change)
            name = coordinator.board.jobs[number].name
            coordinator.incidents.put(begin(1, name, change), decided)
    await coordinator.intake.note(decided)


async def _results(
    far: Far, steady: list[int], acked: list[tuple[float, float]]
) -> None:
    """Report results for ever; note when each batch was sent, and how long it took."""
    first = 1
    while True:
        begun = time.perf_counter()
        await far.report([row(job) for job in steady], first=first)
        first += len(steady)
        last = first - 1
        await far.until(lambda f, last=last: f.acks.get("e", 0) >= last)
        acked.append((begun, time.perf_counter() - begun))
        await asyncio.sleep(EVERY_S)


def _stored() -> int:
    """Return how many notifications are in the outbox, sent ones as well."""
    (number,) = connection().execute("SELECT count(*) FROM notification").fetchone()
    return int(number)


async def _until(is_so: Any) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not is_so():
            await asyncio.sleep(0.005)


if __name__ == "__main__":
    main()
