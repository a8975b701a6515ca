"""Runs a program for a message: bounded in time and output, with nothing left of it."""

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
from asyncio.subprocess import STDOUT, Process
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple

#: So much of what a program prints is kept; the rest is read and dropped.
MAX_OUTPUT = 64 * 1024
#: What is left in the pipe once a program ended is read so long.
_REST_S = 1.0
#: All that a program finds in its environment, beside what its caller adds.
CLEAN = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
#: What the one-file program is told to be such a child; see ``packaging/entry.py``.
RUN_MODULE = "--run-module"
_RUN = (
    "import runpy, sys; _, place, name = sys.argv; sys.path.insert(0, place); "
    "runpy.run_module(name, run_name='__main__')"
)


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
    ours, theirs = os.pipe()
    with _file_of(given) as source, os.fdopen(ours, "rb", 0) as end:
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=source,
                # A pipe of our own: who waits for the program must not wait for
                # whom it left behind with this end.
                stdout=theirs,
                stderr=STDOUT,
                env={**CLEAN, **(environment or {})},
                cwd="/",
                start_new_session=True,
            )
        finally:
            os.close(theirs)
        return await _until_it_ends(process, end)


async def _until_it_ends(process: Process, end: IO[bytes]) -> Ended:
    output = bytearray()
    reading = asyncio.create_task(_read(end, output))
    try:
        await process.wait()
        _kill(process)
        await asyncio.wait({reading}, timeout=_REST_S)
    finally:
        _kill(process)
        reading.cancel()
        await asyncio.wait({reading, asyncio.create_task(process.wait())}, timeout=1)
    return Ended(process.returncode or 0, bytes(output))


def own_module(name: str) -> list[str]:
    """Return the command that runs a module of ours in a process of its own.

    It takes nothing from the environment, and finds us wherever we are installed.
    """
    if getattr(sys, "frozen", False):
        return [sys.executable, RUN_MODULE, name]
    return [sys.executable, "-I", "-c", _RUN, str(Path(__file__).parents[2]), name]


def _file_of(given: bytes) -> IO[bytes]:
    """Return an open file that holds *given*: in memory, where there is such."""
    number = _unnamed()
    os.write(number, given)
    os.lseek(number, 0, os.SEEK_SET)
    return os.fdopen(number, "rb")


def _unnamed() -> int:
    """Return a file that has no name and goes with who holds it."""
    make = getattr(os, "memfd_create", None)
    if make:
        return int(make("message"))
    number, path = tempfile.mkstemp()
    os.unlink(path)
    return number


async def _read(end: IO[bytes], output: bytearray) -> None:
    """Read to the end into *output*, which takes no more than MAX_OUTPUT."""
    loop, stream = asyncio.get_running_loop(), asyncio.StreamReader()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(stream), end
    )
    try:
        while part := await stream.read(MAX_OUTPUT):
            output += part[: MAX_OUTPUT - len(output)]
    finally:
        transport.close()


def _kill(process: Process) -> None:
    """Kill the whole group; the session is named after its leader."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
