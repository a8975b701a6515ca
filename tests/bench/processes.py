"""Programs under measurement: found, pinned to a core, and what they cost."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

#: What is measured runs on one core, whatever serves or drives it on another.
MEASURED, SERVING = 0, 1
PRIORITY = -15
#: A program by its name, and the Debian package that has it.
PACKAGES = {
    "cc": "gcc libc6-dev",
    "chromium": "chromium",
    "fping": "fping",
    "nginx": "nginx-light",
    "prometheus-blackbox-exporter": "prometheus-blackbox-exporter",
    "unbound": "unbound",
}


class Missing(Exception):
    """The machine lacks something; says how to get it."""


def find(program: str) -> str:
    """Return the path of *program*; Missing if there is none."""
    found = shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    if found is None:
        raise Missing(f"{program} is missing: apt-get install {PACKAGES[program]}")
    return found


def pin(core: int, pid: int = 0) -> None:
    """Keep a process, by default this one, on *core* where there is one."""
    cores = sorted(os.sched_getaffinity(0) | set(range(os.cpu_count() or 1)))
    with contextlib.suppress(OSError):
        os.sched_setaffinity(pid, {cores[core % len(cores)]})


def take_part(core: int) -> None:
    """Make this process one of a bench: on *core*, and before all other work.

    What else the machine does is no part of the figures. Without the right to
    the second (root has it) nothing else should run.
    """
    pin(core)
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)


@contextlib.contextmanager
def running(
    command: Sequence[str], core: int, log: Path, **more: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """Run *command* on *core* and end it with the block."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            preexec_fn=lambda: take_part(core),
            **more,
        )
    try:
        yield process
    except SystemExit:
        print(log.read_text(errors="replace")[-2000:], file=sys.stderr)
        raise
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask *process* to stop, and after some patience make it."""
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def cpu_s(pids: Iterable[int]) -> float:
    """Return the CPU time, user and system, of processes with all their threads.

    It is the clock that ``clock_getcpuclockid`` names: the accounting that is
    in /proc/PID/stat, but to the nanosecond.
    """
    return sum(time.clock_gettime((~pid << 3) | 2) for pid in pids)


def rss_mb(pid: int) -> float:
    """Return the resident memory of a process in MB (10^6 bytes)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    kib = next(int(x.split()[1]) for x in lines if x.startswith("VmRSS"))
    return kib * 1024 / 1e6


def free_port() -> int:
    """Return a TCP port of loopback that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def wait_for(what: Callable[[], Any], seconds: float, why: str) -> Any:
    """Return the first true answer of *what*, or end the bench."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := what():
            return found
        time.sleep(0.02)
    sys.exit(f"not within {seconds:g} s: {why}")


def listens(port: int) -> bool:
    """Tell whether somebody accepts connections on *port* of loopback."""
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0
