"""Is the port free, and if not, who has it?"""

import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from pangea.core.config import LISTEN_OFF
from pangea.core.text import safe_text

from .patient import Patient
from .row import Row, fail, ok, skipped

_LISTENS = "0A"


def port(patient: Patient) -> Iterator[Row]:
    """Check the address that this node would listen on, if on any."""
    if patient.config.server.listen == LISTEN_OFF:
        yield skipped("port", "this worker listens nowhere: its peers cannot dial it")
        return
    host, number = patient.config.listen
    where = f"{host}:{number}"
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((host, number))
            sock.listen(1)
    except OSError as error:
        yield _taken(patient, where, number, error)
    else:
        yield ok("port", f"{where} is free")


def _taken(patient: Patient, where: str, number: int, error: OSError) -> Row:
    if error.errno != errno.EADDRINUSE:
        return fail(
            "port",
            f"{where} cannot be listened on: {error.strerror}",
            "choose another one with --listen HOST:PORT",
        )
    process = listener(number)
    who = f"{_command(process)} (process {process.name})" if process else ""
    if process and (patient.state_dir / "lock").resolve() in map(Path, _open(process)):
        return ok("port", f"{where} is held by this node: {who}")
    said = f"{where} is taken by {who or 'another process'}"
    if patient.is_worker and not patient.config.listen_given:
        return ok("port", f"{said}; a worker takes another one")
    return fail("port", said, "stop it, or choose another port: --listen HOST:PORT")


def listener(number: int) -> Path | None:
    """Return the directory in /proc of who listens on TCP port *number*, if known."""
    wanted = {f"socket:[{inode}]" for inode in _inodes(number)}
    for process in Path("/proc").glob("[0-9]*"):
        if wanted & set(_open(process)):
            return process
    return None


def _inodes(number: int) -> Iterator[str]:
    """Yield the inodes of listening sockets, as /proc/net/tcp has them (proc(5))."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text("ascii").splitlines()[1:]
        except OSError:
            continue
        for fields in map(str.split, lines):
            local, state, inode = fields[1], fields[3], fields[9]
            if state == _LISTENS and int(local.rpartition(":")[2], 16) == number:
                yield inode


def _open(process: Path) -> Iterator[str]:
    try:
        for entry in (process / "fd").iterdir():
            yield os.readlink(entry)
    except OSError:
        return  # gone by now, or somebody else's


def _command(process: Path) -> str:
    try:
        words = (process / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return ""
    return safe_text(b" ".join(words[:4]).decode("utf-8", "replace").strip(), 60)
