"""The pages of incidents: list, one of them, what people say, and the text to copy."""

import re
from html import unescape

import pytest
from msgspec.structs import replace

from pangea.web.api_incidents import INCIDENTS
from pangea.web.schema import moment
from tests.web.reading import EVIL, asking, assert_harmless, looking, plain, text

SAME = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
async def asked():
    async with asking() as pair:
        yield pair


@pytest.fixture
def http(asked):
    return asked[1]


@pytest.fixture
def seeded(asked):
    return asked[0].app[INCIDENTS]


async def post(http, path, **data):
    answer = await http.post(path, data=data, headers=SAME, allow_redirects=False)
    return answer, await answer.text()


async def test_what_is_open_stands_first_and_what_is_over_in_pages(http, seeded):
    page = await text(http, "/incidents")
    places = [page.index(x) for x in (">OPEN: 1<", "/incidents/2T4K", ">RESOLVED<")]
    assert places == sorted(places)
    assert page.count('href="/incidents/1A') == 49
    older = unescape(re.search(r'<a href="(/incidents\?[^"]+)"', page)[1])
    assert "cursor=50" in older
    last = await text(http, older)
    assert "OPEN:" not in last
    assert last.count('href="/incidents/1A') == 11
    assert "cursor=" not in last


async def test_the_list_is_filtered_by_job_state_and_time(http, seeded):
    page = await text(http, "/incidents?job=shop&state=open&since=all")
    assert page.count("<tr data-row>") == 1
    assert seeded.asked[-1][0].job == "shop"
    await text(http, "/incidents?since=24h")
    assert seeded.asked[-1][1] is not None
    wrong = await text(http, "/incidents?job=nobody")
    assert "no job" in wrong


async def test_the_list_is_filtered_by_words_cause_and_range(http, seeded):
    asked = "q=vpn&cause=subnet&state=over&from=2026-11-01&to=2026-11-20"
    page = await text(http, f"/incidents?{asked}&zone=Europe/Helsinki")
    query, since_us, until_us = seeded.asked[-1]
    assert (query.q, query.cause, query.state) == ("vpn", "subnet", "closed")
    assert moment(since_us) == "2026-10-31T22:00:00.000000Z"
    assert moment(until_us) == "2026-11-19T22:00:00.000000Z"
    assert "OPEN:" not in page
    assert set(re.findall(r'<a class="outside"[^>]*>([^<]+)</a>', page)) == {
        "vpn-tokyo"
    }
    for kept in (
        'name="q" value="vpn"',
        'value="subnet" selected',
        'value="over" selected',
        'name="from" value="2026-11-01"',
        'name="zone" value="Europe/Helsinki"',
    ):
        assert kept in page


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("from=soon", "&#39;soon&#39; is not a time"),
        ("from=2026-11-20&to=2026-11-01", "from must be before to"),
        ("from=03:00&zone=Moon/Base", "no time zone"),
        ("q=%3Cscript%3E&state=x&cause=y&since=z", ""),
    ],
)
async def test_what_makes_no_sense_is_told_or_as_usual(http, query, said):
    page = await text(http, f"/incidents?{query}")
    assert said in page
    assert "<script>" not in page


async def test_without_any_the_list_says_that_nothing_is_wrong(http, seeded):
    seeded.found.clear()
    assert "nothing is wrong." in await text(http, "/incidents")


async def test_one_tells_why_evidence_members_and_timeline(http):
    page = await text(http, "/incidents/2T4K")
    words = plain(page)
    assert "same address; status differs: london 503, tokyo 200" in words
    assert re.search(r"≠ differs: status\s+503\s+200", words)
    assert re.search(r"= address\s+192.0.2.10\s+192.0.2.10", words)
    assert "2 of 3 voters failed, 2 needed" in words
    assert "its network is down for it alone" in words
    assert 'href="/jobs/shop"' in page
    assert "mail: down" in words
    assert "deployed shop 4.2.0" in words


async def test_one_that_is_none_is_not_found(http):
    await text(http, "/incidents/XXXX", status=404)


async def test_somebody_takes_care_and_remarks(http, seeded):
    answer, _ = await post(http, "/incidents/2T4K/ack", text=f"on it {EVIL}")
    assert answer.status == 303
    assert answer.headers["Location"] == "/incidents/2T4K#timeline"
    answer, _ = await post(http, "/incidents/2T4K/comment", text="rolled back")
    assert answer.status == 303
    page = await text(http, "/incidents/2T4K")
    assert "rolled back" in page
    assert "Acknowledged by" in page
    assert_harmless(page)


async def test_what_is_over_is_not_acknowledged_and_the_text_is_kept(http):
    answer, page = await post(http, "/incidents/1A00/ack", text="too late")
    assert answer.status == 400
    assert "is over" in page
    assert 'value="too late"' in page
    answer, page = await post(http, "/incidents/1A00/comment", text=" ")
    assert answer.status == 400


async def test_who_may_only_look_has_no_form_and_is_refused():
    async with looking() as (_, http):
        page = await text(http, "/incidents/2T4K")
        assert "/ack" not in page
        for verb in ("ack", "comment"):
            answer, _ = await post(http, f"/incidents/2T4K/{verb}", text="x")
            assert answer.status == 403


async def test_a_page_of_another_site_says_nothing():
    async with looking() as (_, http):
        answer = await http.post(
            "/incidents/2T4K/ack", headers={"Sec-Fetch-Site": "cross-site"}
        )
        assert answer.status == 403


async def test_the_text_to_copy_reads_as_text_whatever_was_said(http, seeded):
    seeded.change = lambda one: replace(
        one, title=EVIL, reason=f"{EVIL} | [x](http://evil) `rm`"
    )
    page = await text(http, "/incidents/2T4K")
    assert_harmless(page)
    answer = await http.get("/incidents/2T4K/markdown")
    assert answer.content_type == "text/markdown"
    said = await answer.text()
    assert "&lt;script" in said
    assert "<" not in said
    assert r"\[x\](http://evil) \`rm\`" in said
    assert r"\| " in said
    assert "## TIMELINE" in said
    assert "| status | 503 | 200 |" in said


async def test_evidence_of_any_shape_is_shown_as_far_as_it_goes(http, seeded):
    odd = {
        "job": 7,
        "words": EVIL,
        "failing": {"worker": EVIL, "phases": [1], "hops": [1, ["x"], [2, EVIL]]},
        "healthy": None,
        "at": 5,
    }
    seeded.change = lambda one: replace(one, evidence=[odd, {}])
    page = await text(http, "/incidents/2T4K")
    assert_harmless(page)
    assert "hop 2" in page


async def test_the_page_of_a_job_leads_to_its_open_incident(asked, monkeypatch):
    site, http = asked
    job = await site.service.job(1, "api")

    async def down(org, name):
        return replace(job, incident="2T4K")

    assert 'href="/incidents/"' not in await text(http, "/jobs/api")
    monkeypatch.setattr(site.service, "job", down)
    assert re.search(r'<a href="/incidents/2T4K">2T4K', await text(http, "/jobs/api"))
