"""What it costs to fire 10,000 jobs every 10 seconds, and how late they begin.

    python -m tests.bench.scheduling [--jobs 10000] [--interval 10] [--seconds 20]

A probe that asks nothing runs in the real prober, slots and runner; of its results
only the times are kept, so this is the scheduling and nothing else.
"""

import argparse
import asyncio
import time
from array import array
from typing import Any, ClassVar, Self

import uvloop
from msgspec import Struct

from pangea.core.model import Assignment, Result
from pangea.core.phase import base_phase
from pangea.node import tune_collector
from pangea.probes.base import Trace, register
from pangea.probes.tools import Tools
from pangea.system_clock import SystemClock
from pangea.worker.lag import LagMeter
from pangea.worker.prober import Prober

from .figures import Figures, medians, quantile, tell
from .processes import MEASURED, take_part
from .spooled import lateness_ms


@register
class NothingProbe:
    """Asks nothing, and all is well."""

    class Options(Struct, frozen=True):
        """There are none."""

    type: ClassVar[str] = "nothing"
    default_interval_s: ClassVar[float] = 10.0

    @classmethod
    def parse(cls, target: str, options: Any) -> Self:
        """Return the probe; every target will do."""
        return cls()

    async def run(self, trace: Trace, tools: Tools) -> None:
        """Do nothing."""


def main() -> None:
    """Measure in three windows of one run."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--jobs", type=int, default=10_000)
    asked.add_argument("--interval", type=float, default=10.0)
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--seconds", type=float, default=20.0)
    given = asked.parse_args()
    take_part(MEASURED)
    tune_collector()
    tell(
        lambda: uvloop.run(
            measure(given.jobs, given.interval, given.rounds, given.seconds)
        )
    )


async def measure(
    count: int, interval_s: float, rounds: int, seconds: float
) -> Figures:
    """Return the share of a core and the lateness, after a first interval."""
    clock, begins = SystemClock(), Begins()
    prober = Prober(Tools(), clock, begins.put, LagMeter(clock), {})
    prober.start()
    begun = time.process_time()
    prober.replace_all(
        Assignment(n, "nothing", "-", interval_s, 5.0, base_phase(n, interval_s), {})
        for n in range(1, count + 1)
    )
    adding = (time.process_time() - begun) / count * 1e6
    await asyncio.sleep(interval_s + 1)
    each = [await window(begins, interval_s, seconds) for _ in range(rounds)]
    await prober.stop(1.0)
    return medians(each) | {"add_us": adding}


class Begins:
    """When which job began, kept where the collector does not look."""

    def __init__(self) -> None:
        self.jobs, self.at_us = array("q"), array("q")

    def put(self, result: Result) -> None:
        """Note the beginning of *result*."""
        self.jobs.append(result.job)
        self.at_us.append(result.started_at_us)


async def window(begins: Begins, interval_s: float, seconds: float) -> Figures:
    """Return the figures of the next *seconds*."""
    first = len(begins.jobs)
    cpu, begun = time.process_time(), time.monotonic()
    await asyncio.sleep(seconds)
    cpu, spent = time.process_time() - cpu, time.monotonic() - begun
    begun_at = zip(begins.jobs[first:], begins.at_us[first:], strict=True)
    late = [lateness_ms(job, at_us, interval_s) for job, at_us in begun_at]
    return {
        "firings_per_s": len(late) / spent,
        "core_pct": 100 * cpu / spent,
        "cpu_us": cpu / max(1, len(late)) * 1e6,
        "lateness_p50_ms": quantile(late, 0.5),
        "lateness_p99_ms": quantile(late, 0.99),
    }


if __name__ == "__main__":
    main()
