"""Starts programs that inherit no right of ours.

A coordinator may be given the right to open raw sockets as an *ambient* capability,
so that its worker has it, too. That set belongs to a thread and goes on to whatever
the thread starts: so what is started for a message is started by threads that have
given theirs up.
"""

import asyncio
import ctypes
import errno
import os
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import STDOUT, Popen
from typing import IO
from weakref import WeakKeyDictionary

#: Of linux/prctl.h.
_PR_CAP_AMBIENT, _CLEAR_ALL = 47, 4
#: A program on a disk that hangs holds its thread; so many may, until none starts.
AT_ONCE = 8

Starting = asyncio.Future[Popen[bytes]]


class Starter:
    """Has so many threads that start programs; ``ready``, and at once ``start``."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="start")
        self._by_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, set[Starting]] = (
            WeakKeyDictionary()
        )

    async def ready(self) -> None:
        """Wait until a thread is free: what nobody waits for any more is not queued."""
        while len(self._starting) >= AT_ONCE:
            first = asyncio.FIRST_COMPLETED
            await asyncio.wait(self._starting, return_when=first)

    def start(
        self,
        argv: Sequence[str],
        source: IO[bytes],
        output: int,
        environment: Mapping[str, str],
    ) -> Starting:
        """Start *argv*, which reads *source* and writes to *output*, in ``/``.

        It leads a session of its own. The future has the process, or OSError if it
        cannot be started like that.
        """
        loop, starting = asyncio.get_running_loop(), self._starting
        started = loop.run_in_executor(
            self._threads, _start, argv, source, output, environment
        )
        starting.add(started)
        started.add_done_callback(starting.discard)
        return started

    @property
    def _starting(self) -> set[Starting]:
        return self._by_loop.setdefault(asyncio.get_running_loop(), set())


def _start(
    argv: Sequence[str], source: IO[bytes], output: int, environment: Mapping[str, str]
) -> Popen[bytes]:
    hand_nothing_down()
    return Popen(
        argv,
        stdin=source,
        # A pipe of our own: who waits for the program must not wait for
        # whom it left behind with this end.
        stdout=output,
        stderr=STDOUT,
        env=environment,
        cwd="/",
        start_new_session=True,
    )


def hand_nothing_down() -> None:
    """Let nothing that this thread starts have a capability of it. Raises OSError."""
    if sys.platform != "linux":
        return
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    # The kernel looks at whole registers, also at the halves that an int leaves.
    if prctl(_PR_CAP_AMBIENT, *map(ctypes.c_ulong, (_CLEAR_ALL, 0, 0, 0))) == 0:
        return
    number = ctypes.get_errno()
    # An old kernel that has no such set says EINVAL; one that does may say it, too.
    if number != errno.EINVAL or _has_ambient():
        raise OSError(number, os.strerror(number))


def _has_ambient() -> bool:
    """Tell whether what this thread starts has a capability of it."""
    lines = Path("/proc/thread-self/status").read_text("ascii", "replace").splitlines()
    sets = [line.split()[1] for line in lines if line.startswith("CapAmb:")]
    return any(int(each, 16) for each in sets)
