"""How much room the database takes, and giving back what it no longer needs."""

import os
from pathlib import Path

from msgspec import Struct

from .connection import connection
from .dialect import bytes_taken, pragma, shrinks

#: Pages given back in one step.
PAGES = 500
#: Less than that is kept for what is stored next.
_SPARE_BYTES, _SPARE_SHARE = 64 * 1024 * 1024, 0.25


class Room(Struct, frozen=True):
    """Bytes: of the file, of these free for what is stored next, and of the disk.

    ``disk_free`` is None where the disk is that of a server.
    ``shrinks`` is whether the file can become smaller while it is in use.
    """

    file: int
    spare: int
    disk_free: int | None
    shrinks: bool


def room(path: Path | None) -> Room:
    """Return how much room the database takes; *path* is its file, if it is one."""
    taken, spare = bytes_taken()
    free: int | None = None
    if path is not None:
        disk = os.statvfs(path.parent)
        free = disk.f_bavail * disk.f_frsize
    return Room(file=taken, spare=spare, disk_free=free, shrinks=shrinks())


def give_back() -> int:
    """Give some free pages back to the disk, if many are free; return how many.

    Call again until it returns 0. A database made by an early version cannot; that
    of a server is looked after there.
    """
    link = connection()
    if link.engine != "sqlite":
        return 0
    pages, free, size = map(pragma, ("page_count", "freelist_count", "page_size"))
    if free * size <= _SPARE_BYTES or free <= pages * _SPARE_SHARE:
        return 0
    link.execute(f"PRAGMA incremental_vacuum({PAGES})").fetchall()
    return free - pragma("freelist_count")
