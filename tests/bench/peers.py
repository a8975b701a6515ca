"""Those that Pangea is compared with: blackbox_exporter and fping."""

import asyncio
import contextlib
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

import aiohttp

from .processes import (
    MEASURED,
    cpu_s,
    find,
    free_port,
    listens,
    running,
    take_part,
    wait_for,
)

MODULES = """modules:
  http:
    prober: http
    timeout: 4s
    http: {{preferred_ip_protocol: ip4, tls_config: {{ca_file: {ca}}}}}
  tls:
    prober: tcp
    timeout: 4s
    tcp: {{preferred_ip_protocol: ip4, tls: true, tls_config: {{ca_file: {ca}}}}}
  dns:
    prober: dns
    timeout: 4s
    dns: {{preferred_ip_protocol: ip4, query_name: host.example, query_type: A}}
  icmp:
    prober: icmp
    timeout: 4s
    icmp: {{preferred_ip_protocol: ip4}}
"""
CONNECTIONS = 64


class Blackbox:
    """A running blackbox_exporter, asked over HTTP as Prometheus asks it."""

    def __init__(self, pid: int, port: int) -> None:
        self.pid, self.port = pid, port

    def cost_us(
        self, module: str, targets: Sequence[str], rate: float, seconds: float
    ) -> float:
        """Return its CPU a probe at *rate* a second, open loop.

        A first pass of three seconds warms it up and is not counted.
        """
        urls = [
            f"http://127.0.0.1:{self.port}/probe?module={module}&target={quote(t)}"
            for t in targets
        ]
        return asyncio.run(self._cost_us(urls, rate, seconds))

    async def _cost_us(self, urls: list[str], rate: float, seconds: float) -> float:
        limit = aiohttp.TCPConnector(limit=CONNECTIONS)
        async with aiohttp.ClientSession(connector=limit) as session:
            await drive(session, urls, rate, 3.0)
            before = cpu_s([self.pid])
            done = await drive(session, urls, rate, seconds)
            return (cpu_s([self.pid]) - before) / done * 1e6


async def drive(
    session: aiohttp.ClientSession, urls: list[str], rate: float, seconds: float
) -> int:
    """Ask for a probe *rate* times a second, evenly; return how many there were."""
    loop, count, failed = asyncio.get_running_loop(), round(rate * seconds), 0

    async def ask(url: str) -> None:
        nonlocal failed
        async with session.get(url) as answer:
            failed += b"\nprobe_success 1\n" not in await answer.read()

    begun = loop.time()
    async with asyncio.TaskGroup() as asked:
        for n in range(count):
            await asyncio.sleep(begun + n / rate - loop.time())
            asked.create_task(ask(urls[n % len(urls)]))
    if failed > count // 100:
        sys.exit(f"blackbox_exporter failed {failed} of {count} probes")
    return count


@contextlib.contextmanager
def blackbox(place: Path, ca_file: Path | None = None) -> Iterator[Blackbox]:
    """Run blackbox_exporter on the measured core."""
    program, port = find("prometheus-blackbox-exporter"), free_port()
    config = place / "blackbox.yml"
    config.write_text(MODULES.format(ca=ca_file or '""'))
    listen = f"--web.listen-address=127.0.0.1:{port}"
    command = [program, f"--config.file={config}", listen, "--log.level=error"]
    with running(command, MEASURED, place / "blackbox.log") as process:
        wait_for(lambda: listens(port), 10, f"blackbox, see {place}/blackbox.log")
        yield Blackbox(process.pid, port)


def fping_us(place: Path, targets: Sequence[str], rate: float, seconds: float) -> float:
    """Return the CPU of fping a ping at *rate* pings a second, without its start."""
    names, rounds = (
        place / "fping-targets",
        max(1, round(rate * seconds / len(targets))),
    )
    names.write_text("\n".join(targets))
    period = 1000 * len(targets) / rate
    paced = ["-p", f"{period:g}", "-i", f"{1000 / rate:g}", "-f", str(names)]
    spent = _children([find("fping"), "-q", "-c", str(rounds), *paced])
    start = _children([find("fping"), "-q", "-c", "1", targets[0]])
    return (spent - start) / (rounds * len(targets)) * 1e6


def _children(command: Sequence[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        command,
        check=True,
        capture_output=True,
        timeout=300,
        preexec_fn=lambda: take_part(MEASURED),
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    time.sleep(0.1)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
