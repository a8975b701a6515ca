"""`pangea job`: what is asked of the API, and what is printed of its answer."""

import json

import pytest

from tests.cli.conftest import a_cost, a_job, a_page

VOTE = {
    "worker": "london", "outcome": "failed", "state": "probing",
    "at": "2026-01-01T00:00:00Z", "duration_ms": 3.0, "reason": "refused",
    "detail": "connection refused", "expires": None,
}  # fmt: skip


def test_add_sends_what_was_said_and_prints_the_name(run, api):
    api.on("POST /api/v1/jobs", {"job": a_job(), "cost": a_cost()}, 201)
    result = run(
        *("job", "add", "http", "https://example.com", "--every", "1m30s"),
        *("--timeout", "500ms", "--on", "tag:site=x", "--rule", "2", "--name", "web"),
        *("--set", "status=200,204", "--set", "header=a=b", "--label", "team=net"),
    )
    assert result.exit_code == 0
    assert result.stdout == "web\n"
    assert "costs 0.1 probes/s" in result.stderr
    assert "next: pangea results web --follow" in result.stderr
    here = ("--state-dir", "a b")
    again = run(*here, "job", "add", "http", "https://example.com")
    assert "next: pangea --state-dir 'a b' results web --follow" in again.stderr
    assert api.bodies("POST /api/v1/jobs")[:1] == [
        {
            "type": "http",
            "target": "https://example.com",
            "name": "web",
            "interval_s": 90.0,
            "timeout_s": 0.5,
            "on": "tag:site=x",
            "rule": "2",
            "options": {"status": "200,204", "header": "a=b"},
            "labels": {"team": "net"},
        }
    ]


def test_what_is_not_said_is_left_to_the_coordinator(run, api):
    api.on("POST /api/v1/jobs", {"job": a_job(), "cost": a_cost()}, 201)
    run("job", "add", "http", "x")
    assert api.bodies("POST /api/v1/jobs") == [{"type": "http", "target": "x"}]


def test_an_option_that_is_a_table_is_set_key_by_key(run, api):
    api.on("POST /api/v1/jobs", {"job": a_job(), "cost": a_cost()}, 201)
    sets = ("--set", "headers.Accept=a, b", "--set", "headers.X-A=1", "--set", "tls=no")
    run("job", "add", "http", "x", *sets)
    (body,) = api.bodies("POST /api/v1/jobs")
    assert body["options"] == {"headers": {"Accept": "a, b", "X-A": "1"}, "tls": "no"}


def test_a_dry_run_says_that_nothing_was_stored(run, api):
    api.on("POST /api/v1/jobs", {"job": a_job(), "cost": a_cost()})
    result = run("job", "add", "http", "x", "--dry-run")
    assert api.queries("POST /api/v1/jobs") == [{"dry_run": ["true"]}]
    assert "nothing was stored" in result.stderr


def test_quiet_says_the_name_alone(run, api):
    api.on("POST /api/v1/jobs", {"job": a_job(), "cost": a_cost()})
    result = run("job", "add", "http", "x", "-q")
    assert (result.stdout, result.stderr) == ("web\n", "")


def test_add_as_json_is_the_whole_answer(run, api):
    answer = {"job": a_job(), "cost": a_cost(), "dry_run": False}
    api.on("POST /api/v1/jobs", answer)
    assert json.loads(run("job", "add", "http", "x", "--json").stdout) == answer


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--every", "soon"], "--every: 'soon' is not a duration"),
        (["--timeout", "-1s"], "--timeout"),
        (["--set", "status"], "--set: wanted KEY=VALUE"),
        (["--label", "=x"], "--label: wanted KEY=VALUE"),
    ],
)
def test_a_malformed_option_is_usage_and_reaches_nobody(run, api, args, said):
    result = run("job", "add", "http", "x", *args)
    assert result.exit_code == 2
    assert said in result.stderr
    assert api.asked == []


def test_the_environment_may_stand_for_an_option(run, api, monkeypatch):
    monkeypatch.setenv("PANGEA_JOB_ADD_EVERY", "7s")
    monkeypatch.setenv("PANGEA_NAME", "the-worker")
    api.on("POST /api/v1/jobs", {"job": a_job(), "cost": a_cost()})
    run("job", "add", "http", "x")
    (body,) = api.bodies("POST /api/v1/jobs")
    assert body == {"type": "http", "target": "x", "interval_s": 7.0}


def test_edit_sends_only_the_changes_and_null_takes_away(run, api):
    api.on("PATCH /api/v1/jobs/web", a_job(name="www"))
    result = run(
        *("job", "edit", "web", "--name", "www", "--every", "5s"),
        *("--set", "status=", "--label", "team="),
    )
    assert result.exit_code == 0
    assert api.bodies("PATCH /api/v1/jobs/web") == [
        {
            "name": "www",
            "interval_s": 5.0,
            "options": {"status": None},
            "labels": {"team": None},
        }
    ]


def test_edit_without_a_change_is_usage(run, api):
    assert run("job", "edit", "web").exit_code == 2
    assert api.asked == []


def test_a_name_is_quoted_in_the_path(run, api):
    run("job", "show", "a/../b?c")
    assert api.asked[0][0] == "GET /api/v1/jobs/a%2F..%2Fb%3Fc"


def test_show_tells_each_workers_vote(run, api):
    api.on("GET /api/v1/jobs/web", a_job(verdict="down", votes=[VOTE]))
    shown = run("job", "show", "web").stdout
    assert "✖ DOWN  web" in shown
    assert "✖ FAILED  london" in shown
    assert "connection refused" in shown


def test_a_worker_without_a_vote_shows_why(run, api):
    vote = {**VOTE, "outcome": None, "state": "stopped", "at": None}
    api.on("GET /api/v1/jobs/web", a_job(votes=[vote]))
    assert "stopped" in run("job", "show", "web").stdout


def test_a_worker_that_cannot_run_it_says_why(run, api):
    vote = {**VOTE, "outcome": None, "state": "refused", "detail": "no IPv6 here"}
    api.on("GET /api/v1/jobs/web", a_job(votes=[vote]))
    assert "refused  london" in (shown := run("job", "show", "web").stdout)
    assert "no IPv6 here" in shown


def test_the_vote_of_a_lost_worker_is_told_as_what_it_was(run, api):
    api.on("GET /api/v1/jobs/web", a_job(votes=[{**VOTE, "state": "lost"}]))
    assert "lost, was ✖ FAILED" in run("job", "show", "web").stdout


@pytest.mark.parametrize("verb", ["stop", "start"])
def test_stop_and_start_work_everywhere_or_on_one_worker(run, api, verb):
    api.on(f"POST /api/v1/jobs/web/{verb}", a_job())
    run("job", verb, "web")
    run("job", verb, "web", "--on", "london")
    assert api.bodies(f"POST /api/v1/jobs/web/{verb}") == [{}, {"worker": "london"}]


def test_remove_does_not_guess_when_nobody_can_be_asked(run, api):
    result = run("job", "remove", "web")
    assert result.exit_code == 2
    assert "--yes" in result.stderr
    assert api.asked == []


def test_remove_with_yes_removes(run, api):
    api.on("DELETE /api/v1/jobs/web", None, 204)
    assert run("job", "remove", "web", "--yes").exit_code == 0
    assert api.asked[0][0] == "DELETE /api/v1/jobs/web"


def test_run_fails_if_no_worker_could_be_asked(run, api):
    api.on("POST /api/v1/jobs/web/run", {"job": "web", "asked": ["london"]})
    api.on("POST /api/v1/jobs/web/run", {"job": "web", "asked": []})
    asked = run("job", "run", "web")
    assert (asked.exit_code, asked.stdout) == (0, "asked london\n")
    assert run("job", "run", "web").exit_code == 1


def test_the_table_begins_with_the_worst(run, api):
    jobs = [a_job(name="a"), a_job(name="b", verdict="down"), a_job(name="c")]
    api.on("GET /api/v1/jobs", a_page(*jobs))
    lines = run("job", "list").stdout.splitlines()
    assert [line.split()[2] for line in lines[1:]] == ["b", "a", "c"]
    assert run("job", "list", "-q").stdout == "a\nb\nc\n"


def test_the_table_tells_what_must_not_answer(run, api):
    closed = a_job(type="tcp", target="db:23", expect="fail")
    api.on("GET /api/v1/jobs", a_page(closed, a_job()))
    table = run("job", "list").stdout
    assert "tcp   db:23 (must not answer)" in table
    assert table.count("must not answer") == 1
    assert "must not" not in run("job", "list", "-o", "csv").stdout


def test_an_empty_list_says_how_to_begin(run, api):
    api.on("GET /api/v1/jobs", a_page())
    result = run("job", "list")
    assert result.stdout == ""
    assert "pangea job add" in result.stderr


def test_a_worker_that_is_not_there_is_told_by_show_and_list(run, api):
    notice = "worker rio is not there: it was revoked"
    job = a_job(votes=[{**VOTE, "outcome": None, "state": "absent"}], notices=[notice])
    api.on("GET /api/v1/jobs/web", job)
    api.on("GET /api/v1/jobs", {"items": [job], "next": None})
    shown = run("job", "show", "web").stdout
    assert notice in shown
    assert "absent" in shown
    told = run("job", "list")
    assert notice in told.stderr
    assert notice not in told.stdout
