"""Many workers in one process: real links, but nothing is probed.

    python -m tests.bench.crowd PORT SECRETS FIRST COUNT

Each has a key and a link of its own, introduces itself, applies what it is given,
sends heartbeats, and while it is told ``make`` a result a second, which it keeps
until it is acknowledged, as a spool does. It dials again as workers do. Commands come
on standard input, a line each: ``make``, ``rest``; every half second a line of JSON
says how many are linked, and how many results were made and acknowledged.
"""

import asyncio
import contextlib
import json
import random
import secrets
import sys
import time
from collections import deque
from pathlib import Path

import uvloop
from msgspec import Raw
from nacl.signing import SigningKey

from pangea.core.errors import PangeaError
from pangea.core.liveness import BEAT_S
from pangea.core.model import Outcome, Result
from pangea.mesh.dial import Address, dial
from pangea.mesh.identity import Identity
from pangea.mesh.info import NodeInfo
from pangea.mesh.link import Link, initiate
from pangea.mesh.messages import (
    Ack,
    Applied,
    Batch,
    Desired,
    Goodbye,
    Heartbeat,
    Introduce,
    Message,
    Welcome,
    encode_row,
)
from pangea.mesh.secret_ring import SecretRing
from pangea.system_clock import SystemClock
from pangea.worker.redial import Redial

CLOCK = SystemClock()
#: At first they come evenly over this time; what follows a restart is not spread.
COME_S = 0.02
MOST = 500


class One:
    """A worker without probes."""

    made = acked = linked = welcomed = 0
    making = False
    probes: tuple[str, ...] = ("icmp",)

    def __init__(self, number: int, address: Address, secret: bytes) -> None:
        self._info = NodeInfo(role="worker", name=f"crowd-{number}", boot="0" * 32)
        self._key = key_of(number)
        self._address, self._secret = address, secret
        self._jobs: set[int] = set()
        self._epoch, self._next = secrets_hex(), 1
        self._kept: deque[tuple[int, Raw]] = deque()
        self._new = asyncio.Event()

    async def run(self) -> None:
        """Be a worker until cancelled."""
        redial = Redial()
        while True:
            begun = time.monotonic()
            try:
                await self._live()
            except* PangeaError:
                pass  # shut out, cut off or sent away: it dials again
            redial.ended(time.monotonic() - begun, politely=False)
            await asyncio.sleep(redial.delay())

    async def make(self) -> None:
        """Make a result a second, for ever, while it is asked for."""
        await asyncio.sleep(random.random())
        while True:
            if One.making and self._jobs:
                self._made(min(self._jobs))
            await asyncio.sleep(1.0)

    def _made(self, job: int) -> None:
        row = Result(
            job=job,
            started_at_us=round(CLOCK.wall() * 1e6),
            duration_ms=1.0,
            outcome=Outcome.OK,
        )
        self._kept.append((self._next, Raw(encode_row(row))))
        self._next += 1
        One.made += 1
        self._new.set()

    async def _live(self) -> None:
        channel = await dial(self._address)
        link = await initiate(
            channel, self._key, self._secret, self._info, lambda *_: None, clock=CLOCK
        )
        try:
            welcome = await link.receive()
            assert isinstance(welcome, Welcome), "a coordinator says Welcome first"
            self._acknowledge(welcome.watermarks.get(self._epoch, 0))
            await link.send(Introduce(self._info.boot, "1", probes=self.probes))
            One.linked += 1
            One.welcomed += 1
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._listen(link))
                    tasks.create_task(self._beat(link))
                    tasks.create_task(self._deliver(link))
            finally:
                One.linked -= 1
        finally:
            await link.close()

    async def _listen(self, link: Link) -> None:
        while True:
            self._hear(said := await link.receive())
            if isinstance(said, Desired) and not said.more:
                await link.send(Applied(said.version))

    def _hear(self, said: Message) -> None:
        match said:
            case Desired():
                if said.base is None:
                    self._jobs.clear()
                self._jobs |= {given.job for given in said.put}
                self._jobs -= set(said.drop)
            case Ack() if said.epoch == self._epoch:
                self._acknowledge(said.upto)
            case Goodbye():
                raise PangeaError(f"told to leave: {said.reason}")

    def _acknowledge(self, upto: int) -> None:
        while self._kept and self._kept[0][0] <= upto:
            self._kept.popleft()
            One.acked += 1

    async def _beat(self, link: Link) -> None:
        await asyncio.sleep(random.random() * BEAT_S)
        while True:
            await link.send(Heartbeat(round(CLOCK.wall() * 1e6)))
            await asyncio.sleep(BEAT_S)

    async def _deliver(self, link: Link) -> None:
        sent = 0
        while True:
            rows = [kept for kept in self._kept if kept[0] > sent][:MOST]
            if not rows:
                self._new.clear()
                await self._new.wait()
                continue
            sent = rows[-1][0]
            raws = tuple(raw for _, raw in rows)
            await link.send(Batch(self._epoch, rows[0][0], raws))


def key_of(number: int) -> Identity:
    """Return the key of a worker, which is known before it comes."""
    return Identity(SigningKey(number.to_bytes(32)))


def secrets_hex() -> str:
    """Return the name of an epoch."""
    return secrets.token_hex(16)


async def main(port: int, ring: Path, first: int, count: int) -> None:
    """Be *count* workers until standard input ends."""
    secret = SecretRing.parse(ring.read_bytes()).current.raw
    address = Address("127.0.0.1", port)
    asyncio.get_running_loop().add_reader(sys.stdin, obey)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(tell())
        for number in range(first, first + count):
            one = One(number, address, secret)
            tasks.create_task(one.run())
            tasks.create_task(one.make())
            await asyncio.sleep(COME_S)


def obey() -> None:
    """Read a command."""
    word = sys.stdin.readline().strip()
    if not word:
        sys.exit(0)
    One.making = word == "make"


async def tell() -> None:
    """Say how many are here, twice a second."""
    while True:
        said = {"linked": One.linked, "welcomed": One.welcomed}
        print(json.dumps(said | {"made": One.made, "acked": One.acked}), flush=True)
        await asyncio.sleep(0.5)


if __name__ == "__main__":
    port_, ring_, first_, count_ = sys.argv[1:]
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(main(int(port_), Path(ring_), int(first_), int(count_)))
