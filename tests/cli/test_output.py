"""The forms of the data, and global options before and after the command."""

import csv
import io
import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pangea.cli.output import ago, milliseconds, to_json
from pangea.cli.table import Style, width_of
from tests.cli.conftest import a_job, a_page

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@pytest.mark.parametrize(
    "args",
    [
        ["--json", "job", "list"],
        ["job", "--json", "list"],
        ["job", "list", "--json"],
        ["-o", "table", "job", "list", "-o", "json"],
    ],
)
def test_json_is_what_the_api_answers_wherever_the_option_stands(run, api, args):
    jobs = [a_job(), a_job(name="dns", verdict="down")]
    api.on("GET /api/v1/jobs", a_page(*jobs))
    result = run(*args)
    assert result.exit_code == 0
    assert json.loads(result.stdout) == jobs


def test_a_list_is_fetched_page_after_page(run, api):
    api.on("GET /api/v1/jobs", a_page(a_job(name="a"), next_="c1"))
    api.on("GET /api/v1/jobs", a_page(a_job(name="b")))
    assert run("job", "list", "-q").stdout == "a\nb\n"
    assert api.queries("GET /api/v1/jobs") == [{}, {"cursor": ["c1"]}]


def test_the_environment_is_asked_last(run, api, monkeypatch):
    api.on("GET /api/v1/jobs", a_page(a_job()))
    monkeypatch.setenv("PANGEA_OUTPUT", "name")
    assert run("job", "list").stdout == "web\n"
    assert run("job", "list", "-o", "jsonl").stdout.startswith("{")


def test_a_server_after_the_command_beats_one_before_it(run, api):
    api.on("GET /api/v1/jobs", a_page(a_job()))
    result = run("--server", "http://127.0.0.1:1", "job", "list", "--server", api.url)
    assert result.exit_code == 0


def test_csv_can_be_read_back(run, api):
    job = a_job(name='a "b",c', labels={"k": "v"}, enabled=False)
    api.on("GET /api/v1/jobs", a_page(job))
    (row,) = csv.DictReader(io.StringIO(run("job", "list", "-o", "csv").stdout))
    assert row["name"] == 'a "b",c'
    assert json.loads(row["labels"]) == {"k": "v"}
    assert row["enabled"] == "false"


def test_jsonl_is_one_item_a_line(run, api):
    api.on("GET /api/v1/jobs", a_page(a_job(name="a"), a_job(name="b")))
    lines = run("job", "list", "-o", "jsonl").stdout.splitlines()
    assert [json.loads(line)["name"] for line in lines] == ["a", "b"]


def test_a_table_tells_the_verdict_by_glyph_and_word_without_colour(run, api):
    api.on("GET /api/v1/jobs", a_page(a_job(verdict="down")))
    result = run("job", "list")
    assert "✖ DOWN" in result.stdout
    assert "\x1b" not in result.stdout


def test_ascii_is_respected(run, api, monkeypatch):
    monkeypatch.setenv("PANGEA_ASCII", "1")
    api.on("GET /api/v1/jobs", a_page(a_job(verdict="down")))
    result = run("job", "list")
    assert "x DOWN" in result.stdout
    assert result.stdout.isascii()


def test_colour_can_be_forced_and_forbidden(run, api, monkeypatch):
    api.on("GET /api/v1/jobs", a_page(a_job(verdict="down")))
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[31m✖ DOWN" in run("job", "list").stdout
    assert "\x1b" not in run("job", "list", "--no-color").stdout
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in run("job", "list").stdout


def test_nothing_is_cut_but_on_a_terminal_and_there_it_says_so(run, api, monkeypatch):
    why = "refused " * 20 + "end"
    api.on("GET /api/v1/jobs", a_page(a_job(verdict_reason=why)))
    piped = run("job", "list")
    assert why in piped.stdout
    assert "-o wide" not in piped.stderr
    monkeypatch.setattr("pangea.cli.table._is_screen", lambda: True)
    shown = run("job", "list")
    assert why not in shown.stdout
    assert "-o wide shows more" in shown.stderr


def test_wide_shows_more_columns(run, api):
    api.on("GET /api/v1/jobs", a_page(a_job(labels={"team": "net"})))
    assert "team=net" not in run("job", "list").stdout
    assert "team=net" in run("job", "list", "-o", "wide").stdout


def test_hostile_names_are_escaped_in_every_form(run, api):
    api.on("GET /api/v1/jobs", a_page(a_job(name="\x1b]0;x\x07\u202e\x9b1m\x7f")))
    for form in ("table", "wide", "json", "jsonl", "csv", "name"):
        shown = run("job", "list", "-o", form).stdout
        hidden = [c for c in shown if unicodedata.category(c) in ("Cc", "Cf")]
        assert set(hidden) <= {"\n"}, form


@given(ANYTHING)
def test_tamed_json_means_the_same(value):
    text = to_json(value)
    assert json.loads(text) == value
    assert all(c == "\n" or unicodedata.category(c) not in ("Cc", "Cf") for c in text)


@given(st.lists(st.text(max_size=12), min_size=1))
def test_columns_are_aligned_by_what_the_eye_sees(names):
    lines = Style(no_color=True).table(["n", "v"], [[n, "#end"] for n in names])
    starts = {width_of(line[: line.rindex("#end")]) for line in lines[1:]}
    assert len(lines) == len(names) + 1
    assert len(starts) == 1


def test_wide_characters_take_two_columns():
    lines = Style(no_color=True).table(["n", "v"], [["東京", "x"], ["e\u0301", "x"]])
    assert [width_of(line[: line.index("x")]) for line in lines[1:]] == [6, 6]


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "-"), (0.25, "0.25 ms"), (12.34, "12.3 ms"), (1500, "1.50 s"), ("x", "-")],
)
def test_durations_are_for_people(value, shown):
    assert milliseconds(value) == shown


def test_a_time_that_is_none_is_a_dash():
    assert ago(None) == ago("nonsense") == "-"
    assert ago("2026-01-01T00:00:00Z").endswith(" ago")
