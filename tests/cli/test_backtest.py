"""`pangea backtest` against an API that the test writes."""

import json

from tests.cli.conftest import a_job, a_page


def a_row(name, **changes):
    return {
        "name": name, "rule": "majority", "incidents_then": 2, "incidents_now": 1,
        "down_min_then": 10.0, "down_min_now": 8.5, "missed_min": 1.5,
        "false_min": 0.0, "delay_s": 30.0, "notes": [], **changes,
    }  # fmt: skip


def an_answer(*rows):
    return {
        "rule": "any", "since": "2026-01-01T00:00:00.000000Z",
        "until": "2026-01-31T00:00:00.000000Z", "jobs": list(rows),
        "totals": a_row(""),
    }  # fmt: skip


def test_jobs_that_are_named_are_tried_and_told_in_a_table(api, run):
    note = "thresholds need the results"
    api.on("POST /api/v1/backtest", an_answer(a_row("web"), a_row("dns", notes=[note])))
    shown = run("backtest", "web", "dns", "--rule", "any", "--since", "7d")
    assert api.bodies("POST /api/v1/backtest") == [
        {"jobs": ["web", "dns"], "rule": "any", "since": "7d"}
    ]
    lines = shown.stdout.splitlines()
    assert "+30s" in lines[1]
    assert lines[-1].split()[:4] == ["all", "any", "4", "2"]
    assert note in shown.stderr


def test_all_jobs_are_asked_for_in_parts(api, run):
    api.on("GET /api/v1/jobs", a_page(*(a_job(name=f"j{n}") for n in range(450))))
    api.on("POST /api/v1/backtest", an_answer(a_row("j", delay_s=None)))
    shown = run("backtest", "--rule", "majority down=2", "--json")
    asked = api.bodies("POST /api/v1/backtest")
    assert [len(body["jobs"]) for body in asked] == [200, 200, 50]
    told = json.loads(shown.stdout)
    assert len(told["jobs"]) == 3
    assert told["totals"]["incidents_then"] == 6
    assert told["totals"]["delay_s"] is None


def test_a_rule_must_be_named_and_be_one(api, run):
    assert run("backtest").exit_code == 2
    api.on("GET /api/v1/jobs", a_page(a_job()))
    api.problem("POST /api/v1/backtest", 422, "unknown rule 'most'")
    assert run("backtest", "--rule", "most").exit_code == 2


def test_without_jobs_nothing_is_asked(api, run):
    api.on("GET /api/v1/jobs", a_page())
    assert run("backtest", "--rule", "any").exit_code == 0
    assert api.bodies("POST /api/v1/backtest") == []
