"""What the first painting of the dashboard takes, and how soon it shows a change.

    python -m tests.bench.dash [--jobs 500 2000]

A real coordinator with so many jobs on five workers, every one of which has voted and
has a past; some jobs are down, and results go on coming, one a minute and cell. The
figures of more jobs than the first number end with that number.
"""

import argparse
import asyncio
import re
import tempfile
import time
from pathlib import Path
from urllib.parse import urljoin

import aiohttp
from playwright.async_api import Page

from tests.seeded_site import chromium

from .choir import CODES, Choir, cluster_of, singing
from .figures import Figures, quantile, tell
from .live import log_in
from .nodes import Cluster
from .processes import MEASURED, SERVING, cpu_s, find, take_part

WORKERS, INTERVAL_S = 5, 60.0
#: Each cell draws so many rounds; so many results a second make them.
ROUNDS, FILL_S = 12, 1250.0
DOWN, ASKED, CHANGES = 15, 20, 10
GAP_S = 0.15
#: Made for this one: no other page was told of that event.
ANEW = f"/dash/jobs?after={10**17}"
SOON_S = 10.0
LINKED = re.compile(
    r"""(?:href="|src="|import [^;]*?from "|import "|url\(["']?)([^"')]+)"""
)
SEARCHES = ("host-4", "http 7", "team -web", "")
#: Types into the search as a person does; the page is laid out when it returns.
SEARCH = """(words) => {
  const box = document.querySelector("#q"), begun = performance.now();
  box.value = words;
  box.dispatchEvent(new Event("input", { bubbles: true }));
  document.body.getBoundingClientRect();
  return performance.now() - begun;
}"""
#: Waits until the row of a job has a verdict; returns when that was.
SHOWN = """([job, verdict]) => new Promise((done) => {
  const wanted = `tr[data-job="${job}"][data-verdict="${verdict}"]`;
  const look = () => {
    if (!document.querySelector(wanted)) return;
    watch.disconnect();
    done(Date.now() / 1000);
  };
  const watch = new MutationObserver(look);
  watch.observe(document.body, { subtree: true, childList: true, attributes: true });
  look();
})"""
PAINTED = "() => performance.getEntriesByName('first-contentful-paint')[0].startTime"


def main() -> None:
    """Measure the dashboard, small and large."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--jobs", type=int, nargs="+", default=[500, 2000])
    given = asked.parse_args()
    take_part(SERVING)
    tell(lambda: all_of(given.jobs))


def all_of(sizes: list[int]) -> Figures:
    """Return the figures of each number of jobs."""
    browser = find("chromium")
    figures = measure(sizes[0], browser)
    for jobs in sizes[1:]:
        more = measure(jobs, browser)
        figures |= {f"{name}_{jobs}": value for name, value in more.items()}
    return figures


def measure(jobs: int, browser: str) -> Figures:
    """Return what the page of *jobs* jobs costs, and how soon it shows a change."""
    with tempfile.TemporaryDirectory() as name:
        cluster = cluster_of(Path(name), jobs, WORKERS, INTERVAL_S)
        with (
            cluster.coordinator(MEASURED) as process,
            singing(cluster, WORKERS, jobs) as choir,
        ):
            fill(choir, jobs)
            return asyncio.run(look(cluster, choir, browser, process.pid))


def fill(choir: Choir, jobs: int) -> None:
    """Give every cell its votes and its past, and let some jobs be down."""
    choir.say(every_s=jobs * WORKERS / FILL_S, rounds=ROUNDS)
    time.sleep(ROUNDS * jobs * WORKERS / FILL_S + 1.0)
    choir.rest()
    for number in range(1, DOWN + 1):
        choir.say(job=number, says="f")
        time.sleep(GAP_S)
    choir.say(every_s=INTERVAL_S, pattern="o")


async def look(cluster: Cluster, choir: Choir, browser: str, pid: int) -> Figures:
    """Ask for the page as a browser does, and then open it in one."""
    cookie = await log_in(cluster, CODES["person-0"])
    headers = {"Cookie": cookie, "Accept-Encoding": "gzip"}
    async with aiohttp.ClientSession(
        f"http://127.0.0.1:{cluster.port}", headers=headers, auto_decompress=False
    ) as http:
        page = await often(http, "/dash", pid)
        jobs = await often(http, ANEW, pid)
    async with aiohttp.ClientSession(
        f"http://127.0.0.1:{cluster.port}", headers=headers
    ) as http:
        assets = await all_linked(http, "/dash")
    return {
        "page_p50_ms": quantile(page[0], 0.5) * 1000,
        "page_p95_ms": quantile(page[0], 0.95) * 1000,
        "page_cpu_ms": page[2] * 1000,
        "page_kb": page[1] / 1000,
        "assets_kb": assets / 1000,
        "first_paint_kb": (page[1] + assets) / 1000,
        "jobs_p50_ms": quantile(jobs[0], 0.5) * 1000,
        "jobs_p95_ms": quantile(jobs[0], 0.95) * 1000,
        "jobs_cpu_ms": jobs[2] * 1000,
        "jobs_kb": jobs[1] / 1000,
        **await in_browser(cluster, choir, cookie, browser),
    }


async def often(
    http: aiohttp.ClientSession, path: str, pid: int
) -> tuple[list[float], int, float]:
    """Return how long answers took to their last byte, the bytes of one, and its CPU.

    The CPU is that of the coordinator meanwhile.
    """
    took, size, spent = [], 0, 0.0
    for _ in range(ASKED):
        begun, cpu = time.perf_counter(), cpu_s([pid])
        async with http.get(path) as answer:
            answer.raise_for_status()
            size = len(await answer.read())
        took.append(time.perf_counter() - begun)
        spent += cpu_s([pid]) - cpu
        await asyncio.sleep(GAP_S)
    return took, size, spent / ASKED


async def all_linked(http: aiohttp.ClientSession, path: str) -> int:
    """Return the compressed bytes of all that a page loads, and what that loads."""
    size, seen, waiting = 0, {path}, [path]
    while waiting:
        at = waiting.pop()
        async with http.get(at) as answer:
            body = await answer.read()
            if at != path:
                size += int(answer.headers.get("Content-Length", 0)) or len(body)
            text = "" if at.endswith(".woff2") else body.decode()
        found = {urljoin(at, link) for link in LINKED.findall(text)}
        found = {one for one in found if one.startswith("/static/")} - seen
        seen |= found
        waiting += found
    return size


async def in_browser(
    cluster: Cluster, choir: Choir, cookie: str, browser: str
) -> Figures:
    """Return how soon a page shows what the workers say, and answers a search."""
    name, _, value = cookie.partition("=")
    base = f"http://127.0.0.1:{cluster.port}"
    async with chromium(browser) as driver:
        context = await driver.new_context(base_url=base)
        await context.add_cookies([{"name": name, "value": value, "url": base}])
        page = await context.new_page()
        await page.goto("/dash")
        await page.locator("#live", has_text="●").wait_for()
        await asyncio.sleep(2.0)
        searches = [await page.evaluate(SEARCH, words) for words in SEARCHES]
        late = [await change(page, choir, DOWN + 1 + n) for n in range(CHANGES)]
        painted = await page.evaluate(PAINTED)
    return {
        "painted_ms": painted,
        "search_ms": max(searches),
        "shown_p50_s": quantile(late, 0.5),
        "shown_worst_s": max(late),
    }


async def change(page: Page, choir: Choir, job: int) -> float:
    """Let a job go down; return the seconds until the page shows it."""
    shown = asyncio.ensure_future(page.evaluate(SHOWN, [f"http-{job}", "down"]))
    await asyncio.sleep(0.3)
    begun = time.time()
    choir.say(job=job, says="f")
    async with asyncio.timeout(SOON_S):
        return float(await shown) - begun


if __name__ == "__main__":
    main()
