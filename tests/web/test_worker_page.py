"""The page of one worker and the making of tokens: what is shown, what is refused."""

import re
from html import unescape

import pytest
from msgspec.structs import replace

from pangea.core.errors import Conflict
from pangea.web.api_gaps import GAPS, GapAnswer
from pangea.web.schema_health import CheckAnswer
from tests.seeded_world import make_worker
from tests.web.reading import EVIL, asking, assert_harmless, looking, plain, text

SAME = {"Sec-Fetch-Site": "same-origin"}
CHECKS = [
    CheckAnswer(name="clock", good=True, detail="", took_ms=0.2),
    CheckAnswer(name="dns_lookup", good=False, detail=f"no answer {EVIL}", took_ms=5e3),
]


@pytest.fixture
async def asked():
    async with asking() as pair:
        yield pair


@pytest.fixture
def http(asked):
    return asked[1]


@pytest.fixture
def site(asked):
    return asked[0]


def say(site, **changes):
    """Let the one worker be so, and write down what is decided about it."""
    one, decided = replace(make_worker("nyc"), **changes), []

    async def worker(org, name):
        return one

    async def workers(org):
        return [one]

    def deciding(what):
        async def decide(org, name, *given, **more):
            decided.append((what, name, *given, *more.values()))
            return one

        return decide

    site.service.worker, site.service.workers = worker, workers
    for what in ("approve", "revoke", "rename", "drain", "remove"):
        setattr(site.service, what, deciding(what))
    return decided


async def post(http, path, **data):
    answer = await http.post(path, data=data, headers=SAME, allow_redirects=False)
    return answer, await answer.text()


async def test_it_tells_its_checks_with_causes_what_is_bad_first(http, site):
    say(
        site, self_test=CHECKS, lacks={"icmp": EVIL}, notices=[EVIL], path=f"via {EVIL}"
    )
    page = await text(http, "/workers/nyc")
    words = plain(page).partition("SELF-TEST")[2]
    assert "checks failed: 1 of 2" in words
    assert words.index("dns lookup") < words.index(" clock ")
    assert "no answer" in words
    assert "icmp: " in page
    assert_harmless(page)


async def test_it_tells_its_jobs_and_what_it_lost(http, site):
    gap = GapAnswer(
        started=None, ended=None, reason="spool-full", lost=41, jobs={"shop": 41}
    )

    site.app[GAPS].found = [gap]
    page = await text(http, "/workers/nyc")
    assert 'href="/jobs/shop"' in page
    assert "spool-full" in page
    assert "shop 41" in page


async def test_every_button_does_what_it_says_and_leads_back(http, site):
    decided = say(site, trusted=False, connected=False)
    href = f"/workers/{make_worker('nyc').id}"
    page = await text(http, "/workers/nyc")
    for verb in ("approve", "drain", "rename", "remove", "revoke"):
        assert f'action="{href}/{verb}"' in page
    sent = [
        ("approve", {}),
        ("drain", {"draining": "yes"}),
        ("rename", {"new": "new-york"}),
        ("revoke", {"sure": "yes", "reason": "stolen"}),
    ]
    for verb, data in sent:
        answer, _ = await post(http, f"{href}/{verb}", back="worker", **data)
        assert (answer.status, answer.headers["Location"]) == (303, href)
    answer, _ = await post(http, f"{href}/remove")
    assert answer.headers["Location"] == "/workers"
    assert [line[0] for line in decided] == [*(v for v, _ in sent), "remove"]
    assert ("drain", href[9:], True) in decided
    assert ("rename", href[9:], "new-york") in decided


async def test_nobody_is_shut_out_by_one_press(http, site):
    decided = say(site)
    answer, page = await post(http, "/workers/nyc/revoke", back="worker", reason="old")
    assert answer.status == 400
    assert "never comes in again" in page
    assert 'value="old"' in page
    assert decided == []


async def test_a_refused_name_is_told_on_the_page(http, site):
    say(site)

    async def rename(org, name, new):
        raise Conflict("tokyo is taken", hint="choose another")

    site.service.rename = rename
    answer, page = await post(http, "/workers/nyc/rename", new="tokyo", back="worker")
    assert answer.status == 400
    assert "tokyo is taken" in page
    assert 'value="tokyo"' in page


async def test_what_is_no_verb_is_not_found(http):
    answer, _ = await post(http, "/workers/nyc/explode")
    assert answer.status == 404


async def test_a_token_is_made_and_shown_once_with_its_command(http, site):
    asked = []
    mint = site.service.mint

    async def minted(org, by, spec):
        asked.append(spec)
        return replace(await mint(org, by, spec), note="leads to loopback alone")

    site.service.mint = minted
    answer, page = await post(
        http, "/worker-tokens", expires="30m", site="eu", approve="yes"
    )
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    shown = unescape(re.findall(r'<code tabindex="0">([^<]+)</code>', page)[0])
    assert shown == "pangea run --role worker --join pangea-join-1.x.0"
    assert "leads to loopback alone" in page
    assert (asked[0].expires_s, asked[0].site, asked[0].approve) == (1800.0, "eu", True)
    # It stands at an address that draws nothing: it is not loaded again.
    assert "live.js" not in page
    assert "pangea-join-1.x.0" not in await text(http, "/workers")


@pytest.mark.parametrize("expires", ["", "soon", "1s", "9d"])
async def test_a_token_that_lives_too_long_or_not_is_refused(http, expires):
    answer, page = await post(http, "/worker-tokens", expires=expires, site="<b>")
    assert answer.status == 400
    assert 'role="alert"' in page
    assert 'value="&lt;b&gt;"' in page


async def test_tokens_are_listed_and_only_open_ones_can_be_withdrawn(http):
    page = await text(http, "/workers")
    assert page.count("/withdraw") == 1
    answer, _ = await post(http, f"/worker-tokens/{0:016x}/withdraw")
    assert answer.headers["Location"] == "/workers#tokens"
    answer, _ = await post(http, f"/worker-tokens/{7:016x}/withdraw")
    assert answer.status == 404


async def test_who_may_only_look_decides_nothing_and_sees_no_token():
    async with looking() as (_, http):
        page = await text(http, "/workers/nyc") + await text(http, "/workers")
        assert 'action="/work' not in page
        assert f"{0:016x}" not in page
        for path in (
            "/workers/nyc/rename",
            "/worker-tokens",
            "/worker-tokens/0/withdraw",
        ):
            answer, _ = await post(http, path, new="x", expires="1h")
            assert answer.status == 403, path
