"""A job's pages: every range without a script, every word harmless, every form."""

import re
from html import unescape

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from pangea.web.schema import Page, ResultAnswer, moment
from tests.seeded_world import NOW_US
from tests.web.reading import EVIL, asking, assert_harmless, looking, plain, text


@pytest.fixture
async def job():
    async with asking() as pair:
        yield pair


@pytest.fixture
def http(job):
    return job[1]


@pytest.fixture
def site(job):
    return job[0]


def say_results(site, *results):
    """Let the job pages have these results, newest first."""

    async def told(org, name, **query):
        return Page(items=list(results))

    site.service.results = told


def a_result(worker="london", **changes):
    result = ResultAnswer(
        worker=worker,
        started_at="2026-11-22T12:03:10.000000Z",
        duration_ms=12.5,
        outcome="ok",
        reason="",
        detail="",
        phases={"resolve": 0.5, "connect": 2.0, "tls": 10.0},
        readings={"status": 200, "bytes": 12345, "hops": [{"ms": 1.5, "status": 301}]},
        flags=[],
    )
    return replace(result, **changes)


def sheets(page):
    """Return the part of each worker in a job's page."""
    return re.findall(r'<details class="sheet".*?</details>', page, re.DOTALL)


async def test_the_first_page_tells_verdict_why_votes_chart_and_results(http):
    page = await text(http, "/jobs/shop")
    words = plain(page)
    assert "✖ DOWN for 6m12s : 3 of 4 workers" in words
    assert "3 of 4 voters failed, 2 needed; confirmed 1.8s after" in words
    assert "status: got 503, wanted 200-399" in words
    assert "resolve 1.88 ms" in words
    # Of the range: an outage in the night, and the one that goes on.
    assert re.search(r"✖ DOWN 2\.\d+ % 42m12s", words)
    label = re.search(r'class="plot latency" role="img" aria-label="([^"]+)"', page)[1]
    assert re.fullmatch(
        r"median [\d.]+ ms to [\d.]+ ms, p95 up to \d+ ms, p99 up to \d+ ms, in 145 "
        r"steps of 10m; [45] of them failed; uptime 97.\d+ %",
        label,
    )
    assert f'<pre class="chart wide" role="img" aria-label="{label}"' in page
    assert len(re.findall(r"<tr><th scope=\"row\"><time", page)) > 130


@pytest.mark.parametrize("word", ["1h", "6h", "24h", "7d", "30d", "90d", "1y", "2y"])
async def test_every_range_is_an_address(http, word):
    page = await text(http, f"/jobs/shop?range={word}")
    chosen = re.findall(r'aria-current="true">(\w+)</a>', page)
    assert chosen == [word]
    assert 'class="smoke-3"' in page


async def test_a_range_of_ones_own_and_the_ways_on_from_it(http):
    asked = "/jobs/shop?from=2026-11-20+06:00&to=2026-11-20+18:00&worker=london"
    page = await text(http, asked)
    assert "20 Nov 2026 06:00 – 18:00 UTC, 12h" in page
    assert "LATENCY AND LOSS FROM london" in plain(page)
    links = dict(re.findall(r'<a href="([^"]+)" data-key="([^"]+)"', page))
    ways = {key: unescape(href) for href, key in links.items()}
    assert ways["["] == (
        "/jobs/shop?from=2026-11-20+00%3A00&to=2026-11-20+12%3A00&worker=london"
    )
    assert ways["]"] == (
        "/jobs/shop?from=2026-11-20+12%3A00&to=2026-11-21+00%3A00&worker=london"
    )
    assert ways["."] == "/jobs/shop?worker=london"
    for way in ways.values():
        await text(http, way)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("range=9y", "is no range"),
        ("from=never", "is not a time"),
        ("from=2026-11-20&to=2026-11-19", "from must be at least a minute before to"),
        ("to=2031-01-01", "is still to come"),
        (f"from={'%3Cscript%3E' * 9}", "is not a time"),
    ],
)
async def test_a_range_that_is_none_shows_the_usual_one_and_says_why(http, query, said):
    page = await text(http, f"/jobs/shop?{query}")
    assert said in plain(page)
    assert 'aria-current="true">24h</a>' in page
    assert_harmless(page)


async def test_a_page_stands_at_a_moment_of_the_past(http):
    page = await text(http, "/jobs/shop?at=03:12&range=6h")
    words = plain(page)
    assert "AS IT WAS KNOWN ON 2026-11-22 03:12:00 UTC" in words
    assert "21 Nov 2026 21:12 – 22 Nov 2026 03:12 UTC" in words
    assert "[RUN NOW]" not in page
    assert "data-now" not in page  # it does not go on
    for path in ("workers", "calendar", "results"):
        assert f'/jobs/shop/{path}?range=6h&amp;at=2026-11-22+03%3A12"' in page
        assert "AS IT WAS KNOWN" in await text(http, f"/jobs/shop/{path}?at=03:12")


async def test_a_job_without_results_has_words_and_no_empty_chart(http):
    form = {"type": "icmp", "target": "192.0.2.9", "on": "all", "do": "execute"}
    await http.post("/jobs", data=form)
    page = await text(http, "/jobs/icmp-192.0.2.9")
    assert "No results yet. The first one comes within 30 s." in plain(page)
    assert "<pre" not in page
    assert 'class="plot' not in page
    for path in ("workers", "calendar", "results", "edit"):
        await text(http, f"/jobs/icmp-192.0.2.9/{path}")


async def test_a_young_job_is_shown_since_it_was_added(http, site, monkeypatch):
    asked = site.service.history

    async def history(*args, **more):
        added = moment(NOW_US - 16_000_000)
        return replace(await asked(*args, **more), added_at=added)

    assert "since added" not in await text(http, "/jobs/api")
    monkeypatch.setattr(site.service, "history", history)
    page = await text(http, "/jobs/api")
    assert "% since added, 16s ago" in page
    for path in ("/jobs/api", "/jobs/api/workers"):
        page = await text(http, path)
        assert "22 Nov 2026 11:53 – 12:03 UTC, 10m" in page
        assert f'<a href="{path}" aria-current="true">10m</a>' in page
        assert f'<a href="{path}?range=24h">24h</a>' in page
    assert 'aria-current="true">7d</a>' in await text(http, "/jobs/api?range=7d")


async def test_it_tells_what_each_worker_last_saw(http, site):
    life = {"subject": "shop", "not_after": "2026-11-30T00:00:00Z", "days_left": 8}
    warned = a_result("nyc", reason="cert_expires_soon", flags=["warn"], readings=life)
    say_results(site, a_result(), warned, a_result(readings={"status": 500}))
    london, nyc = sheets(await text(http, "/jobs/shop"))
    assert "ok london 12.5 ms 1s ago" in plain(london)
    assert "answer 200 body 12.3 kB hops 1 301 1.5 ms" in plain(london)
    assert '<dt>tls</dt><dd><span class="bar" aria-hidden="true">    █' in london
    assert "500" not in london
    said = '<dd class="outside v-degraded"><span>until 2026-11-30T00:00:00Z, 8 days'
    assert said in nyc
    assert "open>" in nyc.split("\n")[0]
    assert "open>" not in london.split("\n")[0]


async def test_a_certificate_is_told_with_its_chain(http):
    words = plain(await text(http, "/jobs/intranet-cert"))
    assert "issuer CN=Example Issuing CA 3,O=Example Trust" in words
    assert "└─ CN=Example Root X1 (until 2035-01-01, 8 years left" in words
    assert "intranet.example.net, www.intranet.example.net" in words


async def test_packets_that_were_lost_colour_the_line(http):
    page = await text(http, "/jobs/vpn-tokyo")
    assert re.search(r'class="p50 loss-[123]"', page)
    assert "5 sent, 4 received, 20 % lost" in page
    assert 'id="part-phases"' not in page


async def test_phases_are_stacked_and_told_in_words(http):
    words = plain(await text(http, "/jobs/shop"))
    assert re.search(r"first_byte [\d.]+ ms 35 %", words)
    page = await text(http, "/jobs/shop")
    assert [n for n in range(8) if f'class="phase-{n}" d="M' in page] == [0, 1, 2, 3, 4]


async def test_what_targets_and_people_say_is_harmless_on_every_page(http, site):
    job = await site.service.job(1, "shop")
    votes = [replace(v, reason=EVIL, detail=EVIL) for v in job.votes]
    evil = replace(
        job,
        target=EVIL,
        verdict_reason=EVIL,
        votes=votes,
        trust=EVIL,
        notices=[EVIL],
        options={EVIL: EVIL, "body": EVIL},
        labels={EVIL: EVIL},
    )
    site.service.say(evil)
    hostile = {
        EVIL: EVIL,
        "subject": EVIL,
        "hops": [{"url": EVIL}],
        "banner": EVIL,
        "answers": [EVIL],
        "changed": {EVIL: {"before": EVIL, "after": EVIL}},
    }
    say_results(
        site,
        a_result(readings=hostile, phases={EVIL: 1.0, "b": 1.0}),
        a_result("nyc", outcome="failed", reason=EVIL, detail=EVIL, flags=[EVIL]),
    )  # fmt: skip
    note = {"text": EVIL.replace("\x1b", ""), "about": "this"}
    assert (await http.post("/jobs/shop/note", data=note)).status == 200
    for path in ("", "/workers", "/calendar", "/results", "?at=12:00", "?worker=nyc"):
        page = await text(http, f"/jobs/shop{path}")
        assert_harmless(page)
    assert plain(page).count("alert(1)") >= 6


async def test_a_single_phase_is_the_whole_and_is_not_drawn(http, site):
    say_results(site, a_result(phases={"rtt": 12.5}, readings={}))
    (only,) = sheets(await text(http, "/jobs/shop"))
    assert "<dl" not in only


async def test_workers_are_compared_and_lead_to_their_own_charts(http):
    page = await text(http, "/jobs/shop/workers?range=7d")
    assert re.findall(r'<figcaption><a href="([^"]+)">tokyo', page) == [
        "/jobs/shop?range=7d&amp;worker=tokyo"
    ]
    assert "no region" in page
    assert "Each chart has its own scale." in page
    same = unescape(re.search(r'href="([^"]+scale=same)"', page)[1])
    assert "All charts share one scale." in await text(http, same)


async def test_a_bad_day_of_the_calendar_leads_to_that_day(http):
    page = await text(http, "/jobs/shop/calendar")
    assert page.count('<td class="u-') == 371
    assert page.count('<td class="h-') == 28 * 24
    href = unescape(re.search(r'<td class="u-bad"[^>]*><a href="([^"]+)"', page)[1])
    day = await text(http, href)
    assert "✖ DOWN" in plain(day)


async def test_results_are_found_by_worker_and_outcome(http, site):
    page = await text(http, "/jobs/shop/results?outcome=failed&worker=nyc")
    assert 'value="nyc" selected' in page
    assert 'value="failed" selected' in page
    workers = set(re.findall(r"</time></td>\s*<td>(\w+)</td>", page))
    assert workers == {"nyc"}
    assert "● ok" not in plain(page)
    none = await text(http, "/jobs/shop/results?outcome=error")
    assert "No such result in this time range" in none
    assert "results?job=shop&amp;worker=nyc&amp;since=2026-11-21T12" in page


async def test_results_go_on_from_page_to_page(http, site):
    asked = []

    async def told(org, name, **query):
        asked.append(query["cursor"])
        rows = [a_result(outcome="failed" if n == 9 else "ok") for n in range(250)]
        return Page(items=rows[: query["limit"]], next="further")

    site.service.results = told
    page = await text(http, "/jobs/shop/results?cursor=here")
    assert asked == ["here"]
    assert "/jobs/shop/results?cursor=further" in page
    del asked[:]
    page = await text(http, "/jobs/shop/results?outcome=failed")
    # One in 250 matches: it looks at 5000 and no more, and offers to go on.
    assert len(asked) == 20
    assert "[LOOK FURTHER BACK]" in page
    assert page.count("<tr data-row>") == 20


async def test_a_note_is_kept_about_this_job_or_refused_with_its_text(http, site):
    note = {"text": "deployed v2", "at": "11:00", "about": "this"}
    answer = await http.post("/jobs/shop/note", data=note)
    assert answer.url.path == "/jobs/shop"
    page = await answer.text()
    assert "2026-11-22 11:00:00" in page
    assert "deployed v2" in page
    for wrong in ({"text": " "}, {"text": "x", "at": "soon"},
                  {"text": "x", "about": "label-7"}):  # fmt: skip
        answer = await http.post("/jobs/shop/note", data=note | wrong)
        assert answer.status == 422
        assert 'id="note-form" open' in await answer.text()


async def test_a_job_is_changed_in_every_field_from_its_form(http, site):
    page = await text(http, "/jobs/api/edit")
    for name in ("target", "every", "timeout", "name", "on", "rule", "expect", "labels",
                 "depends_on", "slo", "opt.method", "opt.expect_status"):  # fmt: skip
        assert f'name="{name}"' in page, name
    form = {"name": "api-v2", "every": "1m", "timeout": "5s", "on": "all"}
    answer = await http.post("/jobs/api/edit", data=form)
    assert answer.url.path == "/jobs/api-v2"
    refused = await http.post("/jobs/api-v2/edit", data=form | {"timeout": "5m"})
    assert refused.status == 422
    words = await refused.text()
    assert "longer than the interval" in words
    assert 'value="5m"' in words


async def test_who_may_only_look_has_no_forms():
    async with looking() as (_, http):
        page = await text(http, "/jobs/shop")
        assert 'method="post" action="/jobs' not in page
        assert ">EDIT<" not in page
        await text(http, "/jobs/shop/edit", 403)
        assert (await http.post("/jobs/shop/note", data={"text": "x"})).status == 403


async def test_no_page_needs_inline_script_or_style(http):
    for path in ("", "/workers", "/calendar", "/results", "/edit"):
        page = await text(http, f"/jobs/shop{path}")
        assert not re.search(r"<style|\sstyle=|<script(?![^>]*src=)", page)


async def test_an_unknown_job_or_worker_is_not_found(http):
    await text(http, "/jobs/nothing", 404)
    await text(http, "/jobs/nothing/calendar", 404)


async def test_a_rule_that_was_left_alone_is_not_pinned(http, site, monkeypatch):
    patches, edit = [], site.service.edit_job

    async def edit_job(org, name, patch):
        patches.append(patch)
        return await edit(org, name, patch)

    monkeypatch.setattr(site.service, "edit_job", edit_job)
    form = {"target": "https://x/", "every": "30s", "timeout": "10s", "on": "all"}
    for rule in ("majority", "any", ""):
        await http.post("/jobs/api/edit", data=form | {"rule": rule})
    assert [patch.rule for patch in patches] == [UNSET, "any", ""]


async def test_the_dashboard_of_a_moment_leads_to_jobs_as_of_then(http):
    page = await text(http, "/dash?at=2026-11-22+03:12")
    href = unescape(re.search(r'<a href="(/jobs/shop\?at=[^"]+)">', page)[1])
    assert "AS IT WAS KNOWN ON 2026-11-22 03:12:00 UTC" in await text(http, href)
