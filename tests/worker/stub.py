"""A whole agent, and a coordinator of a few lines that a test scripts."""

import secrets

from aiohttp import web

from pangea.core.errors import ProtocolError
from pangea.mesh.channel import WebSocketChannel
from pangea.mesh.identity import load_or_create
from pangea.mesh.info import NodeInfo
from pangea.mesh.link import respond
from pangea.mesh.messages import Introduce
from pangea.mesh.replay import ReplayCache
from pangea.mesh.ring_file import RingFile
from pangea.mesh.secret_ring import Secret, SecretRing
from pangea.storage.spool import Spool
from pangea.system_clock import SystemClock
from pangea.vault import Vault
from pangea.worker.agent import Agent
from pangea.worker.credentials import Credentials
from pangea.worker.finder import Finder
from pangea.worker.trust import Trust

CLOCK = SystemClock()
SECRET = secrets.token_bytes(32)


class StubCoordinator:
    """Listens on loopback and does with each link what *serve* says."""

    def __init__(self, place, serve):
        self._key = load_or_create(place / "coordinator.key")
        self._serve = serve
        self._replays = ReplayCache()
        self.links = 0

    async def start(self):
        app = web.Application()
        app.router.add_get("/mesh", self._meet)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def stop(self):
        await self._runner.cleanup()

    async def _meet(self, request):
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        info = NodeInfo(role="coordinator", name="c", boot="0" * 32)
        link = await respond(
            WebSocketChannel(ws), self._key, [SECRET], info, lambda *_: None,
            self._replays, clock=CLOCK,
        )  # fmt: skip
        self.links += 1
        try:
            await self._serve(link)
        except ProtocolError:
            pass
        finally:
            await link.close()
        return ws


def credentials_for(place, secret):
    """Return what a worker joins with that holds *secret*."""
    ring = SecretRing((Secret(id="0", key=secret.hex(), created=0),))
    path = place / "secrets.json"
    return Credentials(path, RingFile(path, ring))


async def make_agent(place, port, spool=None, mesh=None):
    """Return an agent that knows the coordinator on *port*."""
    trust = Trust(place / "last-good.json")
    return Agent(
        load_or_create(place / "worker.key"),
        credentials_for(place, SECRET),
        NodeInfo(role="worker", name="w", boot="1" * 32),
        Introduce("1" * 32, "1"),
        spool=spool or await Spool.open(place / "spool.db"),
        trust=trust,
        finder=Finder([f"127.0.0.1:{port}"], trust, [SECRET], CLOCK, mdns=False),
        vault=Vault(secrets.token_bytes(32)),
        clock=CLOCK,
        mesh=mesh,
    )
