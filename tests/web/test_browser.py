"""Pages in headless Chromium: each theme and width, with keys alone, scriptless."""

import pytest
from msgspec.structs import replace
from playwright.async_api import expect

from pangea.web.schema import Concern
from tests.web.browsing import EVIL, live, page_of, row, until, violations

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

PAGES = ("/dash", "/dash?group=type", "/dash?added=api", "/new?type=dns", "/workers")
THEMES = ("green", "contrast")


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("jobs", "width"), [(0, 1440), (14, 360), (60, 1440)])
async def test_no_page_is_too_wide_or_shuts_anybody_out(browser, jobs, width, theme):
    look = {"theme": theme, "density": "dense" if jobs == 60 else "roomy"}
    async with page_of(browser, jobs, width, look, bypass_csp=True) as page:
        long = Concern(about="w" * 63, what="x" * 200, next="y" * 300)
        page.service.concerns = [long] * (jobs // 5)
        for path in PAGES if jobs == 14 else ("/dash",):
            await page.goto(path)
            await page.evaluate("document.fonts.ready.then(() => true)")
            wide = await page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, path
            assert await violations(page) == [], path


@pytest.mark.parametrize("theme", THEMES)
async def test_the_login_and_the_help_shut_nobody_out(browser, theme):
    async with page_of(browser, 5, 360, {"theme": theme}, bypass_csp=True) as page:
        await page.locator("#help-open").click()
        assert await violations(page) == []
        await page.get_by_role("button", name="[CLOSE]").click()
        await page.locator("#look summary").click()
        assert await violations(page) == []
        await page.get_by_role("button", name="[LOG OUT]").click()
        await page.get_by_label("ACCESS CODE").wait_for()
        assert await violations(page) == []


async def test_a_monitor_is_added_with_the_keyboard_alone(browser):
    async with page_of(browser, 5) as page:
        await live(page)
        await page.keyboard.press("n")
        await page.wait_for_url("**/new")
        await page.keyboard.type("web.example.com")
        price = page.locator("#price")
        await expect(price).to_contain_text("costs a probe every 30s")
        line = page.locator("#line code")
        await expect(line).to_have_text("pangea job add http web.example.com")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/dash?added=*")
        notice = await page.locator(".notice").inner_text()
        assert "pangea job add http web.example.com" in notice
        await row(page, "http-web.example.com").wait_for()


async def test_a_probe_is_tried_once_before_it_is_saved(browser):
    async with page_of(browser, 5) as page:
        await page.goto("/new")
        await page.get_by_label("TARGET").fill(f"down {EVIL}")
        await page.get_by_label("only these").check()
        await page.get_by_label("tokyo", exact=True).check()
        await page.get_by_label("london", exact=True).check()
        page.said.clear()
        await page.get_by_role("button", name="[TRY ONCE]").click()
        tried = page.locator(".tried tbody tr")
        await expect(tried).to_have_count(2)
        await expect(tried.last).to_contain_text("✖ failed")
        await expect(tried.last).to_contain_text("<script>document.title='owned'")
        assert "\u202e" not in await tried.last.inner_text()
        assert len(await page.service.jobs(1)) == 5
        page.said.clear()  # a refused price is written to the console


async def test_the_form_knows_the_options_of_each_type(browser):
    async with page_of(browser, 5) as page:
        await page.goto("/new")
        await page.get_by_label("TARGET").fill("example.com@192.0.2.53")
        await page.get_by_label("dns", exact=True).check()
        await page.locator("#opt-transport").select_option("tcp")
        await page.get_by_text("more options").click()
        await page.locator("#opt-min_answers").fill("2")
        await page.get_by_text("Rule, labels").click()
        await page.get_by_label("LABELS").fill("team=net\nsite=hel")
        line = page.locator("#line code")
        await expect(line).to_have_text(
            "pangea job add dns example.com --label team=net --label site=hel "
            "--set transport=tcp --set min_answers=2 --set resolver=192.0.2.53"
        )
        await page.get_by_role("button", name="[EXECUTE]").last.click()
        await page.wait_for_url("**/dash?added=*")
        job = await page.service.job(1, "dns-example.com")
        assert job.options == {
            "transport": "tcp",
            "min_answers": "2",
            "resolver": "192.0.2.53",
        }
        assert job.labels == {"team": "net", "site": "hel"}


async def test_a_refused_form_stands_with_its_error(browser):
    async with page_of(browser, 5) as page:
        await page.get_by_role("link", name="[+ NEW MONITOR]").click()
        await page.get_by_label("icmp").check()
        await page.locator("#opt-count").wait_for()
        await page.get_by_label("TARGET").fill("192.0.2.5")
        await page.get_by_label("only these").check()
        await page.get_by_role("button", name="[EXECUTE]").last.click()
        await page.get_by_role("alert").wait_for()
        assert "tick at least one" in await page.get_by_role("alert").inner_text()
        assert await page.get_by_label("TARGET").input_value() == "192.0.2.5"
        assert await page.get_by_label("icmp").is_checked()
        page.said.clear()  # the 422 itself is written to the console
        await page.get_by_label("tokyo", exact=True).check()
        await page.get_by_role("button", name="[EXECUTE]").last.click()
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
        # A thumb that slipped takes it back at once, also by a key.
        await page.get_by_role("button", name="stop wiki").click()
        await page.get_by_text("wiki is stopped").wait_for()
        await page.keyboard.press("u")
        await page.get_by_role("button", name="stop wiki").wait_for()
        await expect(page.get_by_text("wiki is stopped")).to_have_count(0)
        assert page.url.endswith("/dash")


async def test_keys_lead_everywhere_and_can_be_switched_off(browser):
    async with page_of(browser, 14) as page:
        await live(page)
        focused = "document.activeElement.textContent"
        await page.keyboard.press("j")
        await page.keyboard.press("j")
        assert await page.evaluate(focused) == "intranet-cert"
        await page.keyboard.press("k")
        assert await page.evaluate(focused) == "shop"
        await page.keyboard.press("x")
        await expect(page.locator("#picked")).to_have_text("1 selected")
        await page.keyboard.press("/")
        await page.keyboard.type("wiki")
        await expect(page.locator("tr[data-row]")).to_have_count(1)
        await page.keyboard.press("Escape")
        await expect(page.locator("tr[data-row]")).to_have_count(14)
        await page.evaluate("document.activeElement.blur()")
        await page.keyboard.press("?")
        help_ = page.get_by_role("dialog")
        assert "go to workers" in await help_.inner_text()
        await page.keyboard.press("Escape")
        await expect(help_).to_have_count(0)
        await page.keyboard.press("g")
        await page.keyboard.press("w")
        await page.wait_for_url("**/workers")
        await page.locator("#look summary").click()
        await page.locator("#look input[name=keys][value=off]").check()
        await page.keyboard.press("Escape")
        await page.evaluate("document.activeElement.blur()")
        await page.keyboard.press("n")
        await page.goto("/dash")
        await page.keyboard.press("n")
        await page.keyboard.press("/")
        assert page.url.endswith("/dash")
        assert await page.evaluate("document.activeElement.tagName") == "BODY"


async def test_a_cell_says_its_word_when_it_has_the_focus(browser):
    async with page_of(browser, 5) as page:
        await live(page)
        await row(page, "shop").locator('[data-worker="nyc"] .cell').focus()
        word = page.locator("#word")
        await expect(word).to_contain_text("nyc: failed")
        await expect(word).to_contain_text("got 503")


async def test_the_look_is_kept_and_time_is_told_in_the_zone_that_was_chosen(browser):
    async with page_of(browser, 5, timezone_id="Asia/Tokyo") as page:
        await live(page)
        await page.locator("#look summary").click()
        await page.locator("#look input[name=theme][value=contrast]").check()
        await page.locator("#look input[name=zone][value=local]").check()
        await expect(page.locator("#clock")).to_contain_text("21:03:1")
        await page.goto("/dash")
        html = page.locator("html")
        await expect(html).to_have_attribute("data-theme", "contrast")
        ground = "getComputedStyle(document.body).backgroundColor"
        assert await page.evaluate(ground) == "rgb(0, 0, 0)"
        title = row(page, "shop").locator("time")
        await until(page, "document.querySelector('tr[data-job=shop] time').title")
        assert "GMT+9" in await title.get_attribute("title")


async def test_everything_works_without_scripts(browser):
    async with page_of(browser, 120, java_script_enabled=False) as page:
        assert "shop" in await page.locator("#jobs").inner_text()
        await page.get_by_text("[NEXT PAGE →]").click()
        await page.get_by_text("[← PREVIOUS PAGE]").click()
        await page.get_by_label("filter the jobs").fill("shop")
        await page.get_by_text("[GO]").first.click()
        await expect(page.locator("tr[data-row]")).to_have_count(1)
        await page.get_by_text("[show all]").click()
        await page.get_by_text("[+ NEW MONITOR]").click()
        await page.get_by_label("TARGET").fill("db.example.net:5432")
        await page.get_by_label("tcp").check()
        await page.get_by_text("[SHOW ITS OPTIONS]").click()
        await page.locator("#opt-expect").fill("SSH")
        await page.get_by_text("[TRY ONCE]").click()
        await expect(page.locator(".tried tbody tr")).to_have_count(4)
        await page.get_by_text("[EXECUTE]").last.click()
        await page.get_by_text("tcp-db.example.net-5432 is monitored").wait_for()
        await page.get_by_role("button", name="stop shop").click()
        await page.locator('#counts li[data-verdict="paused"] a').click()
        await page.get_by_role("button", name="start shop").wait_for()
        await page.get_by_label("select shop").check()
        await page.get_by_label("select old-printer").check()
        await page.get_by_text("[DELETE …]").click()
        await page.get_by_role("button", name="[DELETE 2 JOBS]").click()
        await page.get_by_text("2 jobs deleted").wait_for()
        await page.get_by_text("VIEW").click()
        await page.get_by_label("high contrast").check()
        await page.get_by_role("button", name="[APPLY]").click()
        await expect(page.locator("html")).to_have_attribute("data-theme", "contrast")
        await page.get_by_role("button", name="[LOG OUT]").click()
        await page.get_by_label("ACCESS CODE").wait_for()


async def test_what_targets_say_is_text_in_every_row(browser):
    async with page_of(browser, 5) as page:
        await live(page)
        job = await page.service.job(1, "shop")
        votes = [replace(v, reason=EVIL, detail=EVIL) for v in job.votes]
        evil = replace(job, target=EVIL, verdict_reason=EVIL, votes=votes)
        page.service.say(replace(evil, labels={EVIL: EVIL}))
        for path in ("/dash", "/dash?group=type", "/dash?q=script"):
            await page.goto(path)
            await live(page)
            await expect(row(page, "shop")).to_contain_text("<script>document")
            assert await page.locator("main img").count() == 0
            assert await page.title() == "(1✖) Pangea"
            assert "\u202e" not in await page.locator("main").inner_text()


async def test_the_keyboard_begins_with_a_link_past_the_navigation(browser):
    async with page_of(browser) as page:
        await page.keyboard.press("Tab")
        skip = page.get_by_role("link", name="skip to the content")
        box = await skip.bounding_box()
        assert box["x"] >= 0
        await page.keyboard.press("Enter")
        assert await page.evaluate("document.activeElement.id") == "main"
