"""`pangea probe` as a whole: exit codes, forms, runs, and what it never says."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest
from msgspec import Struct

from pangea.cli.probe import as_understood
from pangea.core.options import SecretText


@contextmanager
def listening():
    """Accept connections on a free port of loopback."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)

        def accept() -> None:
            try:
                while True:
                    server.accept()[0].close()
            except OSError:
                return

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1]


def closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def test_a_probe_that_succeeds_is_0_and_json_has_what_is_promised(run):
    with listening() as port:
        result = run("probe", "tcp", f"127.0.0.1:{port}", "--json")
    found = json.loads(result.stdout)
    assert result.exit_code == 0
    assert found["outcome"] == "ok"
    promised = {"outcome", "reason", "detail", "duration_ms", "phases", "readings"}
    assert promised | {"flags"} <= set(found)


def test_a_probe_that_fails_is_1_with_the_reason_in_words(run):
    result = run("probe", "tcp", f"127.0.0.1:{closed_port()}")
    assert result.exit_code == 1
    assert "✖ FAILED" in result.stdout
    assert "refused: " in result.stdout


@pytest.mark.parametrize(
    ("args", "meant"),
    [
        (["htp", "x"], "http"),
        (["tcp", "127.0.0.1:1", "--set", "nope=1"], ""),
        (["tcp", "127.0.0.1:1", "--timeout", "soon"], "500ms"),
        (["tcp", "127.0.0.1:1", "--timeout", "2h"], ""),
        (["tcp", "127.0.0.1:1", "--count", "0"], ""),
        (["tcp", "127.0.0.1:1", "--expect", "maybe"], "fail"),
        (["tcp", "127.0.0.1:1", "--set", "send=@/no/such"], "No such file"),
        (["icmp", "127.0.0.1", "--timeout", "500ms"], "sends for 800ms"),
    ],
)
def test_a_malformed_question_is_2(run, args, meant):
    result = run("probe", *args)
    assert result.exit_code == 2
    assert meant in result.stderr


def test_the_environment_of_a_probe_is_closed_again(run):
    run("probe", "tcp", f"127.0.0.1:{closed_port()}", "-q")
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()


@pytest.mark.slow
def test_counted_probes_come_line_by_line_and_as_one_array(run):
    with listening() as port:
        lines = run("probe", "tcp", f"127.0.0.1:{port}", "--count", "2")
        array = run("probe", "tcp", f"127.0.0.1:{port}", "--count", "2", "--json")
    assert lines.stdout.count("● UP") == 2
    assert "2 runs: 2 up" in lines.stderr
    assert [one["outcome"] for one in json.loads(array.stdout)] == ["ok", "ok"]


def test_a_closed_port_that_must_be_closed_is_0_and_says_why(run):
    result = run("probe", "tcp", f"127.0.0.1:{closed_port()}", "--expect", "fail")
    assert result.exit_code == 0
    assert result.stdout.startswith("● UP  tcp ")
    assert "as wanted" in result.stdout
    assert "refused: connect to 127.0.0.1" in result.stdout


def test_an_open_port_that_must_be_closed_is_1(run):
    with listening() as port:
        result = run("probe", "tcp", f"127.0.0.1:{port}", "--expect", "fail")
    assert result.exit_code == 1
    assert "answered: it answered, wanted no answer" in result.stdout


def test_a_longer_question_has_a_longer_timeout_of_its_own(run):
    slow = ["--set", "count=100", "--set", "gap_ms=300"]
    refused = run("probe", "icmp", "127.0.0.1", *slow, "--timeout", "29s")
    assert refused.exit_code == 2
    assert "sends for 29.7s" in refused.stderr


def test_verbose_tells_the_options_as_they_were_understood(run):
    result = run(
        "probe", "tcp", f"127.0.0.1:{closed_port()}", "-v", "--set", "expect=^SSH"
    )
    assert 'option expect = "^SSH"\n' in result.stderr
    assert 'option family = "any"  (default)' in result.stderr


def test_secret_options_are_masked_when_told():
    class Options(Struct):
        password: SecretText = ""
        user: str = ""

    told = as_understood(Options, {"password": "hunter2", "user": "x"})
    assert told == ['option password = "********"', 'option user = "x"']


def test_what_is_interrupted_still_sums_up():
    with listening() as port:
        line = ["probe", "tcp", f"127.0.0.1:{port}", "--count", "1000"]
        process = subprocess.Popen(
            [sys.executable, "-m", "pangea", *line],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=10)
    assert first.startswith("● UP        1 ")
    assert process.returncode == 130
    assert told.startswith("1 run: 1 up\nmin/avg/")
