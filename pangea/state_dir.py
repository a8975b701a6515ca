"""The state directory: held by one process, and what is made in it at first start."""

import fcntl
import os
import resource
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pangea.core.errors import ConfigError
from pangea.mesh.private_file import create_private, read_private, write_private

#: Holds the URL of the coordinator of this state directory.
URL_NAME = "url"
#: There while a restored backup is put in its place.
MOVING = "restore.moving"
#: Files that a node may have open, if the system allows: links, pages, probes.
DESCRIPTORS = 65_536


@contextmanager
def hold(state_dir: Path, *, restoring: bool = False) -> Iterator[None]:
    """Hold *state_dir* for this process alone.

    Raises ConfigError if another has it, or if a restore into it was cut short.
    """
    lock = os.open(state_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _take(lock, state_dir)
        if not restoring and (state_dir / MOVING).exists():
            raise ConfigError(
                f"a restore into {state_dir} was cut short",
                hint="do it again: pangea restore FILE --force; nothing is lost",
            )
        yield
    finally:
        os.close(lock)


def _take(lock: int, state_dir: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise ConfigError(
            f"another pangea runs with the state directory {state_dir}",
            hint="stop it, or give this one its own with --state-dir DIR",
        ) from error


def no_core_dumps() -> None:
    """Keep keys and secrets out of core files."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))


def many_descriptors() -> None:
    """Allow as many open files as the system lets us: each link is one.

    The soft limit is often 1024, for the sake of programs that use select(2).
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def admin_token(path: Path) -> str:
    """Return the admin token of this machine; made at the first start."""
    found = read_private(path)
    if found is None:
        found = f"pgt_admin_{secrets.token_urlsafe(32)}\n".encode()
        create_private(path, found)
    return found.decode("ascii", "replace").strip()


def note_url(state_dir: Path, url: str, fingerprint: str = "") -> None:
    """Write down where this machine reaches its coordinator, for the command line.

    Behind ``https`` the *fingerprint* says which certificate it shows.
    """
    lines = f"{url}\n" + (f"{fingerprint}\n" if fingerprint else "")
    write_private(state_dir / URL_NAME, lines.encode())


def new_boot() -> str:
    """Return a random number for this start: a cloned node has another one."""
    return secrets.token_hex(16)
