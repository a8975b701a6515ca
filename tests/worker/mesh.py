"""Workers of one mesh in one process: real listeners, real links, a signed roster."""

import asyncio
import secrets

from pangea.core.config import NodeConfig, NodeTable, ServerTable
from pangea.mesh import identity
from pangea.mesh.info import NodeInfo
from pangea.mesh.roster import LIFE_S, RosterBody, RosterNode, sign_roster
from pangea.system_clock import SystemClock
from pangea.worker.listener import addresses_of, listen
from pangea.worker.peers import Peers
from pangea.worker.roster_keeper import RosterKeeper

CLOCK = SystemClock()


def worker_config(listen="127.0.0.1:0"):
    return NodeConfig(node=NodeTable(role="worker"), server=ServerTable(listen=listen))


async def until(what, seconds=20.0, why=""):
    """Wait until *what* is true."""
    try:
        async with asyncio.timeout(seconds):
            while not what():
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"not within {seconds} s: {why}") from None


class Member:
    """One worker: its key, its roster, its peers and its listener."""

    def __init__(self, mesh, name, **info):
        self.mesh, self.name = mesh, name
        place = mesh.place / name
        place.mkdir(mode=0o700, exist_ok=True)
        self.identity = identity.load_or_create(place / "node.key")
        self.key = self.identity.public_key
        said = {"role": "worker", "name": name, "boot": secrets.token_hex(16)} | info
        self.ahead_us = 0
        self.roster = RosterKeeper(
            place / "roster",
            lambda: mesh.coordinator.public_key,
            lambda: mesh.now_us() + self.ahead_us,
        )
        self.secrets = [mesh.secret]
        self.peers = Peers(
            self.identity,
            lambda: self.secrets,
            NodeInfo(**said),
            self.roster,
            CLOCK,
            near=lambda: True,
        )
        self.running = self.task = None
        self.addresses = None

    async def start(self, where="127.0.0.1:0"):
        self.running = await listen(worker_config(where), self.peers.accept)
        if self.addresses is None:
            self.addresses = addresses_of(self.running)
        self.task = asyncio.create_task(self.peers.run())
        return self

    async def stop(self):
        await self.leave()
        await self.close()

    async def leave(self):
        """Dial nobody any more, and part from all."""
        if self.task is None:
            return
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.peers.close()
        self.task = None

    async def close(self):
        """Stop listening."""
        running, self.running = self.running, None
        if running:
            await running.stop()

    def linked(self, *others):
        return {*self.peers.links} == {o.key for o in others}

    def node(self, role="worker"):
        return RosterNode(self.key, self.name, role, self.addresses or (), "")


class Mesh:
    """A coordinator's key and the workers that it lists."""

    def __init__(self, place):
        self.place = place
        self.coordinator = identity.load_or_create(place / "c.key")
        self.secret = secrets.token_bytes(32)
        self.members = []
        self.calls = []
        self.version = 0

    def now_us(self):
        return round(CLOCK.wall() * 1e6)

    def member(self, name, **info):
        """Return the worker *name*, started anew if there was one."""
        member = Member(self, name, **info)
        self.members = [m for m in self.members if m.name != name]
        self.members.append(member)
        return member

    async def start(self, *names):
        return [await self.member(name).start() for name in names]

    def signed(self, *members, signer=None, **changes):
        """Return a new roster of *members*, or of all."""
        self.version += 1
        nodes = [m if isinstance(m, RosterNode) else m.node() for m in members]
        now = self.now_us()
        fields = {
            "version": self.version,
            "issued_us": now,
            "expires_us": now + round(LIFE_S * 1e6),
            "coordinators": (self.coordinator.public_key,),
            "nodes": tuple(nodes or (m.node() for m in self.members)),
        }
        return sign_roster(RosterBody(**fields | changes), signer or self.coordinator)

    async def issue(self, *members, to=None):
        """Bring a new roster of *members* (all) to all workers, or to those in *to*."""
        roster = self.signed(*members)
        for member in self.members if to is None else to:
            await member.roster.take(roster)
        return roster

    async def stop(self):
        # First all dialling: whoever is dialled at the very end is never closed.
        await asyncio.gather(*(member.leave() for member in self.members))
        await asyncio.sleep(0.05)
        await asyncio.gather(*(member.close() for member in self.members))
