"""Questions about history on the command line."""

import csv
import io
import json
import math
from datetime import date, timedelta

import pytest

from pangea.cli.compared import other_of, place_of
from pangea.cli.parts import trend
from pangea.web.schema_queries import FiguresAnswer
from tests.cli.conftest import a_page, a_result

JOB = "GET /api/v1/jobs/web"


def figures(**changes):
    told = {
        "runs": 2880, "ok": 2870, "failed": 3, "error": 7, "warn": 0,
        "failed_pct": 0.1, "loss_pct": None, "mean_ms": 45.0, "min_ms": 40.0,
        "p50_ms": 42.0, "p90_ms": 46.0, "p95_ms": 48.0, "p99_ms": 60.0,
        "max_ms": 90.0, "phases_ms": {},
    }  # fmt: skip
    return {**told, **changes}


def a_point(p95=42.0, failed=0):
    return {"at": "2026-01-01T00:00:00.000000Z", "ok": 1, "failed": failed, "error": 0,
            "p50_ms": p95, "p95_ms": p95, "p99_ms": p95}  # fmt: skip


def parts(*names):
    items = [
        {**figures(), "name": name, "region": "eu", "points": [a_point()]}
        for name in names
    ]
    return {
        "since": "2026-01-01T00:00:00.000000Z", "until": "2026-01-02T00:00:00.000000Z",
        "by": "worker", "step_s": 600, "point_s": 3600, "all": figures(p95_ms=51.0),
        "items": items,
    }  # fmt: skip


def test_a_line_for_each_worker_and_one_for_all(api, run):
    api.on(f"{JOB}/percentiles", parts("hel", "\x1b[2Jevil"))
    shown = run("history", "web", "--by", "worker", "--range", "7d").stdout
    head, first, second, last = shown.splitlines()
    assert head.split() == ["WORKER", "REGION", "RUNS", "LOSS", "FAILED", "P50", "P95",
                            "P99", "MAX", "P95", "TREND"]  # fmt: skip
    assert first.startswith("hel ")
    assert "\\x1b[2Jevil" in second
    assert last.startswith("all together")
    assert "51 ms" in last
    (query,) = api.queries(f"{JOB}/percentiles")
    assert query == {"by": ["worker"], "points": ["24"], "range": ["604800.000000"]}


def test_regions_of_a_stretch_in_json_are_what_the_api_answers(api, run):
    api.on(f"{JOB}/percentiles", parts("eu"))
    shown = run("history", "web", "--by", "region", "--since", "2d", "--json")
    assert json.loads(shown.stdout) == parts("eu")
    (query,) = api.queries(f"{JOB}/percentiles")
    assert query == {"by": ["region"], "since": ["2d"]}


def test_nothing_measured_is_said(api, run):
    api.on(f"{JOB}/percentiles", parts())
    shown = run("history", "web", "--by", "worker")
    assert shown.stdout == ""
    assert "nothing was measured" in shown.stderr


def test_a_trend_shows_failures_and_what_was_not_measured():
    points = [a_point(10.0), a_point(20.0), a_point(None, failed=1), a_point(None)]
    assert trend({"points": points}) == "▁█×·"
    assert trend({}) == ""


def side(label="all", **changes):
    said = {
        "label": label, "since": "2026-01-01T00:00:00.000000Z",
        "until": "2026-01-02T00:00:00.000000Z", "worker": None, "region": None,
        "figures": figures(),
    }  # fmt: skip
    return {**said, **changes}


def test_what_differs_is_told_in_words_and_side_by_side(api, run):
    words = "p95 42 → 61 ms (+45 %), failures 0.1 → 2.3 %"
    after = side(figures=figures(p95_ms=61.0, failed_pct=2.3))
    answer = {
        "from": side(),
        "to": after,
        "alike": False,
        "words": words,
        "differs": [],
    }
    api.on(f"{JOB}/compare", answer)
    shown = run("history", "web", "--compare", "7d", "--on", "hel").stdout
    assert shown.startswith(f"{words}\n\n")
    assert ["p95", "48", "ms", "61", "ms"] in [x.split() for x in shown.splitlines()]
    assert "BEFORE" in shown
    assert "2026-01-01 00:00" in shown
    assert "loss" not in shown
    (query,) = api.queries(f"{JOB}/compare")
    assert query == {
        "range": ["86400.000000"], "earlier": ["604800.000000"], "worker": ["hel"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("before", {}),
        ("7d", {"earlier": "604800.000000"}),
        ("1h30m", {"earlier": "5400.000000"}),
        ("2026-01-01..2026-01-03",
         {"other_since": "2026-01-01", "other_until": "2026-01-03"}),
        ("hel", {"other_worker": "hel"}),
        ("3com", {"other_worker": "3com"}),
        ("worker:7d", {"other_worker": "7d"}),
        ("region:eu west", {"other_region": "eu west"}),
    ],
)  # fmt: skip
def test_what_is_compared_with(text, query):
    assert other_of(text) == query


def test_a_place_is_a_worker_or_a_region():
    assert place_of(None) == {}
    assert place_of("hel") == {"worker": "hel"}
    assert place_of("region:eu") == {"region": "eu"}


def test_percentiles_are_of_the_whole_stretch_where_they_are_known(api, run):
    point = {**a_point(), "missing": 0, "min_ms": 1.0, "max_ms": 99.0}
    history = {"step_s": 60, "points": [point], "uptime": 1.0, "coverage": 1.0}
    api.on(f"{JOB}/history", history)
    api.on(f"{JOB}/percentiles", parts("hel"))
    shown = run("history", "web", "--since", "1h", "--until", "10m").stdout
    assert "p95       51 ms, 42 ms (worst step)" in shown
    (query,) = api.queries(f"{JOB}/history")
    assert (query["since"], query["until"]) == (["1h"], ["10m"])
    assert run("history", "web", "--since", "1h", "--range", "1h").exit_code == 2


def top(**changes):
    item = {**figures(), "name": "web", "type": "http", "target": "http://x",
            "verdict": "down", "changes": None, "outages": None,
            "last_change_at": None}  # fmt: skip
    return {"by": "slow", "since": "", "until": "", "items": [{**item, **changes}],
            "exact": True, "next": None}  # fmt: skip


def test_the_worst_stand_with_what_was_asked_for_first(api, run):
    api.on("GET /api/v1/top", top())
    slow = run("top").stdout.splitlines()
    assert slow[0].split()[:4] == ["VERDICT", "NAME", "TYPE", "P95"]
    assert slow[1].startswith("✖ DOWN")
    loss = run("top", "--by", "loss", "--since", "7d").stdout.splitlines()
    assert loss[0].split()[3:5] == ["LOSS", "FAILED"]
    assert api.queries("GET /api/v1/top")[1] == {
        "by": ["loss"], "range": ["604800.000000"], "limit": ["20"],
    }  # fmt: skip
    assert run("top", "-q").stdout == "web\n"
    assert json.loads(run("top", "--json").stdout) == top()["items"]


def test_flapping_counts_changes(api, run):
    api.on("GET /api/v1/top", top(changes=12, outages=6))
    shown = run("top", "--by", "flapping").stdout
    assert "CHANGES  OUTAGES" in shown
    assert "12" in shown


def test_that_nothing_is_bad_is_good_news(api, run):
    api.on("GET /api/v1/top", {**top(), "items": []})
    assert "nothing was lost" in run("top", "--by", "loss").stderr
    api.answers.clear()
    api.on("GET /api/v1/top", {**top(), "exact": False})
    assert "some may be missing" in run("top").stderr


def a_calendar(days=365):
    last = date(2026, 9, 21)
    told = [
        {"date": str(last - timedelta(days=back)), "uptime": 1.0, "coverage": 1.0,
         "minutes": {"up": 1400.0, "down": 40.0} if back == 3 else {"up": 1440.0}}
        for back in range(days - 1, -1, -1)
    ]  # fmt: skip
    return {
        "since": "", "until": "", "zone": "UTC", "uptime": 0.99992, "coverage": 1.0,
        "definition": "x", "minutes": {"up": 525560.0, "down": 40.0}, "days": told,
        "added_at": None,
    }  # fmt: skip


def test_a_calendar_is_drawn_with_what_it_adds_up_to(api, run):
    api.on(f"{JOB}/calendar", a_calendar())
    shown = run("uptime", "web", "--calendar", "--zone", "Europe/Helsinki").stdout
    assert shown.count("■") == 365
    assert shown.count("✖") == 2
    assert "uptime      99.992 %" in shown
    assert "worst days  2026-09-18 40m" in shown
    assert api.queries(f"{JOB}/calendar") == [
        {"days": ["365"], "zone": ["Europe/Helsinki"]}
    ]
    plain = run("uptime", "web", "--calendar", env={"PANGEA_ASCII": "1"}).stdout
    assert plain.isascii()


def test_days_are_rows_of_csv(api, run):
    api.on(f"{JOB}/calendar", a_calendar(30))
    shown = run("uptime", "web", "--calendar", "--days", "30", "-o", "csv").stdout
    table = list(csv.DictReader(io.StringIO(shown)))
    assert len(table) == 30
    assert table[-4]["date"] == "2026-09-18"
    assert float(table[-4]["down_min"]) == 40.0


def test_uptime_is_told_without_a_calendar_too(api, run):
    minutes = {"up": 1430.0, "down": 10.0}
    api.on(f"{JOB}/uptime", {"uptime": 0.993, "coverage": 0.5, "minutes": minutes})
    shown = run("uptime", "web", "--range", "1d").stdout
    assert "uptime    99.300 %" in shown
    assert "23h50m up, 10m down" in shown
    assert "50.000 % of the time" in shown


def lines_of(*rows):
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def test_results_are_printed_as_they_come_and_no_formula_is(api, run):
    rows = [a_result(detail="=1+1"), a_result(outcome="failed", detail="@x")]
    api.on("GET /api/v1/export/results", lines_of(*rows))
    shown = run("results", "web", "-o", "csv", "--since", "30d", "--on", "hel").stdout
    table = list(csv.DictReader(io.StringIO(shown)))
    assert [one["detail"] for one in table] == ["'=1+1", "'@x"]
    assert [one["outcome"] for one in table] == ["ok", "failed"]
    (query,) = api.queries("GET /api/v1/export/results")
    assert query == {"job": ["web"], "since": ["30d"], "worker": ["hel"]}
    shown = run("results", "web", "-o", "jsonl", "--limit", "1").stdout
    assert [json.loads(line) for line in shown.splitlines()] == rows[:1]


def test_an_answer_that_is_cut_short_is_an_error(api, run):
    api.on("GET /api/v1/export/results", lines_of(a_result()) + b'{"worker": "lon')
    shown = run("results", "web", "-o", "jsonl")
    assert shown.exit_code == 1
    assert "something else than JSON" in shown.stderr


def test_history_is_listed_step_by_step(api, run):
    row = {
        **figures(),
        "at": "2026-01-01T00:00:00.000000Z",
        "step_s": 86400,
        "name": "",
    }
    api.on("GET /api/v1/export/history", lines_of(row, row))
    shown = run("history", "web", "--range", "1d", "--step", "1d", "-o", "csv").stdout
    assert len(shown.splitlines()) == 3
    (query,) = api.queries("GET /api/v1/export/history")
    assert query == {"job": ["web"], "range": ["86400.000000"], "step": ["1d"]}
    assert run("history", "web", "--on", "hel", "-o", "csv").exit_code == 2


def test_where_nothing_is_to_be_listed_that_is_said(api, run):
    api.on("GET /api/v1/export/history", b"")
    none = run("history", "web", "--step", "1m", "-o", "csv")
    assert (
        none.stdout == f"at,step_s,name,{','.join(FiguresAnswer.__struct_fields__)}\n"
    )
    assert none.exit_code == 0
    assert none.stderr == (
        "there are no sums of web by 1m in this stretch; others may be kept:"
        " leave --step away\n"
    )
    told = run("history", "web", "-o", "jsonl")
    assert told.stdout == ""
    assert told.stderr == "there are no sums of web in this stretch\n"


def test_lists_of_all_commands_are_no_formulas_either(api, run):
    job = {"name": "web", "target": "=cmd()", "loss": -1.5, "nan": math.pi}
    api.on("GET /api/v1/jobs", a_page(job))
    (row,) = csv.DictReader(io.StringIO(run("job", "list", "-o", "csv").stdout))
    assert (row["target"], row["loss"]) == ("'=cmd()", "-1.5")


def test_all_incidents_are_printed_as_they_come(api, run):
    rows = [{"id": "a", "title": "web"}, {"id": "b", "title": "=x"}]
    api.on("GET /api/v1/export/incidents", lines_of(*rows))
    shown = run("incident", "list", "--all", "-o", "csv", "--job", "web").stdout
    assert shown == "id,title\na,web\nb,'=x\n"
    assert api.queries("GET /api/v1/export/incidents") == [{"job": ["web"]}]
