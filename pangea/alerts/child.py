"""Runs a program for a message: bounded in time and output, with nothing left of it."""

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from subprocess import Popen
from typing import IO, NamedTuple

from .starting import Starter

#: So much of what a program prints is kept; the rest is read and dropped.
MAX_OUTPUT = 64 * 1024
#: What is left in the pipe once a program ended is read so long.
_REST_S = 1.0
#: Whether it has ended is looked at after so long, then twice as long up to so long.
_LOOK_S, _SELDOM_S = 0.001, 0.02
#: All that a program finds in its environment, beside what its caller adds.
CLEAN = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
#: What the one-file program is told to be such a child; see ``packaging/entry.py``.
RUN_MODULE = "--run-module"
_RUN = (
    "import runpy, sys; _, place, name = sys.argv; sys.path.insert(0, place); "
    "runpy.run_module(name, run_name='__main__')"
)

#: What people had us run; and modules of ours, which one of those that never starts
#: does not hold up.
_PROGRAMS, _MODULES = Starter(), Starter()
#: Programs that nobody waits for, until they are gone.
_ending: set[asyncio.Future[None]] = set()


class Ended(NamedTuple):
    """How a program ended: its exit code (negative: a signal), and what it printed."""

    code: int
    output: bytes


async def run(
    argv: Sequence[str],
    given: bytes,
    environment: Mapping[str, str] | None = None,
    starter: Starter = _PROGRAMS,
) -> Ended:
    """Run *argv* with *given* as its input until it ends.

    It finds a clean environment, stands in ``/``, leads a session of its own, and
    has no right that we were given. Whoever calls bounds the time: when that is over,
    or the program ends, it is killed with all that it started. Raises OSError if it
    cannot be run.
    """
    await starter.ready()
    source = _file_of(given)
    try:
        ours, theirs = os.pipe()
    except OSError:
        source.close()
        raise
    with os.fdopen(ours, "rb", 0) as end:
        found = {**CLEAN, **(environment or {})}
        process = await _started(starter, argv, source, theirs, found)
        return await _until_it_ends(process, end)


async def run_module(name: str, given: bytes) -> Ended:
    """Run a module of ours like that."""
    return await run(_own_module(name), given, starter=_MODULES)


async def _started(
    starter: Starter,
    argv: Sequence[str],
    source: IO[bytes],
    theirs: int,
    environment: Mapping[str, str],
) -> Popen[bytes]:
    """Start it, and close its ends; who stops waiting for that leaves nothing behind.

    On a disk that hangs a program may take for ever to start.
    """

    def close(started: asyncio.Future[Popen[bytes]]) -> None:
        source.close()
        os.close(theirs)

    starting = starter.start(argv, source, theirs, environment)
    starting.add_done_callback(close)
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        starting.add_done_callback(_kill_if_it_runs)
        raise


def _kill_if_it_runs(started: asyncio.Future[Popen[bytes]]) -> None:
    if started.cancelled() or started.exception() is not None:
        return
    _kill(started.result())
    ending = asyncio.ensure_future(_ended(started.result()))
    _ending.add(ending)
    ending.add_done_callback(_ending.discard)


async def _until_it_ends(process: Popen[bytes], end: IO[bytes]) -> Ended:
    output = bytearray()
    reading = asyncio.create_task(_read(end, output))
    try:
        await _ended(process)
        _kill(process)
        await asyncio.wait({reading}, timeout=_REST_S)
    finally:
        _kill(process)
        reading.cancel()
        gone = asyncio.create_task(_ended(process))
        await asyncio.wait({reading, gone}, timeout=1)
        gone.cancel()
    return Ended(process.returncode or 0, bytes(output))


async def _ended(process: Popen[bytes]) -> None:
    """Wait until it has ended; no loop that there is has to know of children."""
    pause_s = _LOOK_S
    while process.poll() is None:
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, _SELDOM_S)


def _own_module(name: str) -> list[str]:
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


def _kill(process: Popen[bytes]) -> None:
    """Kill the whole group; the session is named after its leader."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
