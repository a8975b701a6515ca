"""Pages over plain HTTP, as a browser without scripts sees them."""

import re
from html import escape
from html.parser import HTMLParser

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from msgspec.structs import replace

from pangea.web.app import prepare_templates
from pangea.web.pages import PAGES, login_page
from pangea.web.render import plain_http
from pangea.web.schema import VoteAnswer
from tests.seeded import SeededService
from tests.seeded_site import CODE, TOKEN, seeded_site
from tests.seeded_world import JOBS, WORKERS

HTML = {"Accept": "text/html"}
EVIL = "<script>alert(1)</script>\u202egnp\x1b[31m\"'><img src=x onerror=alert(2)>"


@pytest.fixture
async def site():
    async with seeded_site(SeededService()) as running:
        yield running


@pytest.fixture
async def empty():
    async with seeded_site(SeededService(0)) as running:
        yield running


async def enter(site):
    """Return a session that has logged in through the form."""
    jar = aiohttp.CookieJar(unsafe=True)
    http = aiohttp.ClientSession(site.url, headers=HTML, cookie_jar=jar)
    answer = await http.post("/login", data={"code": CODE}, allow_redirects=False)
    assert answer.status == 303, await answer.text()
    return http


@pytest.fixture
async def http(site):
    session = await enter(site)
    yield session
    await session.close()


async def text(http, path, status=200):
    answer = await http.get(path)
    assert answer.status == status
    return await answer.text()


class Tags(HTMLParser):
    """The names of all tags and attributes of a page."""

    def __init__(self):
        super().__init__()
        self.names, self.attributes = set(), set()

    def handle_starttag(self, tag, attrs):
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}


def plain(page):
    """Return the words of a page without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page))


async def test_who_has_not_logged_in_is_led_to_the_login(site):
    async with aiohttp.ClientSession(site.url, headers=HTML) as http:
        for path in ("/", "/dash", "/jobs/shop", "/workers"):
            answer = await http.get(path)
            assert answer.url.path == "/login"
            assert "ACCESS CODE" in await answer.text()


async def test_a_wrong_code_is_refused_on_the_same_page(site):
    async with aiohttp.ClientSession(site.url, headers=HTML) as http:
        answer = await http.post("/login", data={"code": "0000-wrong"})
        assert answer.status == 401
        assert 'role="alert"' in await answer.text()


async def test_the_dashboard_shows_every_job_with_glyph_and_word(http, site):
    page = await text(http, "/dash")
    for name, kind, target, *_ in JOBS:
        assert f'data-job="{name}"' in page
        assert f"<b>{kind}</b> {target}" in page
    words = plain(page)
    for part in ("✖ 1 DOWN", "▲ 2 DEGRADED", "○ 1 UNKNOWN", "● 9 UP", "◌ 1 PAUSED"):
        assert part in words
    assert "<title>(1✖) Pangea</title>" in page
    assert words.index("3 of 4 workers: the HTTP status") < words.index("api.example")


async def test_each_cell_says_its_word_to_who_sees_no_colour(http, site):
    page = await text(http, "/dash")
    cells = re.findall(r'class="cell [^"]*" href="[^"]*" title="([^"]*)"', page)
    assert len(cells) == len(JOBS) * len(WORKERS)
    assert any(c.startswith("london: failed · ") and "got 503" in c for c in cells)
    assert any(c.startswith("nyc: stopped") for c in cells)
    assert any(c.startswith("tokyo: cannot run here · policy: ") for c in cells)


async def test_a_lost_worker_is_dimmed_and_a_job_elsewhere_is_a_dot(http, site):
    job = await site.service.job(1, "api")
    lost = VoteAnswer(worker="london", outcome="ok", state="lost", duration_ms=3.0)
    site.service.say(replace(job, votes=[lost]))
    page = await text(http, "/dash")
    row = page.split('data-job="api"')[1].split("</tr>")[0]
    assert 'class="cell v-lost"' in row
    assert "london: worker lost · 3 ms" in row
    assert "nyc: not assigned" in row


async def test_the_empty_dashboard_offers_the_first_jobs(empty):
    http = await enter(empty)
    page = await text(http, "/dash")
    assert "pangea job add http example.com" in page
    for target in ("192.0.2.1", "example.com@192.0.2.53", "https://example.org/"):
        assert target in page
    answer = await http.post("/starters")
    assert answer.url.path == "/dash"
    assert len(await empty.service.jobs(1)) == 4
    await http.post("/starters")
    assert len(await empty.service.jobs(1)) == 4
    await http.close()


async def test_execute_adds_a_job_and_says_what_it_costs(http, site):
    form = [("type", "tcp"), ("target", "db2.example.net:5432"), ("every", "1m30s")]
    form += [("on", "only"), ("worker", "nyc"), ("worker", "tokyo"), ("name", "db2")]
    answer = await http.post("/jobs", data=form)
    page = await answer.text()
    job = await site.service.job(1, "db2")
    assert (job.interval_s, job.on) == (90, "nyc,tokyo")
    assert "costs a probe every 1m30s on each of 2" in page
    command = "pangea job add tcp db2.example.net:5432 --name db2 --every 1m30s"
    assert f"{command} --timeout 10s --on nyc,tokyo" in page


async def test_a_name_server_may_stand_behind_the_name(http, site):
    form = {"type": "dns", "target": "www.example.com@192.0.2.53", "name": "www"}
    page = await (await http.post("/jobs", data=form | {"on": "all"})).text()
    job = await site.service.job(1, "www")
    assert (job.target, job.options) == ("www.example.com", {"resolver": "192.0.2.53"})
    assert "--set resolver=192.0.2.53" in page


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param({"target": " "}, "give a target", id="no target"),
        pytest.param({"every": "soon"}, "not a duration", id="no duration"),
        pytest.param({"name": "shop"}, "is there already", id="name taken"),
        pytest.param({"type": "gopher"}, "unknown probe type", id="unknown type"),
        pytest.param({"on": "only"}, "tick at least one worker", id="no worker"),
    ],
)
async def test_a_refused_form_says_why_and_keeps_what_was_typed(http, change, said):
    form = {"type": "dns", "target": "kept.example", "every": "45s", "on": "all"}
    answer = await http.post("/jobs", data=form | change)
    page = await answer.text()
    assert answer.status == 422
    assert said in plain(page)
    assert 'value="45s"' in page or "every" in change
    assert 'value="kept.example"' in page or "target" in change
    assert 'id="new" aria-labelledby="new-title">' in page


async def test_jobs_are_stopped_and_started_as_a_whole_and_on_a_worker(http, site):
    answer = await http.post("/jobs/api/stop", data={"back": "dash"})
    assert answer.url.path == "/dash"
    assert (await site.service.job(1, "api")).verdict == "paused"
    answer = await http.post("/jobs/api/start")
    assert answer.url.path == "/jobs/api"
    answer = await http.post("/jobs/api/stop", data={"worker": "tokyo"})
    page = await answer.text()
    assert "api is stopped on tokyo." in page
    assert '<input type="hidden" name="worker" value="tokyo"><button class="go"' in page
    states = {v.worker: v.state for v in (await site.service.job(1, "api")).votes}
    assert states == {
        "local": "waiting",
        "london": "waiting",
        "nyc": "waiting",
        "tokyo": "stopped",
    }
    assert 'aria-label="start on tokyo"' in await text(http, "/jobs/api")


async def test_a_job_is_changed_renamed_and_removed(http, site):
    form = {"name": "api-v2", "every": "1m", "timeout": "5s"}
    answer = await http.post("/jobs/api/edit", data=form)
    assert answer.url.path == "/jobs/api-v2"
    job = await site.service.job(1, "api-v2")
    assert (job.interval_s, job.timeout_s) == (60, 5)
    refused = await http.post("/jobs/api-v2/edit", data={"timeout": "5m"})
    assert refused.status == 422
    assert "longer than the interval" in await refused.text()
    answer = await http.post("/jobs/api-v2/remove")
    assert answer.url.path == "/dash"
    await text(http, "/jobs/api-v2", 404)


async def test_a_job_that_is_stopped_on_every_worker_can_be_started(http, site):
    job = await site.service.job(1, "api")
    assert "/jobs/api/stop" in await text(http, "/dash")
    site.service._jobs["api"] = replace(job, verdict="paused")
    for path in ("/dash", "/jobs/api"):
        page = await text(http, path)
        assert 'action="/jobs/api/start"' in page
        assert "[RUN NOW]" not in page
    assert 'action="/jobs/api/stop"' not in await text(http, "/dash")


async def test_the_workers_page_gives_the_command_for_one_more(http, site):
    page = await text(http, "/workers")
    status = await site.service.status(1)
    assert len(status.join) == len(status.join_secret) == 2
    for command in status.join + status.join_secret:
        assert f'<code tabindex="0">{escape(command)}</code>' in page
    assert page.index(escape(status.join[0])) < page.index(status.join_secret[0][:40])
    assert "listens on loopback only" not in page
    assert "icmp: no right to send ICMP" in page
    for worker in WORKERS:
        assert re.search(f'<th scope="row"[^>]*><a [^>]*>{worker}</a></th>', page)


async def test_a_command_that_works_only_here_is_told_as_that(http, site, monkeypatch):
    status = await site.service.status(1)

    async def on_loopback(org):
        return replace(status, only_here=True)

    monkeypatch.setattr(site.service, "status", on_loopback)
    assert "listens on loopback only" in await text(http, "/workers")


async def test_in_public_the_page_says_nothing_of_the_secret_file(
    http, site, monkeypatch
):
    status = await site.service.status(1)

    async def in_public(org):
        return replace(status, join_secret=[])

    monkeypatch.setattr(site.service, "status", in_public)
    page = await text(http, "/workers")
    assert "secret to a file" not in page
    assert "worker token" in page


async def test_what_targets_say_is_harmless_on_every_page(http, site):
    job = await site.service.job(1, "shop")
    votes = [replace(v, reason=EVIL, detail=EVIL, worker=v.worker) for v in job.votes]
    evil = replace(job, target=EVIL, verdict_reason=EVIL, votes=votes)
    site.service.say(replace(evil, options={EVIL: EVIL}, labels={EVIL: EVIL}))
    site.service.trouble = [EVIL]
    for path in ("/dash", "/jobs/shop", "/workers"):
        page = await text(http, path)
        assert "<script>alert" not in page
        assert "<img" not in page
        assert "\u202e" not in page
        assert "\x1b" not in page
        found = Tags()
        found.feed(page)
        assert "img" not in found.names
        assert not [name for name in found.attributes if name.startswith("on")]


async def test_no_page_needs_inline_script_or_style(http, empty):
    for path in ("/dash", "/dash?new=1", "/jobs/shop", "/workers", "/jobs/nothing"):
        page = await (await http.get(path)).text()
        assert not re.search(r"<style|\sstyle=|<script(?![^>]*src=)", page)


async def test_no_link_is_dead(http, site):
    posts = [r.path for r in PAGES if r.method == "POST"] + ["/login", "/logout"]
    known = [re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)) for path in posts]
    seen, waiting = set(), {"/dash", "/jobs/shop"}
    while waiting:
        path = waiting.pop()
        seen.add(path)
        answer = await http.get(path)
        assert answer.status == 200, path
        if answer.content_type != "text/html":
            continue
        page = await answer.text()
        found = set(re.findall(r'(?:href|src)="(/[^"#?]*)', page)) - seen
        # An export needs its query; the test of the job page asks with it.
        waiting |= {path for path in found if not path.startswith("/api/v1/export")}
        for action in re.findall(r'method="post" action="(/[^"?]*)', page):
            assert any(re.fullmatch(pattern, action) for pattern in known), action
    assert {"/workers", "/static/live.js", "/jobs/gateway"} <= seen


async def test_static_files_are_cached_by_their_content(http, site):
    first = await http.get("/static/pangea.css")
    again = await http.get(
        "/static/pangea.css", headers={"If-None-Match": first.headers["ETag"]}
    )
    assert (first.status, again.status) == (200, 304)
    for path in ("/static/../pages.py", "/static/base.html", "/static/none.css"):
        assert (await http.get(path)).status == 404


async def test_pages_travel_compressed_and_are_never_kept(http, site):
    answer = await http.get("/dash", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]


async def test_curl_gets_the_dashboard_as_text(site):
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with aiohttp.ClientSession(site.url, headers=headers) as http:
        answer = await http.get("/", headers={"Accept": "*/*"})
        shown = await answer.text()
    assert answer.content_type == "text/plain"
    assert "✖ 1 DOWN" in shown
    assert re.search(
        r"✖ DOWN +shop +http https://shop\.example\.com/health +●✖✖✖", shown
    )


@pytest.mark.parametrize(
    ("address", "scheme", "warned"),
    [
        ("192.0.2.7", "http", True),
        ("2001:db8::7", "http", True),
        ("192.0.2.7", "https", False),
        ("127.0.0.1", "http", False),
        ("::1", "http", False),
        ("::ffff:127.0.0.1", "http", False),
    ],
)
def test_plain_http_from_another_host_is_warned_of(address, scheme, warned):
    request = make_mocked_request("GET", "/dash").clone(remote=address, scheme=scheme)
    assert plain_http(request) is warned


@pytest.mark.parametrize("address", ["192.0.2.7", "127.0.0.1"])
def test_the_warning_of_plain_http_stands_on_the_page(address):
    app = web.Application()
    prepare_templates(app)
    request = make_mocked_request("GET", "/login", app=app).clone(remote=address)
    warned = "<b>plain HTTP:</b>" in login_page(request).text
    assert warned is (address == "192.0.2.7")


async def test_curl_without_a_token_is_told_how(site):
    async with aiohttp.ClientSession(site.url) as http:
        answer = await http.get("/")
        assert answer.status == 401
        assert "Authorization: Bearer" in await answer.text()


async def test_a_viewer_sees_no_buttons_and_may_not_post(site):
    viewer = replace(site.accounts.accounts[1], role="viewer")
    site.accounts.accounts[1] = viewer
    http = await enter(site)
    page = await text(http, "/dash") + await text(http, "/jobs/shop")
    assert "[STOP]" not in page
    assert "NEW MONITOR" not in page
    assert (await http.post("/jobs/shop/stop")).status == 403
    await http.close()
