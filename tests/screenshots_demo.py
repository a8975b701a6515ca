"""Draws the demo into docs/images: ``python -m tests.screenshots_demo``.

The demo plays its story, and is drawn when the coordinator has found what it tells of.
"""

import asyncio
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from playwright.async_api import Browser

from tests.demo.shown import Shown, shown
from tests.screenshots import IMAGES, Picture, draw_one
from tests.seeded_site import chromium

#: In an outage, and with as many rounds as a cell shows.
OUTAGE_S = 44.0
OUTAGE = (
    Picture("demo-dashboard.png", "/dash"),
    Picture("demo-job.png", "/jobs/shop?from={begin}&to={end}"),
    Picture("demo-incident.png", "/incidents/{incident}"),
)
#: So much of the past the page of a job shows.
SHOWN = timedelta(seconds=70)
#: A worker is cut off from here on.
CUT_S = 60.0
CUT = (
    Picture("demo-workers.png", "/workers"),
    Picture("demo-mesh.png", "/mesh-view"),
)


async def draw(folder: Path) -> None:
    """Draw the demo's pictures into *folder*."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pangea-demo-") as name:
        async with chromium() as browser, shown(Path(name)) as demo:
            await demo.verdict("shop", "down")
            await asyncio.sleep(max(0.0, OUTAGE_S - demo.targets.seconds))
            await _draw(browser, demo, OUTAGE, folder)
            demo.targets.jump(CUT_S)
            await demo.isolated()
            await _draw(browser, demo, CUT, folder)


async def _draw(
    browser: Browser, demo: Shown, pictures: tuple[Picture, ...], folder: Path
) -> None:
    incidents = (await demo.ask("/incidents"))["items"]
    of_shop = next(one["id"] for one in incidents if one["job"] == "shop")
    site: Any = SimpleNamespace(url=demo.cluster.url)
    now = datetime.now(UTC)
    words = {
        "incident": of_shop,
        "begin": f"{now - SHOWN:%FT%TZ}",
        "end": f"{now:%FT%TZ}",
    }
    for picture in pictures:
        there = picture._replace(path=picture.path.format(**words))
        await draw_one(browser, site, there, folder / picture.file, demo.cluster.code)


if __name__ == "__main__":
    where = Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES
    asyncio.run(draw(where))
