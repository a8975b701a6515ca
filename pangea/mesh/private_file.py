"""Files that only their owner may read, never half written."""

import errno
import logging
import os
import stat
from pathlib import Path

from pangea.core.errors import ConfigError

log = logging.getLogger(__name__)

_MAX_SIZE = 65_536
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
#: Who finds this of ours in a directory has found a state directory.
_OUR_MARK = "node.key"


def make_private_directory(path: Path) -> None:
    """Make *path* with mode 0700, or check the one that is there.

    One that is ours and is empty, or holds our node.key and nothing of anybody
    else, becomes 0700. Raises `ConfigError` with the command to run if it belongs
    to somebody else, or is shared with others who may write into it.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.stat()
        if _is_for_us_alone(path, found):
            path.chmod(0o700)
            log.info("%s is for us alone now: mode 0700", path)
            found = path.stat()
    except OSError as error:
        raise _failed("make", path, error) from error
    _check_owner(path, found)
    if found.st_mode & 0o022:
        raise ConfigError(
            f"others may write into {path}", hint=f"run: chmod 700 {path}"
        )


def read_private(path: Path, *, most: int = _MAX_SIZE) -> bytes | None:
    """Return the content of *path*, or None if there is no such file.

    Raises `ConfigError` if it is not ours, others may read it, or it has more than
    *most* bytes.
    """
    try:
        # Without waiting, should it be a pipe.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _failed("read", path, error) from error
    try:
        _check_private(path, os.fstat(descriptor), most)
        return os.read(descriptor, most)
    except OSError as error:
        raise _failed("read", path, error) from error
    finally:
        os.close(descriptor)


def create_private(path: Path, content: bytes) -> None:
    """Write a new file with mode 0600; raise `FileExistsError` if it is there."""
    make_private_directory(path.parent)
    try:
        temporary = _write_beside(path, content)
        try:
            # Unlike a rename, a link never replaces what somebody else has made.
            os.link(temporary, path)
        finally:
            temporary.unlink()
        _sync_directory(path.parent)
    except FileExistsError:
        raise
    except OSError as error:
        raise _failed("write", path, error) from error


def write_private(path: Path, content: bytes) -> None:
    """Put *content* in the place of *path*, mode 0600, whole or not at all."""
    make_private_directory(path.parent)
    try:
        temporary = _write_beside(path, content)
        temporary.replace(path)
        _sync_directory(path.parent)
    except OSError as error:
        raise _failed("write", path, error) from error


def _write_beside(path: Path, content: bytes) -> Path:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    temporary.unlink(missing_ok=True)  # left by a crash of a process of our number
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(temporary, flags, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_for_us_alone(path: Path, found: os.stat_result) -> bool:
    """Return whether nobody can miss *path* when it is closed to others."""
    ours, mode = found.st_uid == os.geteuid(), stat.S_IMODE(found.st_mode)
    # A sticky directory, such as /tmp, is everybody's also while it is empty.
    if not ours or not mode & 0o077 or mode & stat.S_ISVTX:
        return False
    with os.scandir(path) as entries:
        owners = {e.name: e.stat(follow_symlinks=False).st_uid for e in entries}
    return not owners or (
        _OUR_MARK in owners and set(owners.values()) == {os.geteuid()}
    )


def _check_private(path: Path, found: os.stat_result, most: int) -> None:
    _check_owner(path, found)
    if not stat.S_ISREG(found.st_mode) or found.st_size > most:
        raise ConfigError(f"{path} is not a file of at most {most} bytes")
    if found.st_mode & 0o077:
        raise ConfigError(
            f"others may read {path}, which must be secret",
            hint=f"run: chmod 600 {path}",
        )


def _check_owner(path: Path, found: os.stat_result) -> None:
    if found.st_uid != os.geteuid():
        raise ConfigError(
            f"{path} belongs to user {found.st_uid}, we are user {os.geteuid()}",
            hint=f"run: chown {os.geteuid()} {path}, "
            "or name another directory with --state-dir",
        )


def _failed(verb: str, path: Path, error: OSError) -> ConfigError:
    other = "or name another directory with --state-dir"
    look = "make room on that disk" if error.errno in NO_ROOM else "look at the rights"
    return ConfigError(
        f"cannot {verb} {path}: {error.strerror}", hint=f"{look}, {other}"
    )
