"""Child processes of the tests: started, waited for, and ended whatever happens."""

import os
import random
import re
import select
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import repeat
from typing import IO

from tests.needs import CHECKS

PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"
PATIENCE_S = 20.0
#: below the ports that the system gives to clients
BELOW_CLIENTS = range(20_000, 32_000)
LOOPBACKS = ("127.0.0.1", "::1") if CHECKS["ipv6"][0]() else ("127.0.0.1",)


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


def free_ports(count: int) -> list[int]:
    """Return ports of loopback that nobody has, and no client gets by chance."""
    found: list[int] = []
    for port in random.sample(BELOW_CLIENTS, len(BELOW_CLIENTS)):
        if len(found) == count:
            break
        if all(map(_is_free, LOOPBACKS, repeat(port))):
            found.append(port)
    return found


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with socket.socket(family, kind) as sock:
                sock.bind((host, port))
    except OSError:
        return False
    return True
