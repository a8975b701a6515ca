"""`results`, `history`, `status`, `worker` and `version`: what people read."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from pangea import __version__
from pangea.cli.client import Client
from pangea.cli.results import Follower
from pangea.cli.session import Session
from tests.cli.conftest import a_job, a_page, a_result

RESULTS = "GET /api/v1/jobs/web/results"
STATUS = {
    "name": "hq", "version": "9.9", "started_at": "2026-01-01T00:00:00Z",
    "now": "2026-01-01T00:00:00Z", "verdicts": {"up": 2, "down": 1}, "jobs": 3,
    "workers": 2, "workers_connected": 1, "results_per_s": 0.3,
    "trouble": ["worker york is lost"], "next": "pangea job show web",
}  # fmt: skip
WORKER = {
    "name": "york", "id": "ab", "state": "approved", "region": "", "tags": {"a": "b"},
    "position": [51.5, -0.1], "version": "1", "connected": True, "last_seen": None,
    "offset_ms": None, "rtt_ms": 1.2, "spool": 0, "lag_ms": 0.1, "jobs": 3,
    "lacks": {"icmp": "no right"}, "health": "well",
}  # fmt: skip


def point(**changes):
    step = {
        "at": "2026-01-01T00:00:00Z", "ok": 1, "failed": 0, "error": 0, "missing": 0,
        "p50_ms": 1.0, "p95_ms": 2.0, "p99_ms": 3.0, "min_ms": 0.5, "max_ms": 4.0,
    }  # fmt: skip
    return {**step, **changes}


def test_results_are_asked_as_wanted(run, api):
    api.on(RESULTS, a_page(a_result()))
    run("results", "web", "--on", "london", "--since", "1h", "--limit", "5")
    assert api.queries(RESULTS) == [
        {"worker": ["london"], "since": ["1h"], "limit": ["5"]}
    ]


def test_a_warning_is_told_apart_from_ok(run, api):
    api.on(RESULTS, a_page(a_result(flags=["warn"], reason="latency")))
    assert "▲ WARN" in run("results", "web").stdout


def test_a_since_that_is_no_time_is_usage(run, api):
    assert run("results", "web", "--since", "yore").exit_code == 2
    assert api.asked == []


def test_follow_prints_each_result_once_oldest_first(api, capsys):
    first, second = a_result(), a_result(started_at="2026-01-01T00:00:01.000000Z")
    third = a_result(started_at="2026-01-01T00:00:02.000000Z", worker="york")
    api.on(RESULTS, a_page(second, first))
    api.on(RESULTS, a_page(third, second, first))
    known = {"job": "web", "worker": "london", "started_at": second["started_at"]}
    events = [("result", {**known, "job": "other"}), ("result", known)]
    api.stream = [
        f"id: {n}\nevent: {kind}\ndata: {json.dumps(data)}\n\n".encode()
        for n, (kind, data) in enumerate(events)
    ]
    session = Session(server=api.url, output="jsonl")
    path = "jobs/web/results"
    follower = Follower(session, Client(api.url, "t"), path, None)
    follower.begin([second])
    follower.listen()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines == [second, third]
    assert api.queries("GET /api/v1/events")[0] == {"kinds": ["result"]}


def test_follow_of_a_job_that_is_not_there_is_3(run):
    assert run("results", "nope", "--follow").exit_code == 3


def test_history_draws_failures_and_tells_uptime(run, api):
    points = [point(), point(failed=1, ok=0, p95_ms=None), point(ok=0, p95_ms=None)]
    answer = {"step_s": 300.0, "points": points, "uptime": 0.99999, "coverage": 0.5}
    api.on("GET /api/v1/jobs/web/history", answer)
    shown = run("history", "web", "--range", "15m").stdout
    assert "×" in shown
    assert "99.999 %" in shown
    assert "50.000 % of the time" in shown
    assert api.queries("GET /api/v1/jobs/web/history")[0]["range"] == ["900.000000"]


def test_history_tells_loss_and_phases_where_the_probe_has_them(run, api):
    points = [
        point(loss_pct=10.0, phases_ms={"connect": 10.0, "tls": 30.0}),
        point(loss_pct=None, ok=0, p95_ms=None),
        point(loss_pct=20.0, phases_ms={"connect": 14.0, "tls": 30.0}),
    ]
    answer = {"step_s": 300.0, "points": points, "uptime": 1.0, "coverage": 1.0}
    api.on("GET /api/v1/jobs/web/history", answer)
    shown = run("history", "web").stdout
    assert "15.00 %" in shown
    assert "connect 12" in shown


def test_a_long_range_is_not_sent_with_an_exponent(run, api):
    answer = {"step_s": 1.0, "points": [point()], "uptime": 1.0, "coverage": 1}
    api.on("GET /api/v1/jobs/web/history", answer)
    run("history", "web", "--range", "90d")
    query = api.queries("GET /api/v1/jobs/web/history")[0]
    assert query["range"] == ["7776000.000000"]


def test_almost_all_is_never_shown_as_all(run, api):
    answer = {"step_s": 1.0, "points": [point()], "uptime": 0.999999999, "coverage": 1}
    api.on("GET /api/v1/jobs/web/history", answer)
    shown = run("history", "web").stdout
    assert "uptime    99.999 %" in shown
    assert "100.000 % of the time" in shown


def test_a_young_job_tells_since_when_it_is_measured(run, api):
    answer = {"step_s": 1.0, "points": [point()], "uptime": 1.0, "coverage": 1}
    added = (datetime.now(UTC) - timedelta(seconds=16.5)).isoformat()
    api.on("GET /api/v1/jobs/web/history", {**answer, "added_at": added})
    shown = run("history", "web", "--range", "1h").stdout
    assert "100.000 % of the time since it was added, 1" in shown
    assert "s ago" in shown


def test_a_history_of_nothing_says_so(run, api):
    points = [point(ok=0, p95_ms=None)]
    answer = {"step_s": 1.0, "points": points, "uptime": None, "coverage": 0}
    api.on("GET /api/v1/jobs/web/history", answer)
    assert "nothing was measured" in run("history", "web").stdout


def test_status_is_one_screen_with_a_next_step(run, api):
    api.on("GET /api/v1/status", STATUS)
    bad = a_job(name="bad", verdict="down", verdict_reason="refused")
    api.on("GET /api/v1/jobs", a_page(bad, a_job()))
    shown = run("status").stdout
    assert "hq, version 9.9" in shown
    assert "1 of 2 connected" in shown
    assert "✖ DOWN 1" in shown
    assert "bad" in shown
    assert "worker york is lost" in shown
    assert shown.endswith("next: pangea job show web\n")


def test_the_next_step_names_the_coordinator_that_was_named(run, api):
    api.on("GET /api/v1/status", {**STATUS, "next": "see why: pangea job show web"})
    api.on("GET /api/v1/jobs", a_page(a_job()))
    shown = run("status", "--server", api.url).stdout
    assert shown.endswith(f"next: see why: pangea --server {api.url} job show web\n")


@pytest.mark.parametrize("asked", [["york"], []])
def test_a_remark_names_the_coordinator_once(run, api, asked):
    api.on("POST /api/v1/jobs/web/run", {"job": "web", "asked": asked})
    said = run("job", "run", "web", "--server", api.url).stderr
    assert said.count(f"pangea --server {api.url} ") == 1
    assert said.count("--server") == 1


def test_status_as_json_is_what_the_api_answers(run, api):
    api.on("GET /api/v1/status", STATUS)
    assert json.loads(run("status", "--json").stdout) == STATUS


def test_watch_wants_a_sensible_pause(run):
    assert run("status", "--watch", "1ms").exit_code == 2


def test_workers_are_listed_and_shown(run, api):
    api.on("GET /api/v1/workers", a_page(WORKER))
    api.on("GET /api/v1/workers/york", WORKER)
    assert "york" in run("worker", "list").stdout
    shown = run("worker", "show", "york").stdout
    assert "no icmp" in shown
    assert "51.5,-0.1" in shown


def test_what_a_worker_lost_last_and_how_sure_its_clock_is_are_shown(run, api):
    sure = WORKER | {"id": "n1", "offset_ms": 1.5, "offset_error_ms": 0.25}
    gap = {"from": "A", "to": "B", "reason": "disk full", "lost": 7, "jobs": {"web": 6}}
    api.on("GET /api/v1/workers/york", sure)
    assert "lost last" not in run("worker", "show", "york").stdout
    api.on("GET /api/v1/workers/n1/gaps", {"items": [gap], "next": None})
    shown = run("worker", "show", "york").stdout
    assert "7 results, A to B: disk full (6 of web)" in shown
    assert "1.5ms behind the coordinator, ± 0.25 ms" in shown


def test_a_loss_of_which_little_is_known_says_what_is(run, api):
    gap = {"from": None, "to": "B", "reason": "disk full", "lost": 7, "jobs": {}}
    api.on("GET /api/v1/workers/york", WORKER | {"id": "n1"})
    api.on("GET /api/v1/workers/n1/gaps", {"items": [gap], "next": None})
    assert "7 results, until B: disk full\n" in run("worker", "show", "york").stdout


def test_version_names_both_sides(run, api):
    api.on("GET /api/v1/status", STATUS)
    found = json.loads(run("version", "--json").stdout)
    assert (found["client"], found["server"]) == (__version__, "9.9")


def test_version_does_without_a_coordinator(run):
    result = run("version", "--json", "--server", "http://127.0.0.1:1")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["server"] is None


@pytest.mark.parametrize("given", ["flag", "variable", "state"])
def test_the_token_is_found(run, api, tmp_path, monkeypatch, given):
    api.on("GET /api/v1/status", STATUS)
    place = tmp_path / "state" / "admin.token" if given == "state" else tmp_path / "t"
    place.parent.mkdir(exist_ok=True)
    place.write_text("abc\n")
    if given == "state":
        run("status", "--json")
    elif given == "flag":
        monkeypatch.setenv("PANGEA_TOKEN", "weaker")
        run("status", "--json", "--token-file", str(place))
    else:
        monkeypatch.setenv("PANGEA_TOKEN_FILE", str(tmp_path / "weaker"))
        monkeypatch.setenv("PANGEA_TOKEN", "abc")
        run("status", "--json")
    assert api.tokens == ["Bearer abc"]


def test_the_token_of_this_machine_is_not_sent_to_another(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".pangea").mkdir()
    (tmp_path / ".pangea" / "admin.token").write_text("abc")
    token, looked = Session(server="http://127.0.0.1:7464").token()
    assert token
    assert looked.endswith("admin.token")
    assert Session(server="http://monitor.example:7464").token()[0] == ""
    assert Session(server="http://127.0.0.1.evil.example").token()[0] == ""


def test_a_token_that_is_no_token_is_refused_before_it_is_sent(run, api, tmp_path):
    (tmp_path / "t").write_text("a\r\nX-Evil: 1")
    result = run("status", "--token-file", str(tmp_path / "t"))
    assert result.exit_code == 2
    assert api.asked == []


def test_without_workers_the_list_says_exactly_how_to_add_one(run, api):
    api.on("GET /api/v1/workers", a_page())
    join = ["pangea --state-dir /x secret show > f", "pangea run --join 192.0.2.7:1"]
    api.on("GET /api/v1/status", {**STATUS, "join": join})
    ran = run("worker", "list")
    assert ran.stdout == ""
    assert [line.strip() for line in ran.stderr.splitlines()][1:] == join
    assert run("worker", "list", "-o", "json").stdout.strip() == "[]"


def test_a_revoked_worker_is_shown_with_who_and_why(run, api):
    out = {"revoked_by": "ada", "revoked_reason": "stolen", "state": "revoked"}
    out["revoked_at"] = "2026-01-01T00:00:00.000000Z"
    api.on("GET /api/v1/workers/york", WORKER | out)
    shown = run("worker", "show", "york").stdout
    assert "ada, " in shown
    assert "stolen" in shown


def test_status_names_who_needs_somebody_with_the_next_step(run, api):
    concern = {"about": "york", "what": "lost, last seen 5m ago", "next": "look there"}
    api.on("GET /api/v1/status", STATUS | {"concerns": [concern]})
    api.on("GET /api/v1/jobs", a_page())
    lines = run("status").stdout.splitlines()
    at = next(n for n, line in enumerate(lines) if "york: lost" in line)
    assert lines[at + 1].strip() == "→ look there"
    assert json.loads(run("status", "-o", "json").stdout)["concerns"] == [concern]
