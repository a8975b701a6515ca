"""The seconds on the terminal while a probe waits."""

import asyncio
import io
import sys

import pytest

from pangea.cli.waiting import CLEAR, seconds_shown


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.slow
async def test_a_terminal_sees_the_seconds_and_then_nothing_of_them(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    async with seconds_shown(10.0):
        await asyncio.sleep(1.2)
    assert terminal.getvalue() == f"{CLEAR}1 s, at most 10s{CLEAR}"


@pytest.mark.slow
async def test_what_is_no_terminal_sees_nothing(monkeypatch):
    for stream, term in ((io.StringIO(), "xterm"), (Terminal(), "dumb")):
        monkeypatch.setattr(sys, "stderr", stream)
        monkeypatch.setenv("TERM", term)
        async with seconds_shown(10.0):
            await asyncio.sleep(1.1)
        assert stream.getvalue() == ""


async def test_what_is_quick_is_not_counted(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    async with seconds_shown(10.0):
        await asyncio.sleep(0)
    assert terminal.getvalue() == ""
