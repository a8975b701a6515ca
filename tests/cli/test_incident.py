"""`incident` and `note`: what is asked of the API, and what people read."""

import json

import pytest

from pangea.cli.noted import marked
from tests.cli.conftest import a_page

LIST, ONE = "GET /api/v1/incidents", "GET /api/v1/incidents/abcdefghij"
NOTES, NOTE = "GET /api/v1/notes", "POST /api/v1/notes"
AT = "2026-01-01T12:03:0"


def an_incident(**changes):
    incident = {
        "id": "abcdefghij", "title": "web", "state": "open", "job": "web",
        "jobs": ["web"], "job_count": 1, "unwell_count": 1, "verdict": "down",
        "worst": "down", "reason": "2 of 3 failed: refused", "cause": "",
        "opened_at": f"{AT}6.100000Z", "closed_at": None, "duration_s": 61.4,
        "first_fail_at": f"{AT}4.000000Z", "confirmed_at": f"{AT}6.100000Z",
        "confirmed_after_s": 2.1, "acknowledged_at": None, "acknowledged_by": "",
        "acknowledged_text": "", "reopened": 0, "flapping": False, "drill": False,
        "backfilled": False, "retracted": False, "merged_into": None,
    }  # fmt: skip
    return {**incident, **changes}


def in_full(**changes):
    opened = {
        "at": f"{AT}6.100000Z", "kind": "opened", "who": "", "text": "web: refused",
        "data": {},
    }  # fmt: skip
    note = {
        "id": 1, "at": f"{AT}1.000000Z", "text": "deployed v2", "labels": {},
        "who": "ci", "added_at": f"{AT}1.000000Z",
    }  # fmt: skip
    more = {"members": [], "timeline": [opened], "evidence": [], "notes": [note]}
    return an_incident(**{**more, **changes})


def test_the_list_is_of_the_last_week_unless_told_otherwise(run, api):
    api.on(LIST, a_page(an_incident()))
    out = run("incident", "list").stdout
    assert "✖ DOWN" in out
    assert "abcdefghij" in out
    run("incident", "list", "--open")
    run("incident", "list", "--all", "--job", "web")
    run("incident", "list", "--since", "30d", "--limit", "5")
    assert api.queries(LIST) == [
        {"since": ["7d"], "limit": ["100"]},
        {"open": ["true"], "limit": ["100"]},
        {"job": ["web"]},
        {"since": ["30d"], "limit": ["5"]},
    ]


def test_what_is_over_is_listed_with_the_worst_it_was(run, api):
    over = {"state": "closed", "unwell_count": 0, "closed_at": f"{AT}9.000000Z"}
    api.on(LIST, a_page(an_incident(**over, verdict="degraded", worst="down")))
    api.on(ONE, in_full(**over, verdict="degraded"))
    assert "✖ DOWN" in run("incident", "list").stdout
    assert run("incident", "show", "abcdefghij").stdout.startswith("✖ DOWN  web")


def test_what_is_well_again_and_still_open_is_up(run, api):
    api.on(LIST, a_page(an_incident(unwell_count=0)))
    assert "● UP" in run("incident", "list").stdout


def test_json_is_what_the_api_answers(run, api):
    api.on(LIST, a_page(an_incident()))
    api.on(ONE, in_full())
    assert json.loads(run("incident", "list", "--json").stdout) == [an_incident()]
    assert json.loads(run("incident", "show", "abcdefghij", "--json").stdout) == (
        in_full()
    )
    assert run("incident", "list", "-q").stdout == "abcdefghij\n"


def test_nothing_wrong_is_said_so(run, api):
    api.on(LIST, a_page())
    assert "nothing is wrong" in run("incident", "list", "--open").stderr


def test_one_is_shown_with_its_times_and_what_happened(run, api):
    api.on(ONE, in_full())
    out = run("incident", "show", "abcdefghij").stdout
    assert "first failure 2026-01-01 12:03:04, confirmed 2.1s later" in out
    lines = [line.strip() for line in out.splitlines()]
    note = "2026-01-01 12:03:01  note by ci: deployed v2"
    assert lines.index(note) < lines.index("2026-01-01 12:03:06  opened: web: refused")


def test_a_storm_is_shown_with_its_jobs_and_cause(run, api):
    jobs = [
        {"job": "a", "verdict": "down", "recovered_at": None, "reason": "refused"},
        {"job": "b", "verdict": "up", "recovered_at": f"{AT}9.0Z", "reason": ""},
    ]
    told = in_full(title="2 jobs: 10.8.0.0/24", cause="10.8.0.0/24", members=jobs)
    api.on(ONE, told)
    out = run("incident", "show", "abcdefghij").stdout
    assert "2 jobs: 10.8.0.0/24" in out
    assert "✖ DOWN  a  refused" in out
    assert "● UP  b  well since 2026-01-01 12:03:09" in out


def test_what_is_hostile_is_shown_harmlessly(run, api):
    evil = "web\x1b[2J\u202e"
    api.on(ONE, in_full(title=evil, reason=evil, acknowledged_by=evil))
    out = run("incident", "show", "abcdefghij").stdout
    assert "\x1b" not in out
    assert "\u202e" not in out


def test_acknowledging_and_remarking_send_what_was_said(run, api):
    for what in ("ack", "comments"):
        acked = in_full(
            state="acknowledged", acknowledged_by="ann", acknowledged_text="mine"
        )
        api.on(f"POST /api/v1/incidents/web/{what}", acked)
    out = run("incident", "ack", "web", "-m", "mine").stdout
    assert out == "abcdefghij: acknowledged by ann: mine\n"
    run("incident", "ack", "web")
    out = run("incident", "comment", "web", "cable").stdout
    assert out == "abcdefghij: remarked\n"
    whole = run("incident", "comment", "web", "cable", "--json").stdout
    assert json.loads(whole)["id"] == "abcdefghij"
    assert api.bodies("POST /api/v1/incidents/web/ack") == [
        {"text": "mine"},
        {"text": ""},
    ]
    assert api.bodies("POST /api/v1/incidents/web/comments") == 2 * [{"text": "cable"}]


def test_who_has_it_already_is_told(run, api):
    acked = in_full(
        state="acknowledged", acknowledged_by="ann", acknowledged_before="ann",
        acknowledged_text="mine", acknowledged_at=f"{AT}6.1Z",
    )  # fmt: skip
    api.on("POST /api/v1/incidents/web/ack", acked)
    out = run("incident", "ack", "web").stdout
    assert out.startswith("abcdefghij: ann has it already, ")
    assert out.endswith(": mine\n")


def test_what_is_new_since_it_was_acknowledged_is_told(run, api):
    member = {"job": "a", "verdict": "down", "recovered_at": None, "reason": "x"}
    line = {
        "at": f"{AT}6.1Z", "kind": "joined", "who": "", "text": "b: x",
        "data": {"new_since_ack": True},
    }  # fmt: skip
    acked = in_full(
        state="acknowledged", new_since_ack=1, timeline=[line],
        members=[member, {**member, "job": "b", "new_since_ack": True}],
    )  # fmt: skip
    api.on(ONE, acked)
    out = run("incident", "show", "abcdefghij").stdout
    assert "acknowledged, 1 new since" in out
    assert "✖ DOWN  b  x  new since ack" in out
    assert "joined, new since ack: b: x" in out
    api.on(LIST, a_page(acked))
    assert "acknowledged, 1 new since" in run("incident", "list").stdout


def test_what_is_but_degraded_says_since_when(run, api):
    mild = in_full(
        verdict="degraded", confirmed_at=None, confirmed_after_s=None,
        bad_since=f"{AT}6.1Z",
    )  # fmt: skip
    api.on(ONE, mild)
    out = run("incident", "show", "abcdefghij").stdout
    assert "degraded since 2026-01-01 12:03:06" in out


def test_one_that_was_merged_leads_to_where_it_goes_on(run, api):
    api.on("GET /api/v1/incidents/old", in_full(id="old", merged_into="abcdefghij"))
    api.on(ONE, in_full(title="3 jobs: 10.8.0.0/24"))
    told = run("incident", "show", "old")
    assert "3 jobs: 10.8.0.0/24" in told.stdout
    assert "old goes on as abcdefghij" in told.stderr


def test_what_is_over_is_a_conflict(run, api):
    api.problem("POST /api/v1/incidents/web/ack", 409, "incident x is over")
    assert run("incident", "ack", "web").exit_code == 6


def test_a_note_is_sent_with_its_labels_and_time(run, api):
    note = {"id": 3, "at": f"{AT}6.1Z", "text": "deployed", "labels": {}, "who": "x"}
    api.on(NOTE, note)
    out = run("note", "deployed", "--label", "app=x", "--label", "env=a=b").stdout
    assert "2026-01-01 12:03:06  deployed" in out
    run("note", "deployed", "--at", "03:12")
    assert api.bodies(NOTE) == [
        {"text": "deployed", "labels": {"app": "x", "env": "a=b"}},
        {"text": "deployed", "labels": {}, "at": "03:12"},
    ]


def test_without_text_notes_are_listed(run, api):
    labels = {"app": "x"}
    api.on(NOTES, a_page({"id": 3, "at": f"{AT}6.1Z", "text": "v2", "labels": labels}))
    out = run("note", "--label", "app=x", "--since", "1h").stdout
    assert "app=x" in out
    assert api.queries(NOTES) == [
        {"since": ["1h"], "label": ["app=x"], "limit": ["1000"]}
    ]


@pytest.mark.parametrize(
    "words",
    [
        ("note", "--at", "03:12"),
        ("note", "x", "--since", "1h"),
        ("note", "x", "--label", "no"),
        ("note", "--label", "a=b", "--label", "c=d"),
        ("incident",),
    ],
)
def test_what_makes_no_sense_is_usage_and_asks_nothing(run, api, words):
    assert run(*words).exit_code == 2
    assert api.asked == []


def test_status_names_what_is_open(run, api):
    acked = an_incident(
        id="zzzzzzzzzz", acknowledged_by="ann", title="dns", new_since_ack=2
    )
    api.on(
        "GET /api/v1/status",
        {
            "name": "hq",
            "version": "9",
            "started_at": f"{AT}1Z",
            "now": f"{AT}1Z",
            "verdicts": {"down": 22},
            "jobs": 22,
            "workers": 1,
            "workers_connected": 1,
            "results_per_s": 0.3,
            "trouble": [],
            "next": "",
            "incidents_open": 22,
            "incidents": [an_incident(flapping=True), acked],
        },
    )
    api.on("GET /api/v1/jobs", a_page())
    out = run("status").stdout
    assert "✖ incident abcdefghij: web FLAPPING, since" in out
    assert "ann takes care of it, 2 new since" in out
    assert "and 20 more: pangea incident list --open" in out


def test_a_chart_has_a_mark_where_a_note_was():
    points = [{"at": f"2026-01-01T12:00:{n:02}Z"} for n in range(0, 40, 10)]
    chart = ["10 ms ┤ ██ ", "      └────", "       ago"]
    notes = [
        {"at": "2026-01-01T12:00:35Z", "text": "v2\x1b"},
        {"at": "2026-01-01T12:00:00Z", "text": "v1"},
        {"at": "2025-01-01T12:00:00Z", "text": "long ago"},
    ]
    row, *told = marked(chart, notes, points, 10.0)
    assert row == "       ^  ^"
    assert told[0] == "^ 2026-01-01 12:00:35  v2\\x1b"
    assert marked(chart, [], points, 10.0) == []
    assert marked([], notes, points, 10.0) == []


def test_history_asks_for_the_notes_about_the_job(run, api):
    point = {
        "at": f"{AT}0Z", "ok": 1, "failed": 0, "error": 0, "missing": 0, "p50_ms": 1.0,
        "p95_ms": 2.0, "p99_ms": 3.0, "min_ms": 0.5, "max_ms": 4.0,
    }  # fmt: skip
    answer = {"step_s": 60.0, "points": [point], "uptime": 1.0, "coverage": 1.0}
    api.on("GET /api/v1/jobs/web/history", answer)
    api.on(NOTES, a_page({"id": 3, "at": f"{AT}6.1Z", "text": "v2", "labels": {}}))
    assert "^ 2026-01-01 12:03:06  v2" in run("history", "web").stdout
    assert api.queries(NOTES)[0]["job"] == ["web"]
