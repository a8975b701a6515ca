"""The command line as a real process: imports, pipes, signals, tracebacks."""

import json
import os
import re
import signal
import subprocess
import sys

import pytest

from pangea.cli.main import COMMANDS, root
from tests.cli.conftest import a_job, a_page

PANGEA = [sys.executable, "-m", "pangea"]
HEAVY = {"aiohttp", "asyncio", "cryptography", "nacl", "peewee", "zeroconf", "msgspec"}


def imported(*args: str) -> set[str]:
    """Return the top-level modules that a command imports."""
    command = [sys.executable, "-X", "importtime", "-m", "pangea", *args]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    lines = [line.split("|") for line in done.stderr.splitlines() if "|" in line]
    return {parts[2].strip().partition(".")[0] for parts in lines if len(parts) == 3}


def test_help_imports_nothing_heavy():
    assert imported("--help") & HEAVY == set()


def test_its_version_is_one_line_and_no_setting():
    environment = {**os.environ, "PANGEA_VERSION": "9.9"}
    command = [*PANGEA, "--version"]
    said = subprocess.run(
        command, capture_output=True, text=True, timeout=30, env=environment
    )
    assert said.returncode == 0, said.stderr
    assert re.fullmatch(r"pangea (?!9\.9)\d\S*\n", said.stdout)


@pytest.mark.parametrize("command", ["job", "results", "status", "worker"])
def test_a_client_command_imports_nothing_heavy(command):
    server = ("--server", "http://127.0.0.1:1")
    last = {"job": ("list",), "worker": ("list",), "results": ("x",)}.get(command, ())
    found = imported(command, *last, *server)
    assert "http" in found
    assert found & (HEAVY - {"msgspec"}) == set()


def test_every_command_in_the_table_exists_and_helps_itself():
    ctx = root.make_context("pangea", ["version"])
    for name, (_, text) in COMMANDS.items():
        command = root.get_command(ctx, name)
        assert command is not None
        assert command.name == name
        assert text.endswith(".")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_its_commands_explain_themselves(run, name):
    shown = run(name, "--help")
    assert shown.exit_code == 0
    command = root.get_command(root.make_context("pangea", ["version"]), name)
    for inner in getattr(command, "commands", {}):
        assert run(name, inner, "--help").exit_code == 0


def test_a_reader_that_leaves_early_is_no_fault(api):
    api.on("GET /api/v1/jobs", a_page(*[a_job(name=f"job-{n}") for n in range(5000)]))
    process = subprocess.Popen(
        [*PANGEA, "job", "list", "--json", "--server", api.url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read(10)
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(20) == 141


@pytest.mark.slow
def test_ctrl_c_is_130_and_quiet(api):
    api.on("GET /api/v1/status", {"version": "1"})
    process = subprocess.Popen(
        [*PANGEA, "status", "--watch", "10s", "--json", "--server", api.url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert errors.strip() == b""


def test_a_narrow_terminal_gets_ascii(api):
    api.on("GET /api/v1/jobs", a_page(a_job(name="größe", verdict="down")))
    env = {**os.environ, "PYTHONIOENCODING": "ascii", "PANGEA_SERVER": api.url}
    done = subprocess.run(
        [*PANGEA, "job", "list"], capture_output=True, env=env, timeout=20
    )
    assert done.returncode == 0
    assert b"x DOWN" in done.stdout


def test_an_answer_of_another_shape_is_no_traceback(api):
    api.on("GET /api/v1/jobs/web", {"name": "web"})
    done = subprocess.run(
        [*PANGEA, "job", "show", "web", "--server", api.url],
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("error: ")


def test_the_installed_command_and_the_module_are_the_same():
    done = subprocess.run(
        [*PANGEA, "version", "--json", "--server", "http://127.0.0.1:1"],
        capture_output=True,
        timeout=20,
    )
    assert json.loads(done.stdout)["client"]
