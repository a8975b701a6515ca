"""Runs a program for a message: bounded in time and output, with nothing left of it."""

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import Mapping, Sequence
from typing import NamedTuple

#: So much of what a program prints is kept; the rest is read and dropped.
MAX_OUTPUT = 64 * 1024
#: What is left in the pipe once a program ended is read so long.
_REST_S = 1.0
#: All that a program finds in its environment, beside what its caller adds.
CLEAN = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}


class Ended(NamedTuple):
    """How a program ended: its exit code (negative: a signal), and what it printed."""

    code: int
    output: bytes


async def run(
    argv: Sequence[str], given: bytes, environment: Mapping[str, str] | None = None
) -> Ended:
    """Run *argv* with *given* as its input until it ends.

    It finds a clean environment, stands in ``/`` and leads a session of its own.
    Whoever calls bounds the time: when that is over, or the program ends, it is
    killed with all that it started. Raises OSError if it cannot be run.
    """
    process = await asyncio.create_subprocess_exec(
        *argv,
        stdin=PIPE,
        stdout=PIPE,
        stderr=STDOUT,
        env={**CLEAN, **(environment or {})},
        cwd="/",
        start_new_session=True,
    )
    output = bytearray()
    reading = asyncio.create_task(_read(process, output))
    try:
        await _write(process, given)
        await process.wait()
        _kill(process)
        await asyncio.wait({reading}, timeout=_REST_S)
    finally:
        _kill(process)
        reading.cancel()
        await _reap(process)
    return Ended(process.returncode or 0, bytes(output))


def own_module(name: str) -> list[str]:
    """Return the command that runs a module of ours in a process of its own."""
    if getattr(sys, "frozen", False):
        return [sys.executable, "--run-module", name]
    return [sys.executable, "-I", "-m", name]


async def _write(process: Process, given: bytes) -> None:
    """Hand *given* over; a program that does not want it is none the worse."""
    if process.stdin is None:
        return
    with contextlib.suppress(ConnectionError):
        process.stdin.write(given)
        await process.stdin.drain()
    process.stdin.close()


async def _read(process: Process, output: bytearray) -> None:
    while process.stdout and (part := await process.stdout.read(MAX_OUTPUT)):
        output += part[: MAX_OUTPUT - len(output)]


def _kill(process: Process) -> None:
    """Kill the whole group; the session is named after its leader."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


async def _reap(process: Process) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_REST_S):
            await process.wait()
