"""What a ping costs the bare engine, beside fping in the same run.

    python -m tests.bench.icmp_engine [--rounds 5] [--targets 1000] [--pings 20]

Two scenes on loopback, where the kernel's own answering is charged to both:
``hot`` as fast as it goes, ``paced`` at 10,000 pings a second. CPU is user and
system time of the process; what fping takes to start is left out, as is ours.
"""

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import uvloop

from pangea.node import tune_collector
from pangea.probes.icmp_burst import Request
from pangea.probes.icmp_engine import IcmpEngine

from .figures import Figures, medians, tell
from .processes import MEASURED, find, pin

PACED_PER_S = 10_000
#: bursts under way at once in the hot scene
AT_ONCE = 500


def main() -> None:
    """Measure both in turn."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rounds", type=int, default=5)
    asked.add_argument("--targets", type=int, default=1000)
    asked.add_argument("--pings", type=int, default=20)
    asked.add_argument("--engine", choices=["hot", "paced"], help=argparse.SUPPRESS)
    given = asked.parse_args()
    if given.engine:
        pin(MEASURED)
        scene = hot if given.engine == "hot" else paced
        tune_collector()
        print(json.dumps(uvloop.run(scene(given.targets, given.pings))))
        return
    tell(lambda: compare(given.rounds, given.targets, given.pings))


def compare(rounds: int, targets: int, pings: int) -> Figures:
    """Return the medians of both, measured in turn."""
    tries: list[Figures] = []
    with tempfile.TemporaryDirectory() as place:
        names = Path(place) / "targets"
        names.write_text("\n".join(addresses(targets)))
        for _ in range(rounds):
            one: Figures = {}
            for scene in ("hot", "paced"):
                one |= prefixed(f"engine_{scene}", engine(scene, targets, pings))
                one |= prefixed(f"fping_{scene}", fping(scene, names, targets, pings))
            tries.append(one)
    found = medians(tries)
    for scene in ("hot", "paced"):
        of = [one[f"engine_{scene}_us"] / one[f"fping_{scene}_us"] for one in tries]
        found[f"ratio_{scene}"] = median(of)
    return found


def prefixed(name: str, values: Figures) -> Figures:
    """Return *values* under names that begin with *name*."""
    return {f"{name}_{key}": value for key, value in values.items()}


def addresses(count: int) -> Iterator[str]:
    """Yield addresses of loopback, each another."""
    for n in range(count):
        yield f"127.0.{n // 250}.{n % 250 + 1}"


def engine(scene: str, targets: int, pings: int) -> Figures:
    """Return what one ping of ours costs in microseconds, and the share lost."""
    command = [sys.executable, "-m", "tests.bench.icmp_engine", "--engine", scene]
    command += ["--targets", str(targets), "--pings", str(pings)]
    ended = subprocess.run(command, check=True, timeout=120, stdout=subprocess.PIPE)
    return dict(json.loads(ended.stdout))


async def hot(targets: int, pings: int) -> Figures:
    """Ping without a rest, *AT_ONCE* bursts under way."""
    pinger = IcmpEngine()
    waiting = list(addresses(targets))
    lost, rtts = 0, []

    async def work() -> None:
        nonlocal lost
        while waiting:
            request = Request(waiting.pop(), count=pings, gap_s=0.001)
            burst = pinger.begin(request)
            await burst.done
            lost += pings - burst.received
            rtts.extend(rtt for rtt in burst.rtts_ms if rtt is not None)

    before = time.process_time()
    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    spent = time.process_time() - before
    await pinger.close()
    return costs(spent, targets * pings, lost, rtts)


async def paced(targets: int, pings: int) -> Figures:
    """Begin bursts of five evenly, so that 10,000 pings go out a second."""
    pinger, loop = IcmpEngine(), asyncio.get_running_loop()
    bursts, count = [], targets * pings // 5
    before, begun = time.process_time(), loop.time()
    for n, address in zip(range(count), list(addresses(targets)) * pings, strict=False):
        wait = begun + n * 5 / PACED_PER_S - loop.time()
        if wait > 0:
            await asyncio.sleep(wait)
        bursts.append(pinger.begin(Request(address, count=5)))
    await asyncio.gather(*(burst.done for burst in bursts))
    spent = time.process_time() - before
    await pinger.close()
    rtts = [rtt for burst in bursts for rtt in burst.rtts_ms if rtt is not None]
    return costs(spent, 5 * count, 5 * count - len(rtts), rtts)


def costs(spent: float, pings: int, lost: int, rtts: list[float]) -> Figures:
    """Return the figures of one scene."""
    middle = median(rtts) * 1000 if rtts else 0.0
    return {
        "us": spent / pings * 1e6,
        "loss_pct": 100 * lost / pings,
        "rtt_p50_us": middle,
    }


def fping(scene: str, names: Path, targets: int, pings: int) -> Figures:
    """Return what one ping of fping costs, without its start."""
    how = ["-i", "0"] if scene == "hot" else ["-i", f"{1000 / PACED_PER_S:g}"]
    spent = children(
        [find("fping"), "-q", "-c", str(pings), "-p", "10", *how, "-f", names]
    )
    start = children([find("fping"), "-q", "-c", "1", "127.0.0.1"])
    return {"us": (spent - start) / (targets * pings) * 1e6}


def children(command: list[str | os.PathLike[str]]) -> float:
    """Return the CPU seconds of *command*."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        command,
        check=True,
        timeout=120,
        capture_output=True,
        preexec_fn=lambda: pin(MEASURED),
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
