"""`pangea rule` and `pangea delivery`."""

import json

import pytest

RULES, SENT = "/api/v1/rules", "/api/v1/deliveries"
RULE = {
    "name": "db",
    "enabled": True,
    "kinds": ["down"],
    "severity": "warning",
    "jobs": ["db-*"],
    "labels": {"team": "ops"},
    "regions": ["eu"],
    "hours": "mon-fri@08:00-18:00",
    "zone": "Europe/Paris",
    "older_s": 300.0,
    "channels": ["chat"],
    "escalations": [{"after_s": 900.0, "channels": ["oncall", "boss"]}],
    "remind_s": 3600.0,
    "factor": 2.0,
    "recovered": True,
}
ONE = {
    "id": "hecs5pgrvquks2on",
    "at": "2026-01-31T22:00:00.000000Z",
    "state": "dead",
    "kind": "down",
    "severity": "critical",
    "title": "web",
    "reason": "refused",
    "step": "down",
    "rule": "default",
    "channel": "chat",
    "incident": "abcdefghij",
    "job": "web",
    "message": "hecs5pgrvquks2on",
    "tries": 3,
    "sent_at": None,
    "next_try_at": None,
    "answer": "401 wrong token",
    "drill": True,
}


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        ([], {}),
        (
            ["--kind", "down", "--kind", "gap", "--job", "a*", "--to", "chat"],
            {"kinds": ["down", "gap"], "jobs": ["a*"], "channels": ["chat"]},
        ),
        (
            ["--escalate", "15m=oncall, boss", "--escalate", "1h=ceo"],
            {
                "escalations": [
                    {"after_s": 900.0, "channels": ["oncall", "boss"]},
                    {"after_s": 3600.0, "channels": ["ceo"]},
                ]
            },
        ),
        (
            ["--after", "5m", "--remind", "1h", "--factor", "1.5", "--no-recovered"],
            {"older_s": 300.0, "remind_s": 3600.0, "factor": 1.5, "recovered": False},
        ),
        (
            ["--label", "team=ops", "--region", "eu", "--severity", "critical"],
            {"labels": {"team": "ops"}, "regions": ["eu"], "severity": "critical"},
        ),
        (["--hours", "@22:00-06:00", "--zone", "UTC"], None),
    ],
)
def test_add_sends_what_is_given_and_nothing_else(run, api, options, sent):
    api.on(f"POST {RULES}", RULE, 201)
    ran = run("rule", "add", "db", *options)
    assert ran.exit_code == 0
    sent = {"hours": "@22:00-06:00", "zone": "UTC"} if sent is None else sent
    assert api.bodies(f"POST {RULES}") == [{"name": "db", **sent}]
    assert "after 15m oncall,boss" in ran.stdout


def test_an_escalation_that_cannot_be_read_is_refused_here(run, api):
    assert run("rule", "add", "db", "--escalate", "15m").exit_code == 2
    assert api.bodies(f"POST {RULES}") == []


def test_edit_empties_what_is_given_empty(run, api):
    api.on(f"PATCH {RULES}/db", RULE)
    assert run("rule", "edit", "db", "--job", "", "--disable").exit_code == 0
    assert api.bodies(f"PATCH {RULES}/db") == [{"jobs": [], "enabled": False}]
    assert run("rule", "edit", "db").exit_code == 2


def test_list_says_about_what_and_whom(run, api):
    api.on(f"GET {RULES}", {"items": [RULE], "next": None})
    shown = run("rule", "list").stdout
    assert "down from warning on db-* team=ops" in shown
    assert "chat; after 15m oncall,boss" in shown
    assert json.loads(run("rule", "list", "--json").stdout) == [RULE]


def test_test_says_who_would_be_told_and_why_others_would_not(run, api):
    tells = {"rule": "db", "tells": True, "why_not": "", "remind_s": 0.0}
    tells["steps"] = [
        {"after_s": 0.0, "channels": ["chat"]},
        {"after_s": 900.0, "channels": ["oncall"]},
    ]
    no = {"rule": "x", "tells": False, "why_not": "it is disabled", "steps": []}
    path = "GET /api/v1/jobs/web/alerts"
    api.on(path, {"items": [tells, no | {"remind_s": 0.0}], "next": None})
    ran = run("rule", "test", "web", "--kind", "unknown")
    assert ran.exit_code == 0
    assert "at once chat; after 15m oncall" in ran.stdout
    assert "nobody: it is disabled" in ran.stdout
    nobody = {"items": [no | {"remind_s": 0.0}], "next": None}
    api.on("GET /api/v1/jobs/db/alerts", nobody)
    assert run("rule", "test", "db").exit_code == 1


def test_deliveries_say_what_did_not_arrive_and_why(run, api):
    api.on(f"GET {SENT}", {"items": [ONE], "next": None})
    shown = run("delivery", "list", "--dead").stdout
    for words in ("dead", "chat", "DRILL down web", "401 wrong token"):
        assert words in shown
    attempt = {"at": ONE["at"], "took_ms": 3.0, "outcome": "refused", "answer": "401"}
    detail = ONE | {"attempts": [attempt], "facts": {}}
    api.on(f"GET {SENT}/{ONE['id']}", detail)
    assert "refused" in run("delivery", "show", ONE["id"]).stdout
    api.on(f"POST {SENT}/{ONE['id']}/retry", ONE | {"state": "waiting"})
    assert run("delivery", "retry", ONE["id"]).exit_code == 0
