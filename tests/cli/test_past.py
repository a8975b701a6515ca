"""The past on the command line: as of a moment, uptime, promises."""

from tests.cli.conftest import a_job, a_page


def a_status(**changes):
    return {
        "name": "hel", "version": "1", "started_at": "2026-01-01T00:00:00.000000Z",
        "now": "2026-01-02T03:12:00.000000Z", "jobs": 1, "workers": 2,
        "verdicts": {"down": 1, "up": 0}, "workers_connected": 2,
        "results_per_s": 0.0, "trouble": [], "next": "", "concerns": [], **changes,
    }  # fmt: skip


def an_uptime(**changes):
    minutes = dict.fromkeys(("degraded", "unknown", "maintenance", "drill"), 0.0)
    minutes |= {"up": 1410.0, "down": 20.0, "paused": 0.0, "no_data": 10.0}
    slo = {
        "target": 99.9, "budget_min": 43.2, "left_min": 23.2,
        "burn": {"1h": 0.0, "6h": 2.5, "3d": None},
    }  # fmt: skip
    return {
        "uptime": 0.986,
        "coverage": 0.99,
        "minutes": minutes,
        "slo": slo,
        **changes,
    }


def test_status_at_a_moment_asks_for_the_same_moment_twice(api, run):
    then = "2026-01-02T03:12:00.000000Z"
    api.on("GET /api/v1/status", a_status(at=then))
    api.on("GET /api/v1/jobs", a_page(a_job(verdict="down", at=then)))
    shown = run("status", "--at", "2h ago")
    assert shown.exit_code == 0
    assert api.queries("GET /api/v1/status") == [{"at": ["2h ago"]}]
    assert api.queries("GET /api/v1/jobs")[0]["at"] == [then]
    assert shown.stdout.startswith(f"as of        {then}")
    assert "connected" not in shown.stdout
    assert "started" not in shown.stdout


def test_since_when_is_told_as_of_that_moment(api, run):
    then, since = "2026-01-02T03:12:00.000000Z", "2026-01-02T03:10:00.000000Z"
    api.on("GET /api/v1/status", a_status(at=then))
    job = a_job(verdict="down", at=then, verdict_since=since)
    api.on("GET /api/v1/jobs", a_page(job))
    assert "2m ago" in run("status", "--at", "2h ago").stdout


def test_a_promise_of_a_young_job_says_nothing_yet(api, run):
    api.on("GET /api/v1/jobs/web", a_job(slo=99.9))
    young = an_uptime()["slo"] | {"too_young": "2 min of 30 d"}
    api.on("GET /api/v1/jobs/web/uptime", an_uptime(slo=young))
    shown = run("job", "show", "web").stdout
    assert "99.9 %, too young to tell (2 min of 30 d)" in shown


def test_jobs_at_a_moment_are_all_of_the_same_moment(api, run):
    then = "2026-01-02T03:12:00.000000Z"
    api.on("GET /api/v1/status", a_status(at=then))
    api.on("GET /api/v1/jobs", a_page(a_job(verdict="down", at=then)))
    shown = run("job", "list", "--at", "2h ago")
    assert "DOWN" in shown.stdout
    assert f"as of {then}" in shown.stderr
    assert api.queries("GET /api/v1/status") == [{"at": ["2h ago"]}]
    assert api.queries("GET /api/v1/jobs")[0]["at"] == [then]


def test_a_job_at_a_moment_is_shown_without_the_promise_of_now(api, run):
    then = "2026-01-02T03:12:00.000000Z"
    path = "GET /api/v1/jobs/web"
    api.on(path, a_job(name="web", verdict="down", at=then, slo=99.9))
    shown = run("job", "show", "web", "--at", "03:12")
    assert shown.exit_code == 0
    assert "DOWN" in shown.stdout
    assert f"as of {then}" in shown.stderr
    assert api.queries(path) == [{"at": ["03:12"]}]
    assert run("job", "show", "web", "--json", "--at", "03:12").exit_code == 0


def test_status_cannot_watch_what_has_been(run):
    assert run("status", "--at", "03:12", "--watch").exit_code == 2


def test_history_tells_the_time_that_a_job_was_what(api, run):
    point = {
        "at": "2026-01-01T00:00:00.000000Z", "ok": 1, "failed": 0, "error": 0,
        "missing": 0, "p50_ms": 1.0, "p95_ms": 1.0, "p99_ms": 1.0, "min_ms": 1.0,
        "max_ms": 1.0,
    }  # fmt: skip
    history = {"step_s": 60, "points": [point], "uptime": 0.986, "coverage": 0.99}
    api.on("GET /api/v1/jobs/web/history", history)
    api.on("GET /api/v1/jobs/web/uptime", an_uptime())
    shown = run("history", "web", "--range", "24h").stdout
    assert "23h30m up, 20m down, 10m not measured" in shown
    assert "99.9 %, 23m12s of 43m12s left; burning 1h 0x, 6h 2.5x" in shown
    assert api.queries("GET /api/v1/jobs/web/uptime") == [{"range": ["86400.000000"]}]


def test_a_job_with_a_promise_shows_what_is_left_of_it(api, run):
    api.on("GET /api/v1/jobs/web", a_job(slo=99.9))
    broken = an_uptime()["slo"] | {"left_min": -3.0}
    api.on("GET /api/v1/jobs/web/uptime", an_uptime(slo=broken))
    assert "broken: 3m more than the 43m12s allowed" in run("job", "show", "web").stdout


def test_a_job_without_a_promise_is_not_asked_for_one(api, run):
    api.on("GET /api/v1/jobs/web", a_job(slo=0.0))
    assert run("job", "show", "web").exit_code == 0
    assert api.queries("GET /api/v1/jobs/web/uptime") == []
