"""Who asks: what headers claim counts from configured proxies only."""

import re
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from pangea.core.errors import NotAllowed
from pangea.web import caller
from pangea.web.caller import Caller, address_of, caller_of, is_here, is_secure
from pangea.web.enroll import first_account
from pangea.web.guard import guard
from pangea.web.keys import SITE, Site
from tests.web.proxy import networks, terminating
from tests.web.site import TOKEN, serving

PROXIES = networks("192.0.2.1", "10.0.0.0/8", "2001:db8::/32")


def asked(remote, *headers, scheme="http", proxies=PROXIES):
    request = make_mocked_request(
        "GET", "/", headers=headers, app={SITE: Site(admin_token="", proxies=proxies)}
    )
    return request.clone(remote=remote, scheme=scheme)


HTTPS = ("X-Forwarded-Proto", "https")


@pytest.mark.parametrize(
    ("remote", "headers", "found"),
    [
        ("192.0.2.1", [("X-Forwarded-For", "203.0.113.5"), HTTPS], "203.0.113.5"),
        ("::ffff:192.0.2.1", [("X-Forwarded-For", "203.0.113.5"), HTTPS],
         "203.0.113.5"),
        ("10.1.1.1", [("X-Forwarded-For", "6.6.6.6, 203.0.113.5, 10.2.2.2"), HTTPS],
         "203.0.113.5"),
        ("10.1.1.1", [("X-Forwarded-For", "6.6.6.6"),
                      ("X-Forwarded-For", "2001:db9::5"), HTTPS], "2001:db9::5"),
        ("10.1.1.1", [("X-Forwarded-For", "10.3.3.3, 10.2.2.2"), HTTPS], "10.3.3.3"),
        ("10.1.1.1", [("X-Forwarded-For", "\"><script>"), HTTPS], "10.1.1.1"),
        ("10.1.1.1", [("X-Forwarded-For", "203.0.113.5, junk"), HTTPS], "10.1.1.1"),
        ("10.1.1.1", [("X-Forwarded-For", ", ".join(["6.6.6.6"] * 40)), HTTPS],
         "6.6.6.6"),
        ("10.1.1.1", [HTTPS], "10.1.1.1"),
    ],
)  # fmt: skip
def test_a_configured_proxy_is_believed_who_asked_it(remote, headers, found):
    assert caller_of(asked(remote, *headers)) == Caller(found, True, True)


@pytest.mark.parametrize("remote", ["203.0.113.66", "127.0.0.1", "", "unix"])
def test_nobody_else_is_believed(remote):
    request = asked(remote, ("X-Forwarded-For", "127.0.0.1"), HTTPS)
    assert address_of(request) == remote
    assert not is_secure(request)


@pytest.mark.parametrize(
    ("said", "secure"),
    [("https", True), ("HTTPS", True), ("http", False), ("https, http", False),
     ("http, https", True), ("httpsx", False), ("", False)],
)  # fmt: skip
def test_the_word_of_the_nearest_proxy_counts(said, secure):
    request = asked("10.1.1.1", ("X-Forwarded-Proto", said))
    assert is_secure(request) is secure


def test_the_own_machine_is_never_behind_a_proxy():
    claim = ("X-Forwarded-For", "127.0.0.1")
    assert not is_here(asked("10.1.1.1", claim, HTTPS))
    assert not is_here(asked("127.0.0.1", claim, proxies=networks("127.0.0.1")))
    assert is_here(asked("127.0.0.1"))


# a whole site behind a proxy


@pytest.fixture
async def behind(tmp_path):
    proxies = networks("127.0.0.1")
    async with (
        serving(proxies=proxies, public=True, hsts=True) as site,
        terminating(tmp_path, site.running.port) as port,
    ):
        yield site, f"https://127.0.0.1:{port}"


async def test_behind_the_proxy_the_session_is_bound_and_has_the_real_address(behind):
    site, url = behind
    site.accounts.accounts.clear()
    code = await first_account(site.accounts)
    async with aiohttp.ClientSession(url) as http:
        answer = await http.post(
            "/login", data={"code": code}, ssl=False, allow_redirects=False
        )
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-pangea=")
    assert "Secure" in cookie
    assert "Domain" not in cookie
    assert {s.ip for s in site.accounts.sessions.values()} >= {"192.0.2.9"}
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


async def test_wrong_codes_behind_the_proxy_are_counted_by_the_real_address(behind):
    site, url = behind
    each_its_own = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(url, connector=each_its_own) as http:
        statuses = [
            (await http.post("/login", data={"code": f"X{n:07}"}, ssl=False)).status
            for n in range(6)
        ]
    assert statuses == [401] * 5 + [429]
    # Who asks from this machine is somebody else.
    direct = await site.post("/login", data={"code": "Y0000000"})
    assert direct.status == 401


# in public


@pytest.mark.parametrize("path", ["/", "/login", "/api/v1/jobs", "/mesh", "/static/x"])
async def test_in_public_a_proxy_that_was_asked_in_the_clear_gets_nothing(
    tmp_path, path
):
    async with (
        serving(proxies=networks("127.0.0.1"), public=True) as site,
        terminating(tmp_path, site.running.port, "X-Forwarded-Proto: http") as port,
        aiohttp.ClientSession(f"https://127.0.0.1:{port}") as http,
    ):
        headers = {"Authorization": f"Bearer {TOKEN}"}
        answer = await http.get(path, headers=headers, ssl=False)
        assert answer.status == 403
        assert "plain HTTP is not spoken here" in await answer.text()
        alive = await http.get("/healthz", ssl=False)
        assert alive.status == 200


@pytest.mark.parametrize(
    ("remote", "scheme", "answered"),
    [
        ("192.0.2.7", "http", False),
        ("2001:db8::7", "http", False),
        ("", "http", False),
        ("192.0.2.7", "https", True),
        ("127.0.0.1", "http", True),
        ("::1", "http", True),
    ],
)
async def test_in_public_another_machine_is_answered_by_tls_only(
    remote, scheme, answered
):
    async def page(request):
        return web.Response(text="ok")

    site = Site(admin_token="", public=True)
    headers = {"Host": "127.0.0.1"}
    asking = make_mocked_request("GET", "/", headers=headers, app={SITE: site})
    request = asking.clone(remote=remote, scheme=scheme)
    if answered:
        assert (await guard(request, page)).text == "ok"
    else:
        with pytest.raises(NotAllowed, match="plain HTTP is not spoken here"):
            await guard(request, page)


def test_nothing_else_of_the_web_looks_by_itself():
    direct = re.compile(r"request\.(remote|secure|scheme)\b|X-Forwarded")
    sources = Path(caller.__file__).parent.glob("*.py")
    found = {path.name for path in sources if direct.search(path.read_text())}
    assert found == {"caller.py", "guard.py"}  # a hint in the one names the headers


async def test_in_public_this_machine_may_still_ask_in_the_clear():
    async with serving(public=True, hsts=True) as site:
        answer = await site.get("/api/v1/jobs", by="token")
        assert answer.status == 200
        assert "Strict-Transport-Security" not in answer.headers
