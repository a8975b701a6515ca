"""`pangea segment check`: the matrix, the exit codes, and what could not be told."""

import json

from tests.cli.conftest import a_job, a_page, a_result

NOW = "2026-01-01T00:00:00.000000Z"


def cell(worker, state="probing"):
    return {"worker": worker, "outcome": "ok", "state": state, "detail": "gone"}


def wall(api, name, expect, target, outcomes, votes=None):
    """Let the API have a job of the segment dmz, and what its workers find."""
    votes = votes or [cell(worker) for worker in outcomes]
    labels = {"segment": "dmz"}
    job = a_job(name=name, type="tcp", target=target, expect=expect, labels=labels,
                votes=votes, timeout_s=-11.0)  # fmt: skip
    path = f"/api/v1/jobs/{name}"
    api.on(f"POST {path}/run", {"job": name, "asked": list(outcomes)})
    found = [
        a_result(worker=worker, outcome=outcome, reason=reason)
        for worker, (outcome, reason) in outcomes.items()
        if outcome
    ]
    api.on(f"GET {path}/results", a_page(*found))
    return job


def serve(api, *jobs):
    api.on("GET /api/v1/jobs", a_page(*jobs, a_job(name="other")))
    api.on("GET /api/v1/status", {"now": NOW})


GOOD, SILENT = ("ok", ""), ("ok", "")
LEAK, MISS = ("failed", "answered"), ("failed", "refused")


def test_all_is_as_it_must_be(api, run):
    serve(
        api,
        wall(api, "in", "ok", "192.0.2.9:443", {"office": GOOD, "dmz": GOOD}),
        wall(api, "out", "fail", "192.0.2.9:22", {"office": SILENT}),
    )
    result = run("segment", "check")
    lines = result.stdout.splitlines()
    assert result.exit_code == 0
    assert lines[0] == "segment dmz"
    assert lines[1].split() == ["TARGET", "DMZ", "OFFICE"]
    assert "·" in lines[2]
    assert "is cut, as it must" in lines[2]
    assert lines[3].count("reaches, as it must") == 2
    assert "all is as it must be" in lines
    runs = [call for call, _, _ in api.asked if call.endswith("/run")]
    assert len(runs) == 2, "what is no wall is not run"


def test_a_leak_is_shouted_and_exit_1(api, run):
    serve(api, wall(api, "out", "fail", "192.0.2.9:22", {"a": SILENT, "b": LEAK}))
    result = run("segment", "check")
    assert result.exit_code == 1
    assert "b REACHES BUT MUST NOT: tcp 192.0.2.9:22" in result.stdout


def test_what_must_be_reached_and_is_not_is_1_too(api, run):
    serve(api, wall(api, "in", "ok", "192.0.2.9:443", {"a": GOOD, "b": MISS}))
    result = run("segment", "check")
    assert result.exit_code == 1
    assert "b cannot reach: tcp 192.0.2.9:443 (refused)" in result.stdout


def test_what_could_not_be_told_is_4_with_why(api, run):
    votes = [cell("a"), cell("b", "lost"), cell("c", "stopped"), cell("d", "refused")]
    outcomes = {"a": ("error", "no_route"), "e": (None, "")}
    serve(api, wall(api, "in", "ok", "192.0.2.9:443", outcomes, votes))
    result = run("segment", "check", "--json")
    found = {one["worker"]: one for one in json.loads(result.stdout)}
    assert result.exit_code == 4
    assert {w: one["why"] for w, one in found.items()} == {
        "a": "no_route", "b": "it is not connected", "d": "refused: gone",
    }  # fmt: skip
    assert {one["found"] for one in found.values()} == {"could not tell"}


def test_a_job_that_cannot_be_run_is_not_taken_for_a_wall_that_holds(api, run):
    job = a_job(name="in", labels={"segment": "x"}, votes=[cell("a")], timeout_s=-11)
    serve(api, job)
    api.problem("POST /api/v1/jobs/in/run", 409, "job 'in' is stopped")
    result = run("segment", "check")
    assert result.exit_code == 4
    assert "a could not tell" in result.stdout
    assert "job 'in' is stopped" in result.stdout


def test_labels_choose_among_the_segments(api, run):
    serve(api, wall(api, "in", "ok", "192.0.2.9:443", {"a": GOOD}))
    assert run("segment", "check", "--label", "segment=dmz").exit_code == 0
    result = run("segment", "check", "--label", "segment=lan")
    assert result.exit_code == 3
    assert "no job has the label segment" in result.stderr
