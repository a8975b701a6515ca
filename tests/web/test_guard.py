import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.storage.database import Store
from pangea.web.enroll import read_codes, sync_accounts
from pangea.web.guard import LARGEST_BODY, host_name, is_ours, same_origin
from pangea.web.routes import ROUTES
from pangea.web.stored_accounts import StoredAccounts
from tests.web.site import TOKEN, serving

SPEC = {"type": "tcp", "target": "127.0.0.1:9"}
FORM = {"type": "tcp", "target": "127.0.0.1:9"}


@pytest.mark.parametrize("path", ["/dash", "/login", "/static/pangea.css", "/nothing"])
async def test_every_answer_carries_the_headers(site, path):
    answer = await site.get(path, by="viewer", headers={"Accept": "text/html"})
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "aiohttp" not in answer.headers["Server"]


async def test_the_api_is_never_cached(site):
    for path in ("/api/v1/status", "/api/v1/jobs/nothing", "/api/v1/nothing"):
        answer = await site.get(path, by="token")
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:7464",
        "[::1]:7464",
        "[fe80::1%25eth0]:7464",
        "localhost:7464",
        "atlas.local",
        "Atlas.Local.:7464",
        "monitor.example.net",
    ],
)
def test_these_names_are_ours(host):
    assert is_ours(host_name(host), frozenset({"monitor.example.net"}))


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "local",
        "monitor.example.net.evil.example",
        "evil.example#localhost",
        "[::1",
        "x@evil.example",
    ],
)
def test_these_names_are_not_ours(host):
    assert not is_ours(host_name(host), frozenset({"monitor.example.net"}))


@given(st.text(max_size=40))
def test_no_host_header_breaks_the_check(host):
    assert is_ours(host_name(host), frozenset()) in (True, False)
    assert same_origin(host, host) in (True, False)


@pytest.mark.parametrize("path", ["/dash", "/login", "/api/v1/status", "/"])
async def test_a_page_that_rebinds_its_name_is_refused(site, path):
    answer = await site.get(path, by="admin", headers={"Host": "evil.example"})
    assert answer.status == 421
    assert "allowed_hosts" in answer.text


async def test_a_token_may_come_under_any_name_and_so_may_health(site):
    foreign = {"Host": "evil.example"}
    answer = await site.get("/api/v1/status", by="token", headers=foreign)
    assert answer.status == 200
    assert (await site.get("/healthz", headers=foreign)).status == 200


async def test_a_wrong_token_opens_no_way_around_the_checks(site):
    wrong = {"Authorization": "Bearer wrong", "Host": "evil.example"}
    answer = await site.post("/login", headers=wrong, data={"code": "x" * 20})
    assert answer.status == 421
    wrong = {"Authorization": "Bearer wrong", "Origin": "https://evil.example"}
    answer = await site.post("/login", headers=wrong, data={"code": "x" * 20})
    assert answer.status == 403


async def test_a_configured_name_is_ours():
    async with serving(hosts=frozenset({"Monitor.Example.Net"})) as site:
        named = {"Host": "monitor.example.net:7464"}
        answer = await site.get("/api/v1/status", by="viewer", headers=named)
        assert answer.status == 200


FOREIGN = [
    pytest.param({"Origin": "https://evil.example"}, id="another site"),
    pytest.param({"Origin": "null"}, id="a sandbox"),
    pytest.param({"Origin": "http://127.0.0.1:1"}, id="another port"),
    pytest.param({"Sec-Fetch-Site": "cross-site"}, id="the browser says cross-site"),
    pytest.param({"Sec-Fetch-Site": "same-site"}, id="a neighbouring name"),
]


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize(
    "route",
    [
        pytest.param(r, id=f"{r.method} {r.path}")
        for r in ROUTES
        if r.method not in ("GET",)
    ],
)
async def test_a_foreign_page_changes_nothing(site, route, headers):
    path = route.path.replace("{name}", "shop")
    answer = await site.ask(route.method, path, by="admin", headers=headers)
    assert answer.status == 403
    assert "another site" in answer.text
    assert len(site.accounts.sessions) == 2


async def test_our_own_pages_may(site):
    for headers in ({"Origin": site.url}, {"Sec-Fetch-Site": "same-origin"}):
        form = {**FORM, "name": f"own-{len(headers)}-{'Origin' in headers}".lower()}
        answer = await site.post("/jobs", by="admin", headers=headers, data=form)
        assert answer.status == 303


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
)
async def test_only_json_is_read_by_the_api(site, kind):
    headers = {"Content-Type": kind}
    answer = await site.post("/api/v1/jobs", by="token", data="{}", headers=headers)
    assert answer.status == 415
    assert "application/json" in answer.json["hint"]


@pytest.mark.parametrize("kind", ["text/plain", "application/json"])
async def test_only_forms_are_read_by_pages(site, kind):
    headers = {"Content-Type": kind}
    answer = await site.post("/jobs", by="admin", data="target=x", headers=headers)
    assert answer.status == 415


async def test_a_compressed_body_is_not_unpacked(site):
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    body = b"\x1f\x8b" + bytes(20)
    answer = await site.post("/api/v1/jobs", by="token", data=body, headers=headers)
    assert answer.status == 415


@pytest.mark.parametrize("path", ["/api/v1/jobs", "/login", "/jobs"])
async def test_a_big_body_is_refused(site, path):
    kind = "json" if path.startswith("/api") else "x-www-form-urlencoded"
    headers = {"Content-Type": f"application/{kind}"}
    data = b"x" * (LARGEST_BODY + 1)
    answer = await site.post(path, by="token", data=data, headers=headers)
    assert answer.status == 413


async def test_a_body_that_does_not_come_is_not_waited_for():
    async with serving(body_s=0.05) as site:
        reader, writer = await asyncio.open_connection("127.0.0.1", site.running.port)
        writer.write(
            b"POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n"
            b"Content-Type: application/json\r\n"
            b"Authorization: Bearer " + TOKEN.encode() + b"\r\n\r\n{"
        )
        answer = await asyncio.wait_for(reader.readline(), 2)
        assert b" 408 " in answer
        writer.close()
        await writer.wait_closed()


async def raw(site, head, body=b""):
    """Send bytes that no client would send, and return the first line."""
    reader, writer = await asyncio.open_connection("127.0.0.1", site.running.port)
    writer.write(b"\r\n".join([*head, b"Content-Length: %d" % len(body), b"", body]))
    line = await asyncio.wait_for(reader.readline(), 2)
    writer.close()
    await writer.wait_closed()
    return int(line.split()[1])


FORM_TYPE = b"Content-Type: application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    "header",
    [
        b"Authorization: Bearer \xff\xfe",
        b"Authorization: \xff",
        b"Cookie: pangea=\xff\xfe",
        b"Cookie: pangea=" + b"a" * 5000,
        b"Last-Event-ID: \xff",
        b"Accept: \xff",
    ],
)
@pytest.mark.parametrize("path", [b"/api/v1/events", b"/dash", b"/%ff", b"/jobs/%ff"])
async def test_bytes_that_are_no_text_break_nothing(site, path, header):
    head = [b"GET " + path + b" HTTP/1.1", b"Host: localhost", header]
    assert await raw(site, head) in (303, 400, 401, 404)


async def test_a_form_that_is_no_text_is_refused(site):
    head = [b"POST /login HTTP/1.1", b"Host: localhost"]
    assert await raw(site, [*head, FORM_TYPE], b"code=\xff") == 422
    unknown = FORM_TYPE + b"; charset=klingon"
    assert await raw(site, [*head, unknown], b"code=x") == 422


@pytest.mark.parametrize("body", [b"code=%ff%fe", b"code=%00&next=%ff"])
async def test_a_code_that_is_no_text_is_only_wrong(site, body):
    head = [
        b"POST /login HTTP/1.1",
        b"Host: localhost",
        b"User-Agent: \xff",
        FORM_TYPE,
    ]
    assert await raw(site, head, body) == 401


async def test_an_odd_browser_may_log_in(tmp_path):
    store = await Store.open(tmp_path / "pangea.db")
    accounts = StoredAccounts(store)
    await sync_accounts(accounts, read_codes("ann:kurz & gut ü"))
    async with serving(accounts=accounts) as site:
        head = [b"POST /login HTTP/1.1", b"Host: localhost", b"User-Agent: \xff\x80"]
        body = b"code=kurz+%26+gut+%C3%BC"
        assert await raw(site, [*head, FORM_TYPE], body) == 303
    await store.close()
