import re

import pytest

from pangea.web.route import Route
from pangea.web.routes import API, ROUTES

JOB, WORKER = "shop", "london"
UNSAFE = ("POST", "PATCH", "DELETE")


def path_of(route: Route) -> str:
    name = WORKER if "/workers/" in route.path else JOB
    path = route.path.replace("{name}", name).replace("{file}", "pangea.css")
    return re.sub(r"\{\w+\}", "00", path)


def named(routes):
    return [pytest.param(r, id=f"{r.method} {r.path}") for r in routes]


CLOSED = [r for r in ROUTES if r.auth != "none"]
CHANGING = [r for r in ROUTES if r.auth == "admin"]


@pytest.mark.parametrize("route", named(CLOSED))
async def test_nobody_in_particular_gets_nothing(site, route):
    answer = await site.ask(route.method, path_of(route))
    if route.page:
        assert answer.status == 303
        assert answer.headers["Location"].startswith("/login")
    else:
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert answer.json["hint"]


@pytest.mark.parametrize("route", named(CLOSED))
@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Authorization": "Bearer wrong"}, id="a wrong token"),
        pytest.param({"Authorization": "Basic Og=="}, id="another scheme"),
        pytest.param({"Authorization": "Bearer "}, id="an empty token"),
        pytest.param(
            {"Authorization": "Bearer wrong", "Cookie": "pangea=sid-of-admin"},
            id="a wrong token beside a good cookie",
        ),
    ],
)
async def test_wrong_credentials_open_no_door(site, route, headers):
    answer = await site.ask(route.method, path_of(route), headers=headers)
    assert answer.status == 401


@pytest.mark.parametrize("route", named(CHANGING))
async def test_a_viewer_changes_nothing(site, route):
    before = await site.get("/api/v1/jobs", by="token")
    answer = await site.ask(route.method, path_of(route), by="viewer")
    assert answer.status == 403
    assert (await site.get("/api/v1/jobs", by="token")).json == before.json


#: What those may do who are on duty: look, plan and answer, and change no job.
FOR_OPERATORS = {
    ("POST", "/api/v1/probes"),
    ("POST", "/api/v1/incidents/{id}/ack"),
    ("POST", "/api/v1/incidents/{id}/comments"),
    ("POST", "/api/v1/notes"),
    ("POST", "/api/v1/maintenance"),
    ("POST", "/api/v1/maintenance/{id}/end"),
    ("DELETE", "/api/v1/maintenance/{id}"),
    ("POST", "/api/v1/jobs/{name}/drill"),
    ("DELETE", "/api/v1/jobs/{name}/drill"),
    ("POST", "/api/v1/channels/{name}/test"),
    ("POST", "/api/v1/deliveries/{id}/retry"),
    ("POST", "/incidents/{id}/ack"),
    ("POST", "/incidents/{id}/comment"),
    ("POST", "/settings/channels/{name}/test"),
    ("POST", "/settings/deliveries/{id}/retry"),
    ("POST", "/jobs/{name}/note"),
    ("POST", "/settings/maintenance"),
    ("POST", "/settings/maintenance/{id}/end"),
}


def test_every_other_route_that_changes_something_is_for_administrators():
    # What reports in is known by its token alone.
    open_to_all = {"/login", "/logout", "/look", "/api/v1/push/{token}"}
    open_to_all |= {"/ack/{token}"}
    changing = {
        (route.method, route.path): route.auth
        for route in ROUTES
        if route.method in UNSAFE and route.path not in open_to_all
    }
    below = {key: role for key, role in changing.items() if role != "admin"}
    assert below == dict.fromkeys(FOR_OPERATORS, "operator")


@pytest.mark.parametrize("who", ["token", "admin", "viewer"])
async def test_status_counts_jobs_and_workers(site, who):
    answer = await site.get("/api/v1/status", by=who)
    assert answer.status == 200
    assert answer.json["jobs"] == sum(answer.json["verdicts"].values())


async def test_health_needs_no_login(site):
    assert (await site.get("/healthz")).json == {"status": "ok"}
    assert (await site.get("/readyz")).status == 200


async def test_ready_says_why_it_is_not(site):
    async def starting():
        return "the database is being migrated"

    site.service.ready = starting
    answer = await site.get("/readyz")
    assert answer.status == 503
    assert answer.json["detail"] == "the database is being migrated"


async def test_lists_are_read_page_by_page(site):
    whole = (await site.get("/api/v1/jobs", by="token")).json
    assert whole["next"] is None
    found, cursor = [], ""
    while True:
        page = (await site.get(f"/api/v1/jobs?limit=4{cursor}", by="token")).json
        assert len(page["items"]) <= 4
        found += page["items"]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert found == whole["items"]
    assert len(found) > 4


async def test_a_job_is_added_edited_stopped_started_and_removed(site):
    spec = {"type": "tcp", "target": "127.0.0.1:9", "name": "nine"}
    added = await site.post("/api/v1/jobs", by="token", json=spec)
    assert added.status == 201
    assert added.headers["Location"] == "/api/v1/jobs/nine"
    assert added.json["cost"]["words"]

    patch = {"interval_s": 120, "timeout_s": 5}
    edited = await site.ask("PATCH", "/api/v1/jobs/nine", by="token", json=patch)
    assert edited.json["interval_s"] == 120
    stopped = await site.post("/api/v1/jobs/nine/stop", by="token")
    assert stopped.json["verdict"] == "paused"
    started = await site.post("/api/v1/jobs/nine/start", by="token", json={})
    assert started.json["enabled"] is True
    one = {"worker": started.json["votes"][0]["worker"]}
    stopped = await site.post("/api/v1/jobs/nine/stop", by="token", json=one)
    assert [v["state"] for v in stopped.json["votes"]].count("stopped") == 1
    asked = await site.post("/api/v1/jobs/nine/run", by="token")
    assert one["worker"] not in asked.json["asked"]

    gone = await site.ask("DELETE", "/api/v1/jobs/nine", by="token")
    assert (gone.status, gone.text) == (204, "")
    assert (await site.get("/api/v1/jobs/nine", by="token")).status == 404


@pytest.mark.parametrize("switch", ["dry_run", "dry_run=true", "dry_run=1"])
async def test_a_dry_run_tells_the_cost_and_stores_nothing(site, switch):
    spec = {"type": "tcp", "target": "127.0.0.1:9", "name": "nine"}
    answer = await site.post(f"/api/v1/jobs?{switch}", by="token", json=spec)
    assert answer.status == 200
    assert answer.json["dry_run"] is True
    assert (await site.get("/api/v1/jobs/nine", by="token")).status == 404


async def test_a_name_that_is_taken_is_a_conflict(site):
    spec = {"type": "tcp", "target": "127.0.0.1:9", "name": JOB}
    answer = await site.post("/api/v1/jobs", by="token", json=spec)
    assert answer.status == 409
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert answer.json["type"] == "urn:pangea:conflict"
    assert answer.json["hint"] == "give another name"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        pytest.param('{"type":"tcp","taget":"x"}', "'target'", id="a typing error"),
        pytest.param('{"type":"tcp"}', "target", id="a field is missing"),
        pytest.param('{"type":1,"target":"x"}', "type", id="a wrong type"),
        pytest.param("{", "JSON", id="half an object"),
        pytest.param("[]", "object", id="a list"),
        pytest.param('{"type":"tcp","target":"x","interval_s":1e999}', "", id="inf"),
        pytest.param('{"type":"tcp","target":"\\ud800"}', "", id="half a character"),
        pytest.param("[" * 100_000, "JSON", id="a deep hole"),
        pytest.param('{"\\u001b[2J":1}', "x1b", id="an escape sequence"),
    ],
)
async def test_a_bad_body_is_refused_in_words_that_help(site, body, words):
    headers = {"Content-Type": "application/json"}
    answer = await site.post("/api/v1/jobs", by="token", data=body, headers=headers)
    assert answer.status == 422
    assert words in answer.json["detail"] + answer.json["hint"]
    assert "\x1b" not in answer.json["detail"]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        pytest.param("limit=0", "limit", id="nothing"),
        pytest.param("limit=1001", "limit", id="too much"),
        pytest.param("limit=ten", "limit", id="a word"),
        pytest.param("limt=5", "limit", id="a typing error"),
        pytest.param("limit=1&limit=2", "limit", id="twice"),
        pytest.param("since=someday", "someday", id="no time"),
        pytest.param("since=2027-01-31", "still to come", id="to come"),
        pytest.param("until=9999999d", "too long", id="too long ago"),
    ],
)
async def test_a_bad_query_is_refused_in_words_that_help(site, query, words):
    answer = await site.get(f"/api/v1/jobs/{JOB}/results?{query}", by="token")
    assert answer.status == 422
    assert words in answer.json["detail"] + answer.json["hint"]


async def test_a_route_without_parameters_takes_none(site):
    answer = await site.get("/api/v1/secrets?at=now", by="token")
    assert answer.status == 422


@pytest.mark.parametrize(
    "since", ["1h", "2026-11-22T12:00:00Z", "2026-11-22T12:00:00.5+01:00"]
)
async def test_results_are_asked_since_a_moment_or_a_duration(site, since):
    path = f"/api/v1/jobs/{JOB}/results?since={since}&limit=3"
    answer = await site.get(path, by="viewer")
    assert answer.status == 200
    assert len(answer.json["items"]) == 3
    assert set(answer.json["items"][0]) >= {"worker", "started_at", "outcome", "flags"}


async def test_history_is_cut_into_the_points_that_were_asked_for(site):
    path = f"/api/v1/jobs/{JOB}/history?range=1h&points=12"
    answer = await site.get(path, by="viewer")
    assert answer.json["step_s"] == 300
    assert {"at", "ok", "missing", "p95_ms"} <= set(answer.json["points"][0])


HOSTILE = [
    "..%2f..%2fetc%2fpasswd",
    "%00",
    "%1b%5b2J",
    "a" * 64,
    "UPPER",
    "%F0%9F%92%A3",
    "a%20b",
    "<script>",
    "%E2%80%AE",
    "'%20or%201=1--",
]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("where", ["/api/v1/jobs/{}", "/api/v1/workers/{}", "/jobs/{}"])
async def test_a_hostile_name_names_nothing(site, name, where):
    headers = {} if where.startswith("/api") else {"Accept": "text/html"}
    answer = await site.get(where.format(name), by="token", headers=headers)
    assert answer.status == 404
    assert "\x1b" not in answer.text
    assert answer.json or "<script>" not in answer.text


async def test_what_is_not_there_is_a_problem_and_for_people_a_page(site):
    api = await site.get("/api/v1/nothing", by="token")
    assert (api.status, api.json["status"]) == (404, 404)
    page = await site.get("/nothing", headers={"Accept": "text/html"})
    assert page.status == 404
    assert "<!doctype html>" in page.text
    wrong = await site.ask("PUT", "/api/v1/jobs", by="token")
    assert wrong.status == 405
    assert wrong.headers["Allow"] == "GET,HEAD,POST"


async def test_a_bug_shows_a_number_and_nothing_else(site, caplog):
    async def broken(org):
        raise RuntimeError("a secret detail")

    site.service.status = broken
    answer = await site.get("/api/v1/status", by="token")
    assert answer.status == 500
    assert "secret" not in answer.text
    number = answer.json["detail"].rpartition(" ")[2]
    records = [r for r in caplog.records if number in r.getMessage()]
    assert len(records) == 1
    assert "a secret detail" in records[0].exc_text


def test_the_table_has_no_route_twice():
    keys = [(r.method, r.path) for r in ROUTES]
    assert len(keys) == len(set(keys))
    assert all(r.summary and not r.summary.endswith(".") for r in API)
