import re

import pytest

from pangea.storage.database import Store
from pangea.web.auth import hash_session, safe_next
from pangea.web.enroll import first_account, read_codes, sync_accounts
from pangea.web.login import WRONG
from pangea.web.stored_accounts import StoredAccounts
from tests.web.site import serving


async def log_in(site, code, **form):
    return await site.post("/login", data={"code": code, **form})


def cookie_of(answer):
    return re.match(r"pangea=([^;]+)", answer.headers["Set-Cookie"])[1]


async def test_the_first_code_logs_in_and_out(site):
    site.accounts.accounts.clear()
    code = await first_account(site.accounts)
    answer = await log_in(site, f" {code.lower().replace('-', ' ')} ")
    assert (answer.status, answer.headers["Location"]) == (303, "/dash")
    sent = answer.headers["Set-Cookie"]
    assert {"HttpOnly", "Path=/", "SameSite=Strict"} <= set(sent.split("; "))
    assert "Secure" not in sent
    sid = cookie_of(answer)
    cookie = {"Cookie": f"pangea={sid}"}
    assert (await site.get("/api/v1/status", headers=cookie)).status == 200
    assert sid not in repr(site.accounts.sessions)

    out = await site.post("/logout", headers=cookie)
    assert (out.status, out.headers["Location"]) == (303, "/login")
    assert (await site.get("/api/v1/status", headers=cookie)).status == 401


async def test_every_login_has_a_new_id_whatever_the_browser_brought(site):
    await sync_accounts(site.accounts, read_codes("ann:correct horse"))
    fixed = {"Cookie": "pangea=chosen-by-an-attacker"}
    form = {"code": "correct horse"}
    first = await site.post("/login", data=form, headers=fixed)
    second = await log_in(site, "correct horse")
    assert cookie_of(first) != cookie_of(second)
    assert (await site.get("/api/v1/status", headers=fixed)).status == 401


async def test_wrong_codes_are_all_answered_alike(site):
    site.accounts.accounts.clear()
    code = await first_account(site.accounts)
    await sync_accounts(site.accounts, read_codes("ann:correct horse"))
    almost = code[:-1] + ("0" if code[-1] != "0" else "1")
    answers = [
        await log_in(site, wrong)
        for wrong in (almost, "ZZZZ-AAAA-AAAA-AAAA-AAAA", "wrong horse", "")
    ]
    assert {a.status for a in answers} == {401}
    assert {a.text for a in answers} == {answers[0].text}
    assert WRONG in answers[0].text
    assert all("Set-Cookie" not in a.headers for a in answers)


async def test_after_five_wrong_codes_an_address_must_wait(site):
    await sync_accounts(site.accounts, read_codes("ann:correct horse"))
    for number in range(5):
        assert (await log_in(site, f"wrong {number}")).status == 401
    assert (await log_in(site, "correct horse")).status == 429
    waiting = await log_in(site, "correct horse")
    assert int(waiting.headers["Retry-After"]) >= 1
    assert "Too many" in waiting.text
    site.wall.now += 2
    assert (await log_in(site, "correct horse")).status == 303
    assert (await log_in(site, "wrong again")).status == 401


async def test_a_code_in_a_url_is_no_login(site):
    await sync_accounts(site.accounts, read_codes("ann:correct horse"))
    answer = await site.get("/login?code=correct horse")
    assert answer.status == 200
    assert "Set-Cookie" not in answer.headers
    answer = await site.post("/login?code=correct horse", data={"code": "x"})
    assert answer.status == 401


async def test_a_session_left_alone_ends(site):
    site.wall.now += 86399
    assert (await site.get("/api/v1/status", by="viewer")).status == 200
    site.wall.now += 86399
    assert (await site.get("/api/v1/status", by="viewer")).status == 200
    site.wall.now += 86400
    assert (await site.get("/api/v1/status", by="viewer")).status == 401
    assert hash_session("sid-of-viewer") not in site.accounts.sessions


async def test_a_session_in_constant_use_ends_after_its_length(site):
    for _ in range(7):
        assert (await site.get("/api/v1/status", by="viewer")).status == 200
        site.wall.now += 86399
    site.wall.now += 8
    assert (await site.get("/api/v1/status", by="viewer")).status == 401


async def test_a_removed_account_is_out_at_once(site):
    await site.accounts.remove(102)
    assert (await site.get("/api/v1/status", by="viewer")).status == 401


async def test_a_session_outlives_the_coordinator(tmp_path):
    store = await Store.open(tmp_path / "pangea.db")
    accounts = StoredAccounts(store)
    code = await first_account(accounts)
    async with serving(accounts=accounts) as site:
        cookie = {"Cookie": f"pangea={cookie_of(await log_in(site, code))}"}
    await store.close()

    store = await Store.open(tmp_path / "pangea.db")
    async with serving(accounts=StoredAccounts(store)) as site:
        assert (await site.get("/api/v1/status", headers=cookie)).status == 200
        await site.post("/logout", headers=cookie)
        assert (await site.get("/api/v1/status", headers=cookie)).status == 401
    await store.close()


@pytest.mark.parametrize("path", ["/dash", "/jobs/shop", "/workers"])
async def test_a_page_leads_to_the_login_and_back(site, path):
    answer = await site.get(path)
    assert answer.status == 303
    assert answer.headers["Location"] == f"/login?next={path}"
    await sync_accounts(site.accounts, read_codes("correct horse"))
    answer = await log_in(site, "correct horse", next=path)
    assert answer.headers["Location"] == path


@pytest.mark.parametrize(
    "path",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/a\r\nSet-Cookie: x=1",
        "/dash\n",
        "",
        "/%2f/evil.example",
        "/login@evil.example",
    ],
)
def test_a_login_never_leads_to_another_site(path):
    assert safe_next(path) == "/dash"
