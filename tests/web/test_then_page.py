"""The past over plain HTTP: the dashboard, status and jobs as of a moment."""

import aiohttp
import pytest
from msgspec.structs import asdict

from pangea.core.errors import NotFound
from pangea.core.uptime import Span
from pangea.web.api_past import PAST
from pangea.web.api_workers import WORKERS
from pangea.web.app import make_app
from pangea.web.keys import Site
from pangea.web.schema import moment
from pangea.web.schema_past import JobThen, StatusThen, UptimeAnswer
from pangea.web.server import serve
from tests.seeded import SeededService
from tests.web.memory import MemoryAccounts

WALL = 1_800_000_000.0  # 15 January 2027, 08:00 UTC
HEAD = {"Authorization": "Bearer t", "Accept": "text/html"}


class SeededPast:
    """The seeded jobs at any moment; notes what was asked."""

    def __init__(self, service):
        self.service, self.asked = service, []

    async def status_at(self, org, at_us):
        self.asked.append(at_us)
        now = asdict(await self.service.status(org)) | {"now": moment(at_us)}
        return StatusThen(**now, at=moment(at_us))

    async def jobs_at(self, org, at_us):
        jobs = await self.service.jobs(org)
        return [JobThen(**asdict(job), at=moment(at_us)) for job in jobs]

    async def job_at(self, org, name, at_us):
        job = await self.service.job(org, name)
        if at_us < 0:
            raise NotFound("not yet")
        return JobThen(**asdict(job), at=moment(at_us))

    async def uptime(self, org, name, whole):
        self.asked.append(whole)
        return UptimeAnswer(
            since=moment(whole.begin_us), until=moment(whole.end_us), uptime=1.0,
            definition="", coverage=1.0, minutes={},
        )  # fmt: skip


@pytest.fixture
async def past():
    service = SeededService()
    app = make_app(
        service, service.hub, MemoryAccounts(), accept_link=None,
        site=Site(admin_token="t", wall=lambda: WALL),
    )  # fmt: skip
    app[WORKERS], app[PAST] = service, SeededPast(service)
    running = await serve(app, "127.0.0.1", 0)
    base = f"http://127.0.0.1:{running.port}"
    async with aiohttp.ClientSession(base, headers=HEAD) as http:
        http.past = app[PAST]
        yield http
    await running.stop()


async def page(past, path):
    async with past.get(path, allow_redirects=False) as answer:
        return answer.status, await answer.text()


async def told(past, path, **query):
    async with past.get(f"/api/v1/{path}", params=query) as answer:
        return answer.status, await answer.json(content_type=None)


async def test_the_dashboard_of_then_says_so_and_stands_still(past):
    status, text = await page(past, "/dash?at=03:12")
    assert status == 200
    assert past.past.asked == [round((WALL - 8 * 3600 + 3 * 3600 + 12 * 60) * 1e6)]
    assert "2027-01-15 03:12:00</time>" in text
    assert 'href="/dash" data-key="." data-says="keys.now">back to now</a>' in text
    assert "live.js" not in text
    assert "/stop" not in text
    assert 'href="/dash?at=2027-01-15T04%3A12%3A00Z">[+1 h]' in text


async def test_no_link_leads_to_what_is_still_to_come(past):
    _, text = await page(past, "/dash?at=07:55")
    assert "[+1 min]" in text
    assert "[+10 min]" not in text


async def test_what_is_no_time_is_refused_on_the_page_and_in_the_api(past):
    status, text = await page(past, "/dash?at=soon")
    assert status == 422
    assert "is not a time" in text
    for path in ("status", "jobs", "jobs/shop"):
        status, problem = await told(past, path, at="12:99")
        assert status == 422
        assert "03:12" in problem["hint"]


async def test_answers_of_the_past_are_marked(past):
    at = "2027-01-15T03:12:00.000000Z"
    assert (await told(past, "status", at="03:12"))[1]["at"] == at
    jobs = (await told(past, "jobs", at="03:12", limit=2))[1]
    assert [job["at"] for job in jobs["items"]] == [at, at]
    assert jobs["next"] == jobs["items"][-1]["name"]
    assert (await told(past, "jobs/shop", at="03:12"))[1]["at"] == at
    assert "at" not in (await told(past, "status"))[1]


async def test_uptime_takes_a_range_or_two_ends(past):
    await told(past, "jobs/shop/uptime")
    await told(past, "jobs/shop/uptime", range="1h", until="1h")
    await told(past, "jobs/shop/uptime", since="2027-01-15T00:00:00Z")
    now = round(WALL * 1e6)
    hour = 3_600_000_000
    assert past.past.asked == [
        Span(now - 720 * hour, now),
        Span(now - 2 * hour, now - hour),
        Span(now - 8 * hour, now),
    ]
    assert (await told(past, "jobs/shop/uptime", since="1h", until="2h"))[0] == 422
