"""Faults, drawn from a seed: the plan is the same each time, real time is not."""

import random
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from msgspec import Struct

from tests.lab.fleet import START_S, Fleet, Node, wait_for

#: System calls at which a process is killed: in the middle of writing its journal,
#: of a commit, of a batch or of an ack on its way.
CALLS = ("pwrite64", "write")
COORDINATORS_CALLS = (*CALLS, "fdatasync")
PATIENCE_S = 3.0
#: So long may the first round trip take of a process that still starts.
SLOW_START_S = 3.0
LIBRARY = "*/faketime/libfaketimeMT.so.1"
CLOCKS = ("+3600", "-3600", "+86400", "-7200", "@2090-01-01 00:00:00", "+0")


class Round(Struct, frozen=True):
    """One fault: what, of whom, after which pause, for how long, and its number."""

    number: int
    fault: str
    who: str
    wait_s: float
    last_s: float
    detail: str = ""
    times: int = 0

    def __str__(self) -> str:
        told = f"{self.fault} {self.who} {self.detail}".rstrip()
        return f"{told} (after {self.wait_s:.2f} s, for {self.last_s:.2f} s)"


def draw(
    seed: int, rounds: int, workers: tuple[str, ...], only: Iterable[str] = ()
) -> list[Round]:
    """Return the plan of a seed; *only* chooses among FAULTS."""
    dice = random.Random(f"{seed} {' '.join(workers)}")
    chosen = sorted(set(only) or FAULTS)
    return [_draw_one(dice, n, chosen, workers) for n in range(1, rounds + 1)]


def _draw_one(
    dice: random.Random, number: int, chosen: list[str], workers: tuple[str, ...]
) -> Round:
    fault = dice.choices(chosen, [WEIGHTS.get(one, 1) for one in chosen])[0]
    worker = dice.choice(workers)
    anybody = dice.choice(("coordinator", "coordinator", *workers))
    return Round(
        number=number,
        fault=fault,
        who=_who(fault, worker, anybody),
        wait_s=round(dice.uniform(0.0, 1.5), 3),
        last_s=round(dice.uniform(0.1, 3.0), 3),
        detail=_detail(fault, anybody, dice),
        times=dice.randint(1, 30),
    )


def _who(fault: str, worker: str, anybody: str) -> str:
    if fault in ("kill-both", "kill-child", "restore"):
        return "coordinator"
    return anybody if fault in EITHER else worker


def _detail(fault: str, who: str, dice: random.Random) -> str:
    call = dice.choice(COORDINATORS_CALLS if who == "coordinator" else CALLS)
    clock, side = dice.choice(CLOCKS), dice.choice("ud")
    return {
        "kill-at": call,
        "clock": clock,
        "stall": {"u": "up", "d": "down"}[side],
        "one-way": {"u": "up", "d": "down"}[side],
    }.get(fault, "")


class Nemesis:
    """Carries out rounds on a fleet; ``bent_us`` is what the clocks may suffer."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.bent_us: dict[str, int] = {}
        self._copy: Path | None = None

    def do(self, one: Round) -> str:
        """Wait, do the fault, heal it; return what there is to tell."""
        time.sleep(one.wait_s)
        told = FAULTS[one.fault](self, one)
        for node in self.fleet.nodes:
            if not node.runs:
                raise AssertionError(f"{node.name} ended by itself")
        return told

    def node(self, name: str) -> Node:
        """Return a node by its name."""
        fleet = self.fleet
        return fleet.coordinator if name == "coordinator" else fleet.workers[name]

    def bent(self, who: str, seconds: float) -> None:
        """Note that a clock's measurement took so long at worst."""
        names = [*self.fleet.workers, "coordinator"] if who == "coordinator" else [who]
        for name in names:
            allowed = round(seconds / 2 * 1e6)
            self.bent_us[name] = max(self.bent_us.get(name, 0), allowed)

    def keep_copy(self) -> None:
        """Make the backup that a later round restores."""
        self._copy = self.fleet.back_up()

    def kill(self, one: Round) -> str:
        """``kill -9``, and start again a while later."""
        node = self.node(one.who)
        node.kill()
        time.sleep(one.last_s)
        node.start()
        return ""

    def kill_child(self, one: Round) -> str:
        """``kill -9`` of the coordinator's own worker, which it starts again."""
        told = self.fleet.kill_child()
        time.sleep(one.last_s)
        return told

    def kill_both(self, one: Round) -> str:
        """``kill -9`` of the coordinator and of every worker at once."""
        nodes = self.fleet.nodes
        for node in nodes:
            node.process.kill()
        for node in nodes:
            node.kill()
        time.sleep(one.last_s)
        for node in nodes:
            node.start()
        return ""

    def kill_at(self, one: Round) -> str:
        """Kill in the middle of the n-th of some system call."""
        node = self.node(one.who)
        told = node.kill_at(one.detail, one.times, PATIENCE_S)
        time.sleep(one.last_s / 3)
        node.start()
        return f"{told} #{one.times}"

    def pause(self, one: Round) -> str:
        """SIGSTOP, and go on later."""
        node = self.node(one.who)
        self.bent(one.who, one.last_s)
        node.pause()
        time.sleep(one.last_s)
        node.go_on()
        return ""

    def cut(self, one: Round) -> str:
        """Reset the connection, and refuse new ones for a while."""
        self.fleet.bend(one.who, refuse=True, act="cut")
        time.sleep(one.last_s)
        self.fleet.bend(one.who, refuse=False)
        return ""

    def half(self, one: Round) -> str:
        """Close one direction only."""
        self.fleet.bend(one.who, act="half")
        time.sleep(one.last_s / 3)
        return ""

    def stall(self, one: Round) -> str:
        """Carry nothing in one direction, for a while."""
        self.bent(one.who, one.last_s)
        self.fleet.bend(one.who, stall=one.detail)
        time.sleep(one.last_s)
        self.fleet.bend(one.who, stall="")
        return ""

    def slow(self, one: Round) -> str:
        """300 ms each way, 5 % lost."""
        self.bent(one.who, 2.0)
        self.fleet.bend(one.who, delay_s=0.3, loss=0.05)
        time.sleep(2 * one.last_s)
        self.fleet.bend(one.who, delay_s=0, loss=0)
        return ""

    def throttle(self, one: Round) -> str:
        """2 kB a second."""
        self.bent(one.who, 4.0)
        self.fleet.bend(one.who, rate=2000)
        time.sleep(2 * one.last_s)
        self.fleet.bend(one.who, rate=0)
        return ""

    def one_way(self, one: Round) -> str:
        """Let the router lose all packets in one direction."""
        ends = (one.who, "relay") if one.detail == "up" else ("relay", one.who)
        self.bent(one.who, 2 * one.last_s + 1)
        self.fleet.net.drop(*ends)
        time.sleep(one.last_s)
        self.fleet.net.carry(*ends)
        return ""

    def disk(self, one: Round) -> str:
        """Fill the disk, for a while."""
        node = self.node(one.who)
        node.fill_disk()
        time.sleep(2 * one.last_s)
        node.free_disk()
        # One that was just starting may refuse to, and say so.
        if node is self.fleet.coordinator:
            wait_for(lambda: self.fleet.ready() or not node.runs, START_S, "it serves")
        refused = not node.runs
        if refused:
            node.kill()
            node.start()
        return "it had refused to start" if refused else ""

    def disk_kill(self, one: Round) -> str:
        """Fill the disk, and ``kill -9`` while it is full: gaps must say it."""
        node = self.node(one.who)
        node.fill_disk()
        time.sleep(one.last_s)
        node.kill()
        node.free_disk()
        node.start()
        return ""

    def restore(self, one: Round) -> str:
        """Put back the backup of a while ago, under a coordinator that was killed."""
        node, copy = self.fleet.coordinator, self._copy
        if copy is None:
            self.keep_copy()
            return "made a backup"
        node.kill()
        self.fleet.restore(copy)
        self._copy = None
        node.start()
        return "restored the backup"

    def clock(self, one: Round) -> str:
        """Start a worker again with another clock, or with the right one."""
        node = self.node(one.who)
        node.kill()
        # The first measurement of a clock comes while the process still starts.
        self.bent(one.who, SLOW_START_S)
        node.more = faked(one.detail)
        node.start()
        return ""

    def heal(self) -> None:
        """End every fault and wait until everybody is there."""
        fleet = self.fleet
        for node in fleet.nodes:
            node.free_disk()
            node.start()
            node.go_on()
        everybody = {*fleet.workers, "local"}
        wait_for(lambda: fleet.connected() >= everybody, 2 * START_S, "all are back")


def faked(clock: str) -> dict[str, str]:
    """Return the environment that moves a process's wall clock, not its others."""
    if clock == "+0":
        return {}
    library = next(Path("/usr/lib").glob(LIBRARY))
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME": clock,
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        # Else each wait of a thread for another one takes up to a second.
        "FAKETIME_FORCE_MONOTONIC_FIX": "0",
    }


FAULTS: dict[str, Callable[[Nemesis, Round], str]] = {
    "kill": Nemesis.kill,
    "kill-both": Nemesis.kill_both,
    "kill-child": Nemesis.kill_child,
    "kill-at": Nemesis.kill_at,
    "pause": Nemesis.pause,
    "cut": Nemesis.cut,
    "half": Nemesis.half,
    "stall": Nemesis.stall,
    "slow": Nemesis.slow,
    "throttle": Nemesis.throttle,
    "one-way": Nemesis.one_way,
    "disk": Nemesis.disk,
    "disk-kill": Nemesis.disk_kill,
    "restore": Nemesis.restore,
    "clock": Nemesis.clock,
}
KILLS = ("kill", "kill-at", "kill-both", "kill-child")
#: Faults that may also hit the coordinator.
EITHER = ("kill", "kill-at", "pause", "disk", "disk-kill")
WEIGHTS = {"kill": 3, "kill-at": 4, "restore": 2}
