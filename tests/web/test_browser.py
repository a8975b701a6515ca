"""Pages in headless Chromium: live, with keys, on a telephone, without scripts."""

import re
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from msgspec.structs import replace
from playwright.async_api import expect

from pangea.web.schema import Concern, JobSpec, moment
from tests.needs import chromium as path_of_chromium
from tests.seeded import SeededService
from tests.seeded_site import chromium, context_for, log_in, seeded_site
from tests.seeded_world import NOW_US, WORKERS

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

EVIL = "<script>document.title='owned'</script>\u202egnp\x1b[31m<img src=x onerror=x>"
PAGES = ("/dash", "/dash?new=1", "/dash?added=api", "/jobs/shop", "/workers")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser():
    async with chromium(path_of_chromium()) as running:
        yield running


@asynccontextmanager
async def page_of(browser, jobs=14, width=1440, **more):
    """Open a logged-in page; at the end nothing may have been complained about."""
    async with seeded_site(SeededService(jobs)) as site:
        context = await context_for(browser, site, width, **more)
        page, said = await context.new_page(), []
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("console", lambda m: said.append(m.text) if m.type == "error" else None)
        page.service, page.said = site.service, said
        try:
            await log_in(page)
            yield page
        finally:
            await context.close()
        assert said == []


async def live(page):
    await expect(page.locator("#live")).to_have_text("● live")


def row(page, job):
    return page.locator(f'tr[data-job="{job}"]')


@pytest.mark.parametrize("jobs", [0, 5, 14])
@pytest.mark.parametrize("width", [360, 1440])
async def test_no_page_is_wider_than_its_window(browser, width, jobs):
    async with page_of(browser, jobs, width) as page:
        paths = PAGES if jobs == 14 else ("/dash",)
        long = Concern(about="w" * 63, what="x" * 200, next="y" * 300)
        page.service.concerns = [long] * (jobs // 5)
        for path in (*paths, "/login"):
            await page.goto(path)
            await page.evaluate("document.fonts.ready.then(() => true)")
            wide = await page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, path


async def test_a_verdict_arrives_without_loading_the_page(browser):
    async with page_of(browser) as page:
        await live(page)
        await page.evaluate("window.kept = true")
        job = await page.service.job(1, "api")
        since = moment(NOW_US)
        page.service.say(
            replace(job, verdict="down", verdict_since=since, verdict_reason="gone")
        )
        verdict = row(page, "api").locator(".verdict")
        await expect(verdict).to_contain_text("DOWN", timeout=2000)
        assert await page.title() == "(2✖) Pangea"
        counts = await page.locator(".counts").inner_text()
        assert re.search(r"✖\s*2\s*DOWN", counts)
        said = await page.locator("#said").inner_text()
        assert said == "api is down. gone"
        await expect(page.locator(".worst")).to_contain_text("api")
        assert await page.evaluate("window.kept")


async def test_a_result_changes_cell_latency_and_sparkline(browser):
    async with page_of(browser) as page:
        await live(page)
        before = await row(page, "gateway").locator(".spark").inner_text()
        data = {"job": "gateway", "worker": "nyc", "started_at": moment(NOW_US)}
        page.service.hub.publish(
            "result",
            1,
            data | {"duration_ms": 12.5, "outcome": "ok", "reason": "", "flags": []},
        )
        page.service.hub.publish(
            "result",
            1,
            data
            | {
                "worker": "tokyo",
                "duration_ms": 2000.0,
                "outcome": "failed",
                "reason": "timeout",
                "detail": EVIL,
                "flags": [],
            },
        )
        cell = row(page, "gateway").locator('[data-worker="tokyo"] .cell')
        await expect(cell).to_have_text("✖")
        title = await cell.get_attribute("title")
        assert title.startswith("tokyo: failed · 2 s · timeout: <script>")
        assert "\\u202e" in title
        assert "\u202e" not in title
        # A failure took two seconds, but that is no latency of the target.
        last = row(page, "gateway").locator(".last")
        assert await last.inner_text() == "12.5 ms"
        after = await row(page, "gateway").locator(".spark").inner_text()
        assert after != before
        assert after.endswith("×")
        assert len(after) == len(before) == 30
        assert await page.title() == "(1✖) Pangea"
        bad = {"outcome": "failed", "duration_ms": 9.0, "reason": "", "flags": []}
        for worker in WORKERS:
            page.service.hub.publish("result", 1, data | bad | {"worker": worker})
        await expect(last).to_have_text("–")
        drawn = await row(page, "gateway").locator(".spark").inner_text()
        early = data | {"outcome": "ok", "duration_ms": 7.0, "reason": "", "flags": []}
        page.service.hub.publish("result", 1, early | {"provisional": True})
        await expect(last).to_have_text("7 ms")
        # It comes again once it is stored, and is drawn then.
        assert await row(page, "gateway").locator(".spark").inner_text() == drawn


async def test_the_scripts_draw_as_the_server_does(browser):
    async with page_of(browser) as page:
        await live(page)
        lines = await page.evaluate(
            """async () => {
            const { sparkline, ms, age } = await import('/static/words.js');
            const drawn = (s) => s ? sparkline(s.split(',')) : '';
            return [...document.querySelectorAll('.spark')].map((s) =>
                [s.textContent, drawn(s.dataset.values)]).concat([
                [ms(0.8581), '0.858 ms'], [ms(109.2), '109 ms'], [ms(1234), '1.23 s'],
                [ms(null), '–'], [age(372.9), '6m12s']]);
            }"""
        )
        assert len(lines) == 19
        for shown, expected in lines:
            assert shown == expected


async def test_a_new_job_appears_and_a_removed_one_goes(browser):
    async with page_of(browser, 5) as page:
        await live(page)
        spec = JobSpec(type="tcp", target="192.0.2.8:22", name="fresh")
        await page.service.add_job(1, spec, dry_run=False)
        await row(page, "fresh").wait_for()
        await page.service.remove_job(1, "fresh")
        await row(page, "fresh").wait_for(state="detached")


async def test_a_lost_connection_is_said_and_stale_values_are_dimmed(browser):
    async with page_of(browser) as page:
        await live(page)
        await page.route("**/api/v1/events", lambda route: route.abort())
        page.said.clear()
        streams = page.service.hub
        for subscription in list(streams._open):
            subscription.close()
        await page.wait_for_selector("#stale:not([hidden])")
        text = await page.locator("#stale").inner_text()
        assert re.fullmatch(r"✖ connection lost, data from 12:03:\d\d UTC", text)
        assert "is-stale" in await page.locator("body").get_attribute("class")
        await page.unroute("**/api/v1/events")
        await page.wait_for_selector("#stale", state="hidden", timeout=9000)
        page.said.clear()


async def test_the_banner_of_trouble_comes_and_goes_without_loading_the_page(browser):
    async with page_of(browser) as page:
        await live(page)
        banner, service = page.locator("#trouble .banner"), page.service
        await expect(banner).to_have_count(0)
        service.trouble.append("results cannot be stored: disk full")
        service.hub.publish("trouble", 1, {"storage": "disk full"})
        await expect(banner).to_have_text("▲ results cannot be stored: disk full")
        service.trouble.clear()
        service.hub.publish("trouble", 1, {"storage": ""})
        await expect(banner).to_have_count(0)


async def test_a_monitor_is_added_with_the_keyboard_alone(browser):
    async with page_of(browser, 5) as page:
        await live(page)
        await page.keyboard.press("n")
        await page.keyboard.type("web.example.com")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/dash?added=*")
        notice = await page.locator(".notice").inner_text()
        assert "costs 0.0333 probes/s" in notice
        assert "pangea job add http web.example.com" in notice
        await row(page, "http-web.example.com").wait_for()


async def test_a_refused_form_stands_open_with_its_error(browser):
    async with page_of(browser, 5) as page:
        await page.get_by_role("button", name="[+ NEW MONITOR]").click()
        await page.get_by_label("TARGET").fill("192.0.2.5")
        await page.get_by_label("icmp").check()
        await page.get_by_label("only these").check()
        page.said.clear()
        await page.get_by_role("button", name="[EXECUTE]").click()
        await page.get_by_role("alert").wait_for()
        assert "tick at least one" in await page.get_by_role("alert").inner_text()
        assert await page.get_by_label("TARGET").input_value() == "192.0.2.5"
        assert await page.get_by_label("icmp").is_checked()
        page.said.clear()  # the 422 itself is written to the console
        await page.get_by_label("tokyo", exact=True).check()
        await page.get_by_role("button", name="[EXECUTE]").click()
        await page.wait_for_url("**/dash?added=*")
        job = await page.service.job(1, "icmp-192.0.2.5")
        assert job.on == "tokyo"


async def test_one_key_watches_what_is_offered(browser):
    async with page_of(browser, 0) as page:
        await page.keyboard.press("w")
        await row(page, "canary").wait_for()
        assert len(await page.service.jobs(1)) == 4


async def test_a_job_is_stopped_and_started_from_the_table(browser):
    async with page_of(browser, 5) as page:
        await page.get_by_role("button", name="stop wiki").click()
        await page.get_by_role("button", name="start wiki").click()
        await page.get_by_role("button", name="stop wiki").wait_for()


async def test_the_job_page_follows_what_happens(browser):
    async with page_of(browser) as page:
        await page.goto("/jobs/api")
        await live(page)
        job = await page.service.job(1, "api")
        page.service.say(replace(job, verdict="down", verdict_reason=EVIL))
        await expect(page.locator("h1")).to_contain_text("DOWN")
        await page.get_by_text("<script>document.title").first.wait_for()
        assert await page.title() == "✖ api · (2✖) Pangea"


async def test_what_is_unfolded_on_the_job_page_stays_so(browser):
    async with page_of(browser) as page:
        await page.goto("/jobs/shop")
        await live(page)
        sheets = page.locator("details.sheet")
        # The worst stands open; another one is opened, and that one folded.
        await expect(page.locator("details.sheet[open]")).to_have_count(1)
        closed = page.locator("details.sheet:not([open])").first
        name = await closed.get_attribute("id")
        await page.locator("details.sheet[open] summary").click()
        await page.locator(f"#{name} summary").click()
        await page.mouse.move(0, 0)
        await page.evaluate("document.activeElement.blur()")
        before = await sheets.first.element_handle()
        job = await page.service.job(1, "shop")
        page.service.say(replace(job, verdict_reason="something new"))
        await expect(
            page.locator("#why-title ~ p", has_text="something new")
        ).to_be_visible(timeout=10_000)
        assert not await before.evaluate("node => node.isConnected")
        await expect(page.locator("details.sheet[open]")).to_have_count(1)
        await expect(page.locator(f"#{name}")).to_have_attribute("open", "")


async def test_everything_works_without_scripts(browser):
    async with page_of(browser, 5, java_script_enabled=False) as page:
        assert "shop" in await page.locator("#jobs").inner_text()
        await page.get_by_text("[+ NEW MONITOR]").click()
        await page.get_by_label("TARGET").fill("db.example.net:5432")
        await page.get_by_label("tcp").check()
        await page.get_by_text("[EXECUTE]").click()
        await page.get_by_text("tcp-db.example.net-5432 is watched").wait_for()
        await page.get_by_role("button", name="stop shop").click()
        await page.get_by_role("button", name="start shop").wait_for()
        await page.get_by_role("link", name="shop", exact=True).first.click()
        await page.get_by_text("[REMOVE …]").click()
        await page.get_by_role("button", name="[REMOVE shop]").click()
        await page.wait_for_url("**/dash")
        await page.get_by_role("button", name="[LOG OUT]").click()
        await page.get_by_label("ACCESS CODE").wait_for()


async def test_the_keyboard_begins_with_a_link_past_the_navigation(browser):
    async with page_of(browser) as page:
        await page.keyboard.press("Tab")
        skip = page.get_by_role("link", name="skip to the content")
        box = await skip.bounding_box()
        assert box["x"] >= 0
        await page.keyboard.press("Enter")
        assert await page.evaluate("document.activeElement.id") == "main"
