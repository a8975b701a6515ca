"""A coordinator in simulated time: its real parts, without database and network."""

import asyncio
from collections.abc import Collection
from types import SimpleNamespace
from typing import NamedTuple

import msgspec

from pangea.coordinator.board import Board
from pangea.coordinator.confirming import Confirming
from pangea.coordinator.decided import Decided
from pangea.coordinator.dispatch import Dispatch
from pangea.coordinator.judging import Judging
from pangea.coordinator.outages import Outages
from pangea.coordinator.sickness import Sickness
from pangea.coordinator.watch import Watch
from pangea.core.isolation import Isolation
from pangea.core.model import Job, Result, Worker
from pangea.core.verdict import JobState
from pangea.mesh.probe_messages import Health

from .score import Told
from .virtual import VirtualClock, VirtualLoop, run
from .worker import BEAT_S, SimWorker
from .world import World

TICK_S = 1.0
#: What may be switched off, to see what it is good for.
MECHANISMS = (
    "confirm",
    "expiry",
    "self-test",
    "isolation",
    "up-rounds",
    "electorate",
)


class FullBoard(Board):
    """A board whose electorates never become smaller."""

    def electorate(self, job_id: int, now: float) -> tuple[int, ...]:
        """Return all workers that probe the job."""
        return self.placements[job_id].seats


class NoIsolation(Isolation):
    """Finds nobody isolated."""

    def look(self, worker: int) -> bool:
        """Change nothing."""
        return False


class Linked(NamedTuple):
    """As much of a link as is needed to say how a worker is."""

    worker: Worker


class Coordinator:
    """What a coordinator knows between two of its restarts."""

    def __init__(self, world: World, clock: VirtualClock, off: Collection[str]) -> None:
        self._world, self.clock, self._off = world, clock, off
        self.board = FullBoard() if "electorate" in off else Board()
        self.dispatch = Dispatch(self.board, clock)
        self.judging = Judging(self.board, clock, self._repeat)
        # What the parts ask of a coordinator and do not need here.
        self.store = self.intake = None
        self.reception = SimpleNamespace(hearers=[], links={})
        self.watch = Watch(self.board, clock)
        self.confirming = Confirming(self.board, self.dispatch, self.watch, clock)
        self.sickness = Sickness(self)
        if "isolation" in off:
            self.sickness.isolating.isolation = NoIsolation()
        self._follow()
        self.told: list[Told] = []

    def _follow(self) -> None:
        """Let the parts hear what is judged, as `coordinator.following` does."""
        self.outages = Outages(self.board)
        self.judging.voids.append(self.sickness.void)
        self.judging.followers += [self.outages.follow]
        if "confirm" not in self._off:
            self.judging.followers.append(self.confirming.follow)
            self.judging.hearers.append(self.confirming.heard)
            self.dispatch.linked.append(self.confirming.linked)
        self.judging.followers.append(self.sickness.isolating.follow)

    def load(self, states: Collection[bytes]) -> None:
        """Know all jobs and workers, and take up the verdicts in *states*."""
        plan = self._world.plan
        workers = [
            Worker(id=n, key=bytes([n]) * 32, name=f"w{n}", probes=("tcp",))
            for n in range(1, plan.workers + 1)
        ]
        rule = "majority up=1" if "up-rounds" in self._off else "majority"
        if "confirm" in self._off:
            rule += " confirm=off"
        jobs = [
            Job(
                id=n,
                name=f"j{n}",
                type="tcp",
                target=f"192.0.2.{n}:80",
                interval_s=plan.interval_s,
                timeout_s=plan.timeout_s,
                rule=rule,
            )
            for n in range(1, plan.jobs + 1)
        ]
        self.board.started = self.clock.wall()
        decode = msgspec.msgpack.Decoder(JobState).decode
        self.board.load(jobs, workers, [decode(state) for state in states])
        if "expiry" in self._off:
            self.board.lasts = dict.fromkeys(self.board.lasts, 1e9)
        self.watch.start()
        self.judging.resume([], self.clock.wall())

    def _repeat(self, job: int, worker: int, delay_s: float) -> None:
        self.dispatch.run_now(job, [worker], delay_s)

    def learn(self, worker: int, said: Health) -> None:
        """Take what a worker says of its health."""
        link = Linked(self.board.workers[worker])
        self.sickness.hear(self.reception.links.setdefault(worker, link), said)
        self._page(self.sickness.look())

    def hear(self, results: list[Result]) -> None:
        """Judge what a worker delivers."""
        self._page(self.judging.hear(results))

    def tick(self) -> None:
        """See who is there and let votes expire, once a second."""
        now = self.clock.wall()
        for worker in self.board.connected:
            self.board.seen[worker] = now
        self.watch.look()
        self._page(self.sickness.look())
        if not self.watch.doubt:
            self._page(self.judging.expire())

    def _page(self, decided: Decided) -> None:
        now = self.clock.monotonic()
        self.told += [Told(t.job, now, t.after) for t in decided.transitions]


class Cluster:
    """Workers and a coordinator that comes and goes, in one *world*."""

    def __init__(self, world: World, loop: VirtualLoop, off: Collection[str]) -> None:
        self._world, self._off = world, off
        self._clock = VirtualClock(loop)
        confess = None if "self-test" in off else self._confessed
        self.coordinator = self._new([])
        self.workers = [
            SimWorker(n, world, self._clock, self._reported, confess)
            for n in range(1, world.plan.workers + 1)
        ]
        self._beats: dict[int, float] = {}
        self._up = True

    def _new(self, states: Collection[bytes]) -> Coordinator:
        made = Coordinator(self._world, self._clock, self._off)
        made.load(states)
        return made

    async def live(self) -> list[Told]:
        """Let the whole time of the world pass; return what was told."""
        tasks = [asyncio.create_task(worker.run()) for worker in self.workers]
        while (now := self._clock.monotonic()) < self._world.plan.lasts_s:
            is_up = not any(fault.at(now) for fault in self._world.restarts)
            if is_up and not self._up:
                self._restart()
            self._up = is_up
            if is_up:
                await self._link()
                self.coordinator.tick()
            await asyncio.sleep(TICK_S)
        for task in tasks:
            task.cancel()
        return self.coordinator.told

    def _restart(self) -> None:
        """Begin with what the one before had stored; who was told stays told."""
        before, encode = self.coordinator, msgspec.msgpack.encode
        states = [encode(state) for state in before.board.states.values()]
        self.coordinator = self._new(states)
        self.coordinator.told = before.told
        self.coordinator.board.outages = dict(before.board.outages)
        self.coordinator.sickness.resume(before.sickness._windows)

    async def _link(self) -> None:
        """Let who is there be linked and beat; who is silent for long is cut off."""
        board, watch = self.coordinator.board, self.coordinator.watch
        now = self._clock.monotonic()
        for worker in self.workers:
            number = worker.number
            if worker.is_linked:
                if number not in board.connected:
                    board.connected.add(number)
                    await self.coordinator.dispatch.link(number, worker.link())
                if now - self._beats.get(number, -BEAT_S) >= BEAT_S:
                    self._beats[number] = now
                    watch.heard(number)
                    watch.lease(number, 3)
            elif number in board.connected and number in board.lost:
                board.connected.discard(number)
                self.coordinator.dispatch.unlink(number, worker.outbox)
                watch.left(number, farewell=False)

    def _reported(self, worker: SimWorker, results: list[Result]) -> bool:
        linked = worker.number in self.coordinator.board.connected
        if not (linked and self._up):
            return False
        self.coordinator.hear(results)
        return True

    def _confessed(self, worker: SimWorker, said: Health) -> None:
        if self._up:
            self.coordinator.learn(worker.number, said)


def life_of(world: World, off: Collection[str] = ()) -> list[Told]:
    """Return what was told in *world*, with mechanisms switched *off*."""
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)
    told: list[Told] = run(_live(world, loop, off), loop)
    return told


async def _live(world: World, loop: VirtualLoop, off: Collection[str]) -> list[Told]:
    return await Cluster(world, loop, off).live()
