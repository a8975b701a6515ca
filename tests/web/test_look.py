"""How pages look in this browser, and what is done to many jobs, without scripts."""

from urllib.parse import parse_qs, urlsplit

import pytest
from msgspec.structs import replace

from pangea.web.schema import moment
from pangea.web.undo import KEPT, Undo
from tests.seeded_world import NOW_US


async def test_what_was_chosen_is_in_the_page_and_nothing_else_can_be(site):
    headers = {"Cookie": "pangea=sid-of-admin; pangea_look=theme:contrast.zone:x.a"}
    page = (await site.get("/dash", headers=headers)).text
    assert '<html lang="en" data-theme="contrast"' in page
    assert 'data-zone="utc"' in page


@pytest.mark.parametrize(
    ("said", "zone", "words"),
    [
        ("zone:local.tz:Europe/Helsinki", 'value="Europe/Helsinki"', " EET, "),
        ("zone:utc.tz:Europe/Helsinki", "", " UTC, "),
        ("zone:local.tz:../../etc/passwd", "", " UTC, "),
        ("zone:local.tz:Moon/Base", "", " UTC, "),
        ("zone:local", "", " UTC, "),
    ],
)
async def test_a_job_is_drawn_by_the_clocks_of_the_browser(site, said, zone, words):
    headers = {"Cookie": f"pangea=sid-of-admin; pangea_look={said}"}
    page = (await site.get("/jobs/api", headers=headers)).text
    assert words in page
    assert ('type="hidden" name="zone"' in page) is bool(zone)
    assert zone in page


async def test_the_zone_of_the_browser_outlives_a_choice_without_scripts(site):
    headers = {"Cookie": 'pangea_look="zone:utc.tz:Europe/Helsinki"'}
    answer = await site.post("/look", data={"zone": "local"}, headers=headers)
    assert (
        "zone:local.effects:auto.keys:on.tz:Europe/Helsinki"
        in answer.headers["Set-Cookie"]
    )


@pytest.mark.parametrize(
    ("path", "leads"), [("/workers", "/workers"), ("//evil.example", "/dash")]
)
async def test_a_choice_is_kept_and_leads_back(site, path, leads):
    form = {"theme": "contrast", "density": "dense", "keys": "maybe", "next": path}
    answer = await site.post("/look", data=form, by="viewer")
    assert answer.status == 303
    assert answer.headers["Location"] == leads
    cookie = answer.headers["Set-Cookie"]
    assert "theme:contrast.density:dense.zone:utc.effects:auto.keys:on" in cookie
    assert "SameSite=Lax" in cookie


@pytest.mark.parametrize(
    ("page", "leads"),
    [
        ("https://x.example/dash?q=a%26b&done=stop:2", "/dash?q=a%26b"),
        ("/dash?q=%0d%0aX", "/dash?q=%0D%0AX"), ("/jobs/api?q=x", "/dash"),
        ("http://[/dash?q=x", "/dash"), ("/dash?" + "a=1&" * 99, "/dash"),
    ],
)  # fmt: skip
async def test_a_form_leads_back_to_what_was_looked_for(site, page, leads):
    given = {"by": "admin", "headers": {"Referer": page}}
    answer = await site.post("/jobs/api/stop", data={"back": "dash"}, **given)
    more = f"{leads}{'&' if '?' in leads else '?'}"
    assert answer.headers["Location"] == f"{more}stopped=api"
    many = {"action": "start", "job": "api"}
    there = (await site.post("/jobs/bulk", data=many, **given)).headers["Location"]
    assert there == f"{more}done=start:1"


async def test_a_job_is_started_on_the_page_as_it_was(site):
    headers = {"Referer": "/jobs/api?range=30d"}
    answer = await site.post("/jobs/api/start", data={}, by="admin", headers=headers)
    assert answer.headers["Location"] == "/jobs/api?range=30d"


async def bulk(site, action, *names, by="admin", **more):
    form = [("action", action), *(("job", name) for name in names), *more.items()]
    return await site.post("/jobs/bulk", data=form, by=by)


async def test_many_jobs_are_stopped_and_started(site):
    answer = await bulk(site, "stop", "api", "wiki", "api")
    assert answer.headers["Location"].startswith("/dash?done=stop:2&undo=")
    assert (await site.service.job(1, "wiki")).verdict == "paused"
    await bulk(site, "start", "api", "wiki")
    assert (await site.service.job(1, "wiki")).enabled
    page = (await site.get("/dash?done=stop:2", by="admin")).text
    assert "2 jobs stopped" in page
    assert "DONE" not in (await site.get("/dash?done=<b>:x", by="admin")).text


async def stop_both(site):
    """Stop two jobs of which one ran; return where that led, and its undo."""
    await bulk(site, "stop", "wiki")
    there = (await bulk(site, "stop", "api", "wiki")).headers["Location"]
    return there, parse_qs(urlsplit(there).query)["undo"][0]


async def test_a_stop_of_many_is_taken_back_by_one_key(site):
    there, token = await stop_both(site)
    page = (await site.get(there, by="admin")).text
    assert f'<input type="hidden" name="undo" value="{token}">' in page
    assert "[UNDO]" not in (await site.get(there, by="viewer")).text
    form = {"data": {"undo": token}, "by": "admin", "headers": {"Referer": there}}
    answer = await site.post("/jobs/bulk", **form)
    assert answer.headers["Location"] == "/dash?done=start:1"
    assert (await site.service.job(1, "api")).enabled
    # Somebody had stopped this one before.
    assert not (await site.service.job(1, "wiki")).enabled
    assert "[UNDO]" not in (await site.get(there, by="admin")).text
    # Once; and what is stopped anew is meant to be.
    await bulk(site, "stop", "api")
    again = await site.post("/jobs/bulk", **form)
    assert (again.status, "too long ago" in again.text) == (422, True)


def test_the_last_stops_alone_can_be_taken_back():
    undo = Undo()
    other = undo.note(1, {"web": None})
    tokens = [undo.note(2, {f"job{n}": None}) for n in range(KEPT + 1)]
    assert undo.stopped(2, tokens[0]) == undo.stopped(1, tokens[1]) == {}
    assert undo.stopped(2, tokens[1]) == {"job1": None}
    assert undo.take(1, other) == {"web": None}
    assert undo.take(1, other) == {}


async def test_what_was_started_and_stopped_on_purpose_stays_stopped(site):
    _, token = await stop_both(site)
    await site.service.start_job(1, "api", None)
    await site.service.stop_job(1, "api", None)
    job = await site.service.job(1, "api")
    site.service.say(replace(job, verdict_since=moment(NOW_US + 5_000_000)))
    left = await site.post("/jobs/bulk", data={"undo": token}, by="admin")
    assert left.status == 422
    assert not (await site.service.job(1, "api")).enabled


async def test_what_cannot_be_undone_is_asked_first(site):
    asked = await bulk(site, "delete", "api", "wiki")
    assert "[DELETE 2 JOBS]" in asked.text
    assert (await site.service.job(1, "api")).name == "api"
    done = await bulk(site, "delete", "api", "wiki", sure="yes")
    assert done.headers["Location"] == "/dash?done=delete:2"
    assert {j.name for j in await site.service.jobs(1)}.isdisjoint({"api", "wiki"})


async def test_many_jobs_move_to_other_workers(site):
    assert "[MOVE 2 JOBS]" in (await bulk(site, "move", "api", "wiki")).text
    refused = await bulk(site, "move", "api", sure="yes", on="only")
    assert refused.status == 422
    assert "tick at least one worker" in refused.text
    await bulk(site, "move", "api", "wiki", sure="yes", on="only", worker="nyc")
    assert (await site.service.job(1, "wiki")).on == "nyc"


async def test_what_was_refused_is_named_and_the_others_are_done(site):
    answer = await bulk(site, "stop", "api", "gone")
    assert answer.status == 422
    assert "gone: there is no job" in answer.text.replace("&#39;", "'")
    assert '<input type="hidden" name="undo"' in answer.text
    assert (await site.service.job(1, "api")).verdict == "paused"


@pytest.mark.parametrize(("action", "names"), [("stop", []), ("burn", ["api"])])
async def test_a_form_that_says_nothing_changes_nothing(site, action, names):
    before = await site.service.jobs(1)
    assert (await bulk(site, action, *names)).status == 422
    assert await site.service.jobs(1) == before


async def test_a_viewer_changes_nothing_and_sees_no_boxes(site):
    assert (await bulk(site, "stop", "api", by="viewer")).status == 403
    page = (await site.get("/dash", by="viewer")).text
    assert 'name="job"' not in page
    assert (await site.get("/new", by="viewer")).status == 403
