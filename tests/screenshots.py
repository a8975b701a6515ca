"""Draws docs/images from the seeded coordinator: ``python -m tests.screenshots``."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from playwright.async_api import Browser

from tests.seeded import SeededService
from tests.seeded_site import (
    CODE,
    Seeded,
    chromium,
    context_for,
    log_in,
    seeded_site,
)

IMAGES = Path(__file__).parent.parent / "docs" / "images"
#: A picture shows what matters, not the end of a long list; in pixels.
TALLEST = 1400


class Picture(NamedTuple):
    """A file: which page, in pixels how wide, over how many jobs, in which look."""

    file: str
    path: str
    width: int = 1440
    jobs: int = 16
    look: str = "theme:green"


PICTURES = (
    Picture("dashboard.png", "/dash"),
    Picture("dashboard-contrast.png", "/dash", look="theme:contrast"),
    Picture("dashboard-narrow.png", "/dash", 390),
    Picture("dashboard-500.png", "/dash?group=label:team", 1440, 500, "density:dense"),
    Picture("new-monitor.png", "/new?type=dns&target=example.com", jobs=5),
    Picture("job.png", "/jobs/shop", jobs=14),
    Picture("job-loss.png", "/jobs/vpn-tokyo", jobs=14),
    Picture("job-workers.png", "/jobs/shop/workers?range=7d", jobs=14),
    Picture("job-calendar.png", "/jobs/shop/calendar", jobs=14),
    Picture("incident.png", "/incidents/2T4K", jobs=14),
    Picture("workers.png", "/workers", jobs=14),
    Picture("mesh.png", "/mesh-view", jobs=14),
    Picture("settings-channels.png", "/settings/channels", jobs=14),
)


async def draw(pictures: Sequence[Picture], folder: Path) -> None:
    """Draw each of *pictures* into *folder*."""
    folder.mkdir(parents=True, exist_ok=True)
    async with chromium() as browser:
        for picture in pictures:
            async with seeded_site(SeededService(picture.jobs)) as site:
                await draw_one(browser, site, picture, folder / picture.file)


async def draw_one(
    browser: Browser, site: Seeded, what: Picture, file: Path, code: str = CODE
) -> None:
    """Draw one picture of *site*, logged in with *code*, into *file*."""
    context = await context_for(browser, site, what.width, bypass_csp=True)
    cookie = {"name": "pangea_look", "value": what.look, "url": site.url}
    await context.add_cookies([cookie])
    page = await context.new_page()
    await log_in(page, code)
    await page.goto(what.path)
    await page.evaluate("document.fonts.ready.then(() => true)")
    if await page.locator("#live").count():
        await page.get_by_text("● live").wait_for()
    # The last line stands at the foot of a window, not in the middle of a picture.
    await page.add_style_tag(content=".hints.js { display: none !important }")
    tall = await page.evaluate("document.documentElement.scrollHeight")
    size = {"width": what.width, "height": min(tall, TALLEST)}
    clip = {"x": 0, "y": 0, **size}
    await page.screenshot(path=file, full_page=True, clip=clip)
    await context.close()
    print(file)


if __name__ == "__main__":
    where = Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES
    asyncio.run(draw(PICTURES, where))
