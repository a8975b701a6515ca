"""Whether every open page is told of every change within a second, and what it costs.

    python -m tests.bench.live [--pages 1000] [--seconds 20]

Four workers with real links say so often how 400 jobs are that it makes 170 results/s
and 20 changes of verdict/s; so many pages are open, each with a stream of its own.
Measured from the moment at which the coordinator judged until the last page has it.
"""

import argparse
import asyncio
import json
import re
import sqlite3
import sys
import tempfile
import time
import zlib
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import aiohttp
import uvloop

from pangea.web.listening import GZIP_HEAD, HELLO

from .choir import CODES, Choir, cluster_of, singing
from .figures import Figures, quantile, tell
from .nodes import Cluster
from .processes import MEASURED, SERVING, cpu_s, take_part

JOBS, WORKERS, EVERY_S = 400, 4, 12.5
#: One bad round, then the two good ones that make a job up again: two changes of three.
PATTERN = "foo"
#: What is told within so long of the end may still be on its way.
TAIL_S = 2.0
OPENED_AT_ONCE, OPENED_S = 50, 20.0
FRAME = re.compile(rb"id: (\d+)\nevent: frame\ndata: (.*)")
#: What every stream begins with.
GREETING = GZIP_HEAD + HELLO.packed


def main() -> None:
    """Measure the streams."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--pages", type=int, default=1000)
    asked.add_argument("--seconds", type=float, default=20.0)
    given = asked.parse_args()
    take_part(SERVING)
    tell(lambda: measure(given.pages, given.seconds))


def measure(pages: int, seconds: float, warm_s: float = 2 * EVERY_S) -> Figures:
    """Return how late the last page hears of a change, and what all of it costs."""
    with tempfile.TemporaryDirectory() as name:
        cluster = cluster_of(Path(name), JOBS, WORKERS, 12.0)
        with (
            cluster.coordinator(MEASURED) as process,
            singing(cluster, WORKERS, JOBS) as choir,
        ):
            choir.say(every_s=EVERY_S, pattern=PATTERN)
            time.sleep(warm_s)  # every job has a verdict, and changes it
            figures = {"without_core_pct": share_of(process.pid, seconds / 2)}
            heard = Heard()
            watching = watch(cluster, heard, pages, seconds, process.pid, choir)
            figures |= uvloop.run(watching)
            choir.rest()
        return figures | heard.figures(changes_of(cluster))


def share_of(pid: int, seconds: float) -> float:
    """Return how much of a core a process takes for a while, in percent."""
    before, begun = cpu_s([pid]), time.monotonic()
    time.sleep(seconds)
    return (cpu_s([pid]) - before) / (time.monotonic() - begun) * 100


async def watch(
    cluster: Cluster, heard: "Heard", pages: int, seconds: float, pid: int, choir: Choir
) -> Figures:
    """Keep *pages* open for a while; return what was made and spent meanwhile."""
    cookies = [await log_in(cluster, code) for code in CODES.values()]
    opened = [Page(n, heard, cookies[n % len(cookies)]) for n in range(pages)]
    loop = asyncio.get_running_loop()
    for at in range(0, pages, OPENED_AT_ONCE):
        some = opened[at : at + OPENED_AT_ONCE]
        asking = (
            loop.create_connection(lambda one=one: one, "127.0.0.1", cluster.port)
            for one in some
        )
        async with asyncio.timeout(OPENED_S):
            await asyncio.gather(*asking)
            await asyncio.gather(*(one.greeted for one in some))
    await asyncio.sleep(2.0)
    heard.begin(pages)
    spent, made, begun = cpu_s([pid]), choir.made, time.monotonic()
    await asyncio.sleep(seconds)
    took = time.monotonic() - begun
    figures = {
        "pages": pages,
        "results_s": (choir.made - made) / took,
        "core_pct": (cpu_s([pid]) - spent) / took * 100,
    }
    heard.end()
    await asyncio.sleep(TAIL_S)
    for one in opened:
        one.leave()
    return figures


async def log_in(cluster: Cluster, code: str) -> str:
    """Return the cookie of a new session."""
    async with (
        aiohttp.ClientSession(f"http://127.0.0.1:{cluster.port}") as http,
        http.post("/login", data={"code": code}, allow_redirects=False) as answer,
    ):
        if answer.status != 303:
            sys.exit(f"the login was refused: {await answer.text()}")
        return f"pangea={answer.cookies['pangea'].value}"


class Heard:
    """What all pages were told: each chunk, by how many, and when the last had it.

    A chunk is the same for all, so that each is opened once; a page that could not
    keep up gets several in one.
    """

    def __init__(self) -> None:
        self._frames: dict[bytes, list[int]] = {}
        self._events: dict[int, list[Any]] = {}
        self._last: dict[int, float] = {}
        self._by: Counter[int] = Counter()
        self._bytes: list[int] = []
        self._pages, self._begin, self._end = 0, 0.0, 0.0
        self.troubles: list[str] = []

    def begin(self, pages: int) -> None:
        """Count what is judged from now on."""
        self._pages, self._begin = pages, time.time()

    def end(self) -> None:
        """Count no more."""
        self._end = time.time()

    def take(self, chunk: bytes) -> None:
        """Note that one more page has what is in *chunk*."""
        frames = self._frames.get(chunk)
        if frames is None:
            frames = self._frames[chunk] = self._open(chunk)
        now = time.time()
        for number in frames:
            self._by[number] += 1
            self._last[number] = now

    def _open(self, chunk: bytes) -> list[int]:
        told = zlib.decompressobj(-zlib.MAX_WBITS).decompress(chunk)
        if b"event: resync" in told:
            self.troubles.append("a page has to load again")
        found = FRAME.findall(told)
        if found:
            self._bytes.append(len(chunk))
        for number, data in found:
            self._events[int(number)] = json.loads(data)
        return [int(number) for number, _ in found]

    def figures(self, changes: list[float]) -> Figures:
        """Return how late changes were; *changes* are the times of those there were."""
        late, told = [], 0
        for number, events in self._events.items():
            for kind, event in events:
                at = moment(event["at"]) if kind == "verdict" else 0.0
                if self._begin <= at <= self._end and "provisional" not in event:
                    told += 1
                    late.append(self._last[number] - at)
                    if self._by[number] != self._pages:
                        missed = self._pages - self._by[number]
                        self.troubles.append(f"{missed} pages missed frame {number}")
        made = sum(self._begin <= at <= self._end for at in changes)
        if self.troubles or told != made:
            sys.exit(f"{made} changes, {told} told; {self.troubles[:5]}")
        return {
            "changes_s": made / (self._end - self._begin),
            "late_p50_s": quantile(late, 0.5),
            "late_worst_s": max(late),
            "frame_kb": sum(self._bytes) / len(self._bytes) / 1000,
        }


class Page(asyncio.Protocol):
    """An open page: it reads its stream, and does nothing else."""

    def __init__(self, number: int, heard: Heard, cookie: str) -> None:
        self._number, self._heard, self._cookie = number, heard, cookie
        self.greeted = asyncio.get_running_loop().create_future()
        self._rest = b""
        self._left = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the stream."""
        self._transport = cast(asyncio.Transport, transport)
        asked = f"GET /live HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {self._cookie}\r\n"
        self._transport.write(asked.encode() + b"Accept-Encoding: gzip\r\n\r\n")

    def data_received(self, data: bytes) -> None:
        """Take the chunks that are whole (RFC 9112 7.1)."""
        data = self._rest + data
        at = 0 if self.greeted.done() else self._begin(data)
        if not self.greeted.done():
            self._rest = data
            return
        while (size := data.find(b"\r\n", at)) > 0:
            begin = size + 2
            end = begin + int(data[at:size], 16)
            if len(data) < end + 2:
                break
            self._heard.take(data[begin:end])
            at = end + 2
        self._rest = data[at:]

    def _begin(self, data: bytes) -> int:
        """Return where the first chunk after the greeting begins, if it is there."""
        head = data.find(GREETING)
        if head < 0:
            return 0
        self.greeted.set_result(None)
        return data.index(b"\r\n", head + len(GREETING)) + 2

    def connection_lost(self, error: Exception | None) -> None:
        """Note that it broke."""
        if not self._left:
            self._heard.troubles.append(f"page {self._number} was cut off: {error}")
            if not self.greeted.done():
                self.greeted.set_result(None)

    def leave(self) -> None:
        """Close it."""
        self._left = True
        self._transport.abort()


def changes_of(cluster: Cluster) -> list[float]:
    """Return when the verdict of a job changed, as it is stored."""
    link = sqlite3.connect(f"file:{cluster.state_dir}/pangea.db?mode=ro", uri=True)
    try:
        rows = link.execute("SELECT at_us FROM transition").fetchall()
    finally:
        link.close()
    return [at_us / 1e6 for (at_us,) in rows]


def moment(text: str) -> float:
    """Return the moment that an event names, in seconds."""
    return datetime.fromisoformat(text).timestamp()


if __name__ == "__main__":
    main()
