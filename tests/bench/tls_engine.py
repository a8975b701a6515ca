"""What a TLS handshake costs: the bare engine and the whole probe beside a floor.

    python -m tests.bench.tls_engine [--handshakes 2000] [--rate 200] [--seconds 5]

The floor, in the same run, is a blocking loop of connect, OpenSSL's handshake and
close, with the same offer. nginx answers on the other core; blackbox_exporter, where
the machine has it, is asked at the same rate. CPU is the system's accounting; each
figure is the median of the rounds. A burst of 500 that begin at once is timed with
and without 50 servers that never say a word.
"""

import argparse
import asyncio
import json
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path

import uvloop
from OpenSSL import SSL

from pangea.core.model import Outcome, Result
from pangea.node import tune_collector
from pangea.probes.base import Probe, Trace, make_probe
from pangea.probes.connect import connect
from pangea.probes.runner import run_once
from pangea.probes.tls_context import Contexts, Offer
from pangea.probes.tools import Tools
from pangea.system_clock import SystemClock

from .peers import blackbox
from .processes import MEASURED, Missing, pin
from .servers import Web, nginx, tarpit

ROUNDS = 3
AT_ONCE = 10
BURST, TARPITS = 500, 50
CLOCK = SystemClock()

Ask = Callable[[], Awaitable[None]]
Prepare = Callable[[Tools], Coroutine[None, None, Ask]]


def main() -> None:
    """Measure and print a table on standard error and JSON on standard output."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--handshakes", type=int, default=2000)
    asked.add_argument("--rate", type=int, default=200)
    asked.add_argument("--seconds", type=float, default=5.0)
    given = asked.parse_args()
    tune_collector()
    with tempfile.TemporaryDirectory() as name, nginx(Path(name)) as web:
        pin(MEASURED)
        rounds = [measure(web, given) for _ in range(ROUNDS)]
        measured = {k: statistics.median(r[k] for r in rounds) for k in rounds[0]}
        measured |= peer(Path(name), web, given)
        with tarpit() as hole:
            measured |= uvloop.run(burst(web, hole, 0))
            measured |= uvloop.run(burst(web, hole, TARPITS))
    for name in ("engine", "probe"):
        measured[f"{name}_to_floor"] = measured[f"{name}_us"] / measured["floor_us"]
    for name, value in measured.items():
        print(f"{name:22} {value:>10,.2f}", file=sys.stderr)
    print(json.dumps(measured))


def measure(web: Web, given: argparse.Namespace) -> dict[str, float]:
    """Return the microseconds of CPU that a handshake takes, each way of asking."""
    paced = round(given.rate * given.seconds)

    async def engine(tools: Tools) -> Ask:
        async def ask() -> None:
            trace = Trace()
            wire = await connect("127.0.0.1", web.https, trace)
            await tools.tls.open(wire, "127.0.0.1", trace)
            wire.close()

        return ask

    async def whole(tools: Tools) -> Ask:
        options = {"ca_file": str(web.ca_file), "warn_days": 0}
        question = make_probe("tls", f"127.0.0.1:{web.https}", options)

        async def ask() -> None:
            result = await run_once(question, tools, CLOCK, job=1, timeout_s=5)
            assert result.outcome is Outcome.OK, result.detail

        return ask

    return {
        "floor_us": floor(web.https, given.handshakes),
        "engine_us": uvloop.run(closed(engine, given.handshakes)),
        "probe_us": uvloop.run(closed(whole, given.handshakes)),
        "engine_paced_us": uvloop.run(opened(engine, paced, given.rate)),
        "probe_paced_us": uvloop.run(opened(whole, paced, given.rate)),
    }


async def burst(web: Web, hole: int, tarpits: int) -> dict[str, float]:
    """Return what BURST healthy handshakes report that begin all at once."""
    tools, loop = Tools(), asyncio.get_running_loop()
    options = {"ca_file": str(web.ca_file), "warn_days": 0}
    well = make_probe("tls", f"127.0.0.1:{web.https}", options)
    silent = make_probe("tls", f"127.0.0.1:{hole}", {"verify": False})

    async def ask(probe: Probe) -> Result:
        return await run_once(probe, tools, CLOCK, job=1, timeout_s=20)

    await ask(well)
    held = [loop.create_task(ask(silent)) for _ in range(tarpits)]
    results = await asyncio.gather(*(ask(well) for _ in range(BURST)))
    for task in held:
        task.cancel()
    await asyncio.gather(*held, return_exceptions=True)
    await tools.close()
    took = sorted(result.phases["tls"] for result in results)
    return {
        f"burst_{tarpits}_pits_p50_ms": took[BURST // 2],
        f"burst_{tarpits}_pits_p99_ms": took[BURST * 99 // 100],
    }


def peer(place: Path, web: Web, given: argparse.Namespace) -> dict[str, float]:
    """Return what blackbox_exporter takes, and the probe's ratio to it."""
    try:
        with blackbox(place, web.ca_file) as other:
            target = f"127.0.0.1:{web.https}"
            cost = other.cost_us("tls", [target], given.rate, given.seconds)
    except Missing as missing:
        print(missing, file=sys.stderr)
        return {}
    return {"blackbox_paced_us": cost}


def floor(port: int, count: int) -> float:
    """Return the cost of a bare blocking handshake, nothing looked at."""
    context = Contexts().get(Offer())
    begun = time.process_time()
    for _ in range(count):
        with socket.create_connection(("127.0.0.1", port)) as sock:
            tls = SSL.Connection(context, sock)
            tls.set_connect_state()
            tls.do_handshake()
    return (time.process_time() - begun) / count * 1e6


async def closed(prepare: Prepare, count: int) -> float:
    """Return the cost of a handshake where AT_ONCE are always under way."""
    tools = Tools()
    ask = await prepare(tools)
    await ask()

    async def again() -> None:
        for _ in range(count // AT_ONCE):
            await ask()

    begun = time.process_time()
    await asyncio.gather(*(again() for _ in range(AT_ONCE)))
    cost = (time.process_time() - begun) / count * 1e6
    await tools.close()
    return cost


async def opened(prepare: Prepare, count: int, rate: float) -> float:
    """Return the cost where *rate* begin each second, answered or not."""
    tools, loop = Tools(), asyncio.get_running_loop()
    ask = await prepare(tools)
    await ask()
    begin, begun = loop.time(), time.process_time()
    async with asyncio.TaskGroup() as tasks:
        for n in range(count):
            await asyncio.sleep(begin + n / rate - loop.time())
            tasks.create_task(ask())
    cost = (time.process_time() - begun) / count * 1e6
    await tools.close()
    return cost


if __name__ == "__main__":
    main()
