"""A job's pages in Chromium: cursor, keys, live parts, themes, a telephone."""

import re

import pytest
from msgspec.structs import replace
from playwright.async_api import expect

from pangea.web.schema import JobSpec
from tests.web.browsing import EVIL, live, page_of, violations

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

PAGES = (
    "/jobs/shop",
    "/jobs/shop?range=1y",
    "/jobs/vpn-tokyo",
    "/jobs/intranet-cert",
    "/jobs/shop/workers",
    "/jobs/shop/calendar",
    "/jobs/shop/results",
    "/jobs/shop/edit",
    "/jobs/shop?at=03:12",
    "/jobs/fresh",
)


async def ready(page):
    spec = JobSpec(type="icmp", target="192.0.2.9", name="fresh")
    await page.service.add_job(1, spec, dry_run=False)


@pytest.mark.parametrize("width", [360, 1440])
async def test_no_page_of_a_job_is_wider_than_its_window(browser, width):
    async with page_of(browser, width=width) as page:
        await ready(page)
        for path in PAGES:
            await page.goto(path)
            await page.evaluate("document.fonts.ready.then(() => true)")
            wide = await page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, path


@pytest.mark.parametrize("theme", ["green", "contrast"])
async def test_nothing_on_a_jobs_pages_is_out_of_reach(browser, theme):
    look, width = {"theme": theme}, 360 if theme == "contrast" else 1440
    async with page_of(browser, width=width, look=look, bypass_csp=True) as page:
        await ready(page)
        for path in PAGES:
            await page.goto(path)
            assert await violations(page) == [], path


async def test_the_cursor_reads_exact_values_by_pointer_and_by_key(browser):
    async with page_of(browser) as page:
        await page.goto("/jobs/shop")
        box = await page.locator("#graph").bounding_box()
        await page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 40)
        said = page.locator("#readout")
        await expect(said).to_contain_text("p95")
        first = await said.inner_text()
        assert re.match(r"2026-11-21 18:0\d:00\s*p50 \d", first)
        # The same line stands in every chart.
        await expect(page.locator(".cursor-line")).to_have_count(2)
        graph = page.locator("#graph")
        await graph.focus()
        await page.keyboard.press("ArrowRight")
        assert await said.inner_text() != first
        assert "18:" in await graph.get_attribute("aria-valuetext")
        await page.keyboard.press("End")
        assert (await said.inner_text()).startswith("2026-11-22 12:")


async def test_dragging_over_the_chart_shows_that_stretch(browser):
    async with page_of(browser) as page:
        await page.goto("/jobs/shop?worker=london")
        box = await page.locator("#graph").bounding_box()
        y = box["y"] + 60
        await page.mouse.move(box["x"] + box["width"] * 0.5, y)
        await page.mouse.down()
        await page.mouse.move(box["x"] + box["width"] * 0.75, y, steps=4)
        await page.mouse.up()
        await page.wait_for_url("**/jobs/shop?worker=london&from=*")
        words = await page.locator("#picker summary").inner_text()
        assert "22 Nov 2026 00:0" in words
        assert "06:0" in words


async def test_the_chart_is_smoke_characters_or_a_table_and_stays_so(browser):
    async with page_of(browser) as page:
        await page.goto("/jobs/shop")
        table = page.locator("#points")
        await expect(table).to_be_hidden()
        await page.get_by_label("table", exact=True).check()
        await expect(table).to_be_visible()
        await expect(page.locator("#graph")).to_be_hidden()
        await page.goto("/jobs/api")
        await expect(page.locator("#points")).to_be_visible()
        await page.get_by_label("ASCII").check()
        await expect(page.locator("pre.chart.wide")).to_be_visible()


async def test_the_same_without_scripts(browser):
    async with page_of(browser, java_script_enabled=False) as page:
        await page.goto("/jobs/shop")
        await page.get_by_text("ASCII").click()
        await expect(page.locator("pre.chart.wide")).to_be_visible()
        await page.get_by_role("link", name="30d", exact=True).click()
        await expect(page.locator('[aria-current="true"]')).to_have_text("30d")
        await page.locator("#picker summary").click()
        await page.get_by_label("FROM", exact=True).fill("yesterday 06:00")
        await page.get_by_label("TO", exact=True).fill("yesterday 07:00")
        await page.get_by_role("button", name="[SHOW]").click()
        words = await page.locator("#picker summary").inner_text()
        assert "21 Nov 2026 06:00 – 07:00 UTC, 1h" in words
        await page.get_by_role("link", name="RESULTS", exact=True).click()
        await page.get_by_label("OUTCOME").select_option("failed")
        await page.get_by_role("button", name="[FILTER]").click()
        assert "outcome=failed" in page.url
        await page.get_by_role("link", name="OVERVIEW").click()
        await page.get_by_text("add a note …").click()
        await page.get_by_label("TEXT").fill("cable moved")
        await page.get_by_role("button", name="[SAVE NOTE]").click()
        await expect(page.locator("#happened")).to_contain_text("cable moved")


async def test_only_the_parts_that_changed_are_drawn_again(browser):
    async with page_of(browser) as page:
        await page.goto("/jobs/api")
        await live(page)
        await page.evaluate("document.querySelectorAll('[data-part]').forEach("
                            "(part) => { part.kept = true; })")  # fmt: skip
        job = await page.service.job(1, "api")
        page.service.say(replace(job, verdict="down", verdict_reason=EVIL))
        await expect(page.locator("h1")).to_contain_text("DOWN", timeout=20_000)
        await page.get_by_text("<script>document.title").first.wait_for()
        assert await page.title() == "✖ api · (2✖) Pangea"
        kept = await page.evaluate(
            "[...document.querySelectorAll('[data-part]')]"
            ".filter((part) => part.kept).map((part) => part.id)"
        )
        assert "part-votes" in kept
        assert "part-sheets" in kept
        assert "job-head" not in kept
        assert "part-why" not in kept


async def test_what_is_focused_or_unfolded_is_left_alone(browser):
    async with page_of(browser) as page:
        await page.goto("/jobs/shop")
        await live(page)
        await page.locator("details.sheet summary").first.click()
        await page.get_by_text("add a note …").click()
        await page.get_by_label("TEXT").fill("half a sent")
        job = await page.service.job(1, "shop")
        votes = [replace(vote, outcome="ok", reason="") for vote in job.votes]
        page.service.say(replace(job, votes=votes, verdict_reason="other"))
        await expect(page.locator("#part-why")).to_contain_text("other", timeout=20_000)
        assert await page.get_by_label("TEXT").input_value() == "half a sent"
        opened = page.locator("details.sheet[open]")
        await expect(opened).to_have_count(2)


async def test_keys_move_the_window_and_probe(browser):
    async with page_of(browser) as page:
        await page.goto("/jobs/api")
        await page.keyboard.press("[")
        await page.wait_for_url("**from=*")
        await page.keyboard.press(".")
        await page.wait_for_url("**/jobs/api")
        await page.keyboard.press("Escape")
        await page.wait_for_url("**/dash")


async def test_a_job_is_changed_and_removed_by_its_form(browser):
    async with page_of(browser) as page:
        await page.goto("/jobs/api/edit")
        await page.get_by_label("EVERY").fill("1m")
        line = page.locator("#line")
        await expect(line).to_contain_text("pangea job edit api")
        await expect(line).to_contain_text("--every 1m")
        await page.get_by_role("button", name="[SAVE]").click()
        await page.wait_for_url("**/jobs/api")
        assert (await page.service.job(1, "api")).interval_s == 60
        await page.goto("/jobs/api/edit")
        await page.get_by_text("[DELETE …]").click()
        await page.get_by_role("button", name="[DELETE api]").click()
        await page.wait_for_url("**/dash")


async def test_the_axes_speak_the_zone_that_was_chosen(browser):
    look = {"zone": "local"}
    async with page_of(browser, look=look, timezone_id="Asia/Kolkata") as page:
        await page.goto("/jobs/shop")
        ticks = await page.locator("#part-chart .axis .tick").all_text_contents()
        assert ticks == ["21:00", "22 Nov", "03:00", "06:00", "09:00", "12:00", "15:00"]
        await expect(page.locator("#points thead th").first).to_have_text(
            re.compile(r"TIME \((GMT\+5:30|IST)\)")
        )
