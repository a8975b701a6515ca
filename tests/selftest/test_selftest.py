"""The self-test finds nothing wrong here, and finds it when something is."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pangea.selftest.node import Node
from pangea.selftest.questions import questions
from pangea.selftest.row import Check, Skipped, tried
from pangea.selftest.servers import Servers
from tests.needs import need


async def test_a_fault_is_a_row_and_the_others_go_on() -> None:
    async def broken() -> str:
        raise OSError("no such thing")

    row = await tried(Check("x", broken))
    assert (row.level, row.found) == ("fail", "OSError: no such thing")


async def test_what_makes_no_sense_here_is_skipped() -> None:
    async def elsewhere() -> str:
        raise Skipped("not here")

    assert (await tried(Check("x", elsewhere))).level == "skipped"


async def test_every_kind_of_probe_is_asked(tmp_path: Path) -> None:
    need("icmp")
    async with Servers(tmp_path) as servers:
        rows = [await tried(check) for check in questions(servers)]
    assert [row.check for row in rows if row.level != "ok"] == []
    assert len(rows) == 9


async def test_a_server_that_is_gone_is_told(tmp_path: Path) -> None:
    async with Servers(tmp_path) as servers:
        checks = questions(servers)
    row = await tried(checks[0])
    assert row.level == "fail"
    assert "refused" in row.found


async def test_a_program_that_ends_at_once_is_told(tmp_path: Path) -> None:
    node = Node(tmp_path, [sys.executable, "-c", "print('no'); raise SystemExit(3)"])
    row = await tried(Check("node", node.start))
    assert row.level == "fail"
    assert "exit 3" in row.found
    await tried(Check("stop", node.stop))


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_the_command_finds_nothing_wrong_here() -> None:
    need("icmp")
    ran = subprocess.run(
        [sys.executable, "-m", "pangea", "selftest", "--json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    rows = {row["check"]: row for row in json.loads(ran.stdout)}
    assert ran.returncode == 0, rows
    assert rows["zeroconf"]["level"] == "skipped"
    assert {row["level"] for row in rows.values()} == {"ok", "skipped"}
    assert {"handshake", "spool", "store", "backtest", "pages", "channel email"} <= set(
        rows
    )
