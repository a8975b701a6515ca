"""What a DNS query costs: the bare engine and the whole probe beside a floor.

    python -m tests.bench.dns_engine [--queries 20000] [--rate 500] [--seconds 4]

The floor, in the same run, is a blocking loop of one sendto and one recv. A child
process pinned to the other core answers. CPU is the system's accounting of this
process; each figure is the median of the rounds.
"""

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import os
import resource
import socket
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine

import dns.message
import uvloop

from pangea.core.model import Outcome
from pangea.core.options import build
from pangea.node import tune_collector
from pangea.probes.base import Trace
from pangea.probes.dns import DnsOptions, DnsProbe
from pangea.probes.runner import run_once
from pangea.probes.tools import Tools
from pangea.system_clock import SystemClock
from tests.probes.name_server import respond

NAME = "host.example"
ROUNDS = 3
AT_ONCE = 50
CLOCK = SystemClock()

Ask = Callable[[], Awaitable[None]]


def main() -> None:
    """Measure and print a table on standard error and JSON on standard output."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--queries", type=int, default=20_000)
    asked.add_argument("--rate", type=int, default=500)
    asked.add_argument("--seconds", type=float, default=4.0)
    given = asked.parse_args()
    tune_collector()
    pin(0)
    with responder() as port:
        rounds = [measure(port, given) for _ in range(ROUNDS)]
    measured = {k: statistics.median(r[k] for r in rounds) for k in rounds[0]}
    measured["engine_to_floor"] = measured["engine_us"] / measured["floor_us"]
    measured["probe_to_floor"] = measured["probe_paced_us"] / measured["floor_paced_us"]
    for name, value in measured.items():
        print(f"{name:20} {value:>10,.2f}", file=sys.stderr)
    print(json.dumps(measured))


def measure(port: int, given: argparse.Namespace) -> dict[str, float]:
    """Return the microseconds of CPU that a query takes, each way of asking."""
    paced = round(given.rate * given.seconds)

    async def engine(tools: Tools) -> Ask:
        query, server = probe(port).query, ("127.0.0.1", port)

        async def ask() -> None:
            await tools.dns.ask(query, server, "udp", Trace())

        return ask

    async def whole(tools: Tools) -> Ask:
        question = probe(port)

        async def ask() -> None:
            result = await run_once(question, tools, CLOCK, job=1, timeout_s=5)
            assert result.outcome is Outcome.OK, result.detail

        return ask

    return {
        "floor_us": floor(port, given.queries, 0.0),
        "engine_us": uvloop.run(closed(engine, given.queries)),
        "probe_us": uvloop.run(closed(whole, given.queries)),
        "floor_paced_us": floor(port, paced, 1 / given.rate),
        "engine_paced_us": uvloop.run(opened(engine, paced, given.rate)),
        "probe_paced_us": uvloop.run(opened(whole, paced, given.rate)),
        "pacing_us": uvloop.run(opened(nothing, paced, given.rate)),
    }


def probe(port: int) -> DnsProbe:
    """Return a probe that asks the responder for an address."""
    options = build(DnsOptions, {"resolver": f"127.0.0.1:{port}"}, "dns option")
    return DnsProbe.parse(NAME, options)


async def nothing(tools: Tools) -> Ask:
    """Return what asks nobody: the cost of the pacing alone."""

    async def ask() -> None:
        pass

    return ask


def floor(port: int, count: int, gap_s: float) -> float:
    """Return the cost of bare blocking queries, *gap_s* apart."""
    wire = probe(port).query.wire(1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        due, begun = time.perf_counter(), spent_us()
        for _ in range(count):
            sock.sendto(wire, ("127.0.0.1", port))
            sock.recv(4096)
            due += gap_s
            if gap_s:
                time.sleep(max(0.0, due - time.perf_counter()))
        return (spent_us() - begun) / count


async def closed(prepare: Callable[[Tools], Coroutine], count: int) -> float:
    """Return the cost of a query where AT_ONCE are always under way."""
    tools = Tools()
    ask = await prepare(tools)
    await ask()

    async def again() -> None:
        for _ in range(count // AT_ONCE):
            await ask()

    begun = spent_us()
    await asyncio.gather(*(again() for _ in range(AT_ONCE)))
    cost = (spent_us() - begun) / count
    await tools.close()
    return cost


async def opened(
    prepare: Callable[[Tools], Coroutine], count: int, rate: float
) -> float:
    """Return the cost of a query where *rate* begin each second, answered or not."""
    tools, tasks = Tools(), set()
    ask = await prepare(tools)
    await ask()
    loop = asyncio.get_running_loop()
    begin, begun = loop.time(), spent_us()
    for n in range(count):
        await asyncio.sleep(begin + n / rate - loop.time())
        task = loop.create_task(ask())
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)
    cost = (spent_us() - begun) / count
    await tools.close()
    return cost


def spent_us() -> float:
    """Return the CPU time of this process, user and system."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return (used.ru_utime + used.ru_stime) * 1e6


@contextlib.contextmanager
def responder():
    """Answer on a free port of loopback, in a process of its own."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    sock.bind(("127.0.0.1", 0))
    port = sock.getsockname()[1]
    child = multiprocessing.get_context("fork").Process(target=answer, args=(sock,))
    child.start()
    sock.close()
    try:
        yield port
    finally:
        child.terminate()
        child.join()


def answer(sock: socket.socket) -> None:
    """Give the same answer to everybody, until ended."""
    pin(1)
    question = dns.message.make_query(NAME, "A")
    wire = respond(question, "192.0.2.7").to_wire()[2:]
    while True:
        asked, address = sock.recvfrom(4096)
        sock.sendto(asked[:2] + wire, address)


def pin(core: int) -> None:
    """Stay on one core, where the machine has so many."""
    if core in os.sched_getaffinity(0) or core < (os.cpu_count() or 1):
        with contextlib.suppress(OSError):
            os.sched_setaffinity(0, {core})


if __name__ == "__main__":
    main()
