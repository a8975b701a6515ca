"""Pages in headless Chromium as a person sees them; nothing may be complained about."""

import asyncio
import time
from contextlib import asynccontextmanager
from pathlib import Path

import axe_playwright_python
from playwright.async_api import expect

from pangea.web.accounts import Session
from pangea.web.auth import hash_session
from tests.seeded import SeededService
from tests.seeded_site import context_for, seeded_site

AXE = Path(axe_playwright_python.__file__).parent / "axe.min.js"
EVIL = "<script>document.title='owned'</script>\u202egnp\x1b[31m<img src=x onerror=x>"


@asynccontextmanager
async def page_of(browser, jobs=14, width=1440, look=None, **more):
    """Open a logged-in page; at the end nothing may have been complained about."""
    async with seeded_site(SeededService(jobs)) as site:
        context = await context_for(browser, site, width, **more)
        if look:
            said = ".".join(f"{name}:{value}" for name, value in look.items())
            cookie = {"name": "pangea_look", "value": said, "url": site.url}
            await context.add_cookies([cookie])
        page, said = await context.new_page(), []
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("console", lambda m: said.append(m.text) if m.type == "error" else None)
        page.service, page.app, page.said = site.service, site.app, said
        try:
            await enter(context, site)
            await page.goto("/dash")
            yield page
        finally:
            await context.close()
        assert said == []


async def enter(context, site):
    """Be logged in as the administrator, without the price of a hash."""
    now = time.time()
    session = Session(
        hash=hash_session("a-session"),
        account=1,
        org=1,
        created=now,
        last_seen=now,
        expires=now + 86400,
        ip="127.0.0.1",
        agent="",
    )
    await site.accounts.open_session(session)
    cookie = {"name": "pangea", "value": "a-session", "url": site.url}
    await context.add_cookies([cookie])


async def until(page, expression, timeout_s=20.0):
    """Return when *expression* is true in the page, which may evaluate no text."""
    async with asyncio.timeout(timeout_s):
        while not await page.evaluate(expression):
            await asyncio.sleep(0.05)


async def live(page):
    """Wait until the page hears what happens."""
    await expect(page.locator("#live")).to_have_text("● live")


def row(page, job):
    """Return the row of *job*."""
    return page.locator(f'tr[data-job="{job}"]')


async def violations(page):
    """Return what axe-core has to say against the page, a line each."""
    await page.add_script_tag(path=AXE)
    found = await page.evaluate(
        """async () => (await axe.run(document, {resultTypes: ['violations']}))
        .violations.map((v) => v.id + ': ' + v.nodes.map((n) => n.html).join(' | '))"""
    )
    return [line[:400] for line in found]
