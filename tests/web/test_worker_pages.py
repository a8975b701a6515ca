"""The page of the workers: who waits, and the buttons that decide."""

import pytest
from msgspec.structs import replace

from pangea.web.api import Paging
from pangea.web.api_workers import page_of_workers
from tests.seeded_world import make_worker

ID = "abcdef-ghijkl-mnopqr-stuvwx-yzabcd-efghij"
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def waiting(site):
    """A worker that waits, under a hostile name, beside the seeded ones."""
    seeded, decided = site.service, []
    pending = replace(
        make_worker("nyc"), name=HOSTILE, id=ID, state="pending", notices=[HOSTILE]
    )
    old = replace(make_worker("tokyo"), state="revoked", connected=False)

    async def workers(org):
        return [make_worker("local"), pending, old]

    async def approve(org, name, by):
        decided.append(("approve", name, by))
        return pending

    async def revoke(org, name, by, body):
        decided.append(("revoke", name, by))
        return pending

    seeded.workers, seeded.approve, seeded.revoke = workers, approve, revoke
    return decided


async def test_an_admin_sees_who_waits_with_its_id_and_two_buttons(site, waiting):
    page = (await site.get("/workers", by="admin")).text
    assert ID in page
    assert f'action="/workers/{ID}/approve"' in page
    assert f'action="/workers/{ID}/revoke"' in page
    assert HOSTILE not in page
    assert "&lt;script&gt;" in page


async def test_the_page_says_through_whom_a_worker_comes(site):
    far = replace(make_worker("tokyo"), path=f"via {HOSTILE}")

    async def workers(org):
        return [make_worker("local"), far]

    site.service.workers = workers
    page = (await site.get("/workers", by="viewer")).text
    assert page.count("connected via &lt;script&gt;") == 1
    assert HOSTILE not in page


async def test_the_page_names_who_is_untrusted_and_how_its_clock_goes(site):
    off = replace(
        make_worker("tokyo"),
        trusted=False,
        draining=True,
        offset_ms=-10_800_000.0,
        health="clock is 3h ahead of the coordinator",
    )

    async def workers(org):
        return [make_worker("local"), off]

    site.service.workers = workers
    page = (await site.get("/workers", by="viewer")).text
    assert page.count("connected, untrusted, draining") == 1
    assert ">3h ahead<" in page
    assert '<span class="dim">clock is 3h ahead of the coordinator</span>' in page


async def test_a_viewer_sees_who_waits_and_no_buttons(site, waiting):
    page = (await site.get("/workers", by="viewer")).text
    assert ID in page
    assert "<form" not in page.partition("</header>")[2].partition("HOW TO ADD")[0]
    for verb in ("approve", "revoke", "remove"):
        answer = await site.post(
            f"/workers/{ID}/{verb}",
            by="viewer",
            data={},
            headers={"Sec-Fetch-Site": "same-origin"},
        )
        assert answer.status == 403
    assert waiting == []


@pytest.mark.parametrize("verb", ["approve", "revoke"])
async def test_a_button_decides_and_leads_back(site, waiting, verb):
    answer = await site.post(
        f"/workers/{ID}/{verb}",
        by="admin",
        data={},
        headers={"Sec-Fetch-Site": "same-origin"},
    )
    assert answer.status == 303
    assert answer.headers["Location"] == "/workers"
    assert waiting == [(verb, ID, "admin")]


async def test_a_page_of_elsewhere_decides_nothing(site, waiting):
    answer = await site.post(
        f"/workers/{ID}/approve",
        by="admin",
        data={},
        headers={"Sec-Fetch-Site": "cross-site"},
    )
    assert answer.status == 403
    assert waiting == []


@pytest.mark.parametrize(
    "path",
    [
        *(f"/api/v1/workers/nyc/{verb}" for verb in ("approve", "revoke", "drain")),
        "/api/v1/workers/nyc/rename",
        "/api/v1/worker-tokens",
    ],
)
async def test_a_viewer_decides_nothing_by_the_api(site, path):
    answer = await site.post(
        path, by="viewer", json={}, headers={"Sec-Fetch-Site": "same-origin"}
    )
    assert answer.status == 403
    assert (await site.post(path, json={})).status == 401


async def test_who_decides_is_written_down(site):
    answer = await site.post("/api/v1/workers/nyc/approve", by="token")
    assert answer.json["approved_by"]
    answer = await site.ask("DELETE", "/api/v1/workers/nyc", by="token")
    assert (answer.status, answer.json["detail"]) == (409, "worker nyc is connected")


async def test_the_dashboard_shows_only_workers_that_are_in(site, waiting):
    page = (await site.get("/dash", by="admin")).text
    assert "&lt;script&gt;" not in page


def test_pages_neither_repeat_nor_lose_workers_of_one_name():
    workers = [
        replace(make_worker("nyc"), id=f"id-{n}", state="revoked") for n in range(5)
    ]
    seen, cursor = [], None
    while True:
        page = page_of_workers(workers, Paging(limit=2, cursor=cursor))
        seen += [w.id for w in page.items]
        cursor = page.next
        if cursor is None:
            break
    assert seen == [f"id-{n}" for n in range(5)]


async def test_only_an_admin_sees_and_withdraws_tokens(site):
    path = "/api/v1/worker-tokens"
    found = await site.get(path, by="token")
    assert [t["state"] for t in found.json["items"]] == [
        "open", "used", "expired", "withdrawn",
    ]  # fmt: skip
    assert (await site.get(path, by="viewer")).status == 403
    one = f"{path}/{found.json['items'][0]['id']}"
    assert (await site.ask("DELETE", one)).status == 401
    assert (await site.ask("DELETE", one, by="token")).status == 204
    assert (await site.ask("DELETE", f"{path}/nobody", by="token")).status == 404
