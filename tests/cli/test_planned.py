"""`pangea maintenance`, `pangea drill` and `pangea job parents`."""

import json

import pytest

PLAN = {
    "id": 7,
    "state": "active",
    "jobs": ["web"],
    "labels": {"site": "a"},
    "workers": ["lon-1"],
    "covers": 2,
    "schedule": "once",
    "zone": "UTC",
    "from": "2026-01-31T22:00:00.000000Z",
    "until": "2026-02-01T00:00:00.000000Z",
    "reason": "new disk",
    "by": "admin",
    "created_at": "2026-01-31T22:00:00.000000Z",
    "ended_at": None,
}
DRILL = {
    "job": "web",
    "state": "failing",
    "by": "admin",
    "begun_at": "2026-01-31T22:00:00.000000Z",
    "for_s": 300.0,
    "asked": ["hel", "nyc"],
    "heard": [],
    "first_failed_s": None,
    "confirmed_s": None,
    "ended_s": None,
    "recovery_s": None,
    "verdict": "up",
    "verdict_reason": "2 of 2 ok",
    "words": "",
    "incident": None,
}
DOWN = DRILL | {
    "state": "recovering",
    "heard": ["hel"],
    "first_failed_s": 3.2,
    "confirmed_s": 4.1,
    "ended_s": 4.1,
    "verdict": "down",
    "verdict_reason": "2 of 2 failed: DRILL",
}
DONE = DOWN | {"state": "done", "recovery_s": 8.0, "verdict": "up"}
MAINTENANCE, DRILLS = "/api/v1/maintenance", "/api/v1/jobs/web/drill"


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        (
            ["--job", "web", "--job", "db", "--for", "1h30m", "--reason", "new disk"],
            {"jobs": ["web", "db"], "duration_s": 5400.0, "reason": "new disk"},
        ),
        (
            ["--label", "site=a", "--from", "2026-01-31T22:00:00Z", "--until", "x"],
            {"labels": {"site": "a"}, "from": "2026-01-31T22:00:00Z", "until": "x"},
        ),
        (
            ["--worker", "w", "--weekly", "mon@1:00-2:00", "--zone", "Europe/Paris"],
            {"workers": ["w"], "weekly": "mon@1:00-2:00", "zone": "Europe/Paris"},
        ),
        (
            ["--job", "web", "--cron", "0 3 * * 0", "--for", "2h"],
            {"jobs": ["web"], "cron": "0 3 * * 0", "duration_s": 7200.0},
        ),
    ],
)
def test_add_sends_what_is_planned(run, api, options, sent):
    api.on(f"POST {MAINTENANCE}", PLAN, 201)
    ran = run("maintenance", "add", *options)
    assert ran.exit_code == 0
    assert api.bodies(f"POST {MAINTENANCE}") == [sent]
    assert ran.stdout == (
        "maintenance 7 of web site=a worker lon-1 (2 jobs) goes on, until "
        "2026-02-01 00:00 UTC\n"
    )


def test_cron_needs_to_know_how_long(run, api):
    ran = run("maintenance", "add", "--job", "web", "--cron", "0 3 * * 0")
    assert ran.exit_code == 2
    assert api.bodies(f"POST {MAINTENANCE}") == []


def test_list_says_of_what_and_when_and_end_ends(run, api):
    api.on(f"GET {MAINTENANCE}", {"items": [PLAN], "next": None})
    shown = run("maintenance", "list").stdout
    for words in ("7", "active", "web site=a worker lon-1", "2026-01-31 22:00 UTC"):
        assert words in shown
    assert json.loads(run("maintenance", "list", "--json").stdout) == [PLAN]
    api.on(f"POST {MAINTENANCE}/7/end", PLAN | {"state": "over", "until": None})
    assert run("maintenance", "end", "7").stdout == "ended 7\n"
    assert run("maintenance", "end", "web").exit_code == 2


def test_a_drill_tells_each_stage_once_and_sums_up(run, api):
    api.on(f"POST {DRILLS}", DRILL, 201)
    for said in (DOWN, DONE):
        api.on(f"GET {DRILLS}", said)
    ran = run("drill", "web")
    assert ran.exit_code == 0
    assert api.bodies(f"POST {DRILLS}") == [{"for_s": 300.0}]
    assert ran.stderr.splitlines() == [
        "DRILL of web: 2 workers are told to fail it, for 5m at most",
        "    3.2 s  first failure, by hel",
        "    4.1 s  down: 2 of 2 failed: DRILL",
        "    4.1 s  the workers tell again how it is",
        "   12.1 s  up again, 8.0 s after that",
    ]
    assert ran.stdout.splitlines() == [
        "DRILL passed: down after 4.1 s, up again 8.0 s after it ended",
        "nyc took no part",
    ]


def test_a_drill_that_is_not_noticed_fails(run, api):
    over = DRILL | {"state": "failed", "ended_s": 5.0, "words": "not down within 5s"}
    api.on(f"POST {DRILLS}", over, 201)
    ran = run("drill", "web", "--for", "5s", "--json")
    assert ran.exit_code == 1
    assert json.loads(ran.stdout) == over


def test_a_job_that_is_not_up_is_a_conflict(run, api):
    api.problem(f"POST {DRILLS}", 409, "job 'web' is down: only what is up")
    assert run("drill", "web").exit_code == 6


def test_parents_are_shown_and_accepted(run, api):
    item = {"child": "web", "parent": "gw", "address": "192.0.2.1", "shared": 2}
    api.on("GET /api/v1/dependencies/proposed", {"items": [item], "next": None})
    ran = run("job", "parents")
    assert "192.0.2.1" in ran.stdout
    assert "pangea job parents --accept web=gw" in ran.stderr
    api.on("POST /api/v1/dependencies", {"name": "web"})
    assert run("job", "parents", "--accept", "web=gw").exit_code == 0
    sent = api.bodies("POST /api/v1/dependencies")
    assert sent == [{"child": "web", "parent": "gw"}]
    assert run("job", "parents", "--accept", "web").exit_code == 2
