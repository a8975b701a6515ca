"""The dashboard in a browser: live, ordered, searched, and driven by keys alone."""

import re

import pytest
from msgspec.structs import replace
from playwright.async_api import expect

from pangea.web import live as page_stream
from pangea.web.schema import JobSpec, moment
from tests.seeded_world import NOW_US, WORKERS
from tests.web.browsing import EVIL, live, page_of, row, until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

ROWS = "[...document.querySelectorAll('tr[data-row]')]"
ORDER = f"{ROWS}.map((row) => row.dataset.job)"
#: What the server drew and what the scripts draw, as text that must be the same.
DRAWN = """[...document.querySelectorAll('#matrix tr[data-row], #matrix thead tr')]
    .map((r) => r.outerHTML)
    .sort()"""


async def names(page):
    return await page.evaluate(ORDER)


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
        await expect(verdict).to_contain_text("DOWN", timeout=20_000)
        await expect(page).to_have_title("(2✖) Pangea")
        counts = await page.locator(".counts").inner_text()
        assert re.search(r"✖\s*2\s*DOWN", counts)
        await expect(page.locator("#said")).to_have_text("api is down. gone")
        await expect(row(page, "api").locator(".reason")).to_have_text("gone")
        await expect(page.locator("#worst")).to_contain_text("api")
        assert "%3E2%3C" in await page.locator("#icon").get_attribute("href")
        assert await page.evaluate("window.kept")


async def test_a_result_changes_cell_latency_and_beats(browser):
    async with page_of(browser) as page:
        await live(page)
        gateway = row(page, "gateway")
        at = moment(NOW_US)
        data = {"job": "gateway", "worker": "nyc", "started_at": at, "flags": []}
        tell = page.service.hub.publish
        good = {"duration_ms": 12.5, "outcome": "ok", "reason": ""}
        bad = {"duration_ms": 2000.0, "outcome": "failed", "reason": "timeout"}
        tell("result", 1, data | good)
        tell("result", 1, data | bad | {"worker": "tokyo", "detail": EVIL})
        cell = gateway.locator('[data-worker="tokyo"] .cell')
        await expect(cell).to_have_text("✖")
        title = await cell.get_attribute("title")
        assert title.startswith("tokyo: failed · 2 s · timeout: <script>")
        assert "\\u202e" in title
        assert "\u202e" not in title
        # A failure took two seconds, but that is no latency of the target.
        last = gateway.locator(".last")
        assert await last.inner_text() == "12.5 ms"
        beats = gateway.locator('[data-worker="tokyo"] .beats')
        drawn = await beats.inner_text()
        assert drawn.endswith("█")
        assert len(drawn) == 12
        assert await page.title() == "(1✖) Pangea"
        later = data | bad | {"started_at": moment(NOW_US + 1_000_000)}
        for worker in WORKERS:
            tell("result", 1, later | {"worker": worker})
        await expect(last).to_have_text("–")
        drawn = await gateway.locator('[data-worker="nyc"] .beats').inner_text()
        early = data | {"started_at": moment(NOW_US + 2_000_000), "provisional": True}
        tell("result", 1, early | good | {"duration_ms": 7.0})
        await expect(last).to_have_text("7 ms")
        # It comes again once it is stored, and is drawn then.
        again = gateway.locator('[data-worker="nyc"] .beats')
        assert await again.inner_text() == drawn


async def test_what_comes_late_of_a_stopped_job_is_not_drawn(browser):
    async with page_of(browser) as page:
        await page.service.stop_job(1, "gateway", None)
        await page.service.stop_job(1, "api", "nyc")
        await live(page)
        drawn = [
            row(page, name).locator('[data-worker="nyc"]')
            for name in ("gateway", "api")
        ]
        for cell in drawn:
            await expect(cell).to_contain_text("◌")
        before = [await cell.inner_text() for cell in drawn]
        late = {"started_at": moment(NOW_US + 1_000_000), "duration_ms": 7.0}
        for job, worker in (("gateway", "nyc"), ("api", "nyc"), ("api", "tokyo")):
            said = {"job": job, "worker": worker, "outcome": "ok", "reason": ""}
            page.service.hub.publish("result", 1, said | late)
        await expect(row(page, "api").locator(".last")).to_have_text("7 ms")
        assert [await cell.inner_text() for cell in drawn] == before


@pytest.mark.parametrize("query", ["", "?group=type&sort=slow", "?group=region"])
async def test_the_scripts_draw_what_the_server_drew(browser, query):
    async with page_of(browser, 30, java_script_enabled=False) as plain:
        await plain.goto(f"/dash{query}")
        drawn = await plain.evaluate(DRAWN)
    async with page_of(browser, 30) as page:
        await page.goto(f"/dash{query}")
        await until(page, f"{ROWS}.every((row) => row.parts)")
        again = await page.evaluate(DRAWN)
    assert len(again) == len(drawn) == 31
    for mine, theirs in zip(again, drawn, strict=True):
        assert timeless(mine) == timeless(theirs)


def timeless(html):
    """Return a row without its ages, and with its attributes in one order."""
    html = re.sub(r"\s+", " ", html).replace("> ", ">").replace(" <", "<")
    html = re.sub(r"\d+[dhms]\d*[dhms]?\b( ago)?", "AGE", html)
    html = re.sub(r'(datetime|title)="\d{4}-[^"]*"', r"\1", html)
    html = re.sub(r' (checked|disabled|aria-sort)="[^"]*"', "", html)
    html = html.replace('data-row=""', "data-row").replace('title=""', "")
    attribute = re.compile(r'[^ =]+(?:="[^"]*")?')
    return re.sub(
        r"<(\w+)([^>]*)>",
        lambda tag: f"<{tag[1]} {sorted(attribute.findall(tag[2]))}>",
        html,
    )


async def test_the_list_is_searched_ordered_and_grouped_at_once(browser):
    async with page_of(browser, 600) as page:
        await live(page)
        await expect(page.locator("#shown")).to_have_text("600 jobs")
        await page.get_by_label("filter the jobs").fill("resolver dns")
        assert await names(page) == ["resolver-1", "resolver-2"]
        assert page.url.endswith("/dash?q=resolver+dns")
        await expect(page.locator("#shown")).to_have_text("2 of 600 jobs")
        await page.get_by_label("filter the jobs").fill("resolver -53")
        assert await names(page) == ["resolver-2"]
        await page.get_by_role("link", name="[show all]").click()
        await page.locator('#counts li[data-verdict="degraded"] a').click()
        assert await names(page) == ["intranet-cert", "vpn-tokyo"]
        await page.get_by_label("sort").select_option("name")
        await page.locator('#counts li[data-verdict="degraded"] a').click()
        shown = await names(page)
        assert shown == sorted(shown)
        await page.get_by_label("group").select_option("label:team")
        heads = await page.locator("tr.head .title").all_inner_texts()
        assert set(heads) <= {"no team", *(f"team={t}" for t in TEAMS)}
        # The same address draws the same without scripts.
        await page.reload()
        assert await page.get_by_label("group").input_value() == "label:team"


TEAMS = ("web", "net", "core", "office")


KEYS = """() => { const q = document.querySelector('#q'), took = [];
    for (const text of ['a', 'ap', 'app', 'app-1', 'app-', '']) {
        const begun = performance.now();
        q.value = text;
        q.dispatchEvent(new Event('input', { bubbles: true }));
        document.body.offsetHeight;
        took.push(performance.now() - begun);
    } return took; }"""


@pytest.mark.alone
async def test_two_thousand_jobs_answer_a_key_within_50_ms(browser):
    async with page_of(browser, 2000) as page:
        await live(page)
        await expect(page.locator("#shown")).to_have_text("2000 jobs")
        # The machine of the tests is busy with others: half of them must be quick,
        # and that in one of three tries.
        tries = [sorted(await page.evaluate(KEYS)) for _ in range(3)]
        assert min(took[len(took) // 2] for took in tries) <= 50
        # What is below comes when somebody scrolls there.
        assert len(await names(page)) < 60
        await page.mouse.wheel(0, 100_000)
        await until(page, f"{ORDER}.length > 60")


async def test_nothing_jumps_while_the_pointer_is_in_the_list(browser):
    async with page_of(browser) as page:
        await live(page)
        before = await names(page)
        await row(page, "wiki").hover()
        job = await page.service.job(1, "wiki")
        page.service.say(replace(job, verdict="down", verdict_reason="gone"))
        await expect(row(page, "wiki").locator(".word")).to_have_text("DOWN")
        assert await names(page) == before
        await page.locator(".brand").hover()
        await until(page, f"{ORDER}[1] === 'wiki'")


async def test_a_new_job_appears_and_a_removed_one_goes(browser):
    async with page_of(browser, 5) as page:
        await live(page)
        spec = JobSpec(type="tcp", target="192.0.2.8:22", name="fresh")
        await page.service.add_job(1, spec, dry_run=False)
        await row(page, "fresh").wait_for()
        await page.service.remove_job(1, "fresh")
        await row(page, "fresh").wait_for(state="detached")


async def test_a_lost_connection_is_said_and_what_was_missed_is_told(
    browser, monkeypatch
):
    async with page_of(browser) as page:
        await live(page)
        monkeypatch.setattr(page_stream, "BROWSERS_EACH", 0)
        for feed in page.service.hub._open:
            for listener in list(feed._listeners):
                listener.close()
        await page.wait_for_selector("#stale:not([hidden])")
        text = await page.locator("#stale").inner_text()
        lost = r"✖ connection lost: data as of 12:03:\d\d UTC, reconnecting"
        assert re.fullmatch(lost, text)
        assert "is-stale" in await page.locator("body").get_attribute("class")
        job = await page.service.job(1, "api")
        page.service.say(replace(job, verdict="down", verdict_reason="meanwhile"))
        monkeypatch.undo()
        await page.wait_for_selector("#stale", state="hidden", timeout=15_000)
        await expect(row(page, "api").locator(".reason")).to_have_text("meanwhile")


async def test_all_tabs_share_one_stream(browser):
    async with page_of(browser) as page:
        await live(page)
        other = await page.context.new_page()
        await other.goto("/dash")
        await live(other)
        (feed,) = page.service.hub._open
        assert len(feed._listeners) == 1
        await page.close()
        job = await page.service.job(1, "api")
        page.service.say(replace(job, verdict="down", verdict_reason="gone"))
        await expect(row(other, "api").locator(".word")).to_have_text("DOWN")


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


async def test_jobs_are_stopped_many_at_once(browser):
    async with page_of(browser, 60) as page:
        await live(page)
        await expect(page.locator("#shown")).to_have_text("60 jobs")
        stop = page.get_by_role("button", name="[STOP]", exact=True)
        assert await stop.is_disabled()
        await page.get_by_label("filter the jobs").fill("example")
        number = int((await page.locator("#shown").inner_text()).split()[0])
        await page.locator("#pick-all").check()
        await stop.click()
        await page.wait_for_url(re.compile(r"/dash\?.*done="))
        stopped = [j for j in await page.service.jobs(1) if j.verdict == "paused"]
        assert number <= len(stopped) < 60
        await expect(page.locator(".notice")).to_contain_text(f"{number} jobs stopped")
        await page.keyboard.press("u")
        await page.wait_for_url(re.compile(r"/dash\?.*done=start"))
        stopped = [j for j in await page.service.jobs(1) if j.verdict == "paused"]
        assert len(stopped) < number
