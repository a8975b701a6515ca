"""A few workers that say what is wanted of many jobs: real links, nothing is probed.

    python -m tests.bench.voices PORT SECRETS WORKERS

They hold back what is no news as real workers do. Commands come on standard input, a
line of JSON each:

    {"every_s": 12, "pattern": "foo"}   all say the same of each job, each job once
                                        every so long, evenly spread; a letter a round
    {"every_s": 2, "rounds": 12}        the same so many times, all well, then rest
    {"job": 7, "says": "f"}             all say that of one job, at once
    {}                                  rest

Every half second a line says how many are linked, how many jobs the one with the
fewest has, and how many results were made and acknowledged.
"""

import asyncio
import contextlib
import json
import random
import sys
from pathlib import Path
from typing import Any

import uvloop
from msgspec import Raw

from pangea.alarm import Alarm
from pangea.core.model import Outcome, Result
from pangea.mesh.dial import Address
from pangea.mesh.messages import Message, RunNow, encode_row
from pangea.mesh.secret_ring import SecretRing
from pangea.worker.news import ROUTINE_S, News, Pace

from .crowd import CLOCK, COME_S, One

#: A probe that was asked for takes so long.
ANSWER_S = 0.01
PHASES = ("resolve", "connect", "tls", "first_byte", "transfer")


class Voice(One):
    """A worker that says what it is told to."""

    probes = ("http",)

    def __init__(self, number: int, address: Address, secret: bytes) -> None:
        super().__init__(number, address, secret)
        self._news, self._chance = News(), random.Random(number)
        self._said: dict[int, str] = {}
        self._pace, self._alarm = Pace(), Alarm(self._leave)

    @property
    def jobs(self) -> set[int]:
        """Return the jobs that it was given."""
        return self._jobs

    def say(self, job: int, letter: str) -> None:
        """Make a result: ``o`` or ``f``; it leaves when a real worker's would."""
        self._said[job] = letter
        row = self._result(job, failed=letter == "f")
        self._kept.append((self._next, Raw(encode_row(row))))
        self._next += 1
        One.made += 1
        news = self._news.is_in(row)
        self._alarm.within(self._pace.wait_s(CLOCK.wall()) if news else ROUTINE_S)

    def _leave(self) -> None:
        self._pace.left(CLOCK.wall())
        self._new.set()

    def _hear(self, said: Message) -> None:
        if isinstance(said, RunNow):
            # Whoever is asked to look at once finds what it found before.
            loop, letter = asyncio.get_running_loop(), self._said.get(said.job, "o")
            loop.call_later(said.delay_s + ANSWER_S, self.say, said.job, letter)
        else:
            super()._hear(said)

    def _result(self, job: int, *, failed: bool) -> Result:
        at_us = round(CLOCK.wall() * 1e6)
        if failed:
            return Result(
                job=job,
                started_at_us=at_us,
                duration_ms=5000.0,
                outcome=Outcome.FAILED,
                reason="timeout",
                detail="no answer within 5 s",
            )
        took = {name: self._chance.lognormvariate(1.5, 0.5) for name in PHASES}
        return Result(
            job=job,
            started_at_us=at_us,
            duration_ms=sum(took.values()),
            outcome=Outcome.OK,
            phases=took,
            readings={"status": 200, "bytes": 12345},
        )


class Choir:
    """All of them, and what they are saying."""

    def __init__(self, voices: list[Voice]) -> None:
        self._voices = voices
        self._piece: asyncio.Task[None] | None = None

    @property
    def jobs(self) -> list[int]:
        """Return the jobs that all of them have."""
        return sorted(set.intersection(*(voice.jobs for voice in self._voices)))

    def obey(self) -> None:
        """Read a command."""
        line = sys.stdin.readline()
        if not line:
            sys.exit(0)
        asked = json.loads(line)
        if "job" in asked:
            self._say(asked["job"], asked["says"])
            return
        if self._piece:
            self._piece.cancel()
        if "every_s" in asked:
            self._piece = asyncio.create_task(self._play(**asked))

    async def tell(self) -> None:
        """Say how things are, twice a second."""
        while True:
            said: dict[str, Any] = {"linked": One.linked, "jobs": len(self.jobs)}
            print(json.dumps(said | {"made": One.made, "acked": One.acked}), flush=True)
            await asyncio.sleep(0.5)

    async def _play(self, every_s: float, pattern: str = "o", rounds: int = 0) -> None:
        jobs, begun, turn = self.jobs, CLOCK.monotonic(), 0
        while not rounds or turn < rounds * len(jobs):
            number, job = turn // len(jobs), jobs[turn % len(jobs)]
            due = begun + turn * every_s / len(jobs)
            await asyncio.sleep(due - CLOCK.monotonic())
            self._say(job, pattern[(number + job) % len(pattern)])
            turn += 1

    def _say(self, job: int, letter: str) -> None:
        for voice in self._voices:
            voice.say(job, letter)


async def main(port: int, ring: Path, workers: int) -> None:
    """Be *workers* voices until standard input ends."""
    secret = SecretRing.parse(ring.read_bytes()).current.raw
    address = Address("127.0.0.1", port)
    voices = [Voice(number, address, secret) for number in range(workers)]
    choir = Choir(voices)
    asyncio.get_running_loop().add_reader(sys.stdin, choir.obey)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(choir.tell())
        for voice in voices:
            tasks.create_task(voice.run())
            await asyncio.sleep(COME_S)


if __name__ == "__main__":
    port_, ring_, workers_ = sys.argv[1:]
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(main(int(port_), Path(ring_), int(workers_)))
