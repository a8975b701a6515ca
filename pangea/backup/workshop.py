"""Where backups are made: a directory of the state directory, for one at a time."""

import fcntl
import os
import pwd
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pangea.core.errors import Conflict, NotAllowed
from pangea.mesh.private_file import make_private_directory

from .archive import no_room

LOCK, PLACE = "backup.lock", "backup.part"


def refuse_others(state_dir: Path) -> None:
    """Raise NotAllowed if *state_dir* is there and belongs to another user.

    Root could do it all, but would leave files there that its owner cannot use.
    """
    try:
        owner = state_dir.stat().st_uid
    except OSError:
        return
    if owner != os.geteuid():
        raise NotAllowed(
            f"{state_dir} belongs to {_name(owner)}",
            hint=f"run it as that user, such as with sudo -u {_name(owner)}",
        )


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"#{user}"


@contextmanager
def workshop(state_dir: Path) -> Iterator[Path]:
    """Give an empty private directory; what is in it is gone afterwards.

    What a process left that was killed goes first. Raises Conflict while another
    backup is made from this state directory.
    """
    place = state_dir / PLACE
    try:
        lock = os.open(state_dir / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise no_room(state_dir, error) from error
    try:
        _take(lock)
        _empty(place)
        make_private_directory(place)
        yield place
    finally:
        if _held(lock):
            _empty(place)
        os.close(lock)


def _take(lock: int) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise Conflict(
            "another backup is being made", hint="wait until that one is done"
        ) from error


def _held(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _empty(place: Path) -> None:
    if place.exists():
        shutil.rmtree(place)
