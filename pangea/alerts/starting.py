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
from subprocess import STDOUT, Popen
from typing import IO

#: Of linux/prctl.h.
_PR_CAP_AMBIENT, _CLEAR_ALL = 47, 4
#: A program on a disk that hangs holds its thread; so many may, until none starts.
_AT_ONCE = 8
_threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="start")


async def start(
    argv: Sequence[str], source: IO[bytes], output: int, environment: Mapping[str, str]
) -> Popen[bytes]:
    """Start *argv*, which reads *source* and writes to *output*, in ``/``.

    It leads a session of its own. Raises OSError if it cannot be started like that.
    """
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(
        _threads, _start, argv, source, output, environment
    )


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
    if prctl(_PR_CAP_AMBIENT, _CLEAR_ALL, 0, 0, 0) == 0:
        return
    number = ctypes.get_errno()
    if number != errno.EINVAL:  # A kernel that has no such set.
        raise OSError(number, os.strerror(number))
