"""What the machine gives a node: files, time, room, rights."""

import os
import resource
import shutil
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from pangea.core.errors import ConfigError
from pangea.mesh.join_token import is_token
from pangea.mesh.private_file import read_private
from pangea.worker.abilities import abilities

from .patient import Patient
from .row import Row, fail, ok, warn

PRIVATE = ("node.key", "secrets.json", "vault.key", "admin.token", "last-good.json")
LITTLE_ROOM, LOW_ROOM = 100 << 20, 1 << 30
FEW_FILES = 1024
#: Before the first release of this program, and after anybody will run it.
EARLIEST, LATEST = 1_735_689_600, 4_102_444_800
AHEAD_S = 120.0


def state_directory(patient: Patient) -> Iterator[Row]:
    """Check the state directory and each private file in it."""
    path = patient.state_dir
    try:
        found = path.stat()
    except FileNotFoundError:
        yield ok("state directory", f"{path} will be made at the first start")
        return
    except OSError as error:
        yield fail(
            "state directory",
            f"{path}: {error.strerror}",
            "run it as the user of the node, or name another one with --state-dir",
        )
        return
    if found.st_uid != os.geteuid():
        yield fail(
            "state directory",
            f"{path} belongs to user {found.st_uid}, we are user {os.geteuid()}",
            "run it as the user of the node",
        )
        return
    if found.st_mode & 0o077:
        yield warn("state directory", f"others may enter {path}", f"chmod 700 {path}")
    else:
        yield ok("state directory", f"{path}, ours alone")
    for name in PRIVATE:
        yield from _private(path / name)


def _private(path: Path) -> Iterator[Row]:
    try:
        if read_private(path) is not None:
            yield ok(path.name, "there, and for us alone")
    except ConfigError as error:
        yield fail(path.name, str(error), error.hint)


def secret(patient: Patient) -> Iterator[Row]:
    """Say which secret counts here; the id can be compared with the other side's."""
    if patient.no_ring is not None:
        yield fail("secret", str(patient.no_ring), patient.no_ring.hint)
    elif patient.ring is None and any(map(is_token, patient.mesh.join)):
        yield ok("secret", "the join token brings it")
    elif patient.ring is None and patient.is_worker:
        yield fail(
            "secret",
            "there is none, nor a join token: this worker cannot join",
            "on the coordinator: pangea worker token; or pangea secret show, and here "
            "--secret-file F",
        )
    elif patient.ring is None:
        yield ok("secret", "one will be made at the first start")
    else:
        current, *others = patient.ring.ids
        more = f", also {', '.join(others)}" if others else ""
        yield ok("secret", f"checksum right, id {current}{more}")


def clock(patient: Patient) -> Iterator[Row]:
    """Check whether the wall clock can be right."""
    now = time.time()
    shown = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    newest = _newest(patient.state_dir)
    if not EARLIEST <= now <= LATEST:
        yield fail("clock", f"it says {shown}", "set it, and let NTP keep it")
    elif newest > now + AHEAD_S:
        behind = newest - now
        yield warn(
            "clock",
            f"it says {shown}, {behind:.0f} s before files in the state directory "
            "were written",
            "it was ahead then, or is behind now: compare it",
        )
    else:
        yield ok("clock", f"it says {shown}")


def _newest(place: Path) -> float:
    try:
        with os.scandir(place) as entries:
            return max((e.stat().st_mtime for e in entries if e.is_file()), default=0.0)
    except OSError:
        return 0.0


def room(patient: Patient) -> Iterator[Row]:
    """Check the disk under the state directory."""
    place = patient.state_dir.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        free = shutil.disk_usage(place).free
    except OSError as error:
        yield fail("disk", f"{place}: {error.strerror}", "look at the disk")
        return
    said = f"{free / (1 << 20):,.0f} MiB free at {place}"
    if free < LITTLE_ROOM:
        yield fail("disk", said, "make room: results could not be kept")
    elif free < LOW_ROOM:
        yield warn("disk", said, "make room; a spool alone takes up to 256 MiB")
    else:
        yield ok("disk", said)


def open_files(patient: Patient) -> Iterator[Row]:
    """Check how many files and sockets a process may open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < FEW_FILES:
        yield warn("open files", f"at most {soft}", f"ulimit -n {4 * FEW_FILES}")
    else:
        yield ok("open files", f"at most {soft}")


def rights(patient: Patient) -> Iterator[Row]:
    """Check what a worker may not do here: ICMP, and what else probes need."""
    _, lacks = abilities()
    for name in ("icmp", "traceroute"):
        if name in lacks:
            yield warn(name, "not permitted here", lacks[name])
        else:
            yield ok(name, "permitted")


def ipv6(patient: Patient) -> Iterator[Row]:
    """Check whether this machine speaks IPv6 at all."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.bind(("::1", 0))
    except OSError as error:
        yield warn(
            "IPv6",
            f"off ({error.strerror})",
            "probes of IPv6 addresses cannot run here; "
            "sysctl net.ipv6.conf.all.disable_ipv6=0",
        )
    else:
        yield ok("IPv6", "on")
