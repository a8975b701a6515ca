"""A coordinator on a real database, with workers at the end of memory channels."""

import asyncio
import contextlib
import secrets

import pytest
from msgspec import Raw, Struct

from pangea.coordinator.coordinator import Coordinator
from pangea.coordinator.service import CoordinatorService
from pangea.coordinator.worker_service import WorkerService
from pangea.core.errors import ProtocolError
from pangea.core.model import Outcome, Result
from pangea.core.options import SecretText
from pangea.mesh import identity
from pangea.mesh.info import NodeInfo
from pangea.mesh.link import initiate
from pangea.mesh.messages import Ack, Batch, Desired, Introduce, RunNow, encode_row
from pangea.probes.base import PROBES, load_builtin
from pangea.system_clock import SystemClock
from pangea.vault import Vault
from pangea.web.events import Hub
from pangea.web.schema import JobSpec
from tests.engines import place, places, postgres, spread, store
from tests.mesh.fakes import memory_channels

__all__ = ["place", "places", "postgres", "store"]

SECRET = secrets.token_bytes(32)
CLOCK = SystemClock()
VAULT = Vault(secrets.token_bytes(32))
BOOT = "0" * 32


def pytest_generate_tests(metafunc):
    """Run on a file, and where a test says so on a server as well."""
    spread(metafunc, usual=("sqlite",))


class Far:
    """A worker's end of a link, driven by a test."""

    def __init__(self, link, welcome):
        self.link, self.welcome = link, welcome
        self.heard = []
        self.held = {}
        self.acks = {}
        self.runs = []
        self.news = asyncio.Event()
        self.listening = asyncio.create_task(self._listen())

    async def _listen(self):
        try:
            while True:
                self._take(await self.link.receive())
        except ProtocolError as error:
            self.heard.append(error)
            self.news.set()

    def _take(self, message):
        self.heard.append(message)
        match message:
            case Desired():
                if message.base is None:
                    self.held = {}
                self.held.update({a.job: a for a in message.put})
                for job in message.drop:
                    self.held.pop(job)
            case Ack():
                self.acks[message.epoch] = message.upto
            case RunNow():
                self.runs.append(message)
        self.news.set()

    async def until(self, what, seconds=20.0):
        """Wait until *what* is true of what was heard."""
        async with asyncio.timeout(seconds):
            while not what(self):
                self.news.clear()
                await self.news.wait()

    async def report(self, rows, first=1, epoch="e", gaps=(), offset_us=0):
        """Send one batch."""
        packed = tuple(Raw(r if isinstance(r, bytes) else encode_row(r)) for r in rows)
        await self.link.send(Batch(epoch, first, packed, tuple(gaps), offset_us))

    async def leave(self):
        """Close the link and wait for the end."""
        await self.link.close()
        self.listening.cancel()


class World:
    """The coordinator under test and the workers that joined it."""

    def __init__(self, store, place, **more):
        self.store, self.place = store, place
        self.own = identity.load_or_create(place / "node.key")
        self.hub = Hub()
        info = NodeInfo(role="coordinator", name="c", boot=BOOT)
        self.coordinator = Coordinator(
            store, self.hub, self.own, lambda: [SECRET], info, CLOCK, VAULT, **more
        )
        self.service = CoordinatorService(
            self.coordinator, name="c", own_url="http://127.0.0.1:1", intervals={}
        )
        self.members = WorkerService(self.coordinator)
        self.members.places = ["http://127.0.0.1:7464"]
        self.tasks = []
        self.workers = []

    async def start(self):
        await self.coordinator.start()
        self.running = asyncio.create_task(self.coordinator.run())

    async def join(self, name, probes=("http", "tcp"), lacks=None, tags=None):
        """Let a worker with the key of *name* join; return its end."""
        ours, theirs = memory_channels()
        accepting = self.coordinator.reception.accept(theirs, "memory", lambda: None)
        self.tasks.append(asyncio.create_task(accepting))
        link = await initiate(
            ours,
            identity.load_or_create(self.place / f"{name}.key"),
            SECRET,
            NodeInfo(role="worker", name=name, boot=BOOT),
            lambda key, info: None,
            clock=CLOCK,
        )
        far = Far(link, await link.receive())
        await link.send(Introduce("b", "1", "", None, tags or {}, probes, lacks or {}))
        await far.until(lambda f: any(isinstance(m, Desired) for m in f.heard))
        self.workers.append(far)
        return far

    @staticmethod
    def spec(**more):
        """Return what adds an http job."""
        return JobSpec(**{"type": "http", "target": "http://127.0.0.1:9/", **more})

    async def close(self):
        for far in self.workers:
            await far.leave()
        await self.coordinator.stop("over")
        await self.end()

    async def end(self):
        """End what runs; raise what ended the coordinator before, if anything did."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.running


@pytest.fixture
async def world(store, tmp_path):
    made = World(store, tmp_path)
    await made.start()
    yield made
    await made.close()


def row(job, seconds=0.0, outcome=Outcome.OK, **more):
    """Return a result that began *seconds* from now."""
    at = round((CLOCK.wall() + seconds) * 1e6)
    said = {"job": job, "started_at_us": at, "duration_ms": 5.0, "outcome": outcome}
    if outcome is not Outcome.OK:
        said["reason"] = "refused"
    return Result(**said | more)


class Locked(Struct, frozen=True, kw_only=True):
    """Options of a probe that logs in."""

    user: str = ""
    password: SecretText | None = None


@pytest.fixture
def locked(monkeypatch):
    """A probe type with a secret option, as plugins may register one."""

    load_builtin()

    class LockedProbe(PROBES["tcp"]):
        type = "locked"
        Options = Locked

        @classmethod
        def parse(cls, target, options):
            return cls

    monkeypatch.setitem(PROBES, "locked", LockedProbe)
