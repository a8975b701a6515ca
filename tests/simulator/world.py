"""What is true in a simulated network, from a seed: who is broken, and when.

Every answer is a function of (worker, target, moment), so that other rules can be
judged on the very same events.
"""

import random
import zlib
from enum import StrEnum
from typing import NamedTuple

#: Nothing is broken before, so that all votes are in.
SETTLED_S = 200.0
#: One probe in so many fails by itself, after all its retransmissions.
LOSS = 1e-4
#: The same where faults are mixed.
MIXED_LOSS = 3e-3
#: A flickering target answers so long, once in so many seconds.
BLIP_S, BLIP_EVERY_S = 0.8, 17.0


class Kind(StrEnum):
    """In what way something is broken."""

    REFUSED = "refused"  #: a target: its port is closed
    SILENT = "silent"  #: a target: packets vanish
    FLICKERING = "flickering"  #: a target: it answers for a moment now and then
    CUT = "cut"  #: a worker: neither targets nor coordinator
    BLIND = "blind"  #: a worker: no targets, no resolver; but its coordinator
    ALONE = "alone"  #: a worker: no targets, though its self-test is well
    DEAD = "dead"  #: a worker: killed
    BUSY = "busy"  #: a worker: it cannot tell anything
    PATH = "path"  #: between one worker and one target
    RESTART = "restart"  #: the coordinator


class Fault(NamedTuple):
    """Something that is broken from ``start`` until ``end``, in seconds."""

    start: float
    end: float
    kind: Kind

    def at(self, moment: float) -> bool:
        """Tell whether it is broken then."""
        return self.start <= moment < self.end


class Answer(NamedTuple):
    """What a probe finds, and how long it takes to."""

    outcome: str
    took_s: float


class Plan(NamedTuple):
    """How large a world is; in a *mixed* one many faults fall together."""

    workers: int
    jobs: int = 6
    lasts_s: float = 3600.0
    interval_s: float = 30.0
    timeout_s: float = 10.0
    mixed: bool = False


class World:
    """Targets and workers are numbered from 1."""

    def __init__(self, seed: int, plan: Plan) -> None:
        self.seed, self.plan = seed, plan
        dice = random.Random(f"{seed}/{plan.workers}")
        numbers = range(1, plan.jobs + 1), range(1, plan.workers + 1)
        self.outages = {t: self._outages(dice) for t in numbers[0]}
        self.unwell = self._unwell(dice)
        self.paths = self._paths(dice)
        self.restarts = [
            Fault(start, start + dice.uniform(2.0, 30.0), Kind.RESTART)
            for start in self._moments(dice, 0.3)
        ]
        #: By how much a worker's clock is misjudged, in seconds.
        self.skews = {w: dice.uniform(-0.05, 0.05) for w in numbers[1]}
        self.loss = LOSS
        if plan.workers > 2 and plan.mixed:
            self._mix(random.Random(f"{seed}/{plan.workers}/mixed"))

    def _mix(self, dice: random.Random) -> None:
        """Let one worker be alone for long; restarts and faults of others fall in it.

        One of the others at a time cannot tell anything, or not in time.
        """
        workers = list(range(1, self.plan.workers + 1))
        loner = workers.pop(dice.randrange(len(workers)))
        start, self.loss = SETTLED_S + dice.uniform(0.0, 300.0), MIXED_LOSS
        end = start + dice.uniform(1500.0, 2400.0)
        self.unwell = {worker: [] for worker in workers}
        self.unwell[loner] = [Fault(start, end, Kind.ALONE)]
        self.restarts, at = [], start + dice.uniform(60.0, 300.0)
        while at < end:
            until = at + dice.uniform(30.0, 600.0)
            kind = dice.choice([Kind.CUT, Kind.DEAD, Kind.BUSY])
            self.unwell[dice.choice(workers)].append(Fault(at, until, kind))
            if dice.random() < 0.7:
                away = dice.uniform(at, until)
                self.restarts.append(
                    Fault(away, away + dice.uniform(2.0, 30.0), Kind.RESTART)
                )
            at = until + dice.uniform(5.0, 120.0)

    def _moments(self, dice: random.Random, share: float) -> list[float]:
        last = self.plan.lasts_s - 900.0
        return [dice.uniform(SETTLED_S, last)] if dice.random() < share else []

    def _outages(self, dice: random.Random) -> list[Fault]:
        kinds = (Kind.REFUSED, Kind.SILENT, Kind.FLICKERING)
        return [
            Fault(start, start + 45.0 * 20 ** dice.random(), dice.choice(kinds))
            for start in self._moments(dice, 0.6)
        ]

    def _unwell(self, dice: random.Random) -> dict[int, list[Fault]]:
        """Return the faults of the workers; few are alone at any one time.

        That most workers are wrong in the same way at the same time no rule can
        know, and one worker alone never: there is nobody to compare it with.
        """
        faults: dict[int, list[Fault]] = {}
        alone = (self.plan.workers - 1) // 2 if self.plan.workers > 2 else 0
        alone += self.plan.workers == 2
        for worker in range(1, self.plan.workers + 1):
            kinds = [Kind.CUT, Kind.BLIND, Kind.DEAD, Kind.BUSY]
            kinds += [Kind.ALONE] * 2 if worker <= alone else []
            faults[worker] = [
                Fault(start, start + 20.0 * 60 ** dice.random(), dice.choice(kinds))
                for start in self._moments(dice, 0.5)
            ]
        return faults

    def _paths(self, dice: random.Random) -> dict[tuple[int, int], Fault]:
        """Return broken paths, one worker's at most for each target."""
        paths = {}
        for target in range(1, self.plan.jobs + 1):
            if self.plan.workers > 1 and dice.random() < 0.5:
                start = dice.uniform(SETTLED_S, self.plan.lasts_s - 900.0)
                worker = dice.randint(1, self.plan.workers)
                fault = Fault(start, start + dice.uniform(30.0, 900.0), Kind.PATH)
                paths[worker, target] = fault
        return paths

    def worker(self, worker: int, moment: float) -> Kind | None:
        """Return in what way *worker* is unwell."""
        for fault in self.unwell[worker]:
            if fault.at(moment):
                return fault.kind
        return None

    def target(self, target: int, moment: float) -> Kind | None:
        """Return in what way *target* is down; it may just be flickering."""
        for fault in self.outages[target]:
            if fault.at(moment):
                return fault.kind
        return None

    def probe(self, worker: int, target: int, moment: float) -> Answer:
        """Return what *worker* finds that asks *target* then."""
        timeout = Answer("failed", self.plan.timeout_s)
        state = self.worker(worker, moment)
        if state is Kind.BUSY:
            return Answer("error", 0.5)
        if state in (Kind.CUT, Kind.BLIND, Kind.ALONE):
            return timeout
        path = self.paths.get((worker, target))
        if (path and path.at(moment)) or self._is_lost(worker, target, moment):
            return timeout
        fine = Answer("ok", 0.01 + 0.04 * self._chance(worker, target, moment, "t"))
        match self.target(target, moment):
            case None:
                return fine
            case Kind.FLICKERING if moment % BLIP_EVERY_S < BLIP_S:
                return fine
            case Kind.SILENT:
                return timeout
            case _:
                return Answer("failed", 0.005)

    def _is_lost(self, worker: int, target: int, moment: float) -> bool:
        return self._chance(worker, target, moment, "l") < self.loss

    def _chance(self, worker: int, target: int, moment: float, what: str) -> float:
        """Return a number from 0 to 1 that this moment always has."""
        key = f"{self.seed}/{worker}/{target}/{moment:.3f}/{what}".encode()
        return zlib.crc32(key) / 2**32
