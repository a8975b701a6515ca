"""Questions about history over a real coordinator, as programs ask them."""

import asyncio
import csv
import io
import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import aiohttp
import pytest
from msgspec.structs import replace

from pangea.coordinator.front import offer
from pangea.core.errors import StorageError
from pangea.core.model import Outcome, Verdict
from pangea.core.verdict import Transition
from pangea.storage import settings, verdicts
from pangea.web.api_export import EXPORTS
from pangea.web.app import make_app
from pangea.web.keys import Site
from pangea.web.pouring import AT_ONCE, POURING
from pangea.web.server import serve
from tests.coordinator.conftest import CLOCK, row
from tests.coordinator.test_incident_api import Now
from tests.coordinator.test_past import _since, now_us
from tests.web.memory import MemoryAccounts
from tests.web.site import TOKEN, SiteUnderTest, member, until

JOB, EXPORT = "/api/v1/jobs/web", "/api/v1/export"
OK, FAILED = Outcome.OK, Outcome.FAILED
WORKERS = (("hel", "eu", 40.0), ("fra", "eu", 20.0), ("nyc", "", 9.0))
TIMES = range(40, 4 * 3600 - 60, 31)


@pytest.fixture
async def site(world):
    async with serving(world) as made:
        yield made


@asynccontextmanager
async def serving(world):
    wall, accounts = Now(), MemoryAccounts()
    for number, role in enumerate(("admin", "viewer"), 101):
        member(accounts, wall, role, number)
    app = make_app(
        world.service,
        world.hub,
        accounts,
        accept_link=None,
        site=Site(admin_token=TOKEN, wall=wall),
    )
    offer(app, world.coordinator, world.service)
    running = await serve(app, "127.0.0.1", 0)
    base = f"http://127.0.0.1:{running.port}"
    async with aiohttp.ClientSession(base, cookie_jar=aiohttp.DummyCookieJar()) as http:
        yield SiteUnderTest(world.service, accounts, wall, running, http, [])
        await running.stop()


async def lines(site, what, **query):
    """Return the lines of an export, and its headers."""
    asked = site.http.get(
        f"{EXPORT}/{what}", params=query, headers=site.headers("viewer")
    )
    async with asked as answer:
        assert answer.status == 200
        return (await answer.text()).splitlines(keepends=True), answer.headers


async def table_of(site, what, **query):
    found, headers = await lines(site, what, format="csv", **query)
    assert headers["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO("".join(found))))


async def ask(site, path, status=200, **query):
    answer = await site.get(path, by="viewer", params=query)
    assert answer.status == status, answer.text
    return answer.json


def result_of(job, at, near, *, fails):
    late = at < 7200
    return row(
        job,
        -at,
        FAILED if fails and at < 1800 and at % 3 == 0 else OK,
        duration_ms=near * (1.5 if late else 1.0) + at % 5,
        phases={"connect": near, "tls": near * 0.5 * late},
    )


@pytest.fixture
async def job(world):
    """A job of four hours, seen by three workers in two regions; now it is slower."""
    spec = world.spec(name="web", interval_s=30.0)
    added = await world.service.add_job(1, spec, dry_run=False)
    board = world.coordinator.board
    one = replace(board.jobs[added.job.id], created_at_us=now_us(-4 * 3600))
    board.jobs[one.id] = one
    await world.store.write(lambda: _since(one))
    for name, region, near in WORKERS:
        far = await world.join(name)
        number = board.worker(name).id
        board.workers[number] = replace(board.workers[number], region=region)
        rows = [result_of(one.id, at, near, fails=name == "nyc") for at in TIMES]
        await far.report(rows)
        await far.until(lambda f: f.acks.get("e") == len(TIMES))
        far.sent = len(TIMES)
    return one


async def test_figures_are_told_by_worker_and_by_region(site, job):
    by_worker = await ask(site, f"{JOB}/percentiles", range="5h")
    assert [(p["name"], p["region"]) for p in by_worker["items"]] == [
        ("fra", "eu"), ("hel", "eu"), ("nyc", "-"),
    ]  # fmt: skip
    parts = {part["name"]: part for part in by_worker["items"]}
    assert sum(p["runs"] for p in parts.values()) == by_worker["all"]["runs"] > 1300
    assert parts["fra"]["p50_ms"] == pytest.approx(27, abs=6)
    assert parts["hel"]["p95_ms"] == pytest.approx(63, rel=0.03)
    assert parts["hel"]["failed_pct"] == 0
    assert parts["nyc"]["failed_pct"] > 1
    assert parts["hel"]["phases_ms"]["connect"] == pytest.approx(40, rel=0.01)
    by_region = await ask(site, f"{JOB}/percentiles", range="5h", by="region")
    assert [p["name"] for p in by_region["items"]] == ["-", "eu"]
    eu = by_region["items"][1]
    assert eu["runs"] == parts["fra"]["runs"] + parts["hel"]["runs"]
    assert parts["fra"]["p50_ms"] < eu["p50_ms"] < parts["hel"]["p95_ms"]


async def test_all_are_drawn_at_the_same_times(site, job):
    drawn = await ask(site, f"{JOB}/percentiles", range="4h", points=8)
    times = [[point["at"] for point in part["points"]] for part in drawn["items"]]
    assert times[0] == times[1] == times[2]
    assert drawn["point_s"] % 600 == 0
    for part in drawn["items"]:
        told = sum(p["ok"] + p["failed"] + p["error"] for p in part["points"])
        assert told == part["runs"]


async def test_what_differs_between_two_stretches_is_said_in_words(site, job):
    found = await ask(site, f"{JOB}/compare", range="2h", worker="hel")
    assert not found["alike"], found
    assert found["words"].startswith("p50 42 → 62 ms (+4"), found
    assert "mostly tls" in found["words"]
    assert found["from"]["until"] <= found["to"]["until"]
    assert found["to"]["worker"] == "hel"
    differs = {one["what"]: one for one in found["differs"]}
    assert differs["p50"]["worse"]
    assert "failures" not in differs
    same = await ask(site, f"{JOB}/compare", range="40m", earlier="45m", worker="fra")
    assert (same["alike"], same["words"]) == (True, "no difference beyond chance")


async def test_workers_and_regions_are_compared(site, job):
    found = await ask(site, f"{JOB}/compare", worker="fra", other_worker="hel")
    assert [found[side]["label"] for side in ("from", "to")] == ["fra", "hel"]
    assert found["words"].startswith("p50 ")
    others = await ask(site, f"{JOB}/compare", other_worker="nyc")
    assert others["from"]["label"] == "all but nyc"
    assert "failures 0 →" in others["words"]
    regions = await ask(site, f"{JOB}/compare", region="eu", other_region="-")
    assert regions["to"]["figures"]["runs"] == others["to"]["figures"]["runs"]


NONSENSE = (
    ({"worker": "nope"}, 404),
    ({"other_worker": "nope"}, 404),
    ({"region": "moon"}, 404),
    ({"other_worker": "hel", "earlier": "7d"}, 422),
    ({"worker": "hel", "region": "eu"}, 422),
    ({"other_until": "1h"}, 422),
    ({"earlier": "0s"}, 422),
    ({"other_since": "1h", "other_until": "2h"}, 422),
    ({"since": "2200-01-01T00:00:00Z"}, 422),
    ({"range": "100000d"}, 422),
)


async def test_a_comparison_that_makes_no_sense_is_refused(site, job):
    for query, status in NONSENSE:
        answer = await ask(site, f"{JOB}/compare", status, **query)
        assert answer["detail"]


async def test_the_worst_are_told_with_their_figures(site, world, job):
    await world.service.add_job(1, world.spec(name="idle"), dry_run=False)
    (slow,) = (await ask(site, "/api/v1/top"))["items"]
    assert (slow["name"], slow["type"], slow["verdict"]) == ("web", "http", "up")
    assert slow["p95_ms"] == pytest.approx(62, rel=0.05)
    (lossy,) = (await ask(site, "/api/v1/top", by="loss", range="1h"))["items"]
    assert lossy["failed_pct"] > 4
    assert lossy["changes"] is None
    turns = [
        Transition(job.id, now_us(-60 + n), *pair, "")
        for n, pair in enumerate(
            [(Verdict.UP, Verdict.DOWN), (Verdict.DOWN, Verdict.UP)] * 2
        )
    ]
    await world.store.write(lambda: verdicts.log_transitions(turns))
    found = await ask(site, "/api/v1/top", by="flapping")
    (flapping,) = found["items"]
    assert (flapping["changes"], flapping["outages"]) == (4, 2)
    assert flapping["last_change_at"] <= found["until"]


async def test_a_year_of_days_adds_up(site, world, job):
    turns = [
        Transition(job.id, now_us(-4 * 3600 + 1), Verdict.UNKNOWN, Verdict.UP, ""),
        Transition(job.id, now_us(-3600), Verdict.UP, Verdict.DOWN, ""),
        Transition(job.id, now_us(-3000), Verdict.DOWN, Verdict.UP, ""),
    ]
    await world.store.write(lambda: verdicts.log_transitions(turns))
    found = await ask(site, f"{JOB}/calendar")
    days = found["days"]
    assert len(days) == 365
    today = datetime.fromtimestamp(CLOCK.wall(), UTC).date()
    assert days[-1]["date"] == str(today)
    assert sum(d["minutes"].get("down", 0) for d in days) == pytest.approx(10, abs=0.1)
    assert found["minutes"]["down"] == pytest.approx(10, abs=0.1)
    whole = await ask(site, f"{JOB}/uptime", range="365d")
    assert found["uptime"] == pytest.approx(whole["uptime"], abs=0.002)
    assert found["added_at"] == whole["added_at"]
    assert days[0] == {"date": days[0]["date"], "uptime": None, "coverage": 0.0,
                       "minutes": {}}  # fmt: skip
    there = await ask(site, f"{JOB}/calendar", days=3, zone="Asia/Kathmandu")
    assert [len(there["days"]), there["zone"]] == [3, "Asia/Kathmandu"]
    wrong = await ask(site, f"{JOB}/calendar", 422, zone="Moon/Base")
    assert "Europe/Helsinki" in wrong["hint"]


async def test_results_are_exported_whole_whatever_their_number(site, job):
    found, headers = await lines(site, "results", job="web")
    assert headers["Content-Type"] == "application/x-ndjson"
    rows = [json.loads(line) for line in found]
    assert len(rows) == 3 * len(TIMES) > 1000
    assert [r["started_at"] for r in rows] == sorted(
        (r["started_at"] for r in rows), reverse=True
    )
    assert rows[:1000] == (await ask(site, f"{JOB}/results", limit=1000))["items"]
    table = await table_of(site, "results", job="web", worker="hel", since="1h")
    assert {one["worker"] for one in table} == {"hel"}
    assert len(table) == pytest.approx(115, abs=3)
    assert json.loads(table[0]["phases"])["connect"] == 40.0
    _, headers = await lines(site, "results", job="web", format="csv")
    assert headers["Content-Disposition"] == 'attachment; filename="web-results.csv"'


async def test_what_a_target_says_is_no_formula(site, world, job):
    said = '=HYPERLINK("http://x","y")'
    far = world.workers[0]
    await far.report([row(job.id, -1, FAILED, detail=said)], first=far.sent + 1)
    await far.until(lambda f: f.acks.get("e") == far.sent + 1)
    table = await table_of(site, "results", job="web")
    assert "'" + said in [one["detail"] for one in table]


async def test_history_is_exported_in_steps(site, job):
    query = {"job": "web", "range": "5h", "step": "1h", "by": "worker"}
    table = await table_of(site, "history", **query)
    assert {one["name"] for one in table} == {"hel", "fra", "nyc"}
    assert {one["step_s"] for one in table} == {"3600"}
    assert sum(int(one["runs"]) for one in table) == 3 * len(TIMES)
    fine, _ = await lines(site, "history", job="web")
    rows = [json.loads(line) for line in fine]
    assert sum(one["runs"] for one in rows) == 3 * len(TIMES)
    assert [one["at"] for one in rows] == sorted(one["at"] for one in rows)
    wrong = await ask(site, f"{EXPORT}/history", 422, job="web", step="1m")
    assert "20s" in wrong["detail"]


async def test_incidents_are_exported(site, world, job):
    for far in world.workers:
        more = [row(job.id, -2 + n / 10, FAILED) for n in range(5)]
        await far.report(more, first=far.sent + 1)
    async with asyncio.timeout(20):
        while not (await ask(site, "/api/v1/incidents"))["items"]:
            await asyncio.sleep(0.05)
    listed = (await ask(site, "/api/v1/incidents"))["items"]
    found, _ = await lines(site, "incidents")
    assert [json.loads(line)["id"] for line in found] == [one["id"] for one in listed]
    (one,) = await table_of(site, "incidents", job="web")
    assert one["title"] == "web"
    for which in ({"q": "-web"}, {"state": "closed"}, {"cause": "subnet"}):
        assert (await lines(site, "incidents", **which))[0] == []
    assert len((await lines(site, "incidents", q="web", state="open"))[0]) == 1


WRONG = (
    ("results", 422),
    ("results?job=nope", 404),
    ("results?job=web&worker=nope", 404),
    ("results?job=web&format=xml", 422),
    ("history?job=nope", 404),
    ("incidents?job=nope", 404),
    ("incidents?since=x", 422),
    ("incidents?state=lost", 422),
)


async def test_what_is_wrong_is_told_before_anything_is_sent(site, job):
    for path, status in WRONG:
        answer = await site.get(f"{EXPORT}/{path}", by="viewer")
        assert answer.status == status
        assert answer.headers["Content-Type"].startswith("application/problem+json")
        assert (await site.get(f"{EXPORT}/{path}")).status == 401


async def test_too_many_exports_wait(site, job):
    pouring = site.running.runner.app[POURING]
    pouring.count = AT_ONCE
    answer = await site.get(f"{EXPORT}/incidents", by="viewer")
    assert answer.status == 429
    assert answer.headers["Retry-After"]
    pouring.count = 0
    await lines(site, "incidents")
    assert pouring.count == 0


async def test_an_export_that_breaks_is_seen_to_be_cut_short(site, world, job):
    app, readers, pages = site.running.runner.app, world.store.read, []

    async def full(fn):
        if pages:
            raise StorageError("the disk is gone")
        pages.append(await readers(fn))
        return pages[0]

    app[EXPORTS]._read = full
    with pytest.raises(aiohttp.ClientPayloadError):
        await lines(site, "results", job="web")
    app[EXPORTS]._read = readers
    await until(lambda: app[POURING].count == 0)
    await lines(site, "results", job="web")


async def test_another_organisation_sees_none_of_it(world, job):
    from pangea.coordinator.query_service import QueryService
    from pangea.core.errors import NotFound
    from pangea.core.uptime import Span

    service, span = QueryService(world.coordinator), Span(now_us(-7200), now_us())
    with pytest.raises(NotFound):
        await service.percentiles(2, "web", span, by="worker", points=0)
    with pytest.raises(NotFound):
        await service.calendar(2, "web", days=3, zone="UTC")
    for by in ("slow", "loss", "flapping"):
        assert (await service.top(2, span, by=by, limit=5)).items == []


async def test_what_expired_is_not_asked_for(site, world, job):
    await world.store.write(lambda: settings.put("raw_from_us", str(now_us())))
    found = await ask(site, f"{JOB}/percentiles", range="10m")
    assert found["step_s"] > 0
    assert found["all"]["runs"] > 0
