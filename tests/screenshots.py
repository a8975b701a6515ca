"""Draws docs/images from the seeded coordinator: ``python -m tests.screenshots``."""

import asyncio
import sys
from pathlib import Path

from tests.seeded import SeededService
from tests.seeded_site import chromium, context_for, log_in, seeded_site

IMAGES = Path(__file__).parent.parent / "docs" / "images"
#: A picture shows what matters, not the end of a long list; in pixels.
TALLEST = 1400
PICTURES = (
    ("dashboard.png", "/dash", 1440, 14),
    ("dashboard-narrow.png", "/dash", 390, 14),
    ("job.png", "/jobs/shop", 1440, 14),
)


async def draw(pictures: tuple[tuple[str, str, int, int], ...], folder: Path) -> None:
    """Draw each (file, path, width, number of jobs) into *folder*."""
    folder.mkdir(parents=True, exist_ok=True)
    async with chromium() as browser:
        for name, path, width, jobs in pictures:
            async with seeded_site(SeededService(jobs)) as site:
                context = await context_for(browser, site, width)
                page = await context.new_page()
                await log_in(page)
                await page.goto(path)
                await page.evaluate("document.fonts.ready.then(() => true)")
                await page.get_by_text("● live").wait_for()
                tall = await page.evaluate("document.documentElement.scrollHeight")
                size = {"width": width, "height": min(tall, TALLEST)}
                await page.screenshot(
                    path=folder / name, full_page=True, clip={"x": 0, "y": 0, **size}
                )
                await context.close()
                print(folder / name)


if __name__ == "__main__":
    where = Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES
    asyncio.run(draw(PICTURES, where))
