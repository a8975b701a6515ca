"""The settings: every page, every form, who may, and what is refused."""

import pytest
from msgspec.structs import replace

from pangea.core.errors import Conflict, NotFound
from pangea.web.api_channels import CHANNELS
from pangea.web.keys import ACCOUNTS
from tests.web.reading import EVIL, asking, assert_harmless, looking, plain, text

SAME = {"Sec-Fetch-Site": "same-origin"}
PAGES = ("", "/channels", "/rules", "/maintenance", "/secrets")


@pytest.fixture
async def asked():
    async with asking() as pair:
        yield pair


@pytest.fixture
def http(asked):
    return asked[1]


@pytest.fixture
def kept(asked):
    return asked[0].app[CHANNELS]


async def post(http, path, **data):
    answer = await http.post(
        f"/settings{path}", data=data, headers=SAME, allow_redirects=False
    )
    return answer, await answer.text()


@pytest.mark.parametrize("path", PAGES)
async def test_every_page_is_drawn_and_leads_to_the_others(http, path):
    page = await text(http, f"/settings{path}")
    for other in PAGES:
        assert f'href="/settings{other}"' in page


async def test_what_is_kept_and_the_backups_are_told(http, kept):
    words = plain(await text(http, "/settings"))
    assert "raw results 7d" in words
    assert "daily rollups forever" in words
    assert "pangea-1.backup" in words
    answer, _ = await post(http, "/backup")
    assert answer.status == 303
    assert kept.done == [("backup",)]
    kept.wrong = Conflict("one is being made")
    answer, page = await post(http, "/backup")
    assert (answer.status, "one is being made" in page) == (400, True)


async def test_a_channel_is_added_tested_changed_and_not_removed_while_used(http, kept):
    page = await text(http, "/settings/channels?type=webhook")
    assert 'name="per_minute" value="30"' in page
    assert 'name="opt.url"' in page
    assert 'type="password"' in page
    form = {"type": "webhook", "name": "ops", "per_minute": "5", "opt.url": "https://x"}
    answer, _ = await post(http, "/channels", **form)
    assert answer.status == 303
    spec = kept.done[-1][1]
    assert (spec.name, spec.options) == ("ops", {"url": "https://x"})
    answer, page = await post(http, "/channels/oncall/test")
    assert "401 who are you" in page
    assert "check the secret" in page
    page = await text(http, "/settings/channels?edit=oncall")
    assert 'value="https://hooks.example/x"' in page
    assert "********" not in page
    form = {"old": "oncall", "type": "webhook", "name": "oncall", "per_minute": "5"}
    await post(http, "/channels", **form)
    # An empty secret stays, what else is empty goes.
    gone = dict.fromkeys(["url", "method", "headers", "body"])
    assert kept.done[-1][2]["options"] == gone
    await post(http, "/channels/oncall/on", on="no")
    assert kept.done[-1] == ("edit", "oncall", {"enabled": False})
    answer, page = await post(http, "/channels/oncall/remove")
    assert (answer.status, "rule default uses" in page) == (400, True)


async def test_headers_and_a_body_have_lines_in_the_form_as_they_were(http, kept):
    headers, body = {"Team": "web: a", "X-Key": "********"}, "{\n\t{{ title }}\n}"
    options = {"headers": headers, "body": body}
    kept.channel = replace(kept.channel, options=options)
    page = await text(http, "/settings/channels?edit=oncall")
    assert "\nTeam: web: a\nX-Key: ********</textarea>" in page
    assert f"\n{body}</textarea>" in page
    form = {"old": "oncall", "type": "webhook", "name": "oncall"}
    lines = "X-Key: ********\r\n\r\nNew:x"
    body = body.replace("\n", "\r\n")
    await post(http, "/channels", **form, **{"opt.headers": lines, "opt.body": body})
    saved = kept.done[-1][2]["options"]
    assert saved["headers"] == {"Team": None, "X-Key": "********", "New": "x"}
    assert saved["body"] == options["body"]
    answer, page = await post(http, "/channels", **form, **{"opt.headers": "no colon"})
    assert (answer.status, "one a line" in page) == (400, True)
    assert "\nno colon</textarea>" in page


async def test_what_did_not_arrive_is_in_the_log_and_tried_again(http, kept):
    page = await text(http, "/settings/channels")
    assert "500 from the hook" in page
    assert 'href="/incidents/2T4K"' in page
    await post(http, "/deliveries/D1/retry")
    assert kept.done == [("retry", "D1")]


async def test_a_rule_is_written_read_back_and_changed(http, kept):
    page = await text(http, "/settings/rules?edit=default")
    assert 'value="15m=boss"' in page
    assert 'name="kind.down" value="yes" checked' in page
    form = {
        "name": "night",
        "severity": "critical",
        "kind.down": "yes",
        "to.oncall": "yes",
        "jobs": "web-*, shop",
        "labels": "team=web",
        "older": "5m",
        "remind": "0",
        "escalate": "15m=boss+cto",
    }
    answer, page = await post(http, "/rules", **form)
    assert answer.status == 303, page
    spec = kept.done[-1][1]
    assert (spec.kinds, spec.channels, spec.jobs) == (
        ["down"],
        ["oncall"],
        ["web-*", "shop"],
    )
    assert (spec.older_s, spec.recovered) == (300.0, False)
    assert spec.escalations[0].channels == ["boss", "cto"]
    await post(http, "/rules", old="night", **form)
    assert kept.done[-1][0:2] == ("edit", "night")
    assert {"enabled", "factor"}.isdisjoint(kept.done[-1][2])
    await post(http, "/rules/night/on", on="no")
    await post(http, "/rules/night/remove")
    assert kept.done[-1] == ("remove", "night")


@pytest.mark.parametrize(
    ("field", "typed"),
    [("escalate", "boss"), ("labels", "team"), ("older", "soon"), ("name", "A B")],
)
async def test_a_rule_that_makes_no_sense_is_told_and_kept_in_the_form(
    http, kept, field, typed
):
    answer, page = await post(http, "/rules", **{"name": "x", field: typed})
    assert answer.status == 400
    assert f'value="{typed}"' in page
    assert kept.done == []


async def test_maintenance_is_planned_and_ended(http, kept):
    page = plain(await text(http, "/settings/maintenance"))
    assert "shop, team=web, worker london" in page
    form = {"jobs": "shop, api", "for": "1h", "reason": "disks", "zone": ""}
    answer, _ = await post(http, "/maintenance", **form)
    assert answer.status == 303
    spec = kept.done[-1][2]
    assert (spec.jobs, spec.duration_s, spec.zone) == (["shop", "api"], 3600.0, "UTC")
    await post(http, "/maintenance/7/end")
    assert kept.done[-1] == ("end", 7)
    answer, _ = await post(http, "/maintenance/x/end")
    assert answer.status == 404
    kept.wrong = NotFound("no job called nothing")
    answer, page = await post(http, "/maintenance", **{"for": "1h", "jobs": "nothing"})
    assert (answer.status, "no job called nothing" in page) == (400, True)
    answer, page = await post(http, "/maintenance", **{"for": "long", "jobs": "shop"})
    assert (answer.status, 'value="long"' in page) == (400, True)


async def test_a_secret_is_rotated_step_by_step(http, kept):
    for stage, step in (("none", "start"), ("started", "use"), ("used", "finish")):
        kept.stage = stage
        page = await text(http, "/settings/secrets")
        assert page.count('action="/settings/secrets/') == 1
        assert f'action="/settings/secrets/{step}"' in page
        await post(http, f"/secrets/{step}")
        assert kept.done[-1][0] == step
    assert "Missing the current secret (1):" in page
    await post(http, "/secrets/finish", force="yes", within="7d")
    assert (kept.done[-1][1].force, kept.done[-1][1].within_s) == (True, 604800.0)
    kept.wrong = Conflict("tokyo lacks it", hint="wait, or leave it behind")
    answer, page = await post(http, "/secrets/finish")
    assert (answer.status, "tokyo lacks it" in page) == (400, True)
    answer, _ = await post(http, "/secrets/explode")
    assert answer.status == 404


async def test_what_others_say_is_harmless_in_every_setting(http, kept):
    kept.channel = replace(kept.channel, place=EVIL, trouble=EVIL, used_by=[EVIL])
    kept.sent = replace(kept.sent, title=EVIL, answer=EVIL, channel=EVIL, rule=EVIL)
    kept.rule = replace(kept.rule, jobs=[EVIL], labels={EVIL: EVIL}, hours=EVIL)
    kept.plan = replace(kept.plan, jobs=[EVIL], reason=EVIL, by=EVIL, schedule=EVIL)
    for path in PAGES:
        assert_harmless(await text(http, f"/settings{path}"))


async def test_who_may_only_look_sees_no_channel_no_secret_and_changes_nothing():
    async with looking() as (site, http):
        page = await text(http, "/settings")
        assert "/settings/channels" not in page
        assert "pangea-1.backup" not in page
        for path in ("/channels", "/secrets"):
            await text(http, f"/settings{path}", status=403)
        for path in ("/rules", "/maintenance"):
            page = await text(http, f"/settings{path}")
            assert 'action="/settings' not in page
        posts = ("/backup", "/channels", "/channels/oncall/test", "/rules")
        posts += ("/maintenance", "/maintenance/7/end", "/secrets/start")
        for path in posts:
            answer, _ = await post(http, path)
            assert answer.status == 403, path
        assert site.app[CHANNELS].done == []


async def test_accounts_of_another_organisation_are_not_told(asked, http):
    accounts = asked[0].app[ACCOUNTS].accounts
    one = next(iter(accounts.values()))
    accounts[900] = replace(one, id=900, org=2, name="stranger")
    page = await text(http, "/settings")
    assert one.name in page
    assert "stranger" not in page
