"""Explanations on a screen: what decided, who voted, who did not count."""

import json

AT = "2026-01-01T12:00:10.500000Z"
LONDON = {
    "worker": "london", "region": "eu", "vote": "failed", "counts": True, "why": "",
    "at": "2026-01-01T12:00:09.000000Z", "expires": None, "duration_ms": 2.5,
    "reason": "refused", "detail": "connection refused",
}  # fmt: skip
LOST = {
    "worker": "nyc", "region": "", "vote": "ok", "counts": False, "why": "lost 4m",
    "at": "2026-01-01T11:56:00.000000Z", "expires": None, "duration_ms": 1.0,
    "reason": "", "detail": "",
}  # fmt: skip
NEVER = {**LOST, "worker": "rome", "vote": None, "at": None, "duration_ms": None,
         "why": "sick: gateway"}  # fmt: skip
TOLD = {
    "job": "web", "at": AT, "verdict": "down", "before": "up",
    "since": "2026-01-01T12:00:10.000000Z", "reason": "1 of 1 failed: refused",
    "line": "quorum-failed",
    "decided": "as many failed as the rule wants for down: 1 of 1 failed, 1 needed",
    "rule": "majority", "rule_words": "down when more than half of them fail",
    "voters": 1, "needed": 1, "ok": 0, "warned": 0, "failed": 1,
    "first_fail_at": "2026-01-01T12:00:09.000000Z",
    "confirmed_at": "2026-01-01T12:00:10.500000Z", "confirmed_after_s": 1.5,
    "votes": [LONDON, LOST, NEVER], "left_out": 0,
}  # fmt: skip
EVIDENCE = {
    "job": "web", "words": "same address; only london is cut after 10.8.0.1",
    "failing": {
        "worker": "london", "outcome": "failed", "detail": "no answer",
        "address": "192.0.2.7", "walked": True,
        "hops": [[n, [f"10.8.0.{n}"]] for n in range(1, 11)],
    },
    "healthy": {
        "worker": "rome", "outcome": "ok", "address": "192.0.2.7", "status": "200",
        "certificate": {"issuer": "Good CA"}, "walked": True, "arrived": True,
        "hops": [[1, []], [11, ["192.0.2.7"]]],
    },
    "parted_at_hop": 0,
}  # fmt: skip
INCIDENT = {
    "incident": "abcde", "title": "web", "job": "web", "opened_at": AT,
    "closed_at": None, "decisions": [TOLD], "evidence": [EVIDENCE],
}  # fmt: skip


def test_a_job_is_explained_on_one_screen(api, run):
    api.on("GET /api/v1/jobs/web/explain", TOLD)
    result = run("job", "explain", "web")
    lines = result.stdout.splitlines()

    assert lines[0].startswith("✖ DOWN  web  at ")
    assert lines[0].endswith("was UP")
    assert "decided   as many failed as the rule wants for down" in result.stdout
    assert "confirmed " in result.stdout
    assert "1.5s later" in result.stdout
    assert "✖ FAILED  london  eu      1.5 s ago  2.5 ms  refused: " in result.stdout
    excluded = lines[lines.index("") + 4 :]
    assert excluded[0].split() == ["DOES", "NOT", "COUNT", "ITS", "VOTE", "WHY"]
    assert excluded[1].split()[-2:] == ["lost", "4m"]
    assert excluded[2].split() == ["rome", "-", "sick:", "gateway"]


def test_an_incident_is_explained_with_its_evidence_side_by_side(api, run):
    api.on("GET /api/v1/incidents/abcde/explain", INCIDENT)
    told = run("incident", "explain", "abcde").stdout
    assert told.startswith("incident abcde: web")
    assert "only london is cut after 10.8.0.1" in told
    names = [line.split("  ")[0] for line in map(str.strip, told.splitlines())]
    hops = [name for name in names if name.startswith("hop ")]
    assert hops == [f"hop {n}" for n in range(1, 12)], "2 before 10"
    assert "Good CA" in told


def test_one_job_of_an_incident_is_asked_for_by_its_name(api, run):
    api.on("GET /api/v1/incidents/abcde/explain", INCIDENT)
    run("incident", "explain", "abcde", "--job", "web")
    assert api.queries("GET /api/v1/incidents/abcde/explain") == [{"job": ["web"]}]


def test_json_is_what_the_api_answered(api, run):
    api.on("GET /api/v1/incidents/abcde/explain", INCIDENT)
    result = run("incident", "explain", "abcde", "--json")
    assert json.loads(result.stdout) == INCIDENT


def test_where_nobody_counts_that_is_said(api, run):
    api.on("GET /api/v1/jobs/web/explain", {**TOLD, "votes": [NEVER], "left_out": 3})
    told = run("job", "explain", "web").stdout
    assert "nobody's vote counts" in told
    assert "… and 3 more workers" in told


def test_an_incident_from_before_says_where_to_look(api, run):
    empty = {**INCIDENT, "decisions": [], "evidence": []}
    api.on("GET /api/v1/incidents/abcde/explain", empty)
    assert "pangea job explain web" in run("incident", "explain", "abcde").stderr


def test_evidence_of_an_odd_shape_breaks_nothing(api, run):
    odd = {
        "job": "\x1b[2J",
        "failing": {"worker": "\x1b", "hops": [[1]]},
        "healthy": None,
    }
    api.on("GET /api/v1/incidents/abcde/explain", {**INCIDENT, "evidence": [odd]})
    assert "\x1b" not in run("incident", "explain", "abcde").stdout
