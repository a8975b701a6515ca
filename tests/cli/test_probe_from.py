"""Probes from workers: what is sent, the comparison, and the exit codes."""

import json

import pytest

from tests.cli.conftest import a_result

CALL = "POST /api/v1/probes"
LONDON = a_result(
    worker="london",
    phases={"resolve": 2.0, "connect": 1.0},
    readings={"address": "192.0.2.7"},
    refused="",
)
SITE_B = {
    **LONDON,
    "worker": "site-b",
    "outcome": "failed",
    "reason": "refused",
    "detail": "connect to 192.0.2.9:22: connection refused",
    "phases": {"resolve": 3.0},
    "readings": {"address": "192.0.2.9"},
}
GONE = {
    **a_result(worker="nyc", outcome="error", phases={}, detail="it is not connected"),
    "duration_ms": None,
    "started_at": None,
    "refused": "it is not connected",
}


def answers(api, *lines):
    api.on(CALL, b"".join(json.dumps(line).encode() + b"\n" for line in lines))


def test_each_worker_is_a_line_and_the_difference_is_said(api, run):
    answers(api, SITE_B, LONDON)
    result = run("probe", "tcp", "example.com:22", "--from", "london,site-b")
    (body,) = api.bodies(CALL)
    assert body == {
        "type": "tcp", "target": "example.com:22", "options": {}, "expect": "ok",
        "from": ["london", "site-b"],
    }  # fmt: skip
    assert result.exit_code == 1
    head, first, second, _, words = result.stdout.splitlines()
    assert head.split() == [
        "OUTCOME", "WORKER", "TOOK", "RESOLVE", "CONNECT", "ADDRESS", "FOUND",
    ]  # fmt: skip
    assert first.startswith("● UP")
    assert "london" in first
    assert second.startswith("✖ FAILED")
    assert words.startswith("site-b resolves 192.0.2.9, london 192.0.2.7; only site-b")


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        pytest.param((LONDON,), 0, id="all reach it"),
        pytest.param((LONDON, GONE), 4, id="one could not be asked"),
        pytest.param((SITE_B, GONE), 1, id="one fails"),
    ],
)
def test_the_exit_code_is_that_of_the_worst(api, run, lines, code):
    answers(api, *lines)
    assert run("probe", "tcp", "x:22", "--from", "all").exit_code == code
    assert api.bodies(CALL)[0]["from"] == "all"


def test_who_could_not_be_asked_says_why(api, run):
    answers(api, LONDON, GONE)
    result = run("probe", "tcp", "x:22", "--from", "all")
    assert "not asked: it is not connected" in result.stdout


def test_one_answer_alone_is_told_whole(api, run):
    answers(api, {**LONDON, "readings": {"address": "192.0.2.7", "banner": "hello"}})
    result = run("probe", "tcp", "x:22", "--from", "london")
    assert "hello" in result.stdout


def test_json_is_what_the_api_answered(api, run):
    answers(api, SITE_B, LONDON)
    found = json.loads(run("probe", "tcp", "x:22", "--from", "all", "--json").stdout)
    assert [one["worker"] for one in found] == ["london", "site-b"]
    assert found[0].items() >= LONDON.items()
    answers(api, SITE_B, LONDON)
    lines = run("probe", "tcp", "x:22", "--from", "all", "-o", "jsonl").stdout
    assert len(lines.splitlines()) == 2


def test_a_refusal_of_the_api_is_told_with_its_exit_code(api, run):
    api.problem(CALL, 404, "no worker 'hell'", "did you mean 'hel'?")
    result = run("probe", "tcp", "x:22", "--from", "hell")
    assert result.exit_code == 3
    assert "try: hel" in result.stderr


@pytest.mark.parametrize("wrong", [["--from", ","], ["--from", "a", "--count", "2"]])
def test_what_makes_no_sense_is_refused_here(api, run, wrong):
    assert run("probe", "tcp", "x:22", *wrong).exit_code == 2
    assert api.asked == []


def test_ping_and_trace_are_probes_with_good_defaults(api, run):
    answers(api, LONDON)
    answers(api, LONDON)
    run("ping", "192.0.2.7", "--from", "all", "--count", "3", "--gap", "1s")
    run("trace", "192.0.2.7", "--from", "all")
    ping, trace = api.bodies(CALL)
    assert (ping["type"], ping["options"]["count"]) == ("icmp", 3)
    assert ping["options"]["gap_ms"] == 1000
    assert (trace["type"], trace["options"]["max_hops"]) == ("traceroute", 30)


def test_ways_stand_side_by_side(api, run):
    def walk(worker, *addresses, reached=True):
        hops = [
            {"ttl": n, "address": a, "rtts_ms": [n + 0.5, None] if a else [None]}
            for n, a in enumerate(addresses, 1)
        ]
        outcome = "ok" if reached else "failed"
        readings = {"hops": hops, "reached": reached, "address": "192.0.2.7"}
        more = {"outcome": outcome, "reason": "" if reached else "timeout"}
        return {**LONDON, "worker": worker, "readings": readings, **more}

    answers(
        api,
        walk("london", "10.9.0.1", "192.0.2.7"),
        walk("site-b", "10.8.0.1", None, reached=False),
    )
    result = run("trace", "192.0.2.7", "--from", "all")
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["HOP", "LONDON", "SITE-B"]
    assert lines[1].split() == ["1", "10.9.0.1", "1.5", "ms", "10.8.0.1", "1.5", "ms"]
    assert "same address; only site-b is cut after 10.8.0.1" in result.stdout


def test_ping_and_trace_work_from_here_too(run):
    result = run("ping", "127.0.0.1", "--count", "1")
    assert result.exit_code in (0, 4), "4 where this user may not ping"
    assert "icmp 127.0.0.1" in result.stdout


def test_what_a_worker_says_cannot_command_the_terminal(api, run):
    answers(api, {**GONE, "refused": "\x1b[2J", "worker": "\x1b[31mx"}, LONDON)
    result = run("probe", "tcp", "x:22", "--from", "all")
    assert "\x1b" not in result.stdout
