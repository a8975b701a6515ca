"""POST /api/v1/probes: who may, what is refused before a line, and the lines."""

import asyncio
import json

import pytest

from pangea.core.errors import Conflict
from pangea.web.api_probes import PROBES, ProbeLine
from pangea.web.refusals import TooMany
from tests.web.site import member, until

BODY = {"type": "tcp", "target": "127.0.0.1:9"}


class Workers:
    """Two workers, the second of which answers when it is let."""

    def __init__(self):
        self.asked, self.closed = [], False
        self.go = asyncio.Event()
        self.error = None

    def ask(self, org, spec, *, limited):
        self.asked.append((org, spec))
        self.limited = limited
        if self.error:
            raise self.error
        return self._lines()

    async def _lines(self):
        try:
            yield ProbeLine(worker="hel", outcome="ok", duration_ms=1.0)
            await self.go.wait()
            yield ProbeLine(worker="nyc", outcome="error", refused="gone")
        finally:
            self.closed = True


@pytest.fixture
def workers(site):
    made = Workers()
    site.running.runner.app._frozen = False
    site.running.runner.app[PROBES] = made
    member(site.accounts, site.wall, "operator", 103)
    return made


async def test_each_answer_is_a_line_as_soon_as_it_is_there(site, workers):
    path, headers = "/api/v1/probes", site.headers("token")
    async with site.http.post(path, json=BODY, headers=headers) as answer:
        assert answer.status == 200
        assert answer.content_type == "application/x-ndjson"
        first = json.loads(await answer.content.readline())
        assert first["worker"] == "hel", "before the second has said anything"
        workers.go.set()
        second = json.loads(await answer.content.readline())
        assert (second["outcome"], second["refused"]) == ("error", "gone")
        assert await answer.content.readline() == b""
    (org, spec), *_ = workers.asked
    assert (org, spec.workers, spec.timeout_s) == (1, "all", None)


@pytest.mark.parametrize(
    ("by", "status"),
    [("token", 200), ("admin", 200), ("operator", 200), ("viewer", 403), (None, 401)],
)
async def test_operators_may_ask_and_viewers_may_not(site, workers, by, status):
    workers.go.set()
    asked = site.http.post("/api/v1/probes", json=BODY, headers=site.headers(by))
    async with asked as answer:
        assert answer.status == status
    assert bool(workers.asked) is (status == 200)
    if status == 200:
        assert workers.limited is (by == "operator")


async def test_an_operator_changes_nothing_else(site, workers):
    refused = await site.post("/api/v1/jobs", by="operator", json=BODY)
    assert refused.status == 403


@pytest.mark.parametrize(
    ("error", "status"),
    [
        pytest.param(Conflict("no worker is connected"), 409, id="nobody is here"),
        pytest.param(TooMany("too many", retry_s=2.5), 429, id="too often"),
    ],
)
async def test_what_is_wrong_is_a_problem_and_no_line(site, workers, error, status):
    workers.error = error
    asked = await site.post("/api/v1/probes", by="token", json=BODY)
    assert (asked.status, asked.json["status"]) == (status, status)
    if status == 429:
        assert asked.headers["Retry-After"] == "3"


@pytest.mark.parametrize(
    "wrong",
    [
        {"timeout_s": 61},
        {"timeout_s": 0},
        {"from": []},
        {"from": "some"},
        {"from": ["x" * 201]},
        {"expect": "perhaps"},
        {"target": "x" * 3000},
        {"workers": "all"},
    ],
)
async def test_a_malformed_question_is_refused(site, workers, wrong):
    asked = await site.post("/api/v1/probes", by="token", json=BODY | wrong)
    assert asked.status in (400, 422)
    assert workers.asked == []


async def test_who_hangs_up_lets_the_question_go(site, workers):
    path, headers = "/api/v1/probes", site.headers("token")
    answer = await site.http.post(path, json=BODY, headers=headers)
    await answer.content.readline()
    answer.close()
    workers.go.set()
    await until(lambda: workers.closed)
