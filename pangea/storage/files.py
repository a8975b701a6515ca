"""Files of the state directory: private, and used by one process at a time."""

import errno
import fcntl
import os
from pathlib import Path

from pangea.core.errors import ConfigError

from .refusal import MAKE_ROOM

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


def claim(path: Path) -> int:
    """Make *path* a private file (0600) and lock it; return the lock to keep.

    The lock lies in a file of its own beside it, because closing any descriptor
    of a SQLite file would drop SQLite's own locks. Raises ConfigError if another
    process holds it, or if the directory cannot be written.
    """
    lock = -1
    try:
        lock = os.open(
            path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600
        )
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        path.chmod(0o600)
    except BlockingIOError as error:
        release(lock)
        raise ConfigError(
            f"{path} is in use by another process",
            hint="stop that one, or choose another directory with --state-dir",
        ) from error
    except OSError as error:
        release(lock)
        raise ConfigError(
            f"{path} cannot be written: {(error.strerror or str(error)).lower()}",
            hint=MAKE_ROOM
            if error.errno in NO_ROOM
            else "check the owner and rights of the directory, or use --state-dir",
        ) from error
    return lock


def release(lock: int) -> None:
    """Give up a lock of ``claim``; a negative one is none."""
    if lock >= 0:
        os.close(lock)
