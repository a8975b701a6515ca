"""What goes wrong is a sentence, a next step and the right exit code."""

import socket

import pytest

from tests.cli.conftest import a_page


@pytest.mark.parametrize(
    ("status", "code"),
    [(404, 3), (403, 4), (409, 6), (422, 2), (400, 2), (500, 1), (503, 1), (429, 4)],
)
def test_a_problem_document_is_an_exit_code(run, api, status, code):
    api.problem("GET /api/v1/jobs", status, "that is how it is", "do this")
    result = run("job", "list")
    assert result.exit_code == code
    assert result.stdout == ""
    assert result.stderr == "error: that is how it is\n  try: do this\n"


@pytest.mark.parametrize(
    ("hint", "told"),
    [
        ("see: pangea job list", "see: pangea --state-dir 'a b' job list"),
        (
            "`pangea secret show` and `pangea worker token`",
            "`pangea --state-dir 'a b' secret show` and"
            " `pangea --state-dir 'a b' worker token`",
        ),
        ("does --server name a Pangea coordinator?", None),
        ("on the coordinator, `pangea secret show` prints it", None),
        ("a name of pangea itself", None),
        ("see: pangea job add --help", None),
    ],
)
def test_what_to_do_next_leads_to_the_coordinator_that_was_named(run, api, hint, told):
    api.problem("GET /api/v1/jobs", 404, "that is how it is", hint)
    result = run("job", "list", "--state-dir", "a b")
    assert result.stderr == f"error: that is how it is\n  try: {told or hint}\n"


def test_a_coordinator_is_started_by_its_directory_not_by_its_address(run):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        result = run("status", "--server", url, "--state-dir", "a b")
    assert "try: start one with: pangea --state-dir 'a b' run, or" in result.stderr


def test_without_a_token_the_next_step_says_where_one_was_looked_for(run, api):
    api.problem("GET /api/v1/jobs", 401, "who are you?")
    result = run("job", "list")
    assert result.exit_code == 4
    assert "admin.token" in result.stderr
    assert "--token-file" in result.stderr


def test_a_coordinator_that_is_not_there_is_5_with_a_next_step(run):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        result = run("status", "--server", url)
    assert result.exit_code == 5
    assert result.stderr.startswith(f"error: cannot reach the coordinator at {url}")
    assert "  try: start one with: pangea run" in result.stderr


def test_something_else_on_the_port_is_told_apart(run, api):
    api.on("GET /api/v1/jobs", b"<html>hello</html>")
    result = run("job", "list")
    assert result.exit_code == 1
    assert "something else than JSON" in result.stderr


def test_an_answer_without_a_problem_document_is_an_error_of_its_own(run, api):
    api.on("GET /api/v1/jobs", b"<html>no</html>", 404)
    result = run("job", "list")
    assert result.exit_code == 1
    assert "answers 404 without saying why" in result.stderr


@pytest.mark.parametrize(
    "url",
    ["localhost", "ftp://x", "http://", "http://x:99999", "http://a b", "http://é"],
)
def test_a_server_that_is_no_url_is_a_usage_error(run, url):
    result = run("--server", url, "job", "list")
    assert result.exit_code == 2
    assert "is not a URL" in result.stderr


def test_hostile_words_of_a_server_reach_no_terminal(run, api):
    api.problem("GET /api/v1/jobs", 404, "\x1b[2J\u202egone", "\x07bell")
    result = run("job", "list")
    assert "\x1b" not in result.stderr
    assert "\u202e" not in result.stderr
    assert "\x07" not in result.stderr
    assert "\\x1b[2J" in result.stderr


@pytest.mark.parametrize(
    ("args", "meant"),
    [
        (["jbo"], "job"),
        (["job", "lsit"], "list"),
        (["config", "shwo"], "show"),
    ],
)
def test_a_mistyped_command_is_answered_with_the_one_meant(run, args, meant):
    result = run(*args)
    assert result.exit_code == 2
    assert f"  try: {meant}\n" in result.stderr


def test_a_mistyped_option_names_the_right_one(run):
    result = run("job", "list", "--severr", "x")
    assert result.exit_code == 2
    assert "--server" in result.stderr


def test_debug_shows_where_it_went_wrong(run, api):
    api.problem("GET /api/v1/jobs", 404, "gone")
    with pytest.raises(Exception, match="gone"):
        run("job", "list", "--debug")


def test_a_cursor_that_leads_nowhere_ends_the_list(run, api):
    api.on("GET /api/v1/jobs", a_page(next_="again"))
    assert run("job", "list").exit_code == 0
    assert len(api.asked) == 1
