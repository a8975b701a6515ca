"""Incidents, workers, mesh and settings in Chromium: fit, reach, payloads."""

import pytest
from msgspec.structs import replace
from playwright.async_api import expect

from pangea.web.api_incidents import INCIDENTS
from tests.web.browsing import EVIL, live, page_of, violations

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

PAGES = (
    "/incidents",
    "/incidents/2T4K",
    "/workers",
    "/workers/nyc",
    "/mesh-view",
    "/settings",
    "/settings/channels",
    "/settings/channels?type=webhook",
    "/settings/rules",
    "/settings/maintenance",
    "/settings/secrets",
)


@pytest.mark.parametrize(
    ("width", "theme"), [(360, "contrast"), (1440, "green"), (1440, "contrast")]
)
async def test_every_place_fits_and_is_in_reach(browser, width, theme):
    look = {"theme": theme}
    async with page_of(browser, width=width, look=look, bypass_csp=True) as page:
        for path in PAGES:
            await page.goto(path)
            await page.evaluate("document.fonts.ready.then(() => true)")
            wide = await page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, path
            assert await violations(page) == [], path


async def test_what_a_target_says_is_harmless_in_an_incident(browser):
    async with page_of(browser) as page:
        seeded = page.app[INCIDENTS]
        seeded.change = lambda one: replace(one, title=EVIL, reason=EVIL)
        await page.goto("/incidents/2T4K")
        await live(page)
        await expect(page.locator("h1")).to_contain_text("<script>")
        assert "owned" not in await page.title() or "<script>" in await page.title()
        assert await page.locator("main img").count() == 0


async def test_an_incident_is_acknowledged_with_the_keyboard_alone(browser):
    async with page_of(browser) as page:
        await page.keyboard.press("g")
        await page.keyboard.press("i")
        await page.wait_for_url("**/incidents")
        await live(page)
        await page.keyboard.press("j")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/incidents/2T4K")
        await page.get_by_label("YOUR COMMENT").fill("rolling back")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**#timeline")
        await expect(page.locator("#what")).to_contain_text("Acknowledged by admin")
        await expect(page.locator("#timeline")).to_contain_text("rolling back")
