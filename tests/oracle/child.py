"""Child processes of the tests: started, waited for, and ended whatever happens."""

import os
import re
import select
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO

PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"
PATIENCE_S = 20.0


@contextmanager
def child(
    command: Sequence[str],
    *,
    stdout: int = subprocess.DEVNULL,
    stderr: int = subprocess.DEVNULL,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run *command* for as long as the block lasts."""
    program = shutil.which(command[0], path=PATH) or command[0]
    process = subprocess.Popen(
        [program, *command[1:]], stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()


def line_from(stream: IO[bytes] | None, pattern: str) -> re.Match[str]:
    """Return the first match of *pattern* in what *stream* says."""
    assert stream is not None
    said, end = b"", time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if select.select([stream], [], [], 0.1)[0]:
            data = os.read(stream.fileno(), 4096)
            said += data
            found = re.search(pattern, said.decode("utf-8", "replace"))
            if found:
                return found
            if not data:
                break
    raise AssertionError(f"wanted {pattern!r}, got {said[-2000:]!r}")


def wait_for_port(port: int) -> None:
    """Wait until something accepts connections on *port* of 127.0.0.1."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError(f"nothing listens on port {port}")
