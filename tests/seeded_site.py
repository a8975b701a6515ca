"""The real site over the seeded coordinator, on loopback, with a browser to see it."""

import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from pangea.web.api_probes import PROBES
from pangea.web.api_workers import WORKERS
from pangea.web.app import make_app
from pangea.web.codes import hash_code, new_salt, read_code
from pangea.web.keys import Site
from pangea.web.server import serve
from tests.seeded import SeededService
from tests.seeded_job import SeededPast
from tests.seeded_places import offer_places
from tests.seeded_probes import SeededProbes
from tests.seeded_world import NOW_US
from tests.web.memory import MemoryAccounts

CODE = "0123-4567-89AB-CDEF-GHJK"
TOKEN = "seeded-token"
ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]


@dataclass
class Seeded:
    """A running site: its address and the coordinator behind it."""

    url: str
    service: SeededService
    accounts: MemoryAccounts
    app: web.Application


async def _no_mesh(link: Any, address: str, proven: Any) -> None:
    """Accept no link: there is no mesh behind the seeded coordinator."""


@asynccontextmanager
async def seeded_site(service: SeededService) -> AsyncIterator[Seeded]:
    """Serve *service* on a free port of loopback."""
    accounts = MemoryAccounts()
    prefix, code = read_code(CODE)
    hashed = hash_code(code, new_salt())
    await accounts.put(1, "admin", "admin", prefix, hashed)
    app = make_app(
        service,
        service.hub,
        accounts,
        accept_link=_no_mesh,
        site=Site(admin_token=TOKEN, wall=lambda: NOW_US / 1e6),
    )
    app[WORKERS] = service
    app[PROBES] = SeededProbes()
    SeededPast(service).offer(app)
    offer_places(app)
    running = await serve(app, "127.0.0.1", 0)
    try:
        yield Seeded(f"http://127.0.0.1:{running.port}", service, accounts, app)
    finally:
        await running.stop()


@asynccontextmanager
async def chromium(path: str = "") -> AsyncIterator[Browser]:
    """Start a headless browser."""
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(
            executable_path=path or _chromium(), headless=True, args=ARGS
        )
        try:
            yield browser
        finally:
            await browser.close()


def _chromium() -> str:
    """Return the path of Chromium; without it, end with how to get it."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    return found or sys.exit("Chromium is missing: apt-get install chromium")


async def context_for(
    browser: Browser, site: Seeded, width: int, **more: Any
) -> BrowserContext:
    """Return a context of that width; tall enough for a telephone's page."""
    height = 844 if width < 600 else 1000
    return await browser.new_context(
        base_url=site.url,
        viewport={"width": width, "height": height},
        reduced_motion="reduce",
        color_scheme="dark",
        **more,
    )


async def log_in(page: Page, code: str = CODE) -> None:
    """Log in as a person would."""
    await page.goto("/login")
    await page.get_by_label("ACCESS CODE").fill(code)
    await page.get_by_role("button", name="[ENTER]").click()
    await page.wait_for_url("**/dash")
